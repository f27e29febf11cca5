"""Stripes only where withheld readings support them, and constants of the cruises beside them."""

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from helpers import diffusion, gridding
from helpers.diffusion import _guided, _null_test, _pyramid, _solver, _withheld
from helpers.diffusion._pyramid import Options
from studies import diffusion_trials, made_up_fields

Known = diffusion.Known
SIDE = 160


def survey(seed, coverage, side=SIDE):
    """Return which line crosses each cell (-1: none): straight lines in random directions."""
    rng = np.random.default_rng(seed)
    line, number, along = np.full((side, side), -1), 0, np.arange(-1.5 * side, 1.5 * side, 0.5)
    while (line >= 0).mean() < coverage:
        angle, centre = rng.uniform(0, np.pi), rng.uniform(0, side, 2)
        row = np.rint(centre[0] + along * np.sin(angle)).astype(int)
        column = np.rint(centre[1] + along * np.cos(angle)).astype(int)
        inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
        free = inside.copy()
        free[inside] = line[row[inside], column[inside]] < 0
        line[row[free], column[free]] = number
        number += 1
    return line


def stripes(strike_deg=60, wavelength=16.0, side=SIDE):
    """Return stripes of 100 nT that bend a little."""
    row, column = np.indices((side, side))
    strike = np.radians(strike_deg)
    across = column * np.cos(strike) - row * np.sin(strike)
    along = column * np.sin(strike) + row * np.cos(strike)
    bend = 3 * np.sin(2 * np.pi * along / side)
    return 100 * np.sin(2 * np.pi * (across + bend) / wavelength)


def isotropic(seed, side=SIDE, reach=5.0):
    """Return a random field without direction, standard deviation 100 nT."""
    field = ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal((side, side)), reach
    )
    return 100 * field / field.std()


def seamounts(seed, side=SIDE):
    """Return round bumps of either sign on a flat field, standard deviation 100 nT."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((side, side))
    field = np.zeros((side, side))
    for _ in range(side**2 // 2200):
        square = (row - rng.uniform(0, side)) ** 2 + (column - rng.uniform(0, side)) ** 2
        field += rng.normal() * np.exp(-square / (2 * rng.uniform(4, 12) ** 2))
    return 100 * field / field.std()


def correlation(one, other):
    known = np.isfinite(one)
    return np.corrcoef(one[known], other[known])[0, 1]


def true_coherence(field):
    tensor = diffusion.structure_tensor(field.astype("float32"), np.ones_like(field), 2.0, 24.0)
    return diffusion.orientation(tensor)[1].mean()


@pytest.mark.parametrize("coverage", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("make", [isotropic, seamounts])
def test_no_stripes_are_invented(make, coverage):
    """Without direction in the truth: coherence at most 1.5 times its own, no worse than linear."""
    side, (found, linear, coherence, true) = 256, np.zeros((4, 4))
    for seed in range(4):
        truth = make(seed, side)
        block = np.where(survey(seed, coverage, side) >= 0, truth, np.nan)
        result = diffusion.guided(block, uncertainty=False)
        interpolated = gridding.interpolate(block)
        inside = np.where(np.isfinite(interpolated), result.anomaly.values, np.nan)
        found[seed] = correlation(inside, truth)
        linear[seed] = correlation(interpolated, truth)
        coherence[seed], true[seed] = result.coherence.mean(), true_coherence(truth)
    assert coherence.mean() < 1.5 * true.mean()
    assert found.mean() > linear.mean()


@pytest.mark.parametrize("coverage", [0.05, 0.1, 0.2])
def test_shuffled_readings_hold_no_stripes(coverage):
    """The readings of stripes, dealt anew to the track cells: nothing to be coherent about."""
    rng, truth = np.random.default_rng(4), stripes()
    track = survey(4, coverage) >= 0
    block = np.where(track, truth, np.nan)
    block[track] = rng.permutation(block[track])
    result = diffusion.guided(block, uncertainty=False)
    assert result.coherence.mean() < 0.15  # that of the truth is 0.9, of isotropic fields 0.14


@pytest.mark.parametrize("coverage", [0.05, 0.1, 0.2])
def test_stripes_are_supported(coverage):
    truth = stripes()
    block = np.where(survey(5, coverage) >= 0, truth, np.nan)
    result = diffusion.guided(block, uncertainty=False)
    assert result.coherence.mean() > 0.85
    assert correlation(result.anomaly.values, truth) > {0.05: 0.85, 0.1: 0.94, 0.2: 0.98}[coverage]


def test_few_readings_are_doubted():
    """Small maps of blobs with 5 % on tracks: stripes by chance on at most a fifth of them."""
    found = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        grid = made_up_fields.survey(made_up_fields.blobs(96, rng), rng, 0.05)
        result = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
        found.append(float(result.coherence.mean()))
    assert np.mean(np.array(found) > 0.2) <= 0.2


def test_support_is_local():
    """Stripes in the west, none in the east: each half is treated as what it is."""
    side, truth = 384, stripes(10, side=384)
    truth[:, side // 2 :] = isotropic(6, side)[:, side // 2 :]
    block = np.where(survey(6, 0.1, side) >= 0, truth, np.nan)
    coherence = diffusion.guided(block, uncertainty=False).coherence.values
    assert coherence[:, : side // 2 - 40].mean() > 0.7
    assert coherence[:, side // 2 + 40 :].mean() < 0.1


def test_noise_asks_for_more_smoothing():
    """The smoothing that withheld readings choose grows with noise, and pays."""
    truth, chosen = stripes(wavelength=30.0), []
    track = survey(7, 0.2) >= 0
    for noise in (0.0, 150.0):
        values = truth + np.random.default_rng(7).normal(0, noise, truth.shape)
        data = np.where(track, values, np.nan).astype("float32")
        weight = track.astype("float32")
        levels = _pyramid.build(data, weight)[1:]
        tensor = _pyramid.along_strike(levels, Options(2.0, 24.0, 0.003, 3))[1]
        halves = _withheld.halve(data, weight, None, levels)
        chosen.append(_withheld.weigh(halves, levels[0], tensor, None, 0.003).smoothing)
    assert chosen[0] == _withheld.SMOOTHINGS[0] and chosen[1] >= 10
    results = [diffusion.guided(data, smoothing=s, uncertainty=False) for s in (None, 1.0)]
    of_choice, of_least = (correlation(result.anomaly.values, truth) for result in results)
    assert of_choice > of_least + 0.05


# --- constants of the cruises -----------------------------------------------------------------


@pytest.fixture(scope="module")
def offset_survey():
    """Return truth, readings with a constant for each line, the lines and the constants."""
    truth, line = stripes(), survey(8, 0.1)
    constants = np.random.default_rng(8).normal(0, 40, line.max() + 1)
    return truth, np.where(line >= 0, truth + constants[line], np.nan), line, constants


def test_constants_of_cruises_are_found_with_the_field(offset_survey):
    truth, block, line, constants = offset_survey
    joint = diffusion.guided(block, uncertainty=False, known=Known(cruise=line))
    without = diffusion.guided(block, uncertainty=False)
    known = diffusion.guided(np.where(line >= 0, truth, np.nan), uncertainty=False)
    of_joint, of_without, of_known = (
        correlation(result.anomaly.values, truth) for result in (joint, without, known)
    )
    assert of_known - of_joint < 0.25 * (of_known - of_without)
    size = np.bincount(line[line >= 0])
    error = (joint["offset_nt"].values - constants)[size > 30]
    # what is common to all cruises cannot be told from the mean of the field; a line that runs
    # along one stripe may take its amplitude for a constant, hence medians
    assert np.median(np.abs(error - np.median(error))) < 0.1 * np.std(constants)


def test_cruises_without_an_offset_change_little(offset_survey):
    truth, _, line, _ = offset_survey
    block = np.where(line >= 0, truth, np.nan)
    joint = diffusion.guided(block, uncertainty=False, known=Known(cruise=line))
    without = diffusion.guided(block, uncertainty=False)
    of_joint, of_without = (correlation(part.anomaly.values, truth) for part in (joint, without))
    assert np.std(joint["offset_nt"]) < 5 and of_joint > of_without - 0.01


def test_headings_of_cruises_are_found_with_the_field():
    """A ship's own magnetism, told from the field by lines sailed in many directions."""
    truth, line = stripes(), survey(14, 0.2)
    rng, cruise = np.random.default_rng(14), np.where(line >= 0, line % 4, -1)
    heading = np.where(line >= 0, rng.uniform(0, 360, line.max() + 1)[line], np.nan)
    turn, terms = np.radians(heading), rng.normal(0, 20, (4, 2))
    error = terms[cruise, 0] * np.cos(turn) + terms[cruise, 1] * np.sin(turn)
    block = np.where(line >= 0, truth + error, np.nan)
    with_headings, constants = (
        diffusion.guided(block, uncertainty=False, known=Known(cruise, degrees))
        for degrees in (heading, None)
    )
    known = diffusion.guided(np.where(line >= 0, truth, np.nan), uncertainty=False)
    of_headings, of_constants, of_known = (
        correlation(part.anomaly.values, truth) for part in (with_headings, constants, known)
    )
    assert of_known - of_headings < 0.25 * (of_known - of_constants)
    wrong = with_headings["heading_nt"].values[:, :2] - terms
    # the field takes a part of each term: a line's mean is also the mean of the field along it
    assert np.sqrt(np.mean(wrong**2)) < 0.4 * 20


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"heading_deg": np.zeros((16, 16))}, "without cruise"),
        (
            {"cruise": np.zeros((16, 16), int), "heading_deg": np.full((16, 16), np.nan)},
            "not finite on 16 track cells",
        ),
        ({"strike_deg": np.zeros(16)}, "strike_deg has shape"),
        ({"barrier": np.zeros((16, 16))}, "barrier has shape .*bool"),
        ({"seamount": np.eye(16)}, "seamount has shape .*bool"),
        ({"seamount": np.eye(16) > 0}, "All readings lie on seamounts"),
    ],
)
def test_bad_knowledge_is_a_clear_error(known, message):
    block = np.where(np.eye(16) > 0, 1.0, np.nan)
    with pytest.raises(ValueError, match=message):
        diffusion.guided(block, known=Known(**known))


# --- what is known beforehand: strikes and fracture zones -------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_offsets_stay_offsets_at_a_known_fracture_zone(seed):
    """Stripes offset by half a wavelength: near the barrier the error is half that of linear.

    Without it the method finds the zone itself, but not quite where it is.
    """
    case = made_up_fields.hard_cases(192)["fracture zone"]
    grid = made_up_fields.survey(case.field, np.random.default_rng(seed), 0.1)
    given = (grid["block"], grid["weight"])
    maps = [
        diffusion.guided(*given, uncertainty=False, known=known).anomaly.values
        for known in (None, case.known)
    ]
    maps.append(grid["anomaly"].values)
    bent, offset, linear = (np.nanmean((part - case.field)[case.where] ** 2) for part in maps)
    assert offset < 0.5 * linear
    assert offset < 0.8 * bent
    far = np.abs(made_up_fields.along_strike(192)) > 60
    assert np.abs(maps[0] - maps[1])[far].std() < 0.3 * made_up_fields.AMPLITUDE_NT


def test_a_barrier_without_readings_beyond_it_is_crossed_at_last():
    """Nothing is left undefined: where only one side has data, its value leaks through."""
    block, barrier = np.full((40, 60), np.nan), np.zeros((40, 60), bool)
    block[:, 5], barrier[:, 30] = 25.0, True
    known = Known(barrier=barrier)
    result = diffusion.guided(block, uncertainty=False, known=known).anomaly.values
    np.testing.assert_allclose(result, 25.0, atol=0.5)


def test_a_known_strike_leads_where_readings_are_silent_and_only_there():
    truth = stripes(60)
    block = np.where(survey(15, 0.1) >= 0, truth, np.nan)
    block[:, 60:] = np.nan  # the east was never sailed
    wrong, right = (Known(strike_deg=np.full(truth.shape, strike)) for strike in (150.0, 60.0))
    free, led, aligned = (
        diffusion.guided(block, uncertainty=False, known=known) for known in (None, wrong, right)
    )

    def off(result, part, strike):
        return np.median(np.abs((result.strike_deg.values[:, part] - strike + 90) % 180 - 90))

    west, east = slice(0, 50), slice(140, 160)
    assert off(led, west, 60) < off(free, west, 60) + 3
    assert off(aligned, east, 60) < 10 and off(aligned, west, 60) < 5


@pytest.mark.parametrize("cruise", [np.zeros((8, 9), int), np.zeros((16, 16))])
def test_bad_cruises_are_clear_errors(cruise):
    with pytest.raises(ValueError, match="cruise has shape .* integer index"):
        diffusion.guided(np.eye(16), known=Known(cruise=cruise))


@pytest.mark.parametrize(
    "where",
    [
        np.s_[3, 4],  # a single reading
        np.s_[20, :],  # a single track
        np.s_[:, ::30],  # parallel tracks
        np.s_[2:6, 2:6],  # an island of data
        np.s_[:, :],  # everywhere
    ],
    ids=["cell", "track", "parallel", "island", "full"],
)
@pytest.mark.parametrize("shape", [(37, 101), (64, 50)])
def test_any_lay_of_the_tracks_is_answered(where, shape):
    """Finite everywhere, coherence and strike in range, and a constant stays what it is."""
    block, cruise = np.full(shape, np.nan), np.full(shape, -1)
    block[where], cruise[where] = 25.0, 0
    result = diffusion.guided(block)
    np.testing.assert_allclose(result.anomaly, 25.0, atol=25e-3)
    assert (result.coherence.values >= 0).all() and (result.coherence.values <= 1).all()
    assert (result.strike_deg.values >= 0).all() and (result.strike_deg.values < 180.1).all()
    shared = diffusion.guided(block, uncertainty=False, known=Known(cruise=cruise))
    # one constant and one cruise: the prior leaves it to the field but for one reading's worth
    assert np.isfinite(shared.anomaly).all() and np.isfinite(shared.offset_nt).all()
    known = Known(cruise=np.full(shape, -1))
    nameless = diffusion.guided(block, uncertainty=False, known=known)
    np.testing.assert_array_equal(nameless.anomaly, result.anomaly)


# --- the systems against direct solutions -----------------------------------------------------


def laplacian(rows, columns):
    """Return minus the Laplacian as a sparse matrix, nothing flowing over the edges."""
    one = [sparse.diags([-np.ones(n), np.ones(n)], [0, 1], (n - 1, n)) for n in (rows, columns)]
    down, right = (part.T @ part for part in one)
    return sparse.kron(down, sparse.eye(columns)) + sparse.kron(sparse.eye(rows), right)


def test_plate_agrees_with_a_direct_solution():
    rng, shape = np.random.default_rng(9), (24, 31)
    weight = (rng.random(shape) < 0.3).astype("float32")
    total = (weight * rng.normal(0, 100, shape)).astype("float32")
    operator = laplacian(*shape)
    system = sparse.diags(weight.ravel()) + 0.5 * operator + 2.0 * operator @ operator
    direct = spsolve(system.tocsc().astype(float), total.ravel().astype(float)).reshape(shape)
    solved = _solver.solve_bending(weight, total, np.zeros(shape), 0.5, 2.0)
    # the relative residual ends at 1e-3; the worst cell may be off by ten times that
    assert np.abs(solved - direct).max() < 10 * _solver.TOLERANCE * np.abs(direct).max()


def test_plate_in_boxes_is_the_plate():
    """Solved in boxes only, the plate there is that of the whole map, away from the margin."""
    block = np.where(survey(16, 0.1) >= 0, isotropic(16), np.nan).astype("float32")
    grids = _pyramid.build(block, np.isfinite(block).astype("float32"))
    where = np.zeros((8, 8), bool)
    where[2:4, 3:6] = where[6, 6] = True
    whole, boxes = (_pyramid.plate(grids, 0.01, 0.05, part) for part in (None, where))
    fine = np.kron(where, np.ones((20, 20), bool))
    # of 100 nT; beyond the margin of a box, one large cell wide, the plate knows no readings
    assert np.sqrt(np.mean((whole - boxes)[fine] ** 2)) < 4.0
    assert np.abs(whole - boxes)[~ndimage.binary_dilation(fine, iterations=25)].max() > 5.0


def test_field_and_constants_agree_with_a_direct_solution():
    """The same system with the constants as unknowns beside the field."""
    rng, shape, prior = np.random.default_rng(10), (20, 17), 1.0
    cruise = np.where(rng.random(shape) < 0.4, rng.integers(0, 5, shape), -1)
    cell = np.flatnonzero(cruise >= 0)
    which, value = cruise.ravel()[cell], rng.normal(0, 100, cell.size)
    trust = rng.uniform(0.2, 1, cell.size)
    member = sparse.csr_matrix((trust, (cell, which)), (cruise.size, 5))
    weight = np.asarray(member.sum(axis=1)).reshape(shape)
    mass = np.asarray(member.sum(axis=0)).ravel() + prior
    operator = laplacian(*shape)
    matrix = sparse.bmat(
        [[sparse.diags(weight.ravel()) + 0.5 * operator, member], [member.T, sparse.diags(mass)]]
    )
    total = np.bincount(cell, trust * value, cruise.size)
    right = np.concatenate([total, np.bincount(which, trust * value, 5)])
    direct = spsolve(matrix.tocsc(), right)
    offsets = _solver.Offsets(cell, which, trust, value, np.ones((cell.size, 1)), 5, [prior])
    layers = (
        part.reshape(shape).astype("float32") for part in (weight, total, np.zeros(total.size))
    )
    solved = _solver.solve_bending(*layers, 0.5, 0.0, offsets)
    worst = 10 * _solver.TOLERANCE * np.abs(direct).max()
    assert np.abs(solved.ravel() - direct[:-5]).max() < worst
    assert np.abs(offsets.constants(solved)[:, 0] - direct[-5:]).max() < worst


# --- the null test of a survey ----------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(_null_test.NULLS))
def test_null_test_tells_stripes_from_none(kind):
    striped = np.where(survey(11, 0.1) >= 0, stripes(), np.nan)
    result = diffusion.null_test(striped, np.random.default_rng(11), kind)
    assert result["coherence"] > 0.8 and result["ratio"] < 0.1
    assert result["null_coherence"] <= result["null_highest"] < 0.2
    again = diffusion.null_test(striped, np.random.default_rng(11), kind)
    assert again == result


def test_isotropic_null_is_as_steep_as_the_survey():
    truth = isotropic(12, 256, 6.0)
    block = np.where(survey(12, 0.2, 256) >= 0, truth + 30, np.nan)
    null = _null_test._isotropic(block, np.random.default_rng(12))
    np.testing.assert_array_equal(np.isnan(null), np.isnan(block))

    def slope(values):
        steps = np.diff(values, axis=0)
        return np.sqrt(np.nanmean(steps**2))

    # two random fields of about 200 independent patches each
    assert slope(null) == pytest.approx(slope(block), rel=0.15)
    assert np.nanstd(null) == pytest.approx(np.nanstd(block), rel=0.15)


def test_a_null_test_of_no_kind_is_a_clear_error():
    with pytest.raises(ValueError, match="kind is 'rotated'; give one of .*shuffled"):
        diffusion.null_test(np.eye(16), np.random.default_rng(0), "rotated")


def test_integration_follows_the_data():
    """Few tracks ask for a wide average of the orientation, many over a fan for a narrow one."""
    straight = made_up_fields.hard_cases(192)["curved"].field
    north, east = np.indices((192, 192)) - 96.0
    swirl = 100 * np.sin(np.hypot(north, east) / 2.5)  # turns by 90 degrees within 40 cells
    chosen = []
    for field, coverage in ((straight, 0.06), (swirl, 0.3)):
        grid = made_up_fields.survey(field, np.random.default_rng(3), coverage)
        values = grid["block"].to_numpy(), grid["weight"].to_numpy()
        levels = _pyramid.build(*values)[1:]
        halves = _withheld.halve(*values, None, levels)
        chosen.append(_withheld.integration(halves, levels[0], 1.0, 0.001))
    assert chosen[0] > chosen[1] == 12.0


def test_fracture_zones_of_the_truth_are_found_along_their_whole_length():
    """Half a wavelength of offset: there less than half is carried along strike."""
    field = made_up_fields.stripes(128, offset_cells=8.0).astype("float32")
    tensor = diffusion.structure_tensor(field, np.ones_like(field), 1.0, 24.0)
    level = _pyramid.build(field, np.ones_like(field), levels=0)[0]
    share = _guided.continuity(level, tensor, 0.001, field)
    distance = np.abs(made_up_fields.along_strike(128))
    assert np.quantile(share[distance < 1], 0.9) < 0.5
    assert np.quantile(share[distance > 12], 0.1) > 0.9
    assert 0 < share.min() <= share.max() <= 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fracture_zones_are_found_between_tracks(seed):
    """A tenth of the cells read: the map shows where stripes end, and offsets stay offsets."""
    case = made_up_fields.hard_cases(192)["fracture zone"]
    grid = made_up_fields.survey(case.field, np.random.default_rng(seed), 0.1)
    found = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    distance = np.abs(made_up_fields.along_strike(192))
    share = found["continuity"].values
    assert np.median(share[distance < 2]) < 0.5 < np.median(share[distance > 20])
    one_direction = diffusion_trials.correlations(
        {"guided": found}, grid["truth"].where(case.where)
    )
    assert one_direction["guided"] > 0.6


def test_stripes_without_a_fracture_zone_run_on():
    truth = stripes()
    block = np.where(survey(15, 0.1) >= 0, truth, np.nan)
    found = diffusion.guided(block, uncertainty=False)
    assert np.mean(found["continuity"] < 0.5) < 0.03
    assert correlation(found["anomaly"].values, truth) > 0.97


def test_readings_on_a_known_seamount_say_nothing_of_the_stripes():
    """Outside the seamount the map is that of the readings outside, whatever lies upon it."""
    truth, line = stripes(), survey(16, 0.1)
    north, east = np.indices(truth.shape) - SIDE / 2
    mount = np.hypot(north, east) < 12
    block, cruise = np.where(line >= 0, truth, np.nan), line.astype(int)
    for known in (Known(seamount=mount), Known(cruise, seamount=mount)):
        plain, high = (
            diffusion.guided(block + rise, uncertainty=False, known=known)["anomaly"]
            for rise in (0.0, np.where(mount, 500.0, 0.0))
        )
        np.testing.assert_allclose(plain.values[~mount], high.values[~mount], atol=1e-3)
        inside = mount & (line >= 0)
        assert np.median((high - plain).values[inside]) > 400


def test_errors_shared_along_a_track_are_told_from_the_field(monkeypatch):
    """Constants of 30 nT on lines that nothing tells apart; noise is left as it is."""
    truth, line = stripes(), survey(13, 0.2)
    rng = np.random.default_rng(13)
    constants, noise = rng.normal(0, 30, line.max() + 1)[line], rng.normal(0, 20, line.shape)

    def error(errors):
        block = np.where(line >= 0, truth + errors, np.nan)
        return np.std(diffusion.guided(block, uncertainty=False)["anomaly"] - truth)

    shared = error(constants), error(noise)
    monkeypatch.setattr(_guided, "ROUNDS", 0)
    plain = error(constants), error(noise)
    assert shared[0] < 0.93 * plain[0]
    assert shared[1] < 1.01 * plain[1]


def test_a_field_without_stripes_does_not_lend_to_the_errors(monkeypatch):
    block = np.where(survey(14, 0.1) >= 0, 100 * isotropic(14, SIDE, 5.0), np.nan)
    found = diffusion.guided(block, uncertainty=False)
    assert not found["coherence"].any()
    monkeypatch.setattr(_guided, "ROUNDS", 0)
    plain = diffusion.guided(block, uncertainty=False)
    np.testing.assert_array_equal(found["anomaly"], plain["anomaly"])


def test_a_large_map_is_sampled_where_it_is_read_most(monkeypatch):
    """The window may lie anywhere on maps of any shape; what is known goes along with it."""
    weight = np.zeros((70, 200))
    weight[66:, 130:160] = 1
    weight[:3, :30] = 1
    monkeypatch.setattr(_withheld, "SAMPLE_CELLS", 64)
    rows, columns = _withheld.busiest(weight)
    assert (rows.start, columns.start) == (64, 128)
    assert weight[rows, columns].sum() == 120
    barrier = weight > 0
    part = Known(barrier=barrier).cut((rows, columns))
    np.testing.assert_array_equal(part.barrier, barrier[rows, columns])
    assert part.cruise is None
