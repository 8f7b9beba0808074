"""Maps of time-integrated activity: method by region, scaled curves with their published error, edges, gaps, noise."""

from dataclasses import replace

import numpy as np
import pytest

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.kinetics.voxel_maps import VoxelOptions, VoxelRegion, map_voxels
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LN2 = np.log(2.0)
PHYSICAL = get_nuclide("Lu-177").decay_constant_per_s
TIMES_S = np.array([4.0, 24.0, 96.0, 168.0]) * HOUR_S
N = 200


def per_s(half_life_h):
    return LN2 / (np.asarray(half_life_h) * HOUR_S)


def mono_images(half_lives_h, initial=1e4):
    """Return a row of voxels, (n_t, 1, 1, n)."""
    decays = per_s(half_lives_h)
    return (initial * np.exp(-np.outer(TIMES_S, decays))).astype(np.float32)[:, None, None, :]


def region(n=N, **change):
    chosen = {
        "name": "Lesion",
        "fraction": np.ones((1, 1, n), np.float32),
        "model": "mono_exponential",
        "amplitudes_bq": (1e6,),
        "decays_per_s": (float(per_s(60.0)),),
        "relative_standard_uncertainty": 0.1,
    }
    return VoxelRegion(**(chosen | change))


def maps(images, regions, **options):
    return map_voxels(
        images_bq_per_ml=images,
        times_s=TIMES_S,
        voxel_volume_ml=2.0,
        decay_constant_per_s=PHYSICAL,
        regions=regions,
        options=VoxelOptions(**options),
    )


def codes(found):
    return {finding.code: finding.level for finding in found.findings}


@pytest.fixture(scope="module")
def two_halves():
    """Half the voxels of a lesion with 30 h, half with 90 h, and its unweighted mono-exponential curve."""
    half_lives_h = np.repeat([30.0, 90.0], N // 2)
    images = mono_images(half_lives_h)
    total = images.astype(float).sum(axis=(1, 2, 3))
    trial = per_s(np.linspace(20.0, 120.0, 20_001))
    e = np.exp(-np.outer(TIMES_S, trial))
    amplitude = (e * total[:, None]).sum(axis=0) / (e * e).sum(axis=0)
    best = int(np.argmin(((total[:, None] - amplitude * e) ** 2).sum(axis=0)))
    curve = region(amplitudes_bq=(float(2.0 * amplitude[best]),), decays_per_s=(float(trial[best]),))
    return images, 2e4 / per_s(half_lives_h), curve


@pytest.mark.reference
@pytest.mark.parametrize(
    ("scan", "fast", "slow", "total"),
    [(0, 80.4, -36.0, -6.9), (1, 45.2, -29.9, -11.1), (2, -33.5, -2.7, -10.4), (3, -69.5, 35.2, 9.0)],
)
def test_a_scaled_curve_errs_as_published(two_halves, scan, fast, slow, total):
    """verification.md, section 6: errors in per cent, stated with one decimal and a tolerance of 0.5."""
    images, truth, curve = two_halves
    found = maps(images, [curve], method="region_scaled", scan=scan)
    error = 100.0 * (found.time_integrated_activity_bq_s.ravel() / truth - 1.0)
    assert error[0] == pytest.approx(fast, abs=0.5)
    assert error[-1] == pytest.approx(slow, abs=0.5)
    summed = 100.0 * (found.time_integrated_activity_bq_s.sum(dtype=float) / truth.sum() - 1.0)
    assert summed == pytest.approx(total, abs=0.5)
    assert codes(found)["region_scaled_chosen"] == "ask"
    message = next(item.message for item in found.findings if item.code == "region_scaled_chosen")
    assert "Lesion" in message
    assert "+80 %" in message
    assert "-36 %" in message


def test_the_voxel_fit_has_none_of_that_error(two_halves):
    images, truth, curve = two_halves
    found = maps(images, [curve])
    # float32 voxels.
    assert found.time_integrated_activity_bq_s.ravel() == pytest.approx(truth, rel=1e-5)
    assert codes(found) == {"voxel_noise": "note"}


@pytest.mark.parametrize(("residual_mm", "is_scaled"), [(None, False), (4.9, False), (5.1, True)])
def test_a_badly_registered_region_takes_its_scaled_curve_and_says_so(two_halves, residual_mm, is_scaled):
    images, truth, curve = two_halves
    found = maps(images, [replace(curve, residual_mm=residual_mm)], scan=1)
    scaled = maps(images, [curve], method="region_scaled", scan=1).time_integrated_activity_bq_s
    expected = scaled.ravel() if is_scaled else truth
    assert found.time_integrated_activity_bq_s.ravel() == pytest.approx(expected, rel=1e-5)
    assert (codes(found).get("region_scaled_registration") == "ask") is is_scaled


def test_the_limit_is_the_users(two_halves):
    images, _, curve = two_halves
    poor = replace(curve, residual_mm=7.0)
    assert "region_scaled_registration" in codes(maps(images, [poor], residual_limit_mm=6.9))
    assert "region_scaled_registration" not in codes(maps(images, [poor], residual_limit_mm=7.1))


def test_other_models_shape_their_voxels_and_leave_the_rest():
    uptake, clearance = per_s(6.0), per_s(60.0)
    curve = np.exp(-clearance * TIMES_S) - np.exp(-uptake * TIMES_S)
    images = mono_images(np.full(N, 50.0))
    images[..., : N // 2] = 1e4 * curve[:, None, None, None]
    inside = np.zeros((1, 1, N), np.float32)
    inside[..., : N // 2] = 1.0
    terms = {"amplitudes_bq": (3.0, -3.0), "decays_per_s": (float(clearance), float(uptake))}
    found = maps(images, [region(fraction=inside, model="uptake_clearance", **terms)])
    tia = found.time_integrated_activity_bq_s.ravel()
    # float32 voxels, the noise of rounding amplified by the free clearance.
    assert tia[: N // 2] == pytest.approx(2e4 * (1.0 / clearance - 1.0 / uptake), rel=5e-5)
    assert tia[N // 2 :] == pytest.approx(2e4 / per_s(50.0), rel=1e-5)
    assert codes(found)["voxels_follow_region"] == "note"


def test_edge_voxels_are_shared_between_regions_and_surroundings():
    images = mono_images(np.full(N, 50.0))
    first, second = np.zeros((2, 1, 1, N), np.float32)
    first[..., 0], second[..., 0], second[..., 1] = 0.25, 0.5, 1.0
    one = region(fraction=first, decays_per_s=(float(per_s(30.0)),))
    two = region(fraction=second, decays_per_s=(float(per_s(90.0)),), name="Organ")
    tia = maps(images, [one, two], method="region_scaled", scan=1).time_integrated_activity_bq_s.ravel()
    value = 2.0 * images[1, 0, 0, 0]
    scaled = [value * np.exp(per_s(h) * TIMES_S[1]) / per_s(h) for h in (30.0, 90.0)]
    base = 2e4 / per_s(50.0)
    # float32 voxels.
    assert tia[0] == pytest.approx(0.25 * scaled[0] + 0.5 * scaled[1] + 0.25 * base, rel=1e-5)
    assert tia[1] == pytest.approx(scaled[1], rel=1e-5)
    assert tia[2] == pytest.approx(base, rel=1e-5)


def test_a_declared_half_life_rests_on_its_own_scan():
    images = mono_images(np.full(N, 50.0))
    declared = region(model="single_time_point", decays_per_s=(float(per_s(70.0)),), scan=3)
    found = maps(images, [declared], method="region_scaled", scan=0)
    expected = 2.0 * images[3].ravel() * np.exp(per_s(70.0) * TIMES_S[3]) / per_s(70.0)
    assert found.time_integrated_activity_bq_s.ravel() == pytest.approx(expected, rel=1e-5)
    assert codes(found)["declared_half_life_mapped"] == "note"
    assert "region_scaled_chosen" not in codes(found)


def test_a_curve_that_rests_on_a_prior_is_not_called_declared():
    images = mono_images(np.full(N, 50.0))
    found = maps(images, [region(model="posterior", decays_per_s=(float(per_s(70.0)),), scan=3)])
    assert codes(found)["prior_mapped"] == "note"
    assert "declared_half_life_mapped" not in codes(found)


def test_voxels_outside_a_scan_rest_on_the_others_or_on_their_region():
    images = mono_images(np.full(N, 50.0))
    images[3, ..., :10] = np.nan
    images[1:, ..., 0] = np.nan
    alone = maps(images, []).time_integrated_activity_bq_s.ravel()
    # One scan is left in the first voxel: it decays with the physical constant.
    assert alone[0] == pytest.approx(2.0 * images[0, 0, 0, 0] * np.exp(PHYSICAL * TIMES_S[0]) / PHYSICAL, rel=1e-5)
    assert alone[1:] == pytest.approx(2e4 / per_s(50.0), rel=1e-5)
    found = maps(images, [region()], scan=1)
    tia = found.time_integrated_activity_bq_s.ravel()
    scaled = 2.0 * images[1, 0, 0, 1] * np.exp(per_s(60.0) * TIMES_S[1]) / per_s(60.0)
    assert tia[1:10] == pytest.approx(scaled, rel=1e-5)
    assert tia[10:] == pytest.approx(2e4 / per_s(50.0), rel=1e-5)
    # The chosen scan does not reach the first voxel either: what its one scan says is all there is.
    assert tia[0] == pytest.approx(alone[0], rel=1e-6)
    assert codes(found)["voxels_outside_scan"] == "note"


def noisy(scans=(0, 1, 2, 3), sigma=0.08, n=4000, half_life_h=60.0):
    generator = np.random.default_rng(21)
    clean = mono_images(np.full(n, half_life_h), initial=10.0 ** generator.uniform(3.5, 4.0, n)).astype(float)
    clean = clean[list(scans)]
    deviation = sigma * np.sqrt(np.maximum(clean, 0.05 * clean[0]) * clean[0])
    return (clean + deviation * generator.standard_normal(clean.shape)).astype(np.float32), clean


@pytest.mark.parametrize("n_scans", [2, 3, 4])
def test_the_noise_of_the_images_is_found_and_stated(n_scans):
    images, _ = noisy(scans=range(n_scans))
    found = map_voxels(
        images_bq_per_ml=images,
        times_s=TIMES_S[:n_scans],
        voxel_volume_ml=2.0,
        decay_constant_per_s=PHYSICAL,
        regions=[],
        options=VoxelOptions(),
    )
    assert found.noise.origin == ("ratios" if n_scans == 2 else "residuals")
    # The median of 4,000 values is known to 2 %; weights by measured activities and a noisy largest scan take some.
    assert found.noise.relative_standard_uncertainty == pytest.approx(0.08, rel=0.08)
    assert codes(found)["voxel_noise"] == "note"


def test_the_map_of_uncertainty_is_the_scatter_of_voxels():
    images, clean = noisy(sigma=0.03)
    found = maps(images, [])
    truth = 2.0 * clean[0].ravel() * np.exp(per_s(60.0) * TIMES_S[0]) / per_s(60.0)
    error = (found.time_integrated_activity_bq_s.ravel() - truth) / found.standard_uncertainty_bq_s.ravel()
    # 4,000 voxels know a standard deviation to 1.1 %, the noise itself is estimated to 3 %, the map is of first order.
    assert error.std() == pytest.approx(1.0, abs=0.08)


def test_scaled_voxels_hold_the_noise_of_their_scan_and_the_regions_curve():
    images = mono_images(np.full(N, 60.0))
    found = maps(images, [region()], method="region_scaled", scan=2, noise=0.05)
    relative = found.standard_uncertainty_bq_s / found.time_integrated_activity_bq_s
    share = images[2] / images[0]
    assert relative.ravel() == pytest.approx(np.hypot(0.05 / np.sqrt(share), 0.1).ravel(), rel=1e-5)


def test_too_few_voxels_leave_the_uncertainty_open():
    found = maps(mono_images([50.0, 60.0]), [region(n=2)])
    assert found.noise is None
    assert np.isnan(found.standard_uncertainty_bq_s).all()
    assert np.all(found.time_integrated_activity_bq_s > 0.0)
    assert codes(found)["voxel_noise_unknown"] == "note"


def test_all_zero_images_hold_nothing():
    found = maps(np.zeros((4, 2, 3, 4), np.float32), [region(fraction=np.ones((2, 3, 4)))])
    assert not found.time_integrated_activity_bq_s.any()
    assert not found.standard_uncertainty_bq_s.any()


@pytest.mark.parametrize(
    ("regions", "options", "error", "code"),
    [
        ([], {"method": "mean"}, InvalidInputError, "invalid_input"),
        ([], {"scan": 4}, InsufficientDataError, "scan_not_mapped"),
        ([region(n=3, scan=5)], {}, InsufficientDataError, "scan_not_mapped"),
        ([region(n=4)], {}, InvalidInputError, "bad_series"),
        ([], {"residual_limit_mm": 0.0}, InvalidInputError, "residual_limit"),
        ([], {"residual_limit_mm": np.nan}, InvalidInputError, "residual_limit"),
        ([], {"noise": -0.1}, InvalidInputError, "bad_series"),
        ([region(n=3, decays_per_s=(1.0,))], {"method": "region_scaled"}, InvalidInputError, "curve_zero_at_scan"),
    ],
)
def test_refuses(regions, options, error, code):
    with pytest.raises(error) as caught:
        maps(mono_images([40.0, 50.0, 60.0]), regions, **options)
    assert caught.value.code == code


def test_refuses_infinite_values_and_times_before_administration():
    images = mono_images([40.0, 50.0, 60.0])
    images[1, 0, 0, 1] = np.inf
    with pytest.raises(InvalidInputError, match="not a finite number"):
        maps(images, [])
    with pytest.raises(InvalidInputError, match="above zero and rising"):
        map_voxels(
            images_bq_per_ml=images,
            times_s=TIMES_S - 5.0 * HOUR_S,
            voxel_volume_ml=2.0,
            decay_constant_per_s=PHYSICAL,
            regions=[],
            options=VoxelOptions(),
        )
