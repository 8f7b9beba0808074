"""The hybrid engine: electrons by kernel, photons by Monte Carlo."""

import numpy as np
import pytest

from dosimetry.dose.engines import run_engine
from dosimetry.dose.hybrid import run_hybrid_mc
from dosimetry.errors import CalculationCancelledError, GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_J
from dosimetry.volume import Grid, Volume

SHAPE = (16, 20, 24)
GRID = Grid(shape_zyx=SHAPE, spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
CORE = (slice(5, 11), slice(6, 14), slice(7, 17))
QUICK = {"max_histories": 40_000}
LU177, Y90 = get_nuclide("Lu-177"), get_nuclide("Y-90")


def tia(scale=1e9):
    values = np.zeros(SHAPE, dtype=np.float32)
    values[CORE] = scale
    return Volume(values=values, grid=GRID, unit="Bq s")


def density(values=1.04):
    return Volume(values=np.full(SHAPE, values, dtype=np.float32), grid=GRID, unit="g/mL")


def lung_beside_tissue():
    medium = density()
    medium.values[..., 12:] = 0.3
    return medium


def hybrid(activity=None, medium=None, nuclide=LU177, options=None, **more):
    return run_hybrid_mc(
        tia_bq_s=activity or tia(),
        density_g_per_ml=medium or density(),
        nuclide=nuclide,
        options=QUICK if options is None else options,
        **more,
    )


@pytest.mark.parametrize("nuclide", [LU177, Y90], ids=["Lu-177", "Y-90"])
def test_electron_part_is_that_of_the_kernel_engine(nuclide):
    ours = hybrid(medium=lung_beside_tissue(), nuclide=nuclide)
    kernel = run_engine("kernel", tia_bq_s=tia(), density_g_per_ml=lung_beside_tissue(), nuclide=nuclide)
    electrons = ours.dose.values - ours.photon_dose.values
    expected = kernel.dose.values - kernel.photon_dose.values
    # Two float32 differences of the same transform.
    assert electrons == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(expected.max()))


def test_photon_part_agrees_with_the_kernel_in_uniform_tissue():
    options = {"max_histories": 1_000_000, "target_relative_uncertainty": 1e-4}
    ours = hybrid(medium=density(1.04), options=options)
    kernel = run_engine("kernel", tia_bq_s=tia(), density_g_per_ml=density(1.04), nuclide=LU177)
    inside = float(ours.photon_dose.values[CORE].mean()), float(kernel.photon_dose.values[CORE].mean())
    # The kernel's water goes on beyond the grid (96 x 80 x 64 mm) and scatters back: a few per cent of the core's dose.
    assert 0.90 < inside[0] / inside[1] < 1.0


def test_dose_is_linear_in_activity():
    once, twice = hybrid(), hybrid(activity=tia(2e9))
    # The same histories; single precision.
    assert twice.dose.values == pytest.approx(2.0 * once.dose.values, rel=1e-5)
    assert np.array_equal(once.relative_standard_uncertainty.values, twice.relative_standard_uncertainty.values)


def test_energy_balance():
    result = hybrid(medium=lung_beside_tissue())
    balance = result.energy_balance
    emissions = get_emissions("Lu-177")
    total = float(tia().values.sum(dtype=np.float64))
    emitted_j = total * (emissions.electron_energy_kev + emissions.photon_energy_kev) * KEV_J
    assert balance["emitted_j"] == pytest.approx(emitted_j, rel=1e-9)
    parts = balance["deposited_j"] + balance["masked_j"] + balance["escaped_j"]
    assert parts == pytest.approx(balance["emitted_j"], rel=1e-9)
    mass_kg = lung_beside_tissue().values.astype(float) * GRID.voxel_volume_ml * 1e-3
    assert float((result.dose.values * mass_kg).sum()) == pytest.approx(balance["deposited_j"], rel=1e-5)
    assert 0.0 < balance["escaped_j"] < emissions.photon_energy_kev * total * KEV_J


def test_one_declared_density_is_a_uniform_map():
    declared = run_hybrid_mc(tia_bq_s=tia(), density_g_per_ml=1.04, nuclide=LU177, options=QUICK)
    assert declared.dose.values == pytest.approx(hybrid().dose.values, rel=1e-5, abs=1e-9)
    assert declared.provenance["density"] == 1.04


def test_thin_medium_raises_electron_dose_by_density_and_photon_dose_less():
    options = {"max_histories": 400_000}
    thin, tissue = hybrid(medium=density(0.3), options=options), hybrid(options=options)
    electrons = [(one.dose.values - one.photon_dose.values)[CORE].mean() for one in (thin, tissue)]
    assert electrons[0] / electrons[1] == pytest.approx(1.04 / 0.3, rel=0.01)
    # Dose per photon fluence does not depend on density; only soft X rays, absorbed near their decay, take 1/density.
    ratio = thin.photon_dose.values[CORE].mean() / tissue.photon_dose.values[CORE].mean()
    assert 0.8 < ratio < 1.8


def test_air_has_no_dose_and_the_user_is_told():
    medium = density()
    medium.values[5] = 0.0012
    result = hybrid(medium=medium)
    assert not result.dose.values[5].any()
    assert not result.relative_standard_uncertainty.values[5].any()
    assert result.energy_balance["masked_j"] > 0.0
    assert any("air" in warning for warning in result.warnings)


def test_uncertainty_is_that_of_the_total():
    result = hybrid(options={"max_histories": 4_000_000, "target_relative_uncertainty": 0.01})
    inside = result.relative_standard_uncertainty.values[CORE]
    assert np.sqrt(np.mean(inside**2)) <= 0.01
    assert result.provenance["photon_histories"] < 4_000_000
    assert result.warnings == ()


def test_says_when_the_target_was_not_reached():
    result = hybrid(options={"max_histories": 1_000, "target_relative_uncertainty": 1e-5})
    assert any("uncertainty" in warning for warning in result.warnings)


def test_positrons_are_mentioned():
    result = hybrid(nuclide=get_nuclide("Ga-68"), options={"max_histories": 2_000})
    assert any("annihilation" in warning for warning in result.warnings)


def test_same_seed_same_dose_whatever_happened_before():
    first = hybrid(options={**QUICK, "seed": 5})
    hybrid(options={**QUICK, "seed": 6})
    again = hybrid(options={**QUICK, "seed": 5})
    assert np.array_equal(first.dose.values, again.dose.values)
    assert first.provenance == again.provenance


def test_without_activity_there_is_no_dose():
    result = hybrid(activity=tia(0.0))
    assert not result.dose.values.any()
    assert result.energy_balance["emitted_j"] == 0.0


def test_progress_rises_and_cancellation_stops():
    seen = []
    hybrid(progress=lambda share, _: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    with pytest.raises(CalculationCancelledError):
        hybrid(is_cancelled=lambda: True)


def test_refusals():
    with pytest.raises(InvalidInputError, match="Bq s"):
        hybrid(activity=Volume(values=tia().values, grid=GRID, unit="Bq/mL"))
    other = Grid(shape_zyx=SHAPE, spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(9.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError):
        hybrid(medium=Volume(values=density().values, grid=other, unit="g/mL"))
