"""Signatures: the table of states, two persons, current content only, the password again (hazards 15, 28, 29)."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from planning import models
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.reviews import ResultState, SignatureMeaning
from planning.models.sites import Role
from planning.permissions import TABLE, Action
from planning.selectors.current import current_image, current_result
from planning.selectors.digests import digest_json
from planning.selectors.findings import cycle_findings
from planning.selectors.readiness import prescription_obstacles
from planning.selectors.review_page import review_detail
from planning.services.reviews import FROM_STATE, comment_add, warning_answer
from tests.factories import DIGEST, PASSWORD
from tests.planning.worked_case import add_limits

pytestmark = pytest.mark.django_db
PATHS = {
    ResultState.OPEN: (),
    ResultState.CALCULATED: ("calculated",),
    ResultState.REVIEWED: ("calculated", "reviewed"),
    ResultState.APPROVED: ("calculated", "reviewed", "approved"),
}
PERMITTED = {
    ("open", "calculated"): "calculated",
    ("calculated", "reviewed"): "reviewed",
    ("calculated", "returned"): "superseded",
    ("reviewed", "approved"): "approved",
    ("reviewed", "returned"): "superseded",
    ("approved", "withdrawn"): "withdrawn",
}
"""State before and meaning -> state of the signed version after; every other pair is refused."""


@pytest.mark.parametrize("before", PATHS)
def test_transition_table(worked, before):
    worked.calculated()
    if PATHS[before]:
        worked.signed(*PATHS[before])
    found = {}
    for meaning in SignatureMeaning.values:
        with transaction.atomic():
            try:
                found[meaning] = worked.sign(meaning, reason="a reason").result.state
            except InvalidStateError as error:
                assert error.code == "wrong_state"
            transaction.set_rollback(True)
    assert found == {meaning: after for (state, meaning), after in PERMITTED.items() if state == before}


def test_the_table_of_the_service_is_the_table_of_this_test():
    found = {(state.value, meaning.value) for meaning, states in FROM_STATE.items() for state in states}
    assert found == set(PERMITTED)


def test_a_signature_keeps_name_role_digest_reason_and_versions(worked):
    worked.calculated()
    signature = worked.sign("calculated")
    assert signature.printed_name == worked.physicist.printed_name
    assert signature.role == Role.PHYSICIST
    assert signature.digest == signature.result.digest == digest_json(signature.result.content)
    assert {"theranostics_web", "commit", "numpy"} <= set(signature.versions)
    # What the database gives back has the digest that was signed.
    stored = models.CycleResult.objects.get(pk=signature.result_id)
    assert digest_json(stored.content) == stored.digest


@pytest.mark.parametrize("meaning", ["returned", "withdrawn"])
def test_going_back_needs_a_reason(worked, meaning):
    worked.approved() if meaning == "withdrawn" else worked.signed("calculated")
    with pytest.raises(InvalidStateError) as caught:
        worked.sign(meaning, reason="  ")
    assert caught.value.code == "reason_required"


def test_returned_opens_the_next_version_and_keeps_the_signed_one(worked):
    first = worked.signed("calculated")
    worked.sign("returned", reason="kidney cut too low")
    first.refresh_from_db()
    newest = current_result(worked.cycle)
    assert (first.state, newest.state, newest.number) == ("superseded", "open", 2)
    assert first.content and not newest.content


def test_approving_the_next_version_supersedes_the_one_before(worked):
    worked.approved()
    worked.draw(worked.points[0])
    worked.recalculate()
    for meaning in ("calculated", "reviewed", "approved"):
        worked.sign(meaning)
    assert list(worked.cycle.results.values_list("number", "state")) == [(1, "superseded"), (2, "approved")]


def test_unanswered_warnings_refuse(worked):
    worked.fitted()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    worked.calculate()
    n_open = sum(finding.needs_answer for finding in cycle_findings(worked.cycle))
    assert n_open > 0
    with pytest.raises(InvalidStateError) as caught:
        worked.sign("calculated")
    assert caught.value.code == "warnings_open"
    worked.answer_warnings()
    assert worked.sign("calculated").result.state == ResultState.CALCULATED


def test_an_answer_belongs_to_its_revision(worked):
    """A new calculation raises its warnings anew: the old answer does not count for it."""
    worked.calculated()
    answered = [finding for finding in cycle_findings(worked.cycle) if finding.step == "dose" and finding.answer]
    assert answered
    worked.draw(worked.points[0])
    worked.fit()
    worked.accept_curves()
    worked.calculate()
    assert not [finding for finding in cycle_findings(worked.cycle) if finding.step == "dose" and finding.answer]


def test_a_blocking_finding_cannot_be_answered_or_signed(worked):
    calculation = worked.calculated().cycle.dose_calculations.get()
    finding = {"code": "no_unit", "level": "block", "message": "No unit."}
    models.DoseCalculation.objects.filter(pk=calculation.pk).update(findings=[finding])
    source = {"step": "dose", "source_id": calculation.pk, "code": "no_unit"}
    with pytest.raises(InvalidStateError) as caught:
        warning_answer(actor=worked.physicist, cycle=worked.cycle, source=source, answer="never mind")
    assert caught.value.code == "blocked"
    with pytest.raises(InvalidStateError) as caught:
        worked.sign("calculated")
    assert caught.value.code == "blocked"


def test_a_warning_that_is_gone_cannot_be_answered(worked):
    calculation = worked.calculated().cycle.dose_calculations.get()
    source = {"step": "dose", "source_id": calculation.pk, "code": "never_raised"}
    with pytest.raises(ConflictError) as caught:
        warning_answer(actor=worked.physicist, cycle=worked.cycle, source=source, answer="seen")
    assert caught.value.code == "warning_gone"


def test_nothing_to_sign_without_a_dose(worked):
    worked.fitted()
    with pytest.raises(InvalidStateError) as caught:
        worked.sign("calculated")
    assert caught.value.code == "no_dose"


def test_row_15_a_stale_result_cannot_be_signed(worked):
    worked.calculated()
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        worked.sign("calculated")
    assert caught.value.code == "stale"


def test_row_15_a_change_after_a_signature_opens_the_next_version(worked):
    worked.signed("calculated")
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        worked.sign("reviewed")
    assert caught.value.code == "wrong_state"
    detail = review_detail(worked.cycle, user=worked.clinic.second)
    assert (detail["result"]["number"], detail["result"]["state"], detail["is_stale"]) == (2, "open", True)


def test_row_15_a_stale_approved_result_can_still_be_withdrawn(worked):
    """The inputs changed because the result was wrong: exactly then it must be possible to withdraw it."""
    worked.approved()
    digest = current_result(worked.cycle).digest
    worked.draw(worked.points[0])
    signature = worked.sign("withdrawn", reason="wrong kidney", digest=digest)
    assert (signature.result.number, signature.result.state) == (1, ResultState.WITHDRAWN)
    assert worked.cycle.results.count() == 1


def test_an_approved_result_can_be_withdrawn_while_the_next_is_at_work(worked):
    worked.approved()
    digest = current_result(worked.cycle).digest
    worked.draw(worked.points[0])
    worked.recalculate()
    worked.sign("calculated")
    worked.sign("withdrawn", reason="wrong kidney", digest=digest)
    assert list(worked.cycle.results.values_list("state", flat=True)) == ["withdrawn", "calculated"]


def test_a_physicist_may_withdraw(worked):
    worked.approved()
    assert TABLE[Action.SIGN_WITHDRAWN] == {Role.PHYSICIST, Role.PHYSICIAN}
    assert worked.sign("withdrawn", worked.physicist, reason="calibration was wrong").role == Role.PHYSICIST


@pytest.mark.parametrize("meaning", ["calculated", "reviewed"])
def test_row_29_another_digest_refuses(worked, meaning):
    worked.calculated() if meaning == "calculated" else worked.signed("calculated")
    with pytest.raises(ConflictError) as caught:
        worked.sign(meaning, digest=DIGEST)
    assert (caught.value.code, caught.value.http_status) == ("other_digest", 409)


def test_row_29_a_stale_tab_is_refused(worked):
    """Two tabs: the second saw the result before a colleague's further answer became part of it."""
    worked.calculated()
    seen = worked.digest()
    finding = next(finding for finding in cycle_findings(worked.cycle) if finding.answer)
    source = {"step": finding.step, "source_id": finding.source_id, "code": finding.code}
    source["region_id"] = finding.region_id
    warning_answer(actor=worked.physicist, cycle=worked.cycle, source=source, answer="Looked again: not acceptable.")
    with pytest.raises(ConflictError) as caught:
        worked.sign("calculated", digest=seen)
    assert caught.value.code == "other_digest"


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " "])
def test_signing_asks_for_the_password_again(worked, password):
    worked.calculated()
    with pytest.raises(NotAllowedError) as caught:
        worked.sign("calculated", password=password)
    assert caught.value.code == "wrong_password"
    assert not models.Signature.objects.exists()


def test_a_person_without_a_password_cannot_sign(worked):
    """Signed in through another service, with nothing to show again: refused, not waved through."""
    worked.calculated()
    worked.physicist.set_unusable_password()
    worked.physicist.save()
    with pytest.raises(NotAllowedError):
        worked.sign("calculated")


def test_the_database_refuses_a_signed_result_without_content(worked):
    result = models.CycleResult.objects.create(cycle=worked.cycle, number=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        models.CycleResult.objects.filter(pk=result.pk).update(state="approved")


def test_every_signature_is_in_the_audit_chain(worked):
    worked.calculated()
    for meaning in ("calculated", "reviewed", "approved"):
        worked.sign(meaning)
    actions = models.AuditRecord.objects.values_list("action", flat=True)
    assert [name for name in actions if name.startswith("result.")] == [
        "result.calculated",
        "result.reviewed",
        "result.approved",
    ]


def test_http_contract_of_a_refused_signature(worked, clinic):
    worked.calculated()
    url = f"/api/cycles/{worked.cycle.pk}/signatures"
    body = {"meaning": "calculated", "digest": DIGEST, "password": PASSWORD}
    answer = clinic.client(worked.physicist).post(url, body, format="json")
    assert answer.status_code == 409
    assert set(answer.json()) == {"code", "message", "fields"}
    assert answer.json()["code"] == "other_digest"
    assert clinic.client(clinic.foreigner).post(url, body, format="json").status_code == 404
    wrong = clinic.client(worked.physicist).post(url, {"meaning": "guessed"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")
    assert set(wrong.json()["fields"]) == {"meaning", "digest", "password"}


def test_the_review_page_says_who_may_sign_next(worked, clinic):
    worked.calculated()
    client = clinic.client(worked.physicist)
    url = f"/api/cycles/{worked.cycle.pk}/review"
    assert client.get(url).json()["who_may_sign"] == ["Physicist A", "Physicist B"]
    body = {"meaning": "calculated", "digest": client.get(url).json()["digest"], "password": PASSWORD}
    answer = client.post(f"/api/cycles/{worked.cycle.pk}/signatures", body, format="json")
    assert answer.status_code == 201
    assert answer.json()["next_meaning"] == "reviewed"
    assert answer.json()["who_may_sign"] == ["Physicist B"]
    assert answer.json()["has_signed"] is True


def test_an_empty_comment_is_refused_and_a_reader_may_comment(worked, clinic):
    reader = clinic.users[Role.READER]
    with pytest.raises(ValidationError):
        comment_add(actor=reader, cycle=worked.cycle, step="dose", text="   ")
    comment_add(actor=reader, cycle=worked.cycle, step="dose", text="Please look.", region=worked.kidney)
    (shown,) = review_detail(worked.cycle, user=reader)["comments"]
    assert (shown["text"], shown["region"]) == ("Please look.", "Kidney left")


def test_a_withdrawn_result_blocks_the_plan(worked):
    worked.approved()
    add_limits(worked.clinic)
    plan = worked.plan()
    worked.sign("withdrawn", reason="wrong kidney")
    assert any(text.startswith("Results approved: 0 of 1") for text in prescription_obstacles(plan))


def test_a_warning_of_an_image_names_its_scan(worked):
    worked.calculated()
    for time_point in worked.points[:2]:
        image = current_image(time_point)
        image.findings = [{"code": "site_zone", "level": "note", "message": "No time zone is stated."}]
        image.save()
    warnings = review_detail(worked.cycle, user=worked.physicist)["warnings"]
    scans = [item["scan"] for item in warnings if item["code"] == "site_zone"]
    assert scans == [time_point.number for time_point in worked.points[:2]]
    assert all(item["scan"] is None for item in warnings if item["step"] in {"kinetics", "dose"})
