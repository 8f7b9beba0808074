"""Organ level: regions and the rest of the image as sources, against the voxel engine on the same uniform activity."""

import numpy as np
import pytest

from dosimetry.dose.engines import run_engine
from dosimetry.dose.organ_level import REST, organ_level_doses
from dosimetry.dose.photon_mc import PhotonSettings
from dosimetry.dose.spheres import SphereModel
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.volume import Grid, Volume

LU177 = get_emissions("Lu-177")
GRID = Grid(shape_zyx=(16, 18, 26), spacing_xyz_mm=(6.0, 6.0, 6.0), origin_lps_mm=(0.0, 0.0, 0.0))
SETTINGS = PhotonSettings(seed=11, max_histories=400_000, histories_per_batch=20_000)
TIA = {"organ": 4.0e12, "lesion": 1.5e12}
REST_BQ_S = 9.0e12


def regions():
    organ, lesion = np.zeros(GRID.shape_zyx), np.zeros(GRID.shape_zyx)
    organ[4:12, 5:13, 3:10] = 1.0
    lesion[6:9, 6:9, 15:18] = 1.0
    return {"organ": organ, "lesion": lesion}


def tia_map(rest_bq_s=REST_BQ_S):
    values = np.zeros(GRID.shape_zyx)
    for name, share in regions().items():
        values += TIA[name] * share / share.sum()
    outside = 1.0 - sum(regions().values())
    values += rest_bq_s * outside / outside.sum()
    return Volume(values=values.astype(np.float32), grid=GRID, unit="Bq s")


def density():
    values = np.full(GRID.shape_zyx, 1.05, dtype=np.float32)
    values[:, :, 20:] = 0.3
    return Volume(values=values, grid=GRID, unit="g/mL")


def calculate(**changes):
    arguments = {
        "regions": regions(),
        "tia_bq_s": TIA,
        "tia_map_bq_s": tia_map(),
        "density_g_per_ml": density(),
        "emissions": LU177,
        "settings": SETTINGS,
    }
    return organ_level_doses(**{**arguments, **changes})


@pytest.fixture(scope="module")
def result():
    return calculate(spheres_for=["lesion"])


def test_agrees_with_the_voxel_engine_where_activity_is_uniform(result):
    options = {"seed": 3, "max_histories": 2_000_000, "target_relative_uncertainty": None}
    voxels = run_engine(
        "hybrid_mc",
        tia_bq_s=tia_map(),
        density_g_per_ml=density(),
        nuclide=get_nuclide("Lu-177"),
        options={key: value for key, value in options.items() if value is not None},
    )
    for name, share in regions().items():
        expected = float((voxels.dose.values * share).sum() / share.sum())
        # Photons are 4 to 20 % of the dose and known to better than 1 % in both.
        assert result.doses[name].total_gy == pytest.approx(expected, rel=0.004)
        assert result.doses[name].statistical_standard_uncertainty_gy < 0.004 * expected


def test_the_rest_of_the_image_is_a_source_as_it_was_measured(result):
    assert result.rest_bq_s == pytest.approx(REST_BQ_S, rel=1e-5)
    assert set(result.doses["organ"].cross_gy) == {"lesion", REST}
    alone = calculate(tia_bq_s={"organ": 0.0, "lesion": 0.0})
    for name in TIA:
        assert alone.doses[name].self_gy == 0.0
        assert alone.doses[name].total_gy == pytest.approx(result.doses[name].cross_gy[REST], rel=1e-9)


def test_a_map_without_a_rest_has_no_such_source():
    bare = calculate(tia_map_bq_s=tia_map(0.0))
    assert bare.rest_bq_s == 0.0
    assert set(bare.doses["lesion"].cross_gy) == {"organ"}


def test_dose_is_linear_in_each_activity(result):
    twice = calculate(tia_bq_s={"organ": 2.0 * TIA["organ"], "lesion": TIA["lesion"]})
    assert twice.doses["organ"].self_gy == pytest.approx(2.0 * result.doses["organ"].self_gy)
    assert twice.doses["lesion"].cross_gy["organ"] == pytest.approx(2.0 * result.doses["lesion"].cross_gy["organ"])
    assert twice.doses["lesion"].self_gy == pytest.approx(result.doses["lesion"].self_gy)


def test_the_sphere_stands_beside_a_lesion_only(result):
    lesion = result.doses["lesion"]
    assert result.doses["organ"].sphere_gy is None
    assert lesion.sphere_gy == pytest.approx(SphereModel(LU177).sphere(lesion.mass_g).s_gy_per_bq_s * TIA["lesion"])
    # A cube of 6 g keeps almost as much of its electrons and photons as a sphere.
    assert lesion.sphere_gy == pytest.approx(lesion.self_gy, rel=0.01)


def test_a_declared_density_gives_each_region_its_volume_times_it():
    uniform = calculate(density_g_per_ml=1.1)
    assert uniform.doses["organ"].mass_g == pytest.approx(8 * 8 * 7 * 0.216 * 1.1, rel=1e-5)


def test_alpha_particles_and_progeny_stay_in_their_region():
    emissions = get_emissions("Ac-225", progeny="in_place")
    chain = calculate(emissions=emissions, tia_map_bq_s=tia_map(0.0))
    lesion = chain.doses["lesion"]
    kev = emissions.alpha_energy_kev + emissions.recoil_energy_kev
    local_gy = TIA["lesion"] * kev * 1.602176634e-13 / lesion.mass_g
    assert local_gy < lesion.self_gy < 1.03 * local_gy


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tia_bq_s": {"organ": 1.0}}, "bad_region"),
        ({"tia_bq_s": {**TIA, "spleen": 1.0}}, "bad_region"),
        ({"tia_bq_s": {"organ": -1.0, "lesion": 1.0}}, "bad_activity"),
        ({"tia_bq_s": {"organ": float("nan"), "lesion": 1.0}}, "bad_activity"),
        ({"density_g_per_ml": 0.0}, "bad_density"),
    ],
)
def test_input_that_cannot_be_used_is_refused(changes, code):
    with pytest.raises(InvalidInputError) as caught:
        calculate(**changes)
    assert caught.value.code == code


def test_a_region_beside_the_grid_of_the_dose_is_named():
    beside = {**regions(), "lesion": np.zeros(GRID.shape_zyx)}
    with pytest.raises(InvalidInputError, match="'lesion' does not overlap the dose grid"):
        calculate(regions=beside)
