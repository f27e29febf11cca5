"""The forward model: the total-field anomaly of a magnetised layer, in the wavenumber domain.

The layer lies between two surfaces; its magnetisation, the remanent direction and the direction
of the present field may each vary from cell to cell.  `earth_filter` is the same for a profile
across endless stripes; where the stripes are two-dimensional both agree.

References
----------
Parker, R. L. (1973). Geophys. J. R. Astron. Soc. 31, 447-455.
Schouten, H. & McCamy, K. (1972). J. Geophys. Res. 77, 7089-7099.
Blakely, R. J. (1995). Potential Theory in Gravity and Magnetic Applications, chapters 11 and 12.
"""

import numpy as np
from scipy import fft

THICKNESS_KM = 2.0  # magnetised layer, with which spectra agree best (notebook A1)
NT_PER_A_M = 2 * np.pi * 100  # half the magnetic constant, in nT per A/m
TOLERANCE = 1e-3  # largest term of Parker's series that is left out, as a share of the first
MOST_TERMS = 60
DAMPING = 0.1  # share of a wave's amplitude below which `reduce_to_pole` damps it


def total_field_anomaly(
    magnetisation,
    depth_km,
    spacing_km,
    field,
    remanence,
    thickness_km=THICKNESS_KM,
    tolerance=TOLERANCE,
):
    """Total-field anomaly at the sea surface of a magnetised layer between two surfaces.

    Parker's (1973, eq. 10) series, written with the direction factors of Blakely (1995, eq.
    11.53): ``F[dT] = (mu0 / 2) T_f T_m (S[top] - S[bottom])`` with ``T_v = v_down + i (v_h . k) /
    |k|`` and ``S[z] = exp(-|k| z0) sum_n (-|k|)^n / n! F[M (z - z0)^n]``, z0 midway between the
    highest and the deepest point of the surface.

    Parameters
    ----------
    magnetisation : numpy.ndarray, shape (n, m)
        Magnetisation (A/m), positive for normal polarity; rows northing, columns easting.
    depth_km : numpy.ndarray, shape (n, m), or float
        Depth of the top of the layer below the sea surface (km), above 0.
    spacing_km : float
        Side of the cells.
    field, remanence : array_like, shape (3,) or (3, n, m)
        Unit vectors (east, north, down) of the present field and of normal magnetisation; one
        for the map or one for each cell.
    thickness_km : numpy.ndarray, shape (n, m), or float
        Thickness of the layer.
    tolerance : float
        The series ends where its next term is below this share of a flat layer's anomaly at
        every wavelength.

    Returns
    -------
    numpy.ndarray, shape (n, m)
        Total-field anomaly (nT).

    Raises
    ------
    ValueError
        If the layer reaches the sea surface.
    """
    if not np.min(depth_km) > 0:
        raise ValueError(
            f"The layer reaches up to a depth of {np.min(depth_km)} km; the sea surface is at 0. "
            "Clip the depth to at least a few hundred metres."
        )
    pad = _padding(magnetisation.shape, spacing_km)
    middle = tuple(slice(before, -after) for before, after in pad)
    source = _fade_out(magnetisation, pad)
    depth, thickness = (
        _extend(part, magnetisation.shape, pad) for part in (depth_km, thickness_km)
    )
    k, factors = _direction_factors(source.shape, spacing_km)
    remanence, field = np.asarray(remanence, float), np.asarray(field, float)
    # T_m (S[top] - S[bottom]); one transform for each component where the remanence turns
    if remanence.ndim == 1:
        total = _layer(source, depth, thickness, k, tolerance) * _along(remanence, factors)
    else:
        parts = (source * np.pad(part, pad, mode="edge") for part in remanence)
        spectra = [_layer(part, depth, thickness, k, tolerance) for part in parts]
        total = _along(spectra, factors)
    # times T_f; where the field turns, the three components are projected on it cell by cell
    if field.ndim == 1:
        return NT_PER_A_M * fft.irfft2(total * _along(field, factors), source.shape)[middle]
    components = [fft.irfft2(total * factor, source.shape)[middle] for factor in factors]
    return NT_PER_A_M * _along(field, components)


def earth_filter(wavenumber, depth_km, thickness_km, field, remanence, strike_deg):
    """Two-dimensional Earth filter: from magnetisation to anomaly across endless stripes.

    Schouten & McCamy (1972): ``(mu0 / 2) C exp(-|k| z) (1 - exp(-|k| dz)) exp(-i theta sgn k)``,
    theta from `skewness`, C the product of both vectors' shares in the plane across strike.

    Parameters
    ----------
    wavenumber : numpy.ndarray
        Radians per km along x, which points to the right of strike; of waves ``exp(+i k x)``.
    depth_km, thickness_km : float
        Top and thickness of the layer (km).
    field, remanence, strike_deg
        As `skewness`.

    Returns
    -------
    numpy.ndarray of complex
        Anomaly for magnetisation (nT per A/m), shape of `wavenumber`.
    """
    k = np.abs(wavenumber)
    # (mu0 / 2) exp(-|k| z) (1 - exp(-|k| dz)), and C
    amplitude = NT_PER_A_M * np.exp(-k * depth_km) * (1 - np.exp(-k * thickness_km))
    for vector in (field, remanence):
        amplitude = amplitude * np.hypot(*_projected(vector, strike_deg))
    theta = np.radians(skewness(field, remanence, strike_deg))
    return amplitude * np.exp(-1j * theta * np.sign(wavenumber))


def skewness(field, remanence, strike_deg):
    """Skewness angle theta: the phase by which anomalies lean to one side of their blocks.

    Schouten & McCamy (1972): ``theta = I'_f + I'_m - 180``, ``tan I' = tan I / sin(alpha)``,
    alpha the angle from strike to the horizontal part of the vector.  It is 0 at the pole.

    Parameters
    ----------
    field, remanence : array_like, shape (3,)
        Unit vectors (east, north, down).
    strike_deg : float
        Clockwise from north.

    Returns
    -------
    float
        Degrees, -180 to 180.

    Examples
    --------
    >>> round(abs(skewness(dipole(30.0), dipole(30.0), strike_deg=0.0)), 1)
    0.0
    >>> round(skewness(dipole(30.0), dipole(30.0), strike_deg=90.0), 1)
    81.8
    """
    total = 0.0
    for vector in (field, remanence):
        right, down = _projected(vector, strike_deg)
        total += np.degrees(np.arctan2(down, right))
    return float((total + 1e-9) % 360 - 180 - 1e-9)


def profile_anomaly(magnetisation, spacing_km, response):
    """Anomaly along a profile across endless stripes.

    Parameters
    ----------
    magnetisation : numpy.ndarray, shape (n,)
        Magnetisation (A/m) at even steps to the right of strike.
    spacing_km : float
        The step.
    response : callable
        From wavenumbers to nT per A/m: `earth_filter` with all else given.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Total-field anomaly (nT).
    """
    ((before, after),) = _padding(magnetisation.shape, spacing_km, 200.0)
    source = _fade_out(magnetisation, [(before, after)])
    k = 2 * np.pi * fft.rfftfreq(source.size, spacing_km)
    return fft.irfft(fft.rfft(source) * response(k), source.size)[before:-after]


def reduce_to_pole(anomaly, spacing_km, field, remanence):
    """Turn an anomaly into the one that vertical field and magnetisation would give.

    Blakely (1995, section 12.3.1), damped as a Wiener filter: where the directions pass less than
    `DAMPING` of a wave (at low latitudes those that run along the meridian) it is not amplified.

    Parameters
    ----------
    anomaly : numpy.ndarray, shape (n, m)
        Total-field anomaly (nT) without gaps.
    spacing_km, field, remanence
        As `total_field_anomaly`; one vector for the map.

    Returns
    -------
    numpy.ndarray, shape (n, m)

    Raises
    ------
    ValueError
        If the anomaly has gaps (NaN).
    """
    if not np.isfinite(anomaly).all():
        raise ValueError(
            f"The anomaly has {np.sum(~np.isfinite(anomaly))} cells without a value; fill them "
            "before reducing it to the pole, for example with gridding.interpolate."
        )
    pad = _padding(anomaly.shape, spacing_km)
    source = _fade_out(anomaly, pad)
    _, factors = _direction_factors(source.shape, spacing_km)
    # T_f T_m of the wave, and its inverse, damped
    passed = _along(np.asarray(field, float), factors) * _along(np.asarray(remanence), factors)
    inverse = np.conj(passed) / (np.abs(passed) ** 2 + DAMPING**4 / (np.abs(passed) ** 2 + 1e-12))
    upright = fft.irfft2(fft.rfft2(source) * inverse, source.shape)
    return upright[tuple(slice(before, -after) for before, after in pad)]


def dipole(latitude, declination=0.0):
    """Give the `direction` of a geocentric axial dipole field at a latitude (degrees).

    Examples
    --------
    >>> dipole(-90.0).round(3) + 0.0  # at the south pole the field points up
    array([ 0.,  0., -1.])
    """
    inclination = np.arctan(2 * np.tan(np.radians(latitude)))
    return direction(np.degrees(inclination), declination)


def direction(inclination, declination):
    """Give the unit vector (east, north, down) of an inclination and a declination.

    Both are in degrees, downward and clockwise from north, numbers or arrays; the shape is (3,) or
    (3, ...).
    """
    i, d = np.radians(inclination), np.radians(declination)
    return np.array([np.cos(i) * np.sin(d), np.cos(i) * np.cos(d), np.sin(i) + 0 * d])


def _layer(source, top, thickness, k, tolerance):
    """Spectrum of the layer, but for the directions: S[top] - S[bottom]."""
    upper = _surface(source, top, k, tolerance)
    if np.ndim(thickness) == 0:
        return upper * (1 - np.exp(-k * thickness))
    return upper - _surface(source, top + thickness, k, tolerance)


def _surface(source, depth, k, tolerance):
    """Parker's series of sources on a surface of any depth (km)."""
    z0 = 0.5 * (np.min(depth) + np.max(depth))
    reach = 0.5 * np.ptp(depth)
    steps = np.linspace(0, k.max(), 200)
    # the term n = 0, and what the others multiply up: (z - z0)^n, (-|k|)^n / n!, and their bound
    total = fft.rfft2(source)
    height, factor, bound = source, np.ones_like(k), np.exp(-steps * z0)
    for term in range(1, MOST_TERMS + 1):
        bound = bound * steps * reach / term
        if bound.max() < tolerance:
            break
        height, factor = height * (depth - z0), factor * (-k / term)
        total = total + factor * fft.rfft2(height)
    return total * np.exp(-k * z0)


def _along(vector, factors):
    """Sum of the three components of a vector, each times its factor."""
    return vector[0] * factors[0] + vector[1] * factors[1] + vector[2] * factors[2]


def _projected(vector, strike_deg):
    """Parts of a vector to the right of strike and down."""
    east, north, down = vector
    strike = np.radians(strike_deg)
    return east * np.cos(strike) - north * np.sin(strike), down


def _padding(shape, spacing_km, reach_km=32.0):
    """Cells to add before and after each axis: `reach_km`, up to a length that transforms fast."""
    least = max(16, int(reach_km / spacing_km))
    lengths = [fft.next_fast_len(size + 2 * least, real=True) - size for size in shape]
    return [(length // 2, length - length // 2) for length in lengths]


def _fade_out(values, pad):
    """Extend values beyond their margin, from where they fall to 0 without a kink."""
    extended = np.pad(values, pad, mode="edge")
    for axis, (before, after) in enumerate(pad):
        steps = [0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in (before, after)]
        window = np.concatenate([steps[0], np.ones(values.shape[axis]), steps[1][::-1]])
        extended = extended * np.expand_dims(window, [a for a in range(values.ndim) if a != axis])
    return extended


def _extend(part, shape, pad):
    """Extend a map beyond its margin; a number stays one."""
    return part if np.ndim(part) == 0 else np.pad(np.broadcast_to(part, shape), pad, mode="edge")


def _direction_factors(shape, spacing_km):
    """Wavenumbers |k| (radians per km) of a real transform, and what T_v takes of each component.

    These are ``i k_east / |k|``, ``i k_north / |k|`` and 1 (Blakely 1995, eq. 11.53).
    """
    north = 2 * np.pi * fft.fftfreq(shape[0], spacing_km)[:, None]
    east = 2 * np.pi * fft.rfftfreq(shape[1], spacing_km)[None, :]
    k = np.hypot(east, north)
    safe = np.where(k > 0, k, 1)
    return k, [1j * east / safe, 1j * north / safe, np.ones_like(k)]
