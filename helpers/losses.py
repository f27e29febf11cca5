"""What the training lowers: losses for thin lines and for their strike.

Lines fill about a tenth of a map, so plain cross entropy rewards predicting little.  Two cures:
count the cells on lines double, or count cells the less the more certain they are (the focal loss
of Lin et al. 2017); to both the loss of the overlap is added (Dice; Milletari et al. 2016).

Truth has four channels: label, weight, cosine and sine of twice the strike (`helpers.patches`);
the output of a network has the probability of a line and, if it has three channels, the strike.

References
----------
Lin, T.-Y. et al. (2017). doi:10.1109/ICCV.2017.324.
Milletari, F., Navab, N. & Ahmadi, S.-A. (2016). doi:10.1109/3DV.2016.79.
"""

from keras import ops

LINE_WEIGHT = 2.0  # of a cell on a line, in the balanced cross entropy
FOCUS = 2.0  # exponent of the focal loss
STRIKE_WEIGHT = 0.5
DICE_CELLS = 50.0  # added to overlap and size, so that maps without lines can be right


def line_loss(truth, output):
    """Balanced cross entropy plus Dice, on the cells whose truth is known.

    Parameters
    ----------
    truth : tensor, shape (n, rows, columns, 2 or 4)
        Label and weight first, as `patches.truth_channels` gives them.
    output : tensor, shape (n, rows, columns, 1 or 3)
        Output of the network, the probability first.

    Returns
    -------
    tensor, shape (n,)
    """
    label = truth[..., 0]
    return _mean((1 + (LINE_WEIGHT - 1) * label) * _entropy(truth, output), truth) + _dice(
        truth, output
    )


def focal_loss(truth, output):
    """Focal loss plus Dice; shapes as `line_loss`."""
    label = truth[..., 0]
    missed = ops.abs(label - output[..., 0])
    return _mean(4 * missed**FOCUS * _entropy(truth, output), truth) + _dice(truth, output)


def plain_loss(truth, output):
    """Cross entropy alone; shapes as `line_loss`."""
    return _mean(_entropy(truth, output), truth)


def strike_loss(truth, output):
    """Squared error of the strike as a double angle, mean over the cells on lines.

    Parameters
    ----------
    truth : tensor, shape (n, rows, columns, 4)
        Label, weight, cosine and sine of twice the strike.
    output : tensor, shape (n, rows, columns, 3)

    Returns
    -------
    tensor, shape (n,)
    """
    on_lines = truth[..., 0] * truth[..., 1]
    square = ops.sum((output[..., 1:] - truth[..., 2:]) ** 2, axis=-1)
    return ops.sum(square * on_lines, axis=(1, 2)) / (ops.sum(on_lines, axis=(1, 2)) + 1.0)


def with_strike(lines=line_loss):
    """Join a loss of the lines and, where the network gives one, that of the strike.

    Parameters
    ----------
    lines : callable
        `line_loss`, `focal_loss` or `plain_loss`.

    Returns
    -------
    callable
        Of truth and output.
    """

    def loss(truth, output):
        total = lines(truth, output)
        if output.shape[-1] == 3:
            total = total + STRIKE_WEIGHT * strike_loss(truth, output)
        return total

    return loss


def _entropy(truth, output):
    """Cross entropy of each cell, shape (n, rows, columns)."""
    label, p = truth[..., 0], ops.clip(output[..., 0], 1e-6, 1 - 1e-6)
    return -(label * ops.log(p) + (1 - label) * ops.log(1 - p))


def _mean(values, truth):
    """Mean over the cells that count."""
    weight = truth[..., 1]
    return ops.sum(values * weight, axis=(1, 2)) / (ops.sum(weight, axis=(1, 2)) + 1.0)


def _dice(truth, output):
    """One minus the overlap of prediction and label."""
    label, weight, p = truth[..., 0], truth[..., 1], output[..., 0]
    p = ops.clip(p, 1e-6, 1 - 1e-6)
    overlap = ops.sum(p * label * weight, axis=(1, 2))
    size = ops.sum((p + label) * weight, axis=(1, 2))
    return 1 - (2 * overlap + DICE_CELLS) / (size + DICE_CELLS)
