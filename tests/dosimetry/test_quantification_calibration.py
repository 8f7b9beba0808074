"""Calibration factors: validity and refused numbers."""

from datetime import date

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.calibration import CalibrationFactor


def factor(**changes):
    arguments = {
        "calibration_cps_per_bq": 9e-6,
        "standard_uncertainty_cps_per_bq": 2e-7,
        "camera": "CAMERA1",
        "nuclide": "Lu-177",
        "valid_from": date(2024, 1, 1),
        "valid_to": date(2024, 12, 31),
    }
    return CalibrationFactor(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("day", "is_valid"),
    [
        (date(2023, 12, 31), False),
        (date(2024, 1, 1), True),
        (date(2024, 12, 31), True),
        (date(2025, 1, 1), False),
    ],
)
def test_both_days_of_the_validity_are_included(day, is_valid):
    assert factor().is_valid_on(day) is is_valid


def test_an_open_validity_does_not_end():
    assert factor(valid_to=None).is_valid_on(date(2099, 1, 1))
    assert not factor(valid_to=None).is_valid_on(date(2023, 1, 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(({"calibration_cps_per_bq": value}, "above zero") for value in (0.0, -1e-6, np.nan, np.inf)),
        *(({"standard_uncertainty_cps_per_bq": value}, "cannot be below zero") for value in (-1e-9, np.nan, np.inf)),
        ({"valid_to": date(2023, 12, 31)}, "ends before it begins"),
    ],
)
def test_impossible_factors_are_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        factor(**changes)
    assert caught.value.code == "bad_calibration"
