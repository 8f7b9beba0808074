"""Voxels of a region follow its accepted curve: exactly when they do, bounded and better than one phase when not."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.models import get_model
from dosimetry.kinetics.voxel_kernels import SMALLEST_WEIGHT_SHARE
from dosimetry.kinetics.voxel_region_fit import fit_region_voxels
from dosimetry.kinetics.voxel_shapes import LARGEST_AMPLIFICATION, voxel_shape
from dosimetry.kinetics.voxelwise import fit_voxels
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

LU177 = get_nuclide("Lu-177")
PHYSICAL = LU177.decay_constant_per_s
LN2 = np.log(2.0)
TIMES_S = np.array([1.0, 4.0, 24.0, 72.0, 168.0]) * HOUR_S


def per_s(half_life_h):
    return LN2 / (half_life_h * HOUR_S)


def log_per_s(half_life_h):
    return float(np.log(per_s(half_life_h)))


REGIONS = {
    "uptake_clearance": (log_per_s(80.0), log_per_s(3.0)),
    "bi_exponential": (log_per_s(120.0), log_per_s(8.0), 0.4),
    "clearance_retention": (log_per_s(12.0), 0.2),
    "blood_mixing_uptake": (log_per_s(80.0), log_per_s(3.0), 0.3),
    "uptake_bi_exponential": (log_per_s(150.0), log_per_s(15.0), log_per_s(0.5), 0.5),
    "physical_decay": (),
    "mono_exponential": (log_per_s(60.0),),
    "tri_exponential": (log_per_s(200.0), log_per_s(20.0), log_per_s(1.0), 1.0, 0.5),
}


def terms_of(model):
    amplitudes, decays = get_model(model).terms(np.array(REGIONS[model]), PHYSICAL)
    return amplitudes * 1e9, decays


def shape_of(model, times_s=TIMES_S):
    amplitudes, decays = terms_of(model)
    return voxel_shape(
        model=model,
        amplitudes_bq=amplitudes,
        decays_per_s=decays,
        times_s=times_s,
        decay_constant_per_s=PHYSICAL,
    )


def curve(amplitudes, decays, times_s=TIMES_S):
    return np.exp(-np.outer(times_s, decays)) @ amplitudes


def tia(amplitudes, decays):
    return float(np.sum(np.asarray(amplitudes) / decays))


def fit(columns, shape, times_s=TIMES_S):
    return fit_region_voxels(np.asarray(columns, dtype=np.float32), times_s=times_s, shape=shape)


@pytest.mark.parametrize("model", REGIONS)
@pytest.mark.parametrize("n_times", [2, 3, 4, 5])
def test_a_voxel_that_follows_its_region_is_exact(model, n_times):
    amplitudes, decays = terms_of(model)
    times_s = TIMES_S[-n_times:]
    shape = shape_of(model, times_s)
    scale = np.array([1e-6, 0.03, 7.0])
    found = fit(curve(amplitudes, decays, times_s)[:, None] * scale, shape, times_s)
    # Voxels are float32 (6e-8); the freedom of the shape amplifies that by at most LARGEST_AMPLIFICATION, and again
    # for the curvature of the cost that golden sections compare.
    assert found.time_integrated_activity_bq_s_per_ml == pytest.approx(tia(amplitudes, decays) * scale, rel=2e-5)


@pytest.mark.parametrize("model", REGIONS)
def test_the_freedom_is_what_the_scans_carry(model):
    for n_times in (2, 3, 4, 5):
        shape = shape_of(model, TIMES_S[-n_times:])
        assert shape.n_parameters <= max(n_times - (shape.second is not None), 1)
        assert shape.n_parameters == 1 or shape.amplification <= LARGEST_AMPLIFICATION


def test_each_model_has_its_freedom():
    assert shape_of("uptake_clearance").freedom == "its own amplitude and speed of clearance"
    assert shape_of("bi_exponential").freedom == "its own mixture of phases and slowest constant"
    assert shape_of("clearance_retention").freedom == "its own mixture of phases"
    assert shape_of("physical_decay").freedom == "its own amplitude"


def test_uptake_with_another_clearance_is_recovered_where_one_phase_is_not():
    half_lives_h = np.array([30.0, 50.0, 90.0, 140.0])
    shape = shape_of("uptake_clearance")
    uptake = shape.first.uptake_decays_per_s[0]
    columns = np.stack([1e4 * (np.exp(-per_s(h) * TIMES_S) - np.exp(-uptake * TIMES_S)) for h in half_lives_h], axis=1)
    truth = 1e4 * (1.0 / per_s(half_lives_h) - 1.0 / uptake)
    found = fit(columns, shape).time_integrated_activity_bq_s_per_ml
    assert found == pytest.approx(truth, rel=2e-5)
    one_phase = fit_voxels(
        images_bq_per_ml=columns.astype(np.float32).reshape(5, 1, 1, 4),
        times_s=TIMES_S,
        voxel_volume_ml=1.0,
        decay_constant_per_s=PHYSICAL,
    ).time_integrated_activity_bq_s.ravel()
    # A single falling phase misses the rise: that is why the region's model counts.
    assert np.all(np.abs(one_phase / truth - 1.0) > 0.02)


def test_another_mixture_and_slow_constant_are_recovered():
    shape = shape_of("bi_exponential")
    fast = shape.second.decays_per_s[0]
    slow = per_s(np.array([40.0, 70.0, 100.0]))
    share = np.array([0.2, 0.5, 0.9])
    columns = np.exp(-TIMES_S[:, None] * slow) * share + np.exp(-TIMES_S[:, None] * fast) * (1.0 - share)
    found = fit(1e4 * columns, shape).time_integrated_activity_bq_s_per_ml
    assert found == pytest.approx(1e4 * (share / slow + (1.0 - share) / fast), rel=5e-5)


def test_the_uncertainty_is_the_scatter():
    """2,000 noisy copies of the region's curve scatter by what the map states."""
    generator = np.random.default_rng(5)
    for model in ("uptake_clearance", "bi_exponential", "clearance_retention"):
        amplitudes, decays = terms_of(model)
        clean = curve(amplitudes, decays)[:, None]
        # The noise model: counts, and a background below a twentieth of the largest scan.
        deviation = 0.005 * np.sqrt(np.maximum(clean, SMALLEST_WEIGHT_SHARE * clean.max()) * clean.max())
        noise = deviation * generator.standard_normal((5, 2000))
        found = fit(clean + noise, shape_of(model))
        values = found.time_integrated_activity_bq_s_per_ml
        assert found.noise.origin == "residuals"
        # The median of 2,000 chi-squared values: 3 %; weights of the measured activity take 1 %.
        assert found.noise.relative_standard_uncertainty == pytest.approx(0.005, rel=0.1)
        stated = float(np.median(found.unit_standard_uncertainty)) * 0.005
        # A standard deviation of 2,000 values is known to 1.6 %; the map is first order.
        assert values.std() == pytest.approx(stated, rel=0.08)
        assert values.mean() == pytest.approx(tia(amplitudes, decays), rel=0.02)


@pytest.mark.parametrize("model", REGIONS)
def test_noise_alone_stays_finite_and_not_negative(model):
    columns = np.random.default_rng(3).normal(0.5, 5.0, (5, 3000))
    found = fit(columns, shape_of(model))
    for values in (found.time_integrated_activity_bq_s_per_ml, found.unit_standard_uncertainty):
        assert np.isfinite(values).all()
        assert values.min() >= 0.0
    # At most the largest value falling with the physical constant from administration, or held back by the whole uptake
    # and the fastest clearance that the bounds allow: far below what an unbounded fit of noise gives.
    assert found.time_integrated_activity_bq_s_per_ml.max() < 100.0 * columns.max() / PHYSICAL


def test_nothing_and_unmeasured_scans():
    shape = shape_of("uptake_clearance")
    amplitudes, decays = terms_of("uptake_clearance")
    full = curve(amplitudes, decays)
    columns = np.stack([np.zeros(5), -full, np.full(5, np.nan), full], axis=1)
    columns[4, 3] = np.nan
    found = fit(columns, shape).time_integrated_activity_bq_s_per_ml
    assert found[:3].tolist() == [0.0, 0.0, 0.0]
    assert found[3] == pytest.approx(tia(amplitudes, decays), rel=2e-5)


def test_terms_of_an_average_are_read_without_its_name():
    mono, bi = terms_of("mono_exponential"), terms_of("bi_exponential")
    amplitudes = np.concatenate([0.3 * mono[0], 0.7 * bi[0]])
    decays = np.concatenate([mono[1], bi[1]])
    shape = voxel_shape(
        model="average", amplitudes_bq=amplitudes, decays_per_s=decays, times_s=TIMES_S, decay_constant_per_s=PHYSICAL
    )
    found = fit(curve(amplitudes, decays)[:, None], shape).time_integrated_activity_bq_s_per_ml
    assert found[0] == pytest.approx(tia(amplitudes, decays), rel=2e-5)


@pytest.mark.parametrize(
    ("amplitudes", "decays"),
    [([], []), ([1.0], [0.0]), ([-1.0], [1e-6]), ([1.0, -2.0], [1e-6, 2e-6]), ([np.nan], [1e-6])],
)
def test_refuses_what_is_no_curve(amplitudes, decays):
    with pytest.raises(InvalidInputError) as caught:
        voxel_shape(
            model="average",
            amplitudes_bq=amplitudes,
            decays_per_s=decays,
            times_s=TIMES_S,
            decay_constant_per_s=PHYSICAL,
        )
    assert caught.value.code == "bad_curve"
