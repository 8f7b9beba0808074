"""Phantoms are found where they were put."""

import numpy as np
import pytest

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.quantification.phantom_finding import cylinder_share, find_cylinder_centre, find_spheres
from dosimetry.quantification.point_spread import PointSpread
from dosimetry.quantification.recovery_spheres import sphere_fraction
from dosimetry.volume import Grid, Volume

GRID = Grid(shape_zyx=(48, 64, 64), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-120.0, -130.0, 30.0))
DIAMETERS_MM = (10.0, 13.0, 17.0, 22.0, 28.0, 37.0)
CENTRES = tuple(
    (57.2 * float(np.cos(angle)), 57.2 * float(np.sin(angle)), 120.0) for angle in np.radians(60.0 * np.arange(6))
)


def body_phantom(*, contrast: float, seed: int) -> Volume:
    """The six spheres of IEC 61675-1 in a cylinder, blurred to 12 mm, with Poisson noise."""
    values = cylinder_share(GRID, centre_lps_mm=(0.0, 0.0, 120.0), diameter_mm=190.0, length_mm=150.0)
    for centre, diameter in zip(CENTRES, DIAMETERS_MM, strict=True):
        values += (contrast - 1.0) * sphere_fraction(GRID, centre_lps_mm=centre, diameter_mm=diameter)
    blurred = PointSpread(spacing_xyz_mm=GRID.spacing_xyz_mm, fwhm_mm=12.0).blur(values)
    counts = np.random.default_rng(seed).poisson(60.0 * np.maximum(blurred, 0.0))
    return Volume(values=counts.astype(np.float32), grid=GRID, unit="counts")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spheres_are_found_and_told_apart_by_their_counts(seed):
    found = find_spheres(body_phantom(contrast=10.0, seed=seed), diameters_mm=DIAMETERS_MM)
    for centre, true in zip(found, CENTRES, strict=True):
        assert np.linalg.norm(np.subtract(centre, true)) < 3.0


def test_the_order_is_that_of_the_diameters_given():
    image = body_phantom(contrast=10.0, seed=1)
    forwards = find_spheres(image, diameters_mm=DIAMETERS_MM)
    backwards = find_spheres(image, diameters_mm=DIAMETERS_MM[::-1])
    assert forwards == backwards[::-1]


def test_a_cylinder_is_found():
    centre = find_cylinder_centre(body_phantom(contrast=1.0, seed=1))
    assert centre == pytest.approx((0.0, 0.0, 120.0), abs=1.5)


def test_the_region_of_a_cylinder_has_its_volume():
    share = cylinder_share(GRID, centre_lps_mm=(3.0, -2.0, 120.0), diameter_mm=100.0, length_mm=80.0)
    assert share.sum() * GRID.voxel_volume_ml == pytest.approx(np.pi * 2.5e3 * 80.0 / 1e3, rel=0.01)


def test_what_is_not_there_is_said():
    empty = Volume(values=np.zeros(GRID.shape_zyx, dtype=np.float32), grid=GRID, unit="counts")
    with pytest.raises(InsufficientDataError, match="no counts"):
        find_cylinder_centre(empty)
    with pytest.raises(InsufficientDataError, match="0 of 2"):
        find_spheres(empty, diameters_mm=(10.0, 20.0))
    with pytest.raises(InvalidInputError, match="diameter"):
        find_spheres(empty, diameters_mm=())


def test_the_spheres_that_were_found_are_named_when_others_were_not():
    values = sphere_fraction(GRID, centre_lps_mm=(8.0, -2.0, 120.0), diameter_mm=30.0).astype(np.float32)
    with pytest.raises(InsufficientDataError, match=r"1 of 2 .* at \(8, -2, 120\) mm .* give the centres"):
        find_spheres(Volume(values=values, grid=GRID, unit="counts"), diameters_mm=(30.0, 10.0))
    with pytest.raises(InvalidInputError, match="outside"):
        cylinder_share(GRID, centre_lps_mm=(900.0, 0.0, 0.0), diameter_mm=10.0, length_mm=10.0)
