"""Numbers of a registration: right when it is right, worse when it is worse, findings past the guides."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError
from dosimetry.registration.quality import (
    OVERLAP_GUIDE,
    RESIDUAL_GUIDE_MM,
    assess_registration,
    region_residual_mm,
)
from dosimetry.volume import Grid, RigidTransform, Volume

GRID = Grid(shape_zyx=(30, 32, 34), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
SPOT = np.array([70.0, 60.0, 58.0])


def spots(on=GRID, *, shift=(0.0, 0.0, 0.0)):
    points = on.index_to_lps_mm(np.moveaxis(np.indices(on.shape_zyx), 0, -1).astype(float)) - np.array(shift)
    values = np.zeros(on.shape_zyx)
    for centre, width_mm, activity in ((SPOT, 9.0, 1e5), ((40.0, 80.0, 40.0), 14.0, 3e4)):
        values += activity * np.exp(-0.5 * ((points - np.array(centre)) ** 2).sum(axis=-1) / width_mm**2)
    return Volume(values=values.astype(np.float32), grid=on, unit="Bq/mL")


def shifted(*shift):
    return RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=shift)


def region():
    points = GRID.index_to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1).astype(float))
    return np.linalg.norm(points - SPOT, axis=-1) < 12.0


def assess(transform, *, moving=None, **named):
    return assess_registration(fixed=spots(), moving=moving or spots(), transform=transform, **named)


def test_a_scan_on_itself_is_perfect():
    quality = assess(RigidTransform.identity(), regions={"Spot": region()})
    assert quality.normalised_mutual_information == pytest.approx(2.0, abs=1e-9)
    assert quality.normalised_mutual_information_before == pytest.approx(2.0, abs=1e-9)
    assert quality.correlation == pytest.approx(1.0, abs=1e-6)
    assert quality.overlap_fraction == pytest.approx(1.0)
    # A parabola through three points of a peak that is not quite symmetric: a twentieth of a voxel.
    assert quality.residual_mm["Spot"] == pytest.approx(0.0, abs=0.2)
    assert quality.findings == ()


def test_the_right_transform_scores_better_than_none():
    truth = (8.0, -4.0, 6.0)
    quality = assess(shifted(*truth), moving=spots(shift=truth), regions={"Spot": region()})
    assert quality.normalised_mutual_information > quality.normalised_mutual_information_before + 0.1
    assert quality.correlation > 0.99
    # A tenth of a voxel.
    assert quality.residual_mm["Spot"] < 0.4


@pytest.mark.parametrize("error", [(8.0, 0.0, 0.0), (0.0, 6.0, 0.0), (0.0, 0.0, -10.0), (6.0, 6.0, 6.0)])
def test_the_residual_is_what_is_left(error):
    quality = assess(shifted(*error), regions={"Spot": region()})
    # Half a voxel: the peak of the correlation is interpolated between voxels.
    assert quality.residual_mm["Spot"] == pytest.approx(np.linalg.norm(error), abs=2.0)
    assert [(finding.code, finding.level) for finding in quality.findings] == [("residual", "ask")]
    assert f"guide {RESIDUAL_GUIDE_MM:.0f} mm" in quality.findings[0].message


def test_little_overlap_is_asked_about():
    quality = assess(shifted(0.0, 0.0, 70.0))
    assert quality.overlap_fraction < OVERLAP_GUIDE
    assert [finding.code for finding in quality.findings] == ["small_overlap"]
    assert "signal lies inside the other scan" in quality.findings[0].message


def test_no_common_field_before_is_said():
    far = Grid(shape_zyx=(30, 32, 34), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(500.0, 0.0, 0.0))
    moving = spots(far, shift=(500.0, 0.0, 0.0))
    quality = assess(shifted(500.0, 0.0, 0.0), moving=moving)
    assert quality.normalised_mutual_information_before is None
    assert quality.correlation == pytest.approx(1.0, abs=1e-4)


def test_no_overlap_at_all_is_worst_not_an_error():
    quality = assess(shifted(900.0, 0.0, 0.0), regions={"Spot": region()})
    assert (quality.normalised_mutual_information, quality.correlation, quality.overlap_fraction) == (1.0, 0.0, 0.0)
    assert quality.residual_mm == {}


def test_regions_without_voxels_or_at_the_edge_have_no_residual():
    edge = np.zeros(GRID.shape_zyx, dtype=bool)
    edge[0, 0, 0] = True
    quality = assess(shifted(12.0, 12.0, 12.0), regions={"None": edge & False, "Edge": edge[::-1, ::-1, ::-1]})
    assert quality.residual_mm == {}


def test_a_region_on_another_grid_is_refused():
    with pytest.raises(GeometryMismatchError, match="does not lie on the grid") as caught:
        assess(RigidTransform.identity(), regions={"Spot": region()[1:]})
    assert caught.value.code == "geometry_mismatch"


def test_one_region_of_a_registered_scan():
    aligned = spots(shift=(6.0, 0.0, 0.0))
    # Half a voxel: the peak of the correlation is interpolated between voxels.
    assert region_residual_mm(fixed=spots(), aligned=aligned, mask=region()) == pytest.approx(6.0, abs=2.0)
    assert region_residual_mm(fixed=spots(), aligned=aligned, mask=np.zeros_like(region())) is None
    cut = aligned.values.copy()
    cut[:8] = np.nan
    assert region_residual_mm(fixed=spots(), aligned=aligned.with_values(cut), mask=region()) is None
