"""Linear attenuation of photons in the patient, from density."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.physics.cross_sections import photon_table
from dosimetry.physics.materials import MATERIAL_NAMES, material_index
from dosimetry.volume import Grid, Volume, resample

Float32Array = NDArray[np.float32]
AIR_G_PER_ML = 0.00121
"""Density where the CT sees nothing; the smallest value of the density curve."""
BODY_G_PER_ML = 0.05
"""Above this density a voxel belongs to the body, lungs included."""
COVERAGE_TOLERANCE_MM = 5.0


def mu_per_mm(density_g_per_ml: NDArray[Any], *, energy_kev: float, has_coherent: bool = False) -> Float32Array:
    """Return linear attenuation, 1/mm.

    Parameters
    ----------
    density_g_per_ml : (n_z, n_y, n_x) array
        Density, g/mL, above zero; composition follows from it.
    energy_kev : float
        Photon energy, keV.
    has_coherent : bool
        Whether coherent scattering takes photons away. False for reconstruction: such photons fly almost straight on
        with all their energy, no window tells them from primaries, and attenuation with them would be 1 to 2 % too
        strong at 140 to 208 keV. True for simulation where coherently scattered photons are followed.
    """
    density = np.asarray(density_g_per_ml, dtype=np.float32)
    tables = [photon_table(name) for name in MATERIAL_NAMES]
    left_out = [0.0 if has_coherent else float(table.at(energy_kev, "rayleigh")) for table in tables]
    per_density = [0.1 * (float(table.at(energy_kev)) - out) for table, out in zip(tables, left_out, strict=True)]
    return np.asarray(density * np.array(per_density, dtype=np.float32)[material_index(density)], dtype=np.float32)


def density_on_grid(density: Volume, *, grid: Grid) -> Float32Array:
    """Return the density of a CT on the voxels of an emission image, averaged over each.

    Parameters
    ----------
    density : Volume
        g/mL, in the frame of reference of the emission image.
    grid : Grid
        Voxels of the emission image.

    Returns
    -------
    (n_z, n_y, n_x) float32 array
        g/mL; air beside the CT.

    Raises
    ------
    InvalidInputError
        Not a density.
    GeometryMismatchError
        The CT does not reach over the whole length of the emission image (code ``ct_too_short``).
    """
    if density.unit != "g/mL":
        raise InvalidInputError(f"Attenuation needs a density map; got {density.unit}.", code="not_density")
    low, high = _extent_z_mm(grid)
    ct_low, ct_high = _extent_z_mm(density.grid)
    missing_mm = max(ct_low - low, high - ct_high)
    if missing_mm > COVERAGE_TOLERANCE_MM:
        raise GeometryMismatchError(
            f"The CT ends {missing_mm:.0f} mm before the emission image does along the body; attenuation cannot be "
            "corrected there. Use a CT that covers the scan, or cut the projections to it.",
            code="ct_too_short",
        )
    # A Gaussian of the variance of a voxel averages without the half-voxel shift of a box of even size.
    ratios = np.array(_steps(grid)) / np.array(_steps(density.grid))
    sigmas = np.sqrt(np.maximum(ratios**2 - 1.0, 0.0) / 12.0)
    averaged = ndimage.gaussian_filter(density.values.astype(np.float32), sigmas, mode="nearest")
    return resample(density.with_values(averaged), onto=grid, fill_value=AIR_G_PER_ML).values.astype(np.float32)


def outside_ct(density: Volume, density_g_per_ml: Float32Array, *, grid: Grid) -> NDArray[np.bool_]:
    """Return the voxels beside the field of view of the CT, where its attenuation is that of air for want of a CT.

    The field of view is the ellipse in the slices of the CT; what a CT shows as tissue beyond it counts as seen.

    Parameters
    ----------
    density : Volume
        In g/mL, on the grid of the CT.
    density_g_per_ml : (n_z, n_y, n_x) float32 array
        The same on the grid of the image (``density_on_grid``).
    grid : Grid
        Of the image.
    """
    _, n_y, n_x = grid.shape_zyx
    rows, columns = np.meshgrid(np.arange(n_y, dtype=float), np.arange(n_x, dtype=float), indexing="ij")
    middle = np.full(rows.shape, 0.5 * (grid.shape_zyx[0] - 1.0))
    places = density.grid.lps_mm_to_index(grid.index_to_lps_mm(np.stack([middle, rows, columns], axis=-1)))
    halves = 0.5 * (np.array(density.grid.shape_zyx[1:], dtype=float) - 1.0)
    is_beyond = np.sum(((places[..., 1:] - halves) / (halves + 0.5)) ** 2, axis=-1) > 1.0
    return np.asarray(is_beyond[None] & (density_g_per_ml < BODY_G_PER_ML))


def _steps(grid: Grid) -> tuple[float, ...]:
    """Return the spacing in array order (z, y, x), mm."""
    return grid.spacing_xyz_mm[::-1]


def _extent_z_mm(grid: Grid) -> tuple[float, float]:
    """Return the lowest and highest z of the borders of a grid, mm."""
    n_z, n_y, n_x = grid.shape_zyx
    corners = np.array([[z, y, x] for z in (-0.5, n_z - 0.5) for y in (0, n_y - 1) for x in (0, n_x - 1)])
    z = grid.index_to_lps_mm(corners)[:, 2]
    return float(z.min()), float(z.max())
