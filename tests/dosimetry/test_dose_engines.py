"""The one interface to dose engines: result, energy balance, provenance, refusals."""

import numpy as np
import pytest

from dosimetry.dose.engines import ENGINES, run_engine
from dosimetry.dose.local import local_dose
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.provenance import digest_array
from dosimetry.units import KEV_J
from dosimetry.volume import Grid, Volume

I131 = get_nuclide("I-131")
GRID = Grid(shape_zyx=(4, 5, 6), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))


def tia(seed=0):
    values = np.random.default_rng(seed).uniform(0.0, 1e11, GRID.shape_zyx).astype(np.float32)
    return Volume(values=values, grid=GRID, unit="Bq s")


def density(air_slices=0):
    values = np.full(GRID.shape_zyx, 1.04, dtype=np.float32)
    values[:air_slices] = 0.0012
    return Volume(values=values, grid=GRID, unit="g/mL")


@pytest.mark.parametrize("medium", [1.04, density(), density(air_slices=1)], ids=["declared", "map", "with air"])
def test_local_engine_is_local_deposition(medium):
    result = run_engine("local", tia_bq_s=tia(), density_g_per_ml=medium, nuclide=I131)
    dose, masked_j, warnings = local_dose(tia_bq_s=tia(), density_g_per_ml=medium, nuclide=I131)
    assert np.array_equal(result.dose.values, dose.values)
    assert result.dose.unit == "Gy"
    assert result.energy_balance["masked_j"] == masked_j
    assert result.warnings == warnings
    assert result.relative_standard_uncertainty is None


@pytest.mark.parametrize("air_slices", [0, 1, 4])
def test_energy_balance_closes(air_slices):
    medium = density(air_slices)
    result = run_engine("local", tia_bq_s=tia(), density_g_per_ml=medium, nuclide=I131)
    balance = result.energy_balance
    assert balance["emitted_j"] == pytest.approx(
        tia().values.sum(dtype=np.float64) * I131.local_energy_kev * KEV_J, rel=1e-12
    )
    assert balance["deposited_j"] + balance["masked_j"] == pytest.approx(balance["emitted_j"], rel=1e-12)
    from_dose = float((result.dose.values.astype(float) * medium.values).sum()) * GRID.voxel_volume_ml * 1e-3
    # float32 voxels; where everything is air, the difference of two equal energies is left.
    assert from_dose == pytest.approx(balance["deposited_j"], rel=1e-6, abs=1e-9 * balance["emitted_j"])
    # I-131: gamma 381.24 and X 1.52 keV are emitted and not deposited.
    assert balance["photon_energy_not_deposited_kev"] == pytest.approx(382.76, abs=0.02)


def test_provenance_names_data_and_inputs():
    result = run_engine("local", tia_bq_s=tia(), density_g_per_ml=density(), nuclide=I131)
    assert result.provenance == {
        "engine": "local",
        "nuclide": "I-131",
        "nuclide_data": I131.data_version,
        "progeny": [],
        "local_energy_kev": I131.local_energy_kev,
        "tia_digest": digest_array(tia().values),
        "density": digest_array(density().values),
    }
    assert run_engine("local", tia_bq_s=tia(), density_g_per_ml=1.04, nuclide=I131).provenance["density"] == 1.04


def test_same_input_gives_the_same_provenance_and_other_input_another():
    first, again, other = (
        run_engine("local", tia_bq_s=tia(seed), density_g_per_ml=1.04, nuclide=I131).provenance for seed in (0, 0, 1)
    )
    assert first == again
    assert first["tia_digest"] != other["tia_digest"]


def test_progress_ends_at_one():
    seen = []
    run_engine(
        "local",
        tia_bq_s=tia(),
        density_g_per_ml=1.04,
        nuclide=I131,
        progress=lambda fraction, text: seen.append((fraction, text)),
    )
    assert seen[-1] == (1.0, "Local deposition")


def test_input_is_left_as_it_was():
    source, medium = tia(), density(air_slices=1)
    before = source.values.copy(), medium.values.copy()
    run_engine("local", tia_bq_s=source, density_g_per_ml=medium, nuclide=I131)
    assert np.array_equal(source.values, before[0])
    assert np.array_equal(medium.values, before[1])


def test_unknown_engine_names_the_choices():
    with pytest.raises(InvalidInputError, match="'montecarlo'; choose one of") as caught:
        run_engine("montecarlo", tia_bq_s=tia(), density_g_per_ml=1.0, nuclide=I131)
    assert caught.value.code == "invalid_input"
    assert all(name in str(caught.value) for name in ENGINES)


def test_refusals_of_the_engine_come_through():
    other = Grid(shape_zyx=(4, 5, 6), spacing_xyz_mm=(4.0, 4.0, 5.0), origin_lps_mm=(0.0, 0.0, 0.0))
    elsewhere = Volume(values=density().values, grid=other, unit="g/mL")
    with pytest.raises(GeometryMismatchError) as caught:
        run_engine("local", tia_bq_s=tia(), density_g_per_ml=elsewhere, nuclide=I131)
    assert caught.value.code == "geometry_mismatch"
    with pytest.raises(InvalidInputError) as refused:
        run_engine("local", tia_bq_s=tia(), density_g_per_ml=0.0, nuclide=I131)
    assert refused.value.code == "bad_density"
