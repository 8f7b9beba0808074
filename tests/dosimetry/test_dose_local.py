"""Local deposition: energy is conserved, mass divides, air gets nothing and says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.dose.local import SMALLEST_DENSITY_G_PER_ML, local_dose
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import KEV_J, MBQ_H_BQ_S
from dosimetry.volume import Grid, Volume

LU177 = get_nuclide("Lu-177")
GRID = Grid(shape_zyx=(3, 4, 5), spacing_xyz_mm=(2.0, 3.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))


def volume(values, unit="Bq s", grid=GRID):
    array = np.broadcast_to(np.asarray(values, dtype=np.float32), grid.shape_zyx).copy()
    return Volume(values=array, grid=grid, unit=unit)


def random_tia(seed=0):
    return volume(np.random.default_rng(seed).uniform(0.0, 1e12, GRID.shape_zyx))


def random_density(seed=1):
    return volume(np.random.default_rng(seed).uniform(0.2, 1.9, GRID.shape_zyx), unit="g/mL")


@pytest.mark.parametrize(
    ("name", "g_gy_per_mbq_h"),
    [("Lu-177", 0.0853196), ("Y-90", 0.538200), ("I-131", 0.110655), ("Tb-161", 0.116792)],
)
def test_dose_of_one_mbq_h_in_a_voxel(name, g_gy_per_mbq_h):
    dose, masked_j, warnings = local_dose(tia_bq_s=volume(MBQ_H_BQ_S), density_g_per_ml=1.04, nuclide=get_nuclide(name))
    # 2 x 3 x 4 mm at 1.04 g/mL; six digits in verification 1, float32 here.
    assert dose.values == pytest.approx(g_gy_per_mbq_h / (0.024 * 1.04), rel=5e-6)
    assert (masked_j, warnings) == (0.0, ())
    assert (dose.unit, dose.values.dtype, dose.grid) == ("Gy", np.float32, GRID)


def test_y90_in_one_kilogram():
    """49.77 Gy kg/GBq: every decay of 1 GBq, in 1 kg of water."""
    y90 = get_nuclide("Y-90")
    grid = Grid(shape_zyx=(1, 1, 1), spacing_xyz_mm=(100.0, 100.0, 100.0), origin_lps_mm=(0.0, 0.0, 0.0))
    decays = 1e9 / y90.decay_constant_per_s
    dose, _, _ = local_dose(tia_bq_s=volume(decays, grid=grid), density_g_per_ml=1.0, nuclide=y90)
    # Five digits in the text.
    assert dose.values.item() == pytest.approx(49.771, rel=2e-5)


def test_alpha_particles_and_recoil_are_local_too():
    ac225 = get_nuclide("Ac-225")
    dose, _, _ = local_dose(tia_bq_s=volume(1e9), density_g_per_ml=1.0, nuclide=ac225)
    energy_kev = ac225.alpha_energy_kev + ac225.alpha_recoil_energy_kev + ac225.electron_energy_kev
    assert ac225.alpha_energy_kev > 0.9 * energy_kev
    assert dose.values == pytest.approx(1e9 * energy_kev * KEV_J / 0.024e-3, rel=1e-6)


@pytest.mark.parametrize("density", [1.04, random_density()], ids=["declared", "map"])
def test_energy_is_conserved(density):
    tia = random_tia()
    dose, masked_j, _ = local_dose(tia_bq_s=tia, density_g_per_ml=density, nuclide=LU177)
    values = density if isinstance(density, float) else density.values
    deposited_j = float((dose.values.astype(float) * values * GRID.voxel_volume_ml * 1e-3).sum())
    emitted_j = float(tia.values.sum(dtype=float)) * LU177.local_energy_kev * KEV_J
    # float32 voxels: 1e-7 each.
    assert deposited_j + masked_j == pytest.approx(emitted_j, rel=1e-6)


def test_a_uniform_map_equals_the_declared_density():
    tia = random_tia()
    declared, _, _ = local_dose(tia_bq_s=tia, density_g_per_ml=1.25, nuclide=LU177)
    mapped, _, _ = local_dose(tia_bq_s=tia, density_g_per_ml=volume(1.25, unit="g/mL"), nuclide=LU177)
    assert mapped.values == pytest.approx(declared.values, rel=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-6, 1e6), st.floats(0.06, 20.0))
def test_linear_in_activity_and_inverse_in_density(scale, density):
    tia = random_tia()
    one, _, _ = local_dose(tia_bq_s=tia, density_g_per_ml=1.0, nuclide=LU177)
    scaled, _, _ = local_dose(
        tia_bq_s=tia.with_values(tia.values * np.float32(scale)), density_g_per_ml=density, nuclide=LU177
    )
    assert scaled.values == pytest.approx(one.values.astype(float) * scale / density, rel=1e-6)


def test_dose_does_not_depend_on_how_a_mass_is_divided():
    """Half the spacing on every axis: an eighth of the decays in an eighth of the mass."""
    fine = Grid(shape_zyx=GRID.shape_zyx, spacing_xyz_mm=(1.0, 1.5, 2.0), origin_lps_mm=(0.0, 0.0, 0.0))
    coarse, _, _ = local_dose(tia_bq_s=volume(8e9), density_g_per_ml=1.04, nuclide=LU177)
    divided, _, _ = local_dose(tia_bq_s=volume(1e9, grid=fine), density_g_per_ml=1.04, nuclide=LU177)
    assert divided.values == pytest.approx(coarse.values, rel=1e-6)


def test_dose_stays_in_its_voxel():
    values = np.zeros(GRID.shape_zyx)
    values[1, 2, 3] = 1e10
    dose, _, _ = local_dose(tia_bq_s=volume(values), density_g_per_ml=random_density(), nuclide=LU177)
    assert np.argwhere(dose.values).tolist() == [[1, 2, 3]]


def test_air_gets_no_dose_and_the_share_is_named():
    density = np.full(GRID.shape_zyx, 1.0)
    density[0] = 0.0012
    values = np.full(GRID.shape_zyx, 1e9)
    dose, masked_j, warnings = local_dose(
        tia_bq_s=volume(values), density_g_per_ml=volume(density, unit="g/mL"), nuclide=LU177
    )
    assert np.all(dose.values[0] == 0.0)
    assert np.all(dose.values[1:] > 0.0)
    # One of three slices.
    assert masked_j == pytest.approx(20 * 1e9 * LU177.local_energy_kev * KEV_J, rel=1e-6)
    assert warnings == ("33.3 % of the decays lie in air (below 0.05 g/mL) and get no dose.",)


def test_the_smallest_density_is_not_air():
    density = volume(SMALLEST_DENSITY_G_PER_ML, unit="g/mL")
    density = density.with_values(np.nextafter(density.values, np.float32(1.0)))
    dose, masked_j, warnings = local_dose(tia_bq_s=volume(1e9), density_g_per_ml=density, nuclide=LU177)
    assert dose.values.min() > 0.0
    assert (masked_j, warnings) == (0.0, ())


def test_air_without_activity_is_not_worth_a_warning():
    density = np.full(GRID.shape_zyx, 1.0)
    density[0] = 0.0012
    values = np.full(GRID.shape_zyx, 1e9)
    values[0] = 0.0
    _, masked_j, warnings = local_dose(
        tia_bq_s=volume(values), density_g_per_ml=volume(density, unit="g/mL"), nuclide=LU177
    )
    assert (masked_j, warnings) == (0.0, ())


def test_no_decays_give_no_dose():
    dose, masked_j, warnings = local_dose(tia_bq_s=volume(0.0), density_g_per_ml=random_density(), nuclide=LU177)
    assert not dose.values.any()
    assert (masked_j, warnings) == (0.0, ())


@pytest.mark.parametrize("density", [1.04, random_density()], ids=["declared", "map"])
def test_dose_is_float32_whatever_comes_in(density):
    tia = random_tia()
    wide = tia.with_values(tia.values.astype(np.float64))
    dose, _, _ = local_dose(tia_bq_s=wide, density_g_per_ml=density, nuclide=LU177)
    assert dose.values.dtype == np.float32


@pytest.mark.parametrize("density", [0.0, -1.0, np.nan, np.inf, 0])
def test_refuses_a_declared_density(density):
    with pytest.raises(InvalidInputError, match=f"got {density} g/mL") as caught:
        local_dose(tia_bq_s=random_tia(), density_g_per_ml=density, nuclide=LU177)
    assert caught.value.code == "bad_density"


@pytest.mark.parametrize(
    ("value", "unit"), [(0.0, "g/mL"), (-0.1, "g/mL"), (np.nan, "g/mL"), (np.inf, "g/mL"), (30.0, "HU")]
)
def test_refuses_a_density_map(value, unit):
    density = random_density().values
    density[2, 1, 0] = value
    with pytest.raises(InvalidInputError, match="map in g/mL above zero") as caught:
        local_dose(tia_bq_s=random_tia(), density_g_per_ml=volume(density, unit=unit), nuclide=LU177)
    assert caught.value.code == "bad_density"


@pytest.mark.parametrize("unit", ["Bq/mL", "Gy"])
def test_refuses_activity_that_is_not_integrated(unit):
    with pytest.raises(InvalidInputError, match=f"in Bq s; got {unit}") as caught:
        local_dose(tia_bq_s=volume(1.0, unit=unit), density_g_per_ml=1.0, nuclide=LU177)
    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_refuses_decays_that_are_negative_or_not_finite(value):
    values = random_tia().values
    values[0, 0, 0] = value
    with pytest.raises(InvalidInputError, match="finite and not negative") as caught:
        local_dose(tia_bq_s=volume(values), density_g_per_ml=1.0, nuclide=LU177)
    assert caught.value.code == "bad_activity"


@pytest.mark.parametrize(
    "change", [{"shape_zyx": (3, 4, 6)}, {"origin_lps_mm": (1.0, 0.0, 0.0)}, {"spacing_xyz_mm": (2.1, 3.0, 4.0)}]
)
def test_refuses_a_density_on_another_grid(change):
    place = {"shape_zyx": (3, 4, 5), "spacing_xyz_mm": (2.0, 3.0, 4.0), "origin_lps_mm": (0.0, 0.0, 0.0), **change}
    with pytest.raises(GeometryMismatchError, match="different grids") as caught:
        local_dose(tia_bq_s=random_tia(), density_g_per_ml=volume(1.0, unit="g/mL", grid=Grid(**place)), nuclide=LU177)
    assert caught.value.code == "geometry_mismatch"
