"""Tiles: every cell is covered, seams are blended, what is not wanted is passed over."""

import numpy as np
import pytest

from helpers.network import _tiles


def pass_on(tile):
    return tile[..., :2]


@pytest.mark.parametrize("shape", [(5, 7), (250, 256), (257, 100), (300, 700), (448, 449)])
def test_what_is_the_same_in_every_tile_comes_through(shape):
    stack = np.random.default_rng(1).normal(0, 1, (*shape, 3)).astype("float32")
    found = _tiles.blend(stack, pass_on)
    assert found.shape == (*shape, 2) and found.dtype == "float32"
    # a weighted mean of equal float32 numbers: their last bits
    np.testing.assert_allclose(found, stack[..., :2], rtol=1e-5, atol=1e-6)


def test_tiles_are_of_one_size_and_bounded_whatever_the_map():
    seen = []

    def see(tile):
        seen.append(tile.shape)
        return tile

    _tiles.blend(np.zeros((1000, 500, 1), "float32"), see)
    assert set(seen) == {(_tiles.TILE, _tiles.TILE, 1)}
    seen.clear()
    _tiles.blend(np.zeros((40, 33, 1), "float32"), see)
    assert seen == [(48, 48, 1)]


def test_cells_beyond_the_map_are_its_mirror_image():
    seen = []
    _tiles.blend(np.arange(320.0).reshape(20, 16, 1), lambda tile: seen.append(tile) or tile)
    np.testing.assert_array_equal(seen[0][20:], seen[0][19:7:-1])


def test_weight_falls_towards_other_tiles_and_not_towards_the_edge_of_the_map():
    ramp = _tiles.ramp(slice(0, 256), 480)
    assert (ramp[:224] == ramp[0]).all() and (np.diff(ramp[224:]) < 0).all()
    assert ramp[-1] == 1 and ramp[0] == _tiles.OVERLAP / 2
