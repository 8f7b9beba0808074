"""Recovery coefficients of hot spheres, measured in a reconstructed phantom image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.recovery import RecoveryCurve, fit_recovery
from dosimetry.volume import Grid, Volume

FloatArray = NDArray[np.float64]
N_SUB = 8
"""Points per voxel and axis: the volume of a sphere of two voxels' radius is then right to 0.1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SphereRecovery:
    """Hold what one sphere shows.

    Parameters
    ----------
    volume_ml : float
        From its diameter, mL.
    measured_bq_per_ml, true_bq_per_ml : float
        Mean inside its true outline, and what was filled in.
    recovery_coefficient, standard_uncertainty : float
        Both without the background, if one was given.
    """

    volume_ml: float
    measured_bq_per_ml: float
    true_bq_per_ml: float
    recovery_coefficient: float
    standard_uncertainty: float


def sphere_volume_ml(diameter_mm: float) -> float:
    """Return pi d^3 / 6 in mL."""
    return float(np.pi * diameter_mm**3 / 6.0) / 1e3


def sphere_fraction(grid: Grid, *, centre_lps_mm: tuple[float, float, float], diameter_mm: float) -> FloatArray:
    """Return the share of each voxel that a sphere fills, (z, y, x), from 8^3 points per voxel at its border.

    Raises
    ------
    InvalidInputError
        A diameter not above zero, or a sphere that reaches beyond the image.
    """
    if not 0.0 < diameter_mm < np.inf:
        raise InvalidInputError(f"A sphere's diameter must be above zero; got {diameter_mm} mm.", code="bad_sphere")
    radius_mm = 0.5 * diameter_mm
    centre = grid.lps_mm_to_index(np.asarray(centre_lps_mm))
    spacing_zyx = np.asarray(grid.spacing_xyz_mm)[::-1]
    first = np.floor(centre - radius_mm / spacing_zyx + 0.5).astype(int)
    last = np.ceil(centre + radius_mm / spacing_zyx - 0.5).astype(int)
    if not np.all(np.isfinite(centre)) or np.any(first < 0) or np.any(last >= np.asarray(grid.shape_zyx)):
        raise InvalidInputError(
            f"A sphere of {diameter_mm} mm at {centre_lps_mm} mm reaches beyond the image; centres are LPS in mm.",
            code="bad_sphere",
        )
    steps = (np.arange(N_SUB) + 0.5) / N_SUB - 0.5
    squared = []
    for axis in range(3):
        indices = np.arange(first[axis], last[axis] + 1)[:, None] + steps
        squared.append((((indices - centre[axis]) * spacing_zyx[axis]).ravel()) ** 2)
    z, y, x = squared
    inside = z[:, None, None] + y[None, :, None] + x[None, None, :] <= radius_mm**2
    n_z, n_y, n_x = last - first + 1
    shares = inside.reshape(n_z, N_SUB, n_y, N_SUB, n_x, N_SUB).mean(axis=(1, 3, 5))
    fraction = np.zeros(grid.shape_zyx)
    fraction[first[0] : last[0] + 1, first[1] : last[1] + 1, first[2] : last[2] + 1] = shares
    return fraction


def measure_sphere_recovery(
    image: Volume,
    *,
    centres_lps_mm: Sequence[tuple[float, float, float]],
    diameters_mm: Sequence[float],
    true_bq_per_ml: Sequence[float],
    relative_standard_uncertainties: Sequence[float],
    background_bq_per_ml: float = 0.0,
) -> tuple[SphereRecovery, ...]:
    """Return measured over true concentration of every sphere: RC = (m - b) / (c - b).

    The mean is taken in the sphere's true outline, as patients' regions are drawn on CT; a curve measured so corrects
    only regions drawn so.

    Parameters
    ----------
    image : Volume
        Bq/mL at the time to which the true concentrations refer.
    centres_lps_mm : sequence of (x, y, z)
        Centres in LPS, mm.
    diameters_mm : sequence of float
        Inner diameters, mm.
    true_bq_per_ml : sequence of float
        Concentrations filled in, Bq/mL.
    relative_standard_uncertainties : sequence of float
        Of each recovery, without what all spheres share: noise, filling, volume.
    background_bq_per_ml : float
        Concentration around the spheres, Bq/mL; 0 for cold water.

    Returns
    -------
    tuple of SphereRecovery
        In the order given.

    Raises
    ------
    InvalidInputError
        An image that is not Bq/mL, lists of different lengths, spheres outside the image, or spheres not hotter than
        their background.
    """
    if image.unit != "Bq/mL":
        raise InvalidInputError(f"Recovery needs an image in Bq/mL; this one is in {image.unit}.", code="units")
    n_spheres = len(centres_lps_mm)
    if not n_spheres == len(diameters_mm) == len(true_bq_per_ml) == len(relative_standard_uncertainties):
        raise InvalidInputError(
            "Each sphere needs a centre, a diameter, a true concentration and an uncertainty.", code="bad_sphere"
        )
    if not 0.0 <= background_bq_per_ml < np.inf:
        raise InvalidInputError("The background concentration must be zero or more.", code="bad_sphere")
    results = []
    for centre, diameter_mm, true, relative in zip(
        centres_lps_mm, diameters_mm, true_bq_per_ml, relative_standard_uncertainties, strict=True
    ):
        if not background_bq_per_ml < true < np.inf:
            raise InvalidInputError(
                f"A sphere's concentration must be above its background; got {true} Bq/mL.", code="bad_sphere"
            )
        fraction = sphere_fraction(image.grid, centre_lps_mm=centre, diameter_mm=diameter_mm)
        measured = float(np.sum(image.values * fraction, dtype=np.float64) / fraction.sum())
        coefficient = (measured - background_bq_per_ml) / (true - background_bq_per_ml)
        results.append(
            SphereRecovery(
                volume_ml=sphere_volume_ml(diameter_mm),
                measured_bq_per_ml=measured,
                true_bq_per_ml=true,
                recovery_coefficient=coefficient,
                standard_uncertainty=relative * coefficient,
            )
        )
    return tuple(results)


def fit_recovery_from_spheres(
    image: Volume,
    *,
    centres_lps_mm: Sequence[tuple[float, float, float]],
    diameters_mm: Sequence[float],
    true_bq_per_ml: Sequence[float],
    relative_standard_uncertainties: Sequence[float],
    reconstruction_id: str,
    background_bq_per_ml: float = 0.0,
) -> tuple[RecoveryCurve, tuple[SphereRecovery, ...]]:
    """Measure spheres in a phantom image and fit the recovery curve to them.

    Parameters
    ----------
    image, centres_lps_mm, diameters_mm, true_bq_per_ml, relative_standard_uncertainties, background_bq_per_ml
        As for ``measure_sphere_recovery``.
    reconstruction_id : str
        As for ``fit_recovery``.

    Returns
    -------
    tuple of (RecoveryCurve, tuple of SphereRecovery)
        The curve and what it rests on.

    Raises
    ------
    InvalidInputError, InsufficientDataError, FitError
        As for ``measure_sphere_recovery`` and ``fit_recovery``.
    """
    spheres = measure_sphere_recovery(
        image,
        centres_lps_mm=centres_lps_mm,
        diameters_mm=diameters_mm,
        true_bq_per_ml=true_bq_per_ml,
        relative_standard_uncertainties=relative_standard_uncertainties,
        background_bq_per_ml=background_bq_per_ml,
    )
    curve = fit_recovery(
        [sphere.volume_ml for sphere in spheres],
        [sphere.recovery_coefficient for sphere in spheres],
        [sphere.standard_uncertainty for sphere in spheres],
        reconstruction_id=reconstruction_id,
    )
    return curve, spheres
