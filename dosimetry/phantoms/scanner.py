"""A simple scanner: what SPECT and CT of known shapes look like, with blur and noise."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.anatomy import AIR_HU, SOURCE_REGIONS, TISSUES, RegionKind, SourceRegion
from dosimetry.phantoms.shapes import coverage, inside
from dosimetry.volume import Grid, RigidTransform, Volume

FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
CT_NOISE_HU = 12.0
CT_SMOOTHING_VOXELS = 0.6


def centred_grid(*, shape_zyx: tuple[int, int, int], spacing_xyz_mm: tuple[float, float, float]) -> Grid:
    """Return an axis-aligned grid whose middle is the origin."""
    n_z, n_y, n_x = shape_zyx
    x, y, z = (-0.5 * (n - 1) * step for n, step in zip((n_x, n_y, n_z), spacing_xyz_mm, strict=True))
    return Grid(shape_zyx=shape_zyx, spacing_xyz_mm=spacing_xyz_mm, origin_lps_mm=(x, y, z))


def region_coverage(
    *, grid: Grid, pose: RigidTransform, regions: tuple[SourceRegion, ...] = SOURCE_REGIONS
) -> dict[str, NDArray[np.float32]]:
    """Return the fraction of each voxel in each source region, without the regions inside it.

    Parameters
    ----------
    grid : Grid
        Voxels of the scan.
    pose : RigidTransform
        Maps anatomy coordinates to the frame of the scan.
    regions : tuple of SourceRegion
        Regions; each is cut out of the one that its ``inside_of`` names, if that is among them.
    """
    whole = {region.name: coverage(region.shape, grid=grid, pose=pose) for region in regions}
    fractions = {name: values.copy() for name, values in whole.items()}
    for region in regions:
        if region.inside_of in fractions:
            fractions[region.inside_of] -= whole[region.name]
    for values in fractions.values():
        np.clip(values, 0.0, 1.0, out=values)
    return fractions


def activity_volume(
    *,
    fractions: Mapping[str, NDArray[np.float32]],
    concentrations_bq_per_ml: Mapping[str, float],
    grid: Grid,
    resolution_fwhm_mm: float,
    frame_of_reference_uid: str = "",
) -> Volume:
    """Return the activity concentration in Bq/mL that a noise-free scanner of known resolution shows.

    Parameters
    ----------
    fractions : mapping of name to (n_z, n_y, n_x) array
        Share of each voxel in each region.
    concentrations_bq_per_ml : mapping of name to float
        Activity concentration of each region, Bq/mL.
    grid : Grid
        Voxels of the scan.
    resolution_fwhm_mm : float
        Full width at half maximum of the Gaussian blur, mm; 0 for none.

    Returns
    -------
    Volume
        Bq/mL. The total activity is kept, as long as the blur stays inside the grid.
    """
    if not np.isfinite(resolution_fwhm_mm) or resolution_fwhm_mm < 0.0:
        raise InvalidInputError(f"The resolution must be 0 mm or more; got {resolution_fwhm_mm} mm.")
    values = np.zeros(grid.shape_zyx, dtype=np.float32)
    for name, share in fractions.items():
        values += share * np.float32(concentrations_bq_per_ml[name])
    if resolution_fwhm_mm > 0.0:
        sigma = [resolution_fwhm_mm / FWHM_PER_SIGMA / step for step in reversed(grid.spacing_xyz_mm)]
        values = ndimage.gaussian_filter(values, sigma, mode="constant", truncate=4.0)
    return Volume(values=values, grid=grid, unit="Bq/mL", frame_of_reference_uid=frame_of_reference_uid)


def add_counting_noise(
    volume: Volume, *, counts_per_bq_per_ml: float, generator: np.random.Generator | None
) -> NDArray[np.float32]:
    """Return counts in each voxel: Poisson with the expected mean, or the mean itself without a generator.

    Reconstructed images have other noise (correlated, lower); Poisson counts have its size and grow with activity.
    """
    expected = np.maximum(volume.values, 0.0) * np.float32(counts_per_bq_per_ml)
    if generator is None:
        return np.asarray(expected, dtype=np.float32)
    return np.asarray(generator.poisson(expected), dtype=np.float32)


def ct_volume(
    *,
    grid: Grid,
    pose: RigidTransform,
    generator: np.random.Generator | None,
    regions: tuple[SourceRegion, ...] = SOURCE_REGIONS,
    frame_of_reference_uid: str = "",
) -> Volume:
    """Return the CT of the torso in HU (int16), slightly blurred, with Gaussian noise if a generator is given."""
    values = np.full(grid.shape_zyx, AIR_HU, dtype=np.float32)
    painted = [(tissue.shape, tissue.hounsfield_units) for tissue in TISSUES]
    painted += [(region.shape, region.hounsfield_units) for region in regions if region.kind is not RegionKind.REST]
    for shape, hounsfield_units in painted:
        box, is_inside = inside(shape, grid=grid, pose=pose)
        values[box][is_inside] = hounsfield_units
    values = ndimage.gaussian_filter(values, CT_SMOOTHING_VOXELS, mode="nearest")
    if generator is not None:
        values += np.float32(CT_NOISE_HU) * generator.standard_normal(grid.shape_zyx, dtype=np.float32)
    rounded = np.rint(np.clip(values, -1024.0, 3071.0)).astype(np.int16)
    return Volume(values=rounded, grid=grid, unit="HU", frame_of_reference_uid=frame_of_reference_uid)
