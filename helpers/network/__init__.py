"""Network: channels of a map, the small U-Net, its training and its predictions."""

import lazy_loader

from ._inputs import (
    CHANNELS,
    KNOWABLE_KM,
    SIZE,
    channels,
    cut,
    knowable,
    truth_channels,
)
from ._records import fingerprint, record_of

# keras takes seconds to load, and only a model needs it
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_model": ["calibrated", "load", "predict", "unet"],
        "_training": ["line_loss", "train"],
    },
)

__all__ = [
    "CHANNELS",
    "KNOWABLE_KM",
    "SIZE",
    "calibrated",
    "channels",
    "cut",
    "fingerprint",
    "knowable",
    "line_loss",
    "load",
    "predict",
    "record_of",
    "train",
    "truth_channels",
    "unet",
]
