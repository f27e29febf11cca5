"""From a grid and its guided map to probability and lines, in one call."""

from .. import network
from . import _trace

BEST = "ensemble_both"
SINGLE = "transfer_both"  # the best of its members: for real cruises, and to fine-tune


def find(grid, guided, model=BEST):
    """Apply a shipped model to a guided map, blank too far from data (`network.knowable`).

    Parameters
    ----------
    grid, guided : xarray.Dataset
        From `gridding.grid_tracks` and `diffusion.guided`.
    model : str
        One of ``data/models/models.json``.

    Returns
    -------
    tuple
        Prediction (Dataset; with anomaly and strike of the guided map and the distance to data)
        and lines (GeoDataFrame).
    """
    model = network.load(model)
    near = network.knowable(grid)
    prediction = network.predict(model, grid, near, guided=guided)
    prediction = prediction.assign(anomaly=guided["anomaly"], distance_km=grid["distance_km"])
    if "strike_deg" not in prediction:
        prediction["strike_deg"] = guided["strike_deg"]
    prediction = prediction.where(near).assign_attrs(grid.attrs)
    return prediction, _trace.trace(prediction, model.record["threshold"])
