"""Train every model from seeds and write weights, scores and a log: `make train`.

    python tools/train.py                       all stages, one after another
    python tools/train.py --stage pretrain      one of them
    python tools/train.py --size tiny           only to see that everything runs

Stages: simulate pretraining pairs (`pairs`), pretrain on them (`pretrain`), cut the patches of the
labelled maps (`labelled`), train and fine-tune on these (`finetune`), see what more pairs, larger
networks and fewer channels do (`curves`), score once on the test blocks and write everything
(`results`).  What is finished is kept in the cache folder, and a training that was
interrupted goes on from its last whole epoch.  Everything here is simulated seafloor but the
tracks of the real surveys, whose readings are dealt anew.
"""

import argparse
from pathlib import Path

from studies import protocol
from studies.training import maps, results, runs

ROOT = Path(__file__).resolve().parents[1]
ALL = {
    "regions": protocol.REGIONS, "coverages": protocol.COVERAGES, "runs": protocol.RUNS,
    "versions": (1.0, 0.7, 0.5, maps.COMPILED), "null_maps": 2,
}  # fmt: skip
PART = ALL | {
    "regions": protocol.REGIONS[1:], "coverages": protocol.COVERAGES[1:2],
    "runs": (protocol.RUNS[0], ("transfer", "both")), "versions": (1.0, 0.5), "null_maps": 1,
}  # fmt: skip
WIDER = (10, 20, 40, 80, 160)
NARROWER = (4, 8, 16, 32, 64)
SIZES = {  # less than full only shows that everything runs
    "full": ALL | {
        "pairs": 20_000, "chunk": 250, "passes": 2, "rounds": 4, "epochs": 40, "patience": 10,
        "encoder_epochs": 24, "seeds": protocol.SEEDS,
        "curve_pairs": (500, 2000), "curve_widths": (NARROWER, WIDER),
    },
    "small": ALL | {
        "pairs": 64, "chunk": 32, "passes": 1, "rounds": 2, "epochs": 2, "patience": 2,
        "encoder_epochs": 2, "seeds": protocol.SEEDS[:2],
        "curve_pairs": (32,), "curve_widths": (NARROWER,),
    },
    "tiny": PART | {
        "pairs": 24, "chunk": 12, "passes": 1, "rounds": 2, "epochs": 1, "patience": 1,
        "encoder_epochs": 1, "seeds": protocol.SEEDS[:1],
        "curve_pairs": (), "curve_widths": (),
    },
}  # fmt: skip
STAGES = {
    "pairs": maps.simulate_pairs,
    "pretrain": runs.pretrain_all,
    "labelled": maps.make_labelled,
    "finetune": runs.fine_tune_all,
    "curves": runs.draw_curves,
    "results": results.write,
}


def main(arguments=None):
    """Run the stages asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", choices=STAGES, help="one stage; by default all in order")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much to do")
    parser.add_argument("--out", type=Path, default=ROOT / "data", help="where results go")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "train")
    options = parser.parse_args(arguments)
    job = maps.Job(SIZES[options.size], options.cache / options.size, options.out)
    job.cache.mkdir(parents=True, exist_ok=True)
    for name in [options.stage] if options.stage else STAGES:
        maps.timed(job, name, STAGES[name])


if __name__ == "__main__":
    main()
