"""The decision aid: nothing filled in, reasons for departures, what blocks a prescription (hazards 3, 24-26, 33)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from planning import models
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.courses import ExternalDoseAnswer
from planning.models.sites import Role
from planning.selectors.readiness import prescription_obstacles
from planning.services.administrations import PLAUSIBLE_BQ
from planning.services.plans import LABEL_TOLERANCE, prescription_sign
from tests.factories import DIGEST, PASSWORD
from tests.planning.worked_case import add_limits
from tests.planning.worked_phantom import ADMINISTERED_BQ

pytestmark = pytest.mark.django_db
REASON = {"departure_reason": "renal function", "departure_text": "eGFR fell to 45."}


@pytest.fixture
def ready(worked):
    """Return the case with everything that a prescription needs, and its plan."""
    worked.plannable()
    worked.saved = worked.plan()
    return worked


def prescribe(worked, *, actor=None, password=PASSWORD, digest=None, **fields):
    return prescription_sign(
        actor=actor or worked.clinic.users[Role.PRESCRIBER],
        plan=worked.saved,
        fields={"value": 7.4, "unit": "GBq", **fields},
        password=password,
        digest=digest or worked.saved.inputs_digest,
    )


def refused(worked, **fields) -> str:
    with pytest.raises(InvalidStateError) as caught:
        prescribe(worked, **fields)
    assert not models.Prescription.objects.exists()
    return caught.value.code


def test_a_ready_plan_is_prescribed_and_printed_with_name_and_digest(ready):
    assert prescription_obstacles(ready.saved) == []
    prescription = prescribe(ready)
    assert prescription.activity_bq == 7.4e9
    assert prescription.printed_name == "Prescriber A"
    assert len(prescription.digest) == 64
    assert models.AuditRecord.objects.filter(action="prescription.sign").count() == 1


def test_row_26_the_prescription_field_has_no_default(ready, clinic):
    """Neither the page nor a saved plan holds an activity to prescribe, and an empty entry is refused."""
    page = clinic.client(ready.physicist).get(f"/api/courses/{ready.course.pk}/plan").json()
    assert page["prescription"] is None
    assert ready.saved.planned_activity_bq is None
    assert refused(ready, value=None) == "activity_required"
    assert refused(ready, unit="") == "unit_required"
    url = f"/api/plans/{ready.saved.pk}/prescriptions"
    body = {"activity": {}, "password": PASSWORD, "digest": ready.saved.inputs_digest}
    answer = clinic.client(clinic.users[Role.PRESCRIBER]).post(url, body, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["fields"]["activity"]) == {"value", "unit"}


def test_row_26_label_and_model_estimate_stand_beside_each_other(ready, clinic):
    page = clinic.client(ready.physicist).get(f"/api/courses/{ready.course.pk}/plan").json()
    assert page["label_activity"] == {"value": 7.4, "unit": "GBq", "standard_uncertainty": None}
    assert [row["p"] for row in page["probabilities"]] == [0.95, 0.8, 0.5]
    activities = [row["activity"]["value"] for row in page["probabilities"]]
    # The more certain the limit must be kept, the less activity.
    assert activities == sorted(activities)
    assert page["binding_limit"].startswith("Kidney left")


WRONG_ENTRIES = [
    ({"value": 7.4, "unit": "kBq"}, "unit_required"),
    ({"value": 7.4, "unit": "Ci"}, "unit_required"),
    ({"value": 0.0}, "activity_required"),
    ({"value": -7.4}, "activity_required"),
    ({"value": True}, "activity_required"),
    ({"value": "7.4"}, "activity_required"),
    ({"value": float("nan")}, "activity_required"),
    ({"value": float("inf"), **REASON}, "activity_range"),
    ({"value": 7400.0, "unit": "GBq", **REASON}, "activity_range"),
    ({"value": 0.0074, "unit": "MBq", **REASON}, "activity_range"),
]


def test_row_03_a_wrong_unit_or_number_is_refused(ready):
    found = [(fields, refused(ready, **fields)) for fields, _ in WRONG_ENTRIES]
    assert found == WRONG_ENTRIES


def test_the_plausible_range_is_that_of_administrations():
    assert PLAUSIBLE_BQ == (1e5, 1e11)


def test_row_26_a_departure_from_the_label_needs_reason_and_text(ready):
    for factor in (1.0 - 1.5 * LABEL_TOLERANCE, 1.0 + 1.5 * LABEL_TOLERANCE):
        for given in ({}, {"departure_reason": "renal function"}, {"departure_text": "eGFR fell."}):
            assert refused(ready, value=ADMINISTERED_BQ * factor / 1e9, **given) == "reason_required"


def test_row_26_a_departure_with_its_reason_is_signed(ready):
    prescription = prescribe(ready, value=5000.0, unit="MBq", **REASON)
    assert (prescription.activity_bq, prescription.departure_reason) == (5e9, "renal function")


def test_row_26_a_departure_from_the_proposed_range_needs_a_reason(ready):
    ready.saved.result["proposed_range_bq"] = [1e9, 5e9]
    ready.saved.save()
    assert refused(ready, value=7.4) == "reason_required"
    assert prescribe(ready, value=7.4, **REASON).activity_bq == 7.4e9


def withdraw_result(worked):
    worked.sign("withdrawn", reason="wrong kidney")


def return_to_open(worked):
    worked.cycle.results.update(state="reviewed")


def empty_template(worked):
    models.TherapyTemplate.objects.update(confirmed_at=None, confirmed_by=None)


def unconfirm_limits(worked):
    models.LimitSet.objects.update(confirmed_at=None, confirmed_by=None)


def age_the_labs(worked):
    models.LabResult.objects.update(taken_at=timezone.now() - timedelta(days=15))


def remove_the_labs(worked):
    models.LabResult.objects.all().delete()


def unanswer_external_dose(worked):
    models.Course.objects.update(external_dose_answer=ExternalDoseAnswer.UNANSWERED)


def add_a_cycle_without_dose(worked):
    cycle = models.Cycle.objects.create(course=worked.course, number=2)
    models.Administration.objects.create(
        cycle=cycle, number=1, administered_at=timezone.now(), administered_activity_bq=7e9, source="typed"
    )


OBSTACLES = [
    (withdraw_result, "Results approved"),
    (return_to_open, "Results approved"),
    (empty_template, "Template confirmed"),
    (unconfirm_limits, "Limit set confirmed"),
    (age_the_labs, "Labs recent"),
    (remove_the_labs, "Labs recent"),
    (unanswer_external_dose, "Earlier dose from elsewhere answered"),
    (add_a_cycle_without_dose, "Every administered cycle has a dose"),
]


@pytest.mark.parametrize(("spoil", "text"), OBSTACLES, ids=[row[0].__name__ for row in OBSTACLES])
def test_rows_24_25_what_blocks_a_prescription(ready, spoil, text):
    spoil(ready)
    ready.course.refresh_from_db()
    ready.saved = models.Plan.objects.get(pk=ready.saved.pk)
    assert [item.split(":")[0] for item in prescription_obstacles(ready.saved)] == [text]
    assert refused(ready, **REASON) == "not_ready"


def test_labs_of_exactly_the_limit_age_pass(ready):
    models.LabResult.objects.update(taken_at=timezone.now() - timedelta(days=13, hours=23))
    assert prescription_obstacles(ready.saved) == []


def test_row_15_a_stale_result_is_neither_planned_nor_prescribed(ready):
    ready.draw(ready.points[0])
    assert refused(ready) == "stale"
    with pytest.raises(InvalidStateError) as caught:
        ready.plan()
    assert caught.value.code == "stale"
    assert "Cycle 1" in str(caught.value)


def test_row_29_another_digest_refuses(ready):
    with pytest.raises(ConflictError) as caught:
        prescribe(ready, digest=DIGEST)
    assert caught.value.code == "other_digest"


def test_row_29_an_older_plan_cannot_be_prescribed(ready):
    ready.plan()
    assert refused(ready) == "stale"


def test_prescribed_is_a_signature_of_its_own_role(ready):
    """Who approved has not prescribed: another right, another row, the password again."""
    for role in (Role.PHYSICIAN, Role.PHYSICIST, Role.SITE_ADMINISTRATOR):
        with pytest.raises(NotAllowedError):
            prescribe(ready, actor=ready.clinic.users[role])
    assert not models.Prescription.objects.exists()
    assert not models.Signature.objects.filter(meaning="prescribed").exists()


def test_prescribing_asks_for_the_password_again(ready):
    for password in ("", "wrong"):
        with pytest.raises(NotAllowedError) as caught:
            prescribe(ready, password=password)
        assert caught.value.code == "wrong_password"


def test_a_change_is_a_new_prescription_with_its_predecessor(ready):
    first = prescribe(ready)
    second = prescribe(ready, value=6.9)
    first.refresh_from_db()
    assert (second.number, second.predecessor, first.activity_bq) == (2, first, 7.4e9)


def test_a_plan_needs_a_dose_and_limits(worked):
    with pytest.raises(InvalidStateError) as caught:
        worked.plan()
    assert caught.value.code == "no_limit_set"
    add_limits(worked.clinic)
    with pytest.raises(InvalidStateError) as caught:
        worked.plan()
    assert caught.value.code == "no_dose"


def test_row_24_external_dose_counts_towards_the_limit(ready):
    before = ready.saved.result["predictions"][0]
    models.ExternalDose.objects.create(
        patient=ready.patient, region_name="Kidney", absorbed_dose_gy=5.0, modality="external beam", source="letter"
    )
    after = ready.plan().result["predictions"][0]
    assert after["given_gy"] == pytest.approx(before["given_gy"] + 5.0)
    assert after["predicted_gy"] == pytest.approx(before["predicted_gy"] + 5.0)


def test_row_33_nothing_is_sent_anywhere(ready):
    """A prescription is a row and an audit line; it starts no run and so reaches no node."""
    n_runs = models.Run.objects.count()
    prescribe(ready)
    assert models.Run.objects.count() == n_runs


def test_a_plan_of_another_site_is_not_found(ready, clinic):
    url = f"/api/plans/{ready.saved.pk}/prescriptions"
    body = {
        "activity": {"value": 7.4, "unit": "GBq"},
        "password": PASSWORD,
        "digest": ready.saved.inputs_digest,
    }
    assert clinic.client(clinic.foreigner).post(url, body, format="json").status_code == 404
    answer = clinic.client(clinic.users[Role.PRESCRIBER]).post(url, body, format="json")
    assert answer.status_code == 201
    assert answer.json()["activity"]["value"] == 7.4
