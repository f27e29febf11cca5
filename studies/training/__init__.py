"""Training: the runs of `make train`, from simulated pairs to the table of scores."""

from . import pairs

__all__ = ["pairs"]
