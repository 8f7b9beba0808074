"""Shapes have the volumes of the formulas, wherever they lie on the grid."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.anatomy import LESIONS, LUNGS, ORGANS, SOURCE_REGIONS, SPINE, RegionKind, source_volume_ml
from dosimetry.phantoms.kinetics import ActivityCurve, ActivityTerm, curve_from_half_lives
from dosimetry.phantoms.scanner import activity_volume, add_counting_noise, centred_grid, region_coverage
from dosimetry.phantoms.shapes import Ellipsoid, EllipticCylinder, coverage, inside
from dosimetry.volume import Grid, RigidTransform

GRID = Grid(shape_zyx=(30, 34, 36), spacing_xyz_mm=(4.0, 3.0, 5.0), origin_lps_mm=(-70.0, -50.0, -72.5))
EGG = Ellipsoid(centre_lps_mm=(1.3, -2.1, 0.4), semi_axes_mm=(31.0, 24.0, 42.0), angles_xyz_deg=(20.0, -35.0, 10.0))
ROLL = EllipticCylinder(centre_lps_mm=(0.0, 3.0, 1.0), semi_axes_xy_mm=(30.0, 21.0), half_length_mm=40.0)
TILT = RigidTransform.from_euler(angles_xyz_rad=(0.05, -0.03, 0.2), shift_lps_mm=(3.1, -2.2, 4.7))


@pytest.mark.parametrize("shape", [EGG, ROLL], ids=["ellipsoid", "cylinder"])
@pytest.mark.parametrize("pose", [RigidTransform.identity(), TILT], ids=["still", "moved"])
def test_the_sum_of_coverage_is_the_volume(shape, pose):
    fractions = coverage(shape, grid=GRID, pose=pose)
    # Flat ends that lie within a layer of points round to a point: 1/4 voxel of 80 mm.
    tolerance = 1e-3 if shape is EGG else 5e-3
    assert fractions.sum(dtype=float) * GRID.voxel_volume_ml == pytest.approx(shape.volume_ml, rel=tolerance)
    assert fractions.min() >= 0.0
    assert fractions.max() == 1.0


def test_the_volume_of_an_ellipsoid_agrees_with_random_points():
    points = np.random.default_rng(5).uniform(-60.0, 60.0, size=(400_000, 3))
    share = np.mean(EGG.level(points) <= 1.0)
    # Standard deviation of the share is 0.5 % of it.
    assert share * 0.12**3 * 1e6 == pytest.approx(EGG.volume_ml, rel=0.02)
    assert EGG.volume_ml == pytest.approx(4.0 / 3.0 * np.pi * 31.0 * 24.0 * 42.0 / 1e3)


@given(x=st.floats(-2.0, 2.0), y=st.floats(-2.0, 2.0), angle=st.floats(-0.5, 0.5), radius=st.floats(12.0, 30.0))
@settings(max_examples=15, deadline=None)
def test_coverage_agrees_with_brute_force(x, y, angle, radius):
    shape = Ellipsoid(centre_lps_mm=(x, y, 0.0), semi_axes_mm=(radius, 15.0, 20.0))
    pose = RigidTransform.from_euler(angles_xyz_rad=(angle, 0.0, -angle), shift_lps_mm=(y, x, 1.0))
    fractions = coverage(shape, grid=GRID, pose=pose)
    box, is_inside = inside(shape, grid=GRID, pose=pose)
    centres = np.zeros(GRID.shape_zyx, dtype=bool)
    centres[box] = is_inside
    # A voxel without any share has its centre outside, a full one inside.
    assert not np.any(centres[fractions == 0.0])
    assert np.all(centres[fractions == 1.0])


def test_a_shape_beside_the_grid_covers_nothing():
    far = Ellipsoid(centre_lps_mm=(500.0, 0.0, 0.0), semi_axes_mm=(5.0, 5.0, 5.0))
    assert coverage(far, grid=GRID, pose=RigidTransform.identity()).sum() == 0.0


def test_shapes_without_size_are_refused():
    with pytest.raises(InvalidInputError, match="above zero"):
        Ellipsoid(centre_lps_mm=(0.0, 0.0, 0.0), semi_axes_mm=(5.0, 0.0, 5.0))


def test_the_regions_of_the_torso_do_not_overlap():
    grid = centred_grid(shape_zyx=(84, 60, 90), spacing_xyz_mm=(4.0, 4.0, 4.0))
    pose = RigidTransform.identity()
    shapes = {region.name: region.shape for region in (*ORGANS, *LESIONS)}
    shapes |= {f"Lung {number}": lung for number, lung in enumerate(LUNGS)}
    shapes |= {"Spine": SPINE, "Body": SOURCE_REGIONS[0].shape}
    masks = {}
    for name, shape in shapes.items():
        masks[name] = np.zeros(grid.shape_zyx, dtype=bool)
        box, is_inside = inside(shape, grid=grid, pose=pose)
        masks[name][box] = is_inside
    holders = {(lesion.name, lesion.inside_of) for lesion in LESIONS} | {("Bone lesion 1", "Spine")}
    for first, second in permutations(set(masks) - {"Body"}, 2):
        overlap = np.sum(masks[first] & masks[second])
        if (first, second) in holders:
            assert overlap == masks[first].sum(), (first, second)
        elif (second, first) not in holders:
            assert overlap <= 0.002 * masks[second].sum(), (first, second)
    for region in (*ORGANS, *LESIONS):
        assert np.all(masks["Body"][masks[region.name]]), region.name


def test_volumes_are_those_of_an_adult():
    volumes = {region.name: source_volume_ml(region) for region in SOURCE_REGIONS}
    assert 1400.0 < volumes["Liver"] < 1800.0
    assert 140.0 < volumes["Spleen"] < 220.0
    assert 130.0 < volumes["Kidney left"] < 170.0
    assert 130.0 < volumes["Kidney right"] < 170.0
    assert all(5.0 < volumes[lesion.name] < 31.0 for lesion in LESIONS)
    assert sum(region.kind is RegionKind.LESION for region in SOURCE_REGIONS) == 4


@pytest.mark.parametrize("resolution_fwhm_mm", [0.0, 6.0, 12.0])
def test_the_scanner_keeps_the_activity(resolution_fwhm_mm):
    grid = centred_grid(shape_zyx=(30, 30, 30), spacing_xyz_mm=(5.0, 4.0, 6.0))
    organs = (ORGANS[2],)
    pose = RigidTransform.from_euler(angles_xyz_rad=(0.0, 0.0, 0.0), shift_lps_mm=(-66.0, -42.0, 54.0))
    fractions = region_coverage(grid=grid, pose=pose, regions=organs)
    volume = activity_volume(
        fractions=fractions,
        concentrations_bq_per_ml={"Kidney left": 2e5},
        grid=grid,
        resolution_fwhm_mm=resolution_fwhm_mm,
    )
    truth = 2e5 * source_volume_ml(organs[0])
    assert volume.values.sum(dtype=float) * grid.voxel_volume_ml == pytest.approx(truth, rel=1e-3)


def test_counting_noise_has_the_size_of_poisson():
    grid = centred_grid(shape_zyx=(20, 20, 20), spacing_xyz_mm=(4.0, 4.0, 4.0))
    flat = activity_volume(
        fractions={"a": np.ones(grid.shape_zyx, dtype=np.float32)},
        concentrations_bq_per_ml={"a": 100.0},
        grid=grid,
        resolution_fwhm_mm=0.0,
    )
    counts = add_counting_noise(flat, counts_per_bq_per_ml=0.9, generator=np.random.default_rng(2))
    # 8000 voxels: the mean has a standard error of 0.12 %, the variance of 1.6 %.
    assert counts.mean() == pytest.approx(90.0, rel=0.005)
    assert counts.var() == pytest.approx(90.0, rel=0.07)
    exact = add_counting_noise(flat, counts_per_bq_per_ml=0.9, generator=None)
    assert np.all(exact == np.float32(90.0))


def test_the_integral_of_a_curve_is_exact():
    curve = curve_from_half_lives(
        administered_activity_bq=7.4e9, fractions=(0.02, -0.015), effective_half_lives_s=(200_000.0, 9_000.0)
    )
    times = np.linspace(0.0, 40.0 * 200_000.0, 2_000_001)
    numerical = np.trapezoid(curve.activity_bq(times), times)
    assert curve.time_integrated_activity_bq_s == pytest.approx(numerical, rel=1e-6)
    assert curve.effective_half_life_s == pytest.approx(200_000.0)
    assert curve.activity_bq(-1.0) == 0.0
    assert curve.scaled(0.5).time_integrated_activity_bq_s == pytest.approx(0.5 * numerical, rel=1e-6)


def test_impossible_curves_are_refused():
    with pytest.raises(InvalidInputError, match="terms"):
        ActivityCurve(terms=())
    with pytest.raises(InvalidInputError, match="below zero"):
        ActivityCurve(terms=(ActivityTerm(activity_bq=-1.0, effective_decay_constant_per_s=1e-5),))
    with pytest.raises(InvalidInputError, match="above zero"):
        curve_from_half_lives(administered_activity_bq=0.0, fractions=(0.1,), effective_half_lives_s=(1.0,))
