"""Dose: what must be there before, units in every number, one column one unit (rows 15, 18, 20, 23)."""

import math

import pytest

from planning import models
from planning.errors import InvalidStateError
from planning.selectors.current import current_calculation
from planning.selectors.doses import calculation_detail
from planning.services.contour_states import contour_state_set
from planning.services.doses import dose_start
from tests.planning.worked_case import add_limits
from tests.planning.worked_phantom import (
    ADMINISTERED_BQ,
    HOUR_S,
    KIDNEY_BQ_PER_ML,
    KIDNEY_HALF_LIFE_H,
    KIDNEY_ML,
    LESION_ML,
)

pytestmark = pytest.mark.django_db
DECLARED_DENSITY = 1.04
LU177_LOCAL_KEV = 147.9
"""Electrons of Lu-177 per decay, ICRP Publication 107: beta 133.3 keV, conversion and Auger electrons 14.6 keV."""
KEV_J, G_KG = 1.602176634e-16, 1e-3


def start(worked, **parameters):
    return dose_start(actor=worked.physicist, cycle=worked.cycle, parameters=parameters)


def row_of(worked, region) -> models.RegionDose:
    return current_calculation(worked.cycle).regions.get(region=region)


def test_dose_needs_curves(worked):
    worked.contoured()
    with pytest.raises(InvalidStateError) as caught:
        start(worked)
    assert caught.value.code == "no_curves"


def test_dose_needs_every_curve_accepted_and_names_the_open_ones(worked):
    worked.contoured()
    worked.fit()
    with pytest.raises(InvalidStateError) as caught:
        start(worked)
    assert caught.value.code == "curves_not_accepted"
    assert "Kidney left" in str(caught.value)
    assert "Lesion 1" in str(caught.value)


def test_row_15_dose_is_not_started_from_stale_curves(worked):
    worked.fitted()
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        start(worked)
    assert caught.value.code == "stale"


def test_dose_by_hand(worked):
    """D = Ã E / m with Ã = A0 T / ln 2, organ minus lesion, mass from the declared density."""
    worked.calculated()
    row = row_of(worked, worked.kidney)
    volume_ml = KIDNEY_ML - LESION_ML
    tia_bq_s = volume_ml * KIDNEY_BQ_PER_ML * KIDNEY_HALF_LIFE_H * HOUR_S / math.log(2.0)
    assert row.time_integrated_activity_bq_s == pytest.approx(tia_bq_s, rel=1e-5)
    gy = tia_bq_s * LU177_LOCAL_KEV * KEV_J / (volume_ml * DECLARED_DENSITY * G_KG)
    # The energy per decay is rounded to four digits here and holds recoil in the product: 0.3 %.
    assert row.absorbed_dose_gy == pytest.approx(gy, rel=3e-3)
    assert row.dose_per_activity_gy_per_bq == pytest.approx(row.absorbed_dose_gy / ADMINISTERED_BQ)


def test_row_18_mass_is_volume_times_density_and_says_so(worked):
    worked.calculated()
    row = row_of(worked, worked.kidney)
    assert row.volume_ml == KIDNEY_ML - LESION_ML
    assert row.mass_g == pytest.approx(row.volume_ml * DECLARED_DENSITY)
    assert "1.04 g/mL" in row.mass_origin
    assert "1.04 g/mL" in current_calculation(worked.cycle).density_origin


def test_row_20_gy_and_gy_per_gbq_are_separate_quantities(worked):
    worked.calculated()
    for row in calculation_detail(worked.cycle)["regions"]:
        assert row["absorbed_dose"]["unit"] == "Gy"
        assert row["dose_per_activity"]["unit"] == "Gy/GBq"
        ratio = row["absorbed_dose"]["value"] / row["dose_per_activity"]["value"]
        assert ratio == pytest.approx(ADMINISTERED_BQ / 1e9)
        assert row["absorbed_dose"]["standard_uncertainty"] > 0.0


def test_row_23_a_small_lesion_hides_d98_and_says_why(worked):
    worked.calculated()
    lesion, kidney = row_of(worked, worked.lesion), row_of(worked, worked.kidney)
    assert lesion.dose_at_volume_gy["98"] is None
    assert lesion.dose_at_volume_gy["50"] is not None
    assert "few_voxels" in {finding["code"] for finding in lesion.findings}
    assert kidney.dose_at_volume_gy["50"] is not None


def test_the_share_of_a_limit_belongs_to_organs_only(worked):
    worked.calculated()
    add_limits(worked.clinic, limit_gy=20.0)
    by_name = {row["region"]["name"]: row for row in calculation_detail(worked.cycle)["regions"]}
    (limit,) = by_name["Kidney left"]["limits"]
    assert limit["share"]["value"] == pytest.approx(100.0 * row_of(worked, worked.kidney).absorbed_dose_gy / 20.0)
    assert limit["share"]["unit"] == "%"
    assert by_name["Lesion 1"]["limits"] == []


def test_an_unregistered_scan_is_left_out_and_asked_about(worked):
    worked.fitted()
    worked.registration(worked.points[1])
    calculation = worked.calculate()
    (finding,) = [item for item in calculation.findings if item["code"] == "not_registered"]
    assert finding["level"] == "ask"
    assert "Time point 3" in finding["message"]
    assert list(calculation.registrations.values_list("time_point__number", flat=True)) == [2]


def test_a_rejected_contour_has_no_dose(worked):
    worked.calculated()
    assert {row.region.name for row in current_calculation(worked.cycle).regions.all()} == {"Kidney left", "Lesion 1"}
    for time_point in worked.points:
        contour_state_set(
            actor=worked.editor, time_point=time_point, base_number=1, region=worked.lesion, state="rejected"
        )
    calculation = worked.recalculate()
    (row,) = calculation.regions.all()
    assert (row.region, row.volume_ml) == (worked.kidney, KIDNEY_ML)


def test_the_api_answers_before_and_after_and_hides_other_sites(worked, clinic):
    url = f"/api/cycles/{worked.cycle.pk}/dose"
    client = clinic.client(worked.physicist)
    assert client.get(url).json()["calculation"] is None
    figure = client.get(f"{url}/figure")
    assert (figure.status_code, figure.json()["code"]) == (409, "no_dose")
    worked.calculated()
    assert client.get(url).json()["calculation"]["number"] == 1
    assert clinic.client(clinic.foreigner).get(url).status_code == 404
    wrong = client.post(f"{url}/start", {"engines": ["magic"]}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")
