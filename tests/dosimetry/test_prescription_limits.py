"""Limits and forecasts: what is accepted, what is refused."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.prescription.limits import Limit, LimitQuantity, RegionForecast

LIMIT = {"region": "Kidney left", "quantity": LimitQuantity.BED, "limit_gy": 40.0, "source": "protocol 7"}
FORECAST = {
    "region": "Kidney left",
    "dose_per_activity_gy_per_bq": 0.5e-9,
    "dose_per_activity_cv": 0.2,
    "given_dose_gy": 4.0,
    "given_dose_standard_uncertainty_gy": 0.5,
}


def test_a_limit_keeps_its_values():
    limit = Limit(**LIMIT)
    assert (limit.region, limit.quantity, limit.limit_gy, limit.source) == ("Kidney left", "bed", 40.0, "protocol 7")


@pytest.mark.parametrize("quantity", ["absorbed_dose", "bed", "eqd2"])
def test_quantities_have_stable_names(quantity):
    assert LimitQuantity(quantity) == quantity


def test_there_is_no_other_quantity():
    assert {str(quantity) for quantity in LimitQuantity} == {"absorbed_dose", "bed", "eqd2"}


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_refuses_a_limit_that_bounds_nothing(value):
    with pytest.raises(InvalidInputError, match=f"above zero; got {value} Gy") as caught:
        Limit(**{**LIMIT, "limit_gy": value})
    assert caught.value.code == "bad_limit"


@pytest.mark.parametrize("source", ["", " \n"])
def test_refuses_a_limit_on_nobodys_word(source):
    with pytest.raises(InvalidInputError, match="needs its source") as caught:
        Limit(**{**LIMIT, "source": source})
    assert caught.value.code == "limit_source"


def test_what_is_not_known_of_a_region_is_none():
    forecast = RegionForecast(**FORECAST)
    assert (forecast.given_bed_gy, forecast.g, forecast.alpha_beta_gy) == (None, None, None)


def test_zeros_are_values():
    zeros = dict.fromkeys(["dose_per_activity_cv", "given_dose_gy", "given_dose_standard_uncertainty_gy"], 0.0)
    forecast = RegionForecast(**{**FORECAST, **zeros}, given_bed_gy=0.0, g=0.0, alpha_beta_gy=2.6)
    assert (forecast.given_dose_gy, forecast.given_bed_gy, forecast.g) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("value", [0.0, -1e-9, np.nan, np.inf])
def test_refuses_a_region_without_dose_per_activity(value):
    with pytest.raises(InvalidInputError, match="Kidney left has no dose per activity") as caught:
        RegionForecast(**{**FORECAST, "dose_per_activity_gy_per_bq": value})
    assert caught.value.code == "no_dose_per_activity"


@pytest.mark.parametrize(
    "name", ["dose_per_activity_cv", "given_dose_gy", "given_dose_standard_uncertainty_gy", "given_bed_gy", "g"]
)
@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_refuses_doses_that_are_negative_or_not_finite(name, value):
    with pytest.raises(InvalidInputError, match="cannot be negative") as caught:
        RegionForecast(**{**FORECAST, name: value})
    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("value", [0.0, -2.6, np.nan, np.inf])
def test_refuses_alpha_beta(value):
    with pytest.raises(InvalidInputError, match="alpha/beta must be above zero") as caught:
        RegionForecast(**{**FORECAST, "alpha_beta_gy": value})
    assert caught.value.code == "invalid_input"
