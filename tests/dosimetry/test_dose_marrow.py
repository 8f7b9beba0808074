"""Red marrow from blood and from images: arithmetic of the guideline, refusals."""

import pytest

from dosimetry.dose.marrow import marrow_dose_from_blood, marrow_dose_from_image, marrow_to_blood_ratio
from dosimetry.errors import InvalidInputError

ORGANS = {"liver": (2.0e13, 3.0e-17), "tumour": (5.0e12, 1.0e-17)}
REST = (4.0e13, 2.0e-17)


def test_ratio_of_the_guideline():
    # Verification numbers, section 8.
    assert marrow_to_blood_ratio(0.47) == pytest.approx(0.358491, abs=5e-7)


@pytest.mark.parametrize("haematocrit", [0.0, 1.0, 45.0, float("nan")])
def test_haematocrit_is_a_fraction(haematocrit):
    with pytest.raises(InvalidInputError) as caught:
        marrow_to_blood_ratio(haematocrit)
    assert caught.value.code == "bad_haematocrit"


def test_blood_method_adds_its_parts():
    dose = marrow_dose_from_blood(
        blood_tia_bq_s_per_g=1.0e8,
        ratio=1.0,
        marrow_mass_g=1120.0,
        s_marrow_gy_per_bq_s=2.0e-14,
        organs=ORGANS,
        rest=REST,
    )
    assert dose.method == "blood"
    assert dose.self_gy == pytest.approx(1.0e8 * 1120.0 * 2.0e-14)
    assert dose.organs_gy == pytest.approx({"liver": 6.0e-4, "tumour": 5.0e-5})
    assert dose.rest_gy == pytest.approx(8.0e-4)
    assert dose.total_gy == pytest.approx(dose.self_gy + 6.0e-4 + 5.0e-5 + 8.0e-4)


def test_image_method_carries_vertebrae_to_all_marrow():
    dose = marrow_dose_from_image(
        vertebrae_tia_bq_s=7.0e9, share_of_marrow=0.07, s_marrow_gy_per_bq_s=2.0e-14, organs=ORGANS
    )
    assert dose.method == "image"
    assert dose.self_gy == pytest.approx(1.0e11 * 2.0e-14)
    assert dose.rest_gy == 0.0


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_share_of_marrow_is_a_fraction(share):
    with pytest.raises(InvalidInputError) as caught:
        marrow_dose_from_image(vertebrae_tia_bq_s=1.0, share_of_marrow=share, s_marrow_gy_per_bq_s=1.0, organs={})
    assert caught.value.code == "bad_share"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"marrow_mass_g": 0.0}, "bad_mass"),
        ({"blood_tia_bq_s_per_g": -1.0}, "bad_marrow"),
        ({"ratio": float("nan")}, "bad_marrow"),
        ({"organs": {"liver": (-1.0, 1.0)}}, "bad_marrow"),
        ({"rest": (1.0, float("inf"))}, "bad_marrow"),
    ],
)
def test_refusals(changed, code):
    good = {
        "blood_tia_bq_s_per_g": 1.0, "ratio": 1.0, "marrow_mass_g": 1120.0, "s_marrow_gy_per_bq_s": 1.0, "organs": {},
    }  # fmt: skip
    with pytest.raises(InvalidInputError) as caught:
        marrow_dose_from_blood(**{**good, **changed})
    assert caught.value.code == code
