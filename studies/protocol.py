"""The protocol of the comparison: what is trained, chosen and tested where, fixed beforehand.

Blocks of a region are one patch large and a gap apart, so that no cell and no neighbour of a cell
serves twice.  Everything is chosen on the validation blocks; the test blocks are scored once, on a
simulated seafloor and under cruises of their own, which no earlier training was scored on.
"""

import json

from helpers import _shared, network

from . import ridge_filters

REGIONS = ("epr", "reykjanes")
COVERAGES = (0.05, 0.1, 0.2)  # share of cells on tracks
SEEDS = (1, 2, 3, 4, 5)
PRETRAIN_SEED = 1
MOST_TRAINING_PATCHES = 40
RUNS = (  # (start, input): the paper's three, transfer from photographs, and what tells them apart
    ("scratch", "raw"),
    ("scratch", "guided"),
    ("vgg", "raw"),
    ("vgg", "guided"),
    ("transfer", "raw"),
    ("transfer", "classical"),
    ("transfer", "both"),
    ("transfer", "guided"),
)
NAMES = {  # of (model, input) in tables and figures
    ("scratch", "raw"): "CNN from scratch",
    ("transfer", "raw"): "transfer",
    ("transfer", "classical"): "transfer, classical diffusion",
    ("scratch", "guided"): "scratch, guided diffusion",
    ("transfer", "guided"): "transfer, guided diffusion",
    ("transfer", "both"): "transfer, one network sees both maps",
    ("ensemble", "both"): "networks on both maps and on raw grids together",
    ("vgg", "raw"): "transfer from photographs",
    ("vgg", "guided"): "transfer from photographs, guided diffusion",
    ("sato filter", "raw"): "Sato filter",
    ("sato filter", "guided"): "Sato filter, guided diffusion",
    ("meijering filter", "raw"): "Meijering filter",
    ("meijering filter", "guided"): "Meijering filter, guided diffusion",
    ("frangi filter", "raw"): "Frangi filter",
    ("frangi filter", "guided"): "Frangi filter, guided diffusion",
    ("tilt maxima", "raw"): "tilt maxima",
    ("tilt maxima", "guided"): "tilt maxima, guided diffusion",
    ("phase symmetry", "raw"): "phase symmetry",
    ("phase symmetry", "guided"): "phase symmetry, guided diffusion",
    ("chance", "none"): "chance (truth turned by 90°)",
}
UNTRAINED = (*ridge_filters.DETECTORS, "chance")

# Of each part its own; those of the test were drawn before any of these models was trained
CRUISE_SEED = {"train": 211, "validation": 212, "test": 214}
FLOOR_SEED = {"train": 0, "validation": 0, "test": 1}  # of what is random in the seafloor
ORDER = ("test", "train", "validation", "train", "test")  # of successive blocks, along the rows
GAP_CELLS = 24  # between blocks
LEAST_LINEATED = 0.6  # share of a block that is lineated seafloor


def results(name):
    """Read a results file that `make train` or `make bench` wrote: scores, training or bench."""
    return json.loads((_shared.ROOT / "data" / "results" / f"{name}.json").read_text())


def save_json(path, value):
    """Write JSON; of a list, one entry a line."""
    text = json.dumps(value, indent=1)
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]"
    with _shared.written(path) as beside:
        beside.write_text(text + "\n")


def leading(records):
    """Leave of the records of scores only the best detector on each input, and all that is none.

    The best is that of the highest mean F1.
    """
    sums = {}
    for record in records:
        if record["model"] in ridge_filters.DETECTORS:
            of_input = sums.setdefault(record["input"], {})
            of_input.setdefault(record["model"], []).append(record["f1"])
    best = {
        name: max(found, key=lambda one: sum(found[one]) / len(found[one]))
        for name, found in sums.items()
    }
    return [
        record
        for record in records
        if record["model"] not in ridge_filters.DETECTORS
        or record["model"] == best[record["input"]]
    ]


def blocks(truth):
    """Divide a simulated region into spatial blocks for training, validation and test.

    Blocks have `network.SIZE` cells a side and lie `GAP_CELLS` apart; those with less lineated
    seafloor than `LEAST_LINEATED` are left out.  Gives their lower corners (row, column), lists
    under ``train``, ``validation`` and ``test``.
    """
    lineated, size = truth["lineated"].to_numpy() > 0, network.SIZE
    step = size + GAP_CELLS
    # what is left over is left on both sides alike
    rows, columns = (
        range((cells - size) % step // 2, cells - size + 1, step) for cells in lineated.shape
    )
    corners = [
        (row, column)
        for row in rows
        for column in columns
        if lineated[row : row + size, column : column + size].mean() >= LEAST_LINEATED
    ]
    parts = {"train": [], "validation": [], "test": []}
    for number, corner in enumerate(corners):
        parts[ORDER[number % len(ORDER)]].append(corner)
    return parts
