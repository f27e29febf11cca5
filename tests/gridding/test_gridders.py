"""The gridders on fields whose every value is known."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from helpers import gridding
from helpers.gridding import _gridders

SMOOTH = [name for name in gridding.METHODS if name != "equivalent_sources"]


def lines(field, every=7):
    """Keep every seventh row and column of a field."""
    block = np.full(field.shape, np.nan)
    block[::every], block[:, ::every] = field[::every], field[:, ::every]
    return block


def scattered(seed, share, shape=(60, 60)):
    """Return random readings (nT) on a share of the cells."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < share, rng.normal(0, 100, shape), np.nan)


def plane(shape=(57, 64)):
    rows, columns = np.indices(shape)
    return 40 + 3.0 * rows - 2.0 * columns


@pytest.mark.parametrize("method", ["linear", "spline", "cubic"])
def test_a_plane_comes_back(method):
    found = gridding.interpolate(lines(plane()), method)
    inside = np.isfinite(found)
    assert inside.mean() > 0.95
    # cubic: points are moved by up to 1e-3 cells each way, over slopes of 3 and 2 nT a cell; its
    # bent triangles may double that
    np.testing.assert_allclose(found[inside], plane()[inside], atol=1e-2)


def test_a_linear_gridder_is_exact_inside_the_hull_and_says_nothing_outside():
    block, expected = np.full((2, 57, 64), np.nan)
    expected[10:47, 10:54] = plane()[10:47, 10:54]
    chosen = np.random.default_rng(1).random(block.shape) < 0.1
    chosen[[10, 10, 46, 46], [10, 53, 10, 53]] = True  # the corners of the hull
    block[chosen] = expected[chosen]
    np.testing.assert_allclose(gridding.interpolate(block, "linear"), expected, atol=1e-9)


@pytest.mark.parametrize("method", gridding.METHODS)
def test_a_smooth_field_comes_back_between_dense_lines(method):
    rows, columns = np.indices((64, 64))
    field = 100 * np.sin(rows / 9.0) * np.cos(columns / 11.0)
    misfit = (gridding.interpolate(lines(field, 4), method) - field)[:61, :61]
    # lines 4 cells apart, waves of 57 and 69 cells: flat triangles miss a crest by 2.5 nT
    # (100 (1 - cos(2 / 9))), and no gridder may be worse
    assert np.nanmax(np.abs(misfit)) < 2.5 and np.isfinite(misfit).mean() > 0.99


@pytest.mark.parametrize("method", gridding.METHODS)
def test_track_cells_stay_and_the_same_block_gives_the_same_bytes(method):
    block = scattered(1, 0.2)
    copy = block.copy()
    found, again = (gridding.interpolate(block, method) for _ in range(2))
    track = np.isfinite(copy)
    np.testing.assert_array_equal(found[track], copy[track])
    np.testing.assert_array_equal(block, copy)
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("method", gridding.METHODS)
@pytest.mark.parametrize("cells", [1, 3, 30])
def test_one_straight_track_invents_nothing(method, cells):
    block = np.full((40, 40), np.nan)
    block[np.arange(cells), np.arange(cells)] = 5.0
    np.testing.assert_array_equal(gridding.interpolate(block, method), block)


def test_cubic_and_spline_overshoot_where_cruises_disagree_and_tension_does_not():
    """Parallel pairs of tracks, one cell apart, that differ by 100 nT over a flat field."""
    block = np.full((80, 80), np.nan)
    block[:, 10::20], block[:, 11::20] = 0.0, 100.0
    block[::40] = 50.0
    reach = {name: np.nanmax(np.abs(gridding.interpolate(block, name) - 50)) for name in SMOOTH}
    assert reach["linear"] <= 50
    # the step is 50 nT to each side; a surface without a limit swings many times as far
    assert reach["minimum_curvature"] < 4 * 50 < 6 * 50 < min(reach["cubic"], reach["spline"])


def test_minimum_curvature_meets_the_direct_solution():
    """Against scipy's direct solver on the whole system, on a map that needs two levels."""
    block = scattered(3, 0.08, (70, 61))
    known = np.isfinite(block).ravel()
    ends = [sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], (n, n)).tolil() for n in block.shape]
    for second in ends:
        second[0, 0] = second[-1, -1] = -1
    laplacian = sparse.kron(ends[0], sparse.eye(61)) + sparse.kron(sparse.eye(70), ends[1])
    tension = _gridders.TENSION
    energy = ((1 - tension) * laplacian @ laplacian - tension * laplacian).tocsr()
    right = -(energy[~known][:, known] @ block.ravel()[known])
    expected = spsolve(energy[~known][:, ~known].tocsc(), right)
    found = gridding.interpolate(block, "minimum_curvature").ravel()[~known]
    # a relative residual of 1e-4 on values of 100 nT; the sheet's condition costs the rest
    assert np.abs(found - expected).max() < 2.0
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.3


def test_minimum_curvature_is_the_same_turned_and_mirrored():
    block = scattered(4, 0.1)
    found = gridding.interpolate(block, "minimum_curvature")
    for turn in (np.rot90, np.flipud, np.transpose):
        turned = gridding.interpolate(turn(block).copy(), "minimum_curvature")
        np.testing.assert_allclose(turned, turn(found), atol=0.5)  # the solver's tolerance


def test_lines_on_the_exact_lattice_take_no_time():
    """Tracks on lattice rows made scipy's triangle look-up run for minutes; here it must not."""
    block = np.full((400, 400), np.nan)
    block[::50], block[:, ::50] = 1.0, 1.0
    assert np.isfinite(gridding.interpolate(block)[:351, :351]).all()


def test_unknown_method_names_the_choices():
    with pytest.raises(ValueError, match="No gridder 'krig'.*equivalent_sources"):
        gridding.interpolate(np.zeros((9, 9)), "krig")
