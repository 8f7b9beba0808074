"""Organ level: scaling with mass, S-matrix between contours, rest of body."""

import numpy as np
import pytest

from dosimetry.dose.photon_mc import PhotonSettings
from dosimetry.dose.s_values import SelfSValue, rest_of_body_s, s_matrix
from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_PER_G_GY
from dosimetry.volume import Grid, Volume

LU177 = get_emissions("Lu-177")
GRID = Grid(shape_zyx=(20, 20, 30), spacing_xyz_mm=(5.0, 5.0, 5.0), origin_lps_mm=(0.0, 0.0, 0.0))
SETTINGS = PhotonSettings(seed=4, max_histories=200_000, histories_per_batch=10_000)


def density(value=1.04):
    return Volume(values=np.full(GRID.shape_zyx, value, dtype=np.float32), grid=GRID, unit="g/mL")


def regions():
    left, right = np.zeros(GRID.shape_zyx), np.zeros(GRID.shape_zyx)
    left[6:14, 6:14, 3:9] = 1.0
    right[6:14, 6:14, 18:27] = 1.0
    return {"left": left, "right": right}


@pytest.fixture(scope="module")
def matrix():
    return s_matrix(regions=regions(), density_g_per_ml=density(), emissions=LU177, settings=SETTINGS)


def test_charged_particles_and_photons_scale_apart():
    reference = SelfSValue(charged_gy_per_bq_s=7.0e-14, photon_gy_per_bq_s=4.0e-15, mass_g=310.0)
    patient = reference.for_mass(155.0)
    assert patient.charged_gy_per_bq_s == pytest.approx(14.0e-14)
    assert patient.photon_gy_per_bq_s == pytest.approx(4.0e-15 * 2.0 ** (2.0 / 3.0))
    assert patient.total_gy_per_bq_s == patient.charged_gy_per_bq_s + patient.photon_gy_per_bq_s
    assert patient.for_mass(310.0).total_gy_per_bq_s == pytest.approx(reference.total_gy_per_bq_s, rel=1e-12)


@pytest.mark.parametrize("mass_g", [0.0, -1.0, float("nan")])
def test_mass_not_above_zero_is_refused(mass_g):
    reference = SelfSValue(charged_gy_per_bq_s=1.0, photon_gy_per_bq_s=1.0, mass_g=100.0)
    with pytest.raises(InvalidInputError) as caught:
        reference.for_mass(mass_g)
    assert caught.value.code == "bad_mass"


def test_self_dose_lies_between_electrons_and_all_energy(matrix):
    for i, name in enumerate(matrix.names):
        kev = matrix.value(name, name) * matrix.mass_g[i] / KEV_PER_G_GY
        # 1.7 % of the energy of electrons leaves a block of 30 x 40 x 40 mm at most; photons leave more than half.
        assert 0.98 * LU177.electron_energy_kev < kev < LU177.electron_energy_kev + 0.5 * LU177.photon_energy_kev


def test_masses_are_volume_times_density(matrix):
    assert matrix.mass_g == pytest.approx([8 * 8 * 6 * 0.125 * 1.04, 8 * 8 * 9 * 0.125 * 1.04], rel=1e-6)


def test_cross_dose_is_reciprocal(matrix):
    there, back = matrix.value("left", "right"), matrix.value("right", "left")
    errors = matrix.standard_uncertainty_gy_per_bq_s
    spread = np.hypot(errors[0, 1] / there, errors[1, 0] / back)
    assert spread < 0.05
    # One medium: reciprocal up to statistics.
    assert there / back == pytest.approx(1.0, abs=4.0 * spread)
    assert there < 0.01 * matrix.value("left", "left")


def test_mean_doses_sum_over_sources(matrix):
    doses = matrix.mean_doses_gy({"left": 1.0e12, "right": 2.0e12})
    expected = 1.0e12 * matrix.value("left", "left") + 2.0e12 * matrix.value("left", "right")
    assert doses["left"] == pytest.approx(expected, rel=1e-12)
    assert matrix.mean_doses_gy({"right": 1.0})["left"] == pytest.approx(matrix.value("left", "right"))
    with pytest.raises(InvalidInputError) as caught:
        matrix.mean_doses_gy({"middle": 1.0})
    assert caught.value.code == "unknown_source"


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({}, "empty_region"),
        ({"nowhere": np.zeros(GRID.shape_zyx)}, "empty_region"),
        ({"elsewhere": np.ones((2, 2, 2))}, "bad_region"),
    ],
)
def test_regions_that_cannot_be_used(chosen, code):
    with pytest.raises(InvalidInputError) as caught:
        s_matrix(regions=chosen, density_g_per_ml=density(), emissions=LU177, settings=SETTINGS)
    assert caught.value.code == code


def test_density_of_zero_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        s_matrix(regions=regions(), density_g_per_ml=density(0.0), emissions=LU177, settings=SETTINGS)
    assert caught.value.code == "bad_density"


def test_cancel_and_progress():
    seen = []
    with pytest.raises(CalculationCancelledError):
        s_matrix(
            regions=regions(),
            density_g_per_ml=density(),
            emissions=LU177,
            settings=SETTINGS,
            progress=lambda fraction, text: seen.append((fraction, text)),
            is_cancelled=lambda: len(seen) >= 3,
        )
    assert len(seen) == 3
    assert all(0.0 < fraction <= 0.5 and "left" in text for fraction, text in seen)


def test_rest_of_body():
    # Body 70 kg with S 1, one organ of 2 kg with S 3: (70 - 6) / 68.
    found = rest_of_body_s(
        s_from_body=1.0, body_mass_g=70e3, s_from_organs={"liver": 3.0}, organ_masses_g={"liver": 2e3}
    )
    assert found == pytest.approx(64.0 / 68.0)


@pytest.mark.parametrize(
    ("organs", "masses", "code"),
    [({"liver": 1.0}, {}, "bad_organs"), ({"liver": 1.0}, {"liver": 80e3}, "bad_mass")],
)
def test_rest_of_body_refusals(organs, masses, code):
    with pytest.raises(InvalidInputError) as caught:
        rest_of_body_s(s_from_body=1.0, body_mass_g=70e3, s_from_organs=organs, organ_masses_g=masses)
    assert caught.value.code == code
