"""Calibration factors: keyed, confirmed by a second person, withdrawn with a reason (row 7)."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError

from planning import models
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.selectors.calibrations import calibration_for
from planning.services.calibrations import calibration_confirm, calibration_create, calibration_withdraw

pytestmark = pytest.mark.django_db
FIELDS = {
    "camera": "camera 1",
    "nuclide": "Lu-177",
    "calibration_cps_per_bq": 1e-5,
    "calibration_standard_uncertainty_cps_per_bq": 1e-7,
    "valid_from": date(2026, 1, 1),
    "valid_to": date(2026, 12, 31),
    "source": "cylinder phantom",
}


def create(clinic, **fields):
    return calibration_create(actor=clinic.users[Role.PHYSICIST], site=clinic.site, fields={**FIELDS, **fields})


def confirmed(clinic, **fields):
    return calibration_confirm(actor=clinic.users[Role.QUALITY_LEAD], factor=create(clinic, **fields))


def series(clinic, *, day=date(2026, 3, 2), **summary) -> models.Series:
    return models.Series(
        site=clinic.site,
        acquisition_start=datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
        summary={"station_name": "camera 1", "nuclide": "Lu-177", **summary},
    )


def test_row_07_the_factor_of_camera_nuclide_and_day_is_found(clinic):
    factor = confirmed(clinic)
    assert calibration_for(series(clinic)) == factor
    by_model = series(clinic, station_name="", manufacturer_model="camera 1")
    assert calibration_for(by_model) == factor


@pytest.mark.parametrize(
    "change",
    [
        {"station_name": "camera 2"},
        {"station_name": ""},
        {"nuclide": "I-131"},
        {"day": date(2025, 12, 31)},
        {"day": date(2027, 1, 1)},
    ],
    ids=str,
)
def test_row_07_any_other_key_finds_no_factor(clinic, change):
    confirmed(clinic)
    assert calibration_for(series(clinic, **change)) is None


def test_row_07_the_first_and_the_last_day_count(clinic):
    factor = confirmed(clinic)
    for day in (date(2026, 1, 1), date(2026, 12, 31)):
        assert calibration_for(series(clinic, day=day)) == factor


def test_row_07_a_series_without_a_date_finds_no_factor(clinic):
    confirmed(clinic)
    assert calibration_for(models.Series(site=clinic.site, summary={"station_name": "camera 1"})) is None


def test_row_07_the_newer_of_two_valid_factors_counts(clinic):
    confirmed(clinic)
    newer = confirmed(clinic, valid_from=date(2026, 2, 1), calibration_cps_per_bq=1.1e-5)
    assert calibration_for(series(clinic)) == newer
    assert calibration_for(series(clinic, day=date(2026, 1, 15))) != newer


def test_row_07_a_factor_of_another_line_is_not_used(clinic):
    high = confirmed(clinic, imaged_kev=208.0)
    low = confirmed(clinic, imaged_kev=113.0, valid_from=date(2026, 2, 1))
    assert calibration_for(series(clinic, imaged_kev=208.37)) == high
    assert calibration_for(series(clinic, imaged_kev=112.95)) == low
    assert calibration_for(series(clinic, imaged_kev=321.0)) is None
    of_every_line = confirmed(clinic, valid_from=date(2026, 1, 15))
    assert calibration_for(series(clinic, imaged_kev=208.37)) == of_every_line


def test_a_factor_in_a_wrong_unit_is_refused(clinic):
    with pytest.raises(InvalidStateError, match="Check the units") as caught:
        create(clinic, calibration_cps_per_bq=1e-5 * 1e3)
    assert caught.value.code == "implausible_calibration"


def test_row_07_an_unconfirmed_or_withdrawn_factor_is_not_used(clinic):
    factor = create(clinic)
    assert calibration_for(series(clinic)) is None
    calibration_confirm(actor=clinic.users[Role.QUALITY_LEAD], factor=factor)
    calibration_withdraw(actor=clinic.users[Role.QUALITY_LEAD], factor=factor, reason="constancy")
    assert calibration_for(series(clinic)) is None


def test_a_factor_of_another_site_is_not_used(clinic):
    factor = confirmed(clinic)
    models.CalibrationFactor.objects.filter(pk=factor.pk).update(site=clinic.other)
    assert calibration_for(series(clinic)) is None


def test_the_author_does_not_confirm(clinic):
    factor = create(clinic)
    models.Membership.objects.create(user=clinic.users[Role.PHYSICIST], site=clinic.site, role=Role.QUALITY_LEAD)
    with pytest.raises(NotAllowedError) as caught:
        calibration_confirm(actor=clinic.users[Role.PHYSICIST], factor=factor)
    assert caught.value.code == "second_person_required"


def test_a_factor_is_decided_once(clinic):
    factor = confirmed(clinic)
    with pytest.raises(InvalidStateError) as caught:
        calibration_confirm(actor=clinic.users[Role.QUALITY_LEAD], factor=factor)
    assert caught.value.code == "already_decided"


def test_withdrawing_needs_a_reason_and_the_quality_lead(clinic):
    factor = confirmed(clinic)
    with pytest.raises(InvalidStateError) as caught:
        calibration_withdraw(actor=clinic.users[Role.QUALITY_LEAD], factor=factor, reason=" ")
    assert caught.value.code == "reason_required"
    with pytest.raises(NotAllowedError):
        calibration_withdraw(actor=clinic.users[Role.PHYSICIST], factor=factor, reason="constancy")
    factor.refresh_from_db()
    assert factor.is_withdrawn is False


def test_what_is_withdrawn_is_not_withdrawn_again(clinic):
    """A second reason would stand beside the first one in the audit as if both had decided."""
    factor = confirmed(clinic)
    calibration_withdraw(actor=clinic.users[Role.QUALITY_LEAD], factor=factor, reason="constancy")
    with pytest.raises(InvalidStateError) as caught:
        calibration_withdraw(actor=clinic.users[Role.QUALITY_LEAD], factor=factor, reason="again")
    assert caught.value.code == "already_decided"


@pytest.mark.parametrize(
    "fields",
    [{"calibration_cps_per_bq": 0.0}, {"calibration_standard_uncertainty_cps_per_bq": -1e-9}, {"source": ""}],
    ids=str,
)
def test_values_out_of_range_are_refused(clinic, fields):
    with pytest.raises(ValidationError):
        create(clinic, **fields)


def test_a_factor_cannot_end_before_it_begins(clinic):
    with pytest.raises(InvalidStateError) as caught:
        create(clinic, valid_to=date(2025, 12, 31))
    assert caught.value.code == "bad_validity"


def test_row_03_the_api_takes_and_shows_cps_per_mbq(clinic):
    client = clinic.client(clinic.users[Role.PHYSICIST])
    body = {
        "camera": "camera 1",
        "nuclide": "Lu-177",
        "calibration_cps_per_mbq": 10.0,
        "calibration_standard_uncertainty_cps_per_mbq": 0.1,
        "valid_from": "2026-01-01",
        "source": "cylinder phantom",
    }
    answer = client.post(f"/api/sites/{clinic.site.pk}/calibrations", body, format="json")
    assert answer.status_code == 201
    shown = answer.json()["calibration"]
    assert shown["unit"] == "cps/MBq"
    assert shown["value"] == pytest.approx(10.0)
    factor = models.CalibrationFactor.objects.get()
    assert factor.calibration_cps_per_bq == pytest.approx(1e-5)
    assert factor.calibration_standard_uncertainty_cps_per_bq == pytest.approx(1e-7)
    foreign = clinic.client(clinic.foreigner)
    assert foreign.post(f"/api/calibrations/{factor.pk}/confirm").status_code == 404
