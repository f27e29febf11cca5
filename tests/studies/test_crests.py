"""Whether the probability of a crest is right, on simulated cruises whose stripes are known."""

import numpy as np
import pandas as pd
import pytest

from helpers import tracks
from helpers.tracks import _peaks
from studies import crests


def test_a_crest_is_true_at_one_of_the_same_sign():
    along = np.arange(0, 100, 0.5)
    stripes = 50 * np.sin(2 * np.pi * along / 40)  # crests at 10, 50, 90, troughs at 30, 70
    found = pd.DataFrame({
        "along_km": [11.0, 31.0, 31.0, 50.0, 58.0, 57.0], "sign": [1, 1, -1, -1, 1, 1],
        "width_km": [6.0, 6.0, 6.0, 6.0, 6.0, 16.0],
    })  # fmt: skip
    true = crests.are_true(found, along, stripes)
    assert true.tolist() == [True, False, True, False, False, True]
    assert not crests.are_true(found, along, 0.005 * stripes).any()  # half a nanotesla high


def known(number=4000, even=0.2, seed=0):
    """Crests of two regions that are true as often as a constant says."""
    rng = np.random.default_rng(seed)
    rise = np.exp(rng.uniform(-3, 1, number))
    table = pd.DataFrame({"prominence_nt": rise, "rms_nt": 1.0, "above_noise": 1.0})
    table["region"] = np.where(np.arange(number) % 3, "a", "b")
    return table.assign(true=rng.random(number) < _peaks.of_stripes(rise, 1.0, even))


def test_the_constant_is_found_again_and_the_table_tells_what_is_off():
    table = known()
    assert crests.fit(table) == pytest.approx(0.2, rel=0.15)
    right = crests.reliability(crests.left_out(table), table["true"])
    assert (right["told"] - right["found"]).abs().max() < 0.08
    wrong = crests.reliability(_peaks.of_stripes(table["prominence_nt"], 1.0, 0.02), table["true"])
    assert (wrong["told"] - wrong["found"]).max() > 0.2
    assert right["crests"].sum() == len(table)


@pytest.mark.rest
def test_on_simulated_cruises_a_crest_is_as_likely_as_told():
    """The constant is that of five regions; these two are the easiest and one of the hardest."""
    for name, slack in (("reykjanes", 0.2), ("shatsky", 0.35)):
        found = crests.simulated_crests(name)
        assert len(found) > 2000
        table = crests.reliability(found["probability"], found["true"]).set_index("from")
        assert table.loc[tracks.SURE, "found"] > 0.93 and table.loc[tracks.SURE, "crests"] > 1000
        likely = table.loc[0.5:]
        assert (likely["told"] - likely["found"]).abs().max() < slack
        assert likely["found"].is_monotonic_increasing
