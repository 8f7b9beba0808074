"""Contours carried from another scan are laid over the organ that is seen, or left where they are."""

import numpy as np
import pytest
from scipy import ndimage

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.segmentation.settling import FAR_MM, REACH_MM, settled
from dosimetry.volume import Grid, Volume

FINE = Grid(shape_zyx=(60, 50, 54), spacing_xyz_mm=(2.5, 2.5, 3.0), origin_lps_mm=(-60.0, -50.0, -80.0))
WORKING = Grid(shape_zyx=(42, 32, 36), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-66.0, -52.0, -78.0))
HALF_AXES_MM = np.array([18.0, 14.0, 32.0])


def organ(grid, centre_lps_mm):
    """Return a tilted ellipsoid the size of a small kidney."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    away = grid.index_to_lps_mm(index.reshape(-1, 3).astype(float)) - np.array(centre_lps_mm)
    away[:, 0] += 0.2 * away[:, 2]
    return (np.sum((away / HALF_AXES_MM) ** 2, axis=1) < 1.0).reshape(grid.shape_zyx)


def seen(centre_lps_mm, *, highest=1.0):
    values = highest * ndimage.gaussian_filter(organ(WORKING, centre_lps_mm).astype(np.float32), 0.8)
    return Volume(values=values, grid=WORKING, unit="1")


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (3.0, -2.0, 9.0), (-6.0, 5.0, -13.0)])
def test_a_contour_follows_its_organ_to_within_a_millimetre(shift):
    found = settled(organ(FINE, (2.0, 3.0, 4.0)), FINE, chance=seen(np.array([2.0, 3.0, 4.0]) + shift))
    assert found.shift_lps_mm == pytest.approx(shift, abs=1.0)
    assert found.agreement > 0.85
    assert found.is_doubtful == (np.linalg.norm(shift) > FAR_MM)


def test_a_shift_along_turned_axes_is_told_in_the_axes_of_the_patient():
    turned = Grid(
        shape_zyx=WORKING.shape_zyx,
        spacing_xyz_mm=WORKING.spacing_xyz_mm,
        origin_lps_mm=(75.0, 62.0, -78.0),
        direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    )
    values = organ(turned, (8.0, 3.0, 12.0)).astype(np.float32)
    found = settled(organ(FINE, (2.0, 3.0, 4.0)), FINE, chance=Volume(values=values, grid=turned, unit="1"))
    assert found.shift_lps_mm == pytest.approx((6.0, 0.0, 8.0), abs=1.0)


def test_a_contour_stays_where_the_organ_is_not_or_hardly_seen():
    mask = organ(FINE, (2.0, 3.0, 4.0))
    for chance in (seen((2.0, 3.0, 12.0), highest=0.3), seen((2.0, 3.0, 12.0), highest=0.0)):
        found = settled(mask, FINE, chance=chance)
        assert not found.is_moved
        assert found.is_doubtful


def test_another_organ_beyond_the_reach_neither_draws_the_contour_nor_lowers_its_agreement():
    alone = seen((2.0, 3.0, -30.0))
    both = alone.values + seen((2.0, 3.0, -30.0 + 64.0 + REACH_MM + 12.0)).values
    mask = organ(FINE, (2.0, 3.0, -34.0))
    found = settled(mask, FINE, chance=Volume(values=both, grid=WORKING, unit="1"))
    assert found.shift_lps_mm == pytest.approx((0.0, 0.0, 4.0), abs=1.0)
    assert found.agreement == pytest.approx(settled(mask, FINE, chance=alone).agreement, abs=0.02)


def test_a_contour_outside_what_the_network_saw_stays_with_no_agreement():
    far = Grid(shape_zyx=FINE.shape_zyx, spacing_xyz_mm=FINE.spacing_xyz_mm, origin_lps_mm=(900.0, 0.0, 0.0))
    found = settled(organ(far, (960.0, 60.0, 90.0)), far, chance=seen((2.0, 3.0, 4.0)))
    assert (found.is_moved, found.agreement) == (False, 0.0)


def test_an_empty_contour_and_a_foreign_grid_are_refused():
    with pytest.raises(InvalidInputError, match="empty"):
        settled(np.zeros(FINE.shape_zyx, dtype=bool), FINE, chance=seen((0.0, 0.0, 0.0)))
    with pytest.raises(GeometryMismatchError):
        settled(np.ones((2, 2, 2), dtype=bool), FINE, chance=seen((0.0, 0.0, 0.0)))
