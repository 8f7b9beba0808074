"""Above the hard limit of the site one prescriber is not enough: the prescription waits (clinic.md section 8.3)."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from planning import models
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.selectors.plans import prescription_in_force, prescription_waiting
from planning.selectors.steps import cycle_steps
from planning.services.plans import prescription_countersign, prescription_sign
from tests.factories import DIGEST, PASSWORD

pytestmark = pytest.mark.django_db
HARD_LIMIT_BQ = 9e9
REASON = {"departure_reason": "Tumour burden", "departure_text": "Agreed by the board."}


@pytest.fixture
def ready(worked):
    """Return the case with a hard limit, a saved plan, and two prescribers."""
    worked.plannable()
    models.TherapyTemplate.objects.update(hard_limit_activity_bq=HARD_LIMIT_BQ)
    worked.course.template.refresh_from_db()
    worked.first = worked.clinic.users[Role.PRESCRIBER]
    worked.other = models.User.objects.create_user(username="prescriber2", password=PASSWORD, full_name="Prescriber B")
    models.Membership.objects.create(user=worked.other, site=worked.clinic.site, role=Role.PRESCRIBER)
    worked.saved = worked.plan()
    return worked


def prescribe(ready, value=12.0, actor=None):
    return prescription_sign(
        actor=actor or ready.first,
        plan=ready.saved,
        fields={"value": value, "unit": "GBq", **REASON},
        password=PASSWORD,
        digest=ready.saved.inputs_digest,
    )


def countersign(ready, prescription, *, actor=None, password=PASSWORD, digest=None):
    return prescription_countersign(
        actor=actor or ready.other, prescription=prescription, password=password, digest=digest or prescription.digest
    )


def plan_step(ready) -> tuple[str, str]:
    step = cycle_steps(ready.cycle)[-1]
    return step.state, step.reason


@pytest.mark.parametrize(("value", "is_waiting"), [(7.4, False), (9.0, False), (9.001, True), (12.0, True)])
def test_only_above_the_hard_limit_a_prescription_waits(ready, value, is_waiting):
    prescription = prescribe(ready, value)
    assert prescription.is_waiting is is_waiting
    assert prescription_in_force(ready.course) == (None if is_waiting else prescription)


def test_without_a_hard_limit_one_prescriber_is_enough(ready):
    models.TherapyTemplate.objects.update(hard_limit_activity_bq=None)
    ready.saved = models.Plan.objects.get(pk=ready.saved.pk)
    assert not prescribe(ready).is_waiting


def test_the_second_signature_puts_it_in_force(ready):
    prescription = prescribe(ready)
    assert plan_step(ready) == ("now", "Waits for a second prescriber")
    signed = countersign(ready, prescription)
    assert (signed.second_user, signed.second_printed_name) == (ready.other, "Prescriber B")
    assert signed.second_at is not None
    assert prescription_in_force(ready.course) == signed
    assert prescription_waiting(ready.course) is None
    assert plan_step(ready) == ("done", "Prescribed")


def test_a_waiting_change_leaves_the_prescription_before_it_in_force(ready):
    before = prescribe(ready, 7.4)
    waiting = prescribe(ready)
    assert (prescription_in_force(ready.course), prescription_waiting(ready.course)) == (before, waiting)
    assert plan_step(ready) == ("now", "Waits for a second prescriber")


def test_row_28_who_signed_first_is_refused_as_a_person(ready):
    """Another role does not make another person."""
    prescription = prescribe(ready)
    models.Membership.objects.create(user=ready.first, site=ready.clinic.site, role=Role.PHYSICIAN)
    with pytest.raises(NotAllowedError) as caught:
        countersign(ready, prescription, actor=ready.first)
    assert caught.value.code == "second_person_required"
    assert prescription_in_force(ready.course) is None


@pytest.mark.parametrize("role", [Role.PHYSICIAN, Role.PHYSICIST, Role.SITE_ADMINISTRATOR])
def test_the_second_person_needs_the_right_to_prescribe(ready, role):
    prescription = prescribe(ready)
    with pytest.raises(NotAllowedError):
        countersign(ready, prescription, actor=ready.clinic.users[role])


def test_the_second_person_gives_the_password_and_the_same_digest(ready):
    prescription = prescribe(ready)
    with pytest.raises(NotAllowedError) as refused:
        countersign(ready, prescription, password="wrong")
    assert refused.value.code == "wrong_password"
    for digest in (DIGEST, ready.saved.inputs_digest):
        with pytest.raises(ConflictError) as caught:
            countersign(ready, prescription, digest=digest)
        assert caught.value.code == "other_digest"
    assert prescription_in_force(ready.course) is None


def test_it_is_countersigned_once_and_only_when_it_waits(ready):
    prescription = prescribe(ready)
    countersign(ready, prescription)
    for row in (prescription, prescribe(ready, 7.4)):
        with pytest.raises(InvalidStateError) as caught:
            countersign(ready, row)
        assert caught.value.code == "wrong_state"


def test_a_replaced_prescription_is_not_countersigned(ready):
    replaced = prescribe(ready)
    prescribe(ready, 11.0)
    with pytest.raises(ConflictError) as caught:
        countersign(ready, replaced)
    assert caught.value.code == "newer_prescription"


def test_row_15_what_became_stale_or_unready_is_not_countersigned(ready):
    prescription = prescribe(ready)
    models.LabResult.objects.all().delete()
    with pytest.raises(InvalidStateError) as caught:
        countersign(ready, prescription)
    assert caught.value.code == "not_ready"
    ready.draw(ready.points[0])
    with pytest.raises(InvalidStateError) as caught:
        countersign(ready, prescription)
    assert caught.value.code == "stale"


def test_a_newer_plan_leaves_nothing_to_countersign(ready):
    prescribe(ready)
    ready.plan()
    assert prescription_waiting(ready.course) is None
    assert plan_step(ready) == ("done", "Plan saved")


def test_the_database_refuses_the_first_person_as_second(ready):
    prescription = prescribe(ready)
    rows = models.Prescription.objects.filter(pk=prescription.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(second_user=ready.first, second_at=timezone.now(), second_printed_name="Prescriber A")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(second_user=ready.other)


def test_both_signatures_are_in_the_audit_chain(ready):
    countersign(ready, prescribe(ready))
    records = models.AuditRecord.objects.filter(action__startswith="prescription.").order_by("pk")
    assert [(row.action, row.actor) for row in records] == [
        ("prescription.sign", ready.first),
        ("prescription.countersign", ready.other),
    ]


def test_the_page_says_what_waits_and_who_may_sign_it(ready):
    prescription = prescribe(ready)
    url = f"/api/courses/{ready.course.pk}/plan"
    pages = {user: ready.clinic.client(user).get(url).json() for user in (ready.first, ready.other, ready.physicist)}
    for page in pages.values():
        assert page["prescription"] is None
        assert page["hard_limit_activity"]["value"] == 9.0
        assert page["waiting_prescription"]["digest"] == prescription.digest
    assert [page["waiting_prescription"]["may_countersign"] for page in pages.values()] == [False, True, False]


def test_http_contract_of_a_countersignature(ready):
    prescription = prescribe(ready)
    url = f"/api/prescriptions/{prescription.pk}/countersign"
    body = {"password": PASSWORD, "digest": prescription.digest}
    clinic = ready.clinic
    assert clinic.client(clinic.foreigner).post(url, body, format="json").status_code == 404
    refused = clinic.client(ready.first).post(url, body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_person_required")
    answer = clinic.client(ready.other).post(url, body, format="json")
    assert (answer.status_code, answer.json()["is_waiting"]) == (200, False)
    assert answer.json()["second_printed_name"] == "Prescriber B"
    page = clinic.client(ready.first).get(f"/api/courses/{ready.course.pk}/plan").json()
    assert (page["prescription"]["activity"]["value"], page["waiting_prescription"]) == (12.0, None)


def test_the_hard_limit_of_a_template_is_entered_and_shown(ready):
    client = ready.clinic.client(ready.physicist)
    url = f"/api/sites/{ready.clinic.site.pk}/templates"
    body = {"name": "New", "nuclide": "Lu-177", "agent": "DOTATATE", "n_cycles": 4, "interval_days": 56}
    body["scan_times_h"] = [24.0]
    saved = client.post(url, {**body, "hard_limit_activity_bq": 9.25e9}, format="json").json()
    assert saved["hard_limit_activity"] == {"value": 9.25, "unit": "GBq", "standard_uncertainty": None}
    assert client.post(url, body, format="json").json()["hard_limit_activity"] is None
    for wrong in (0.0, -9e9):
        answer = client.post(url, {**body, "hard_limit_activity_bq": wrong}, format="json")
        assert (answer.status_code, set(answer.json()["fields"])) == (400, {"hard_limit_activity_bq"})
    with pytest.raises(IntegrityError), transaction.atomic():
        models.TherapyTemplate.objects.update(hard_limit_activity_bq=0.0)
