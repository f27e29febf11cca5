"""The forward model: the total-field anomaly of a magnetised layer, in the wavenumber domain.

References
----------
Parker, R. L. (1973). Geophys. J. R. Astron. Soc. 31, 447-455.
Blakely, R. J. (1995). Potential Theory in Gravity and Magnetic Applications, chapter 11.
"""

import numpy as np

THICKNESS_KM = 1.0  # magnetised layer
LEVEL_KM = 0.5  # spacing of the depth levels between which sources are shared
NT_PER_A_M = 2 * np.pi * 100  # half the magnetic constant, in nT per A/m


def total_field_anomaly(magnetisation, depth_km, spacing_km, field, remanence, thickness_km=None):
    """Total-field anomaly at the sea surface of a magnetised layer that follows the relief.

    The wavenumber-domain expression of Blakely (1995, eq. 11.36 ff.),
    ``F[dT] = (mu0 / 2) T_m T_f exp(-|k| z) (1 - exp(-|k| dz)) F[M]`` with
    ``T_v = v_down + i (v_h . k) / |k|``, summed over depth levels `LEVEL_KM` apart: each cell's
    source is shared between the two levels around its depth.  For a wavelength L (km) this
    sharing is in error by at most ``(2 pi LEVEL_KM / L)**2 / 8``: 1.2 % at 10 km.

    Parameters
    ----------
    magnetisation : numpy.ndarray, shape (n, m)
        Magnetisation (A/m), positive for normal polarity; rows northing, columns easting.
    depth_km : numpy.ndarray, shape (n, m), or float
        Depth of the top of the layer below the sea surface (km).
    spacing_km : float
        Side of the cells.
    field, remanence : array_like, shape (3,)
        Unit vectors (east, north, down) of the present field and of normal magnetisation.
    thickness_km : float, optional
        Thickness of the layer; `THICKNESS_KM` by default.

    Returns
    -------
    numpy.ndarray, shape (n, m)
        Total-field anomaly (nT).
    """
    shape = magnetisation.shape
    pad = max(16, int(32 / spacing_km))
    source = np.pad(magnetisation, pad, mode="linear_ramp")
    depth = np.pad(np.broadcast_to(depth_km, shape), pad, mode="edge")
    east, north, k = _wavenumbers(source.shape, spacing_km)
    low, high = depth.min(), depth.max()
    number = max(2, int(np.ceil((high - low) / LEVEL_KM)) + 1)
    position = (depth - low) / max(high - low, 1e-9) * (number - 1)
    total = 0
    for level in range(number):
        share = np.clip(1 - np.abs(position - level), 0, None)
        if share.any():
            z = low + level * (high - low) / (number - 1)
            total = total + np.fft.rfft2(source * share) * np.exp(-k * z)
    thickness = THICKNESS_KM if thickness_km is None else thickness_km
    response = NT_PER_A_M * (1 - np.exp(-k * thickness))
    for vector in (np.asarray(field, float), np.asarray(remanence, float)):
        horizontal = (vector[0] * east + vector[1] * north) / np.where(k > 0, k, 1)
        response = response * (vector[2] + 1j * horizontal)
    return np.fft.irfft2(total * response, source.shape)[pad:-pad, pad:-pad]


def dipole(latitude, declination=0.0):
    """Give the unit vector (east, north, down) of a geocentric axial dipole field at a latitude.

    Parameters
    ----------
    latitude, declination : float
        Degrees.

    Returns
    -------
    numpy.ndarray, shape (3,)
    """
    inclination = np.arctan(2 * np.tan(np.radians(latitude)))
    return direction(np.degrees(inclination), declination)


def direction(inclination, declination):
    """Give the unit vector (east, north, down) of an inclination and a declination in degrees."""
    i, d = np.radians([inclination, declination])
    return np.array([np.cos(i) * np.sin(d), np.cos(i) * np.cos(d), np.sin(i)])


def _wavenumbers(shape, spacing_km):
    """East and north wavenumbers and their length (radians per km) of a real transform."""
    north = 2 * np.pi * np.fft.fftfreq(shape[0], spacing_km)[:, None]
    east = 2 * np.pi * np.fft.rfftfreq(shape[1], spacing_km)[None, :]
    return east, north, np.hypot(east, north)
