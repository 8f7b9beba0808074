"""Laboratory values and doses from elsewhere: dated, sourced, answered (row 24)."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from planning import models
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.courses import ExternalDoseAnswer
from planning.models.sites import Role
from planning.selectors.course_page import course_detail
from planning.services.labs import external_dose_add, external_dose_answer, external_dose_withdraw, lab_add

pytestmark = pytest.mark.django_db
DOSE = {"region_name": "Kidney", "absorbed_dose_gy": 5.0, "modality": "external beam", "source": "letter"}


def add_lab(clinic, case, *, role=Role.PHYSICIAN, **fields):
    values = {"kind": "platelets", "value": 200.0, "unit": "10⁹/L", "taken_at": timezone.now()}
    return lab_add(actor=clinic.users[role], patient=case.patient, fields={**values, **fields})


def add_dose(clinic, case, **fields):
    return external_dose_add(actor=clinic.users[Role.PHYSICIAN], patient=case.patient, fields={**DOSE, **fields})


def answer(clinic, case, value):
    return external_dose_answer(actor=clinic.users[Role.PHYSICIAN], course=case.course, answer=value)


def test_a_value_keeps_its_unit(clinic, case):
    add_lab(clinic, case)
    (shown,) = course_detail(case.course)["labs"]
    assert shown["value"] == {"value": 200.0, "unit": "10⁹/L", "standard_uncertainty": None}


@pytest.mark.parametrize("fields", [{"value": 0.0}, {"value": -1.0}, {"unit": ""}, {"kind": "lactate"}], ids=str)
def test_a_value_needs_a_unit_a_known_kind_and_a_positive_number(clinic, case, fields):
    with pytest.raises(ValidationError):
        add_lab(clinic, case, **fields)


def test_a_sample_from_the_future_is_refused(clinic, case):
    """A wrong year would pass as a recent laboratory value for ever."""
    with pytest.raises(InvalidStateError) as caught:
        add_lab(clinic, case, taken_at=timezone.now() + timedelta(days=365))
    assert caught.value.code == "time_in_future"


@pytest.mark.parametrize(("value", "n_notices"), [(95.0, 0), (160.0, 0), (161.0, 1), (39.0, 1)])
def test_a_creatinine_jump_asks_for_its_unit(clinic, case, value, n_notices):
    now = timezone.now()
    add_lab(clinic, case, kind="creatinine", value=80.0, unit="µmol/L", taken_at=now - timedelta(days=30))
    add_lab(clinic, case, kind="creatinine", value=value, unit="µmol/L", taken_at=now)
    notices = [item for item in course_detail(case.course)["notices"] if item["title"] == "Creatinine jumps"]
    assert len(notices) == n_notices


def test_creatinine_in_two_units_is_not_compared(clinic, case):
    now = timezone.now()
    add_lab(clinic, case, kind="creatinine", value=80.0, unit="µmol/L", taken_at=now - timedelta(days=30))
    add_lab(clinic, case, kind="creatinine", value=0.9, unit="mg/dL", taken_at=now)
    assert not [item for item in course_detail(case.course)["notices"] if item["title"] == "Creatinine jumps"]


def test_row_24_a_listed_dose_answers_and_contradicts_none(clinic, case):
    add_dose(clinic, case)
    case.course.refresh_from_db()
    assert case.course.external_dose_answer == ExternalDoseAnswer.LISTED
    with pytest.raises(InvalidStateError) as caught:
        answer(clinic, case, ExternalDoseAnswer.NONE)
    assert caught.value.code == "external_dose_listed"


def test_row_24_listed_needs_a_listed_dose(clinic, case):
    with pytest.raises(InvalidStateError) as caught:
        answer(clinic, case, ExternalDoseAnswer.LISTED)
    assert caught.value.code == "external_dose_missing"
    assert answer(clinic, case, ExternalDoseAnswer.NONE).external_dose_answer == ExternalDoseAnswer.NONE


def test_row_24_withdrawing_the_last_dose_opens_the_question_again(clinic, case):
    doses = [add_dose(clinic, case), add_dose(clinic, case, region_name="Liver")]
    for dose, wanted in zip(doses, (ExternalDoseAnswer.LISTED, ExternalDoseAnswer.UNANSWERED), strict=True):
        external_dose_withdraw(actor=clinic.users[Role.PHYSICIAN], dose=dose, reason="other patient")
        case.course.refresh_from_db()
        assert case.course.external_dose_answer == wanted
    assert models.ExternalDose.objects.filter(is_withdrawn=True).count() == 2


def test_withdrawing_a_dose_needs_a_reason(clinic, case):
    dose = add_dose(clinic, case)
    with pytest.raises(InvalidStateError) as caught:
        external_dose_withdraw(actor=clinic.users[Role.PHYSICIAN], dose=dose, reason="")
    assert caught.value.code == "reason_required"


@pytest.mark.parametrize("fields", [{"absorbed_dose_gy": -1.0}, {"source": ""}, {"modality": ""}], ids=str)
def test_a_dose_needs_a_source_and_a_value_of_zero_or_more(clinic, case, fields):
    with pytest.raises(ValidationError):
        add_dose(clinic, case, **fields)


def test_who_records(clinic, case):
    with pytest.raises(NotAllowedError):
        add_lab(clinic, case, role=Role.READER)
    url = f"/api/patients/{case.patient.pk}/labs"
    body = {"kind": "platelets", "value": 200.0, "unit": "10⁹/L", "taken_at": "2026-03-01T08:00:00Z"}
    assert clinic.client(clinic.foreigner).post(url, body, format="json").status_code == 404
    wrong = clinic.client(clinic.users[Role.PHYSICIAN]).post(url, {**body, "value": -3}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")
