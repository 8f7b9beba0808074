"""Signatures, comments and answers to warnings: the two-person rule stands here."""

from typing import Any

from django.db import transaction

from planning import permissions
from planning.computation.provenance import software_versions
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models import (
    Comment,
    Cycle,
    CycleResult,
    PointExclusion,
    ReaderCopy,
    Region,
    Signature,
    User,
    WarningAnswer,
)
from planning.models.contours import ContourRevision
from planning.models.reviews import ResultState, SignatureMeaning
from planning.permissions import Action
from planning.selectors.current import current_calculation, current_result
from planning.selectors.digests import digest_json
from planning.selectors.findings import cycle_findings
from planning.selectors.reviews import result_content
from planning.selectors.staleness import calculation_stale_causes
from planning.services.audit import audit_record

ACTIONS = {
    SignatureMeaning.CALCULATED: Action.SIGN_CALCULATED,
    SignatureMeaning.REVIEWED: Action.SIGN_REVIEWED,
    SignatureMeaning.APPROVED: Action.SIGN_APPROVED,
    SignatureMeaning.RETURNED: Action.SIGN_RETURNED,
    SignatureMeaning.WITHDRAWN: Action.SIGN_WITHDRAWN,
}
FROM_STATE = {
    SignatureMeaning.CALCULATED: {ResultState.OPEN},
    SignatureMeaning.REVIEWED: {ResultState.CALCULATED},
    SignatureMeaning.APPROVED: {ResultState.REVIEWED},
    SignatureMeaning.RETURNED: {ResultState.CALCULATED, ResultState.REVIEWED},
    SignatureMeaning.WITHDRAWN: {ResultState.APPROVED},
}
TO_STATE = {
    SignatureMeaning.CALCULATED: ResultState.CALCULATED,
    SignatureMeaning.REVIEWED: ResultState.REVIEWED,
    SignatureMeaning.APPROVED: ResultState.APPROVED,
    SignatureMeaning.WITHDRAWN: ResultState.WITHDRAWN,
}


@transaction.atomic
def result_sign(
    *, actor: User, cycle: Cycle, meaning: SignatureMeaning, digest: str, password: str, reason: str = ""
) -> Signature:
    """Sign the content that the signer saw; a change since, or a missing second person, refuses.

    ``returned`` goes back to work: the returned version stays as it was signed and a new version opens.
    A reviewer returns what is CALCULATED; a reviewer or an approver what is REVIEWED.
    """
    permissions.require(user=actor, action=ACTIONS[meaning], site=cycle.site)
    _require_password(actor, password)
    result = _lock_approved(cycle) if meaning == SignatureMeaning.WITHDRAWN else lock_result_at_work(cycle)
    if result.state not in FROM_STATE[meaning]:
        raise InvalidStateError(
            f"A result in state {result.get_state_display()} cannot be {meaning}.", code="wrong_state"
        )
    action = _action(meaning, result)
    permissions.require(user=actor, action=action, site=cycle.site)
    needs_reason = meaning in {SignatureMeaning.RETURNED, SignatureMeaning.WITHDRAWN}
    if needs_reason and not reason.strip():
        raise InvalidStateError("Give a reason.", code="reason_required")
    if meaning == SignatureMeaning.CALCULATED:
        _freeze(result, cycle)
    if meaning not in {SignatureMeaning.RETURNED, SignatureMeaning.WITHDRAWN}:
        _require_current(result)
    if digest != result.digest:
        raise ConflictError(
            "The result changed since this page was loaded. Load it again, look, and sign anew.", code="other_digest"
        )
    _require_other_person(actor, result, meaning)
    role = permissions.acting_role(user=actor, action=action, site=cycle.site)
    return _record_signature(actor, role, result, meaning, reason.strip())


def _action(meaning: SignatureMeaning, result: CycleResult) -> Action:
    """Return the right that a signature needs: going back from CALCULATED is the reviewer's alone."""
    is_review = meaning == SignatureMeaning.RETURNED and result.state == ResultState.CALCULATED
    return Action.SIGN_REVIEWED if is_review else ACTIONS[meaning]


def _lock_approved(cycle: Cycle) -> CycleResult:
    """Return the approved version, else the newest: a result is withdrawn as it was signed, stale or not."""
    approved = cycle.results.filter(state=ResultState.APPROVED).order_by("-number").first() or current_result(cycle)
    if approved is None:
        raise InvalidStateError("No version of this result is approved.", code="wrong_state")
    return CycleResult.objects.select_for_update().get(pk=approved.pk)


def lock_result_at_work(cycle: Cycle) -> CycleResult:
    """Return the newest version, or open the next one when that is closed or its inputs changed."""
    newest = current_result(cycle)
    if newest is None or newest.state in {ResultState.SUPERSEDED, ResultState.WITHDRAWN} or _is_outdated(newest):
        number = 1 if newest is None else newest.number + 1
        newest = CycleResult.objects.create(cycle=cycle, number=number)
    return CycleResult.objects.select_for_update().get(pk=newest.pk)


def _is_outdated(result: CycleResult) -> bool:
    """A signed version whose inputs changed stays as it is; work goes on in the next version."""
    return result.calculation is not None and bool(calculation_stale_causes(result.calculation))


def _freeze(result: CycleResult, cycle: Cycle) -> None:
    calculation = current_calculation(cycle)
    if calculation is None:
        raise InvalidStateError("Calculate the dose before signing.", code="no_dose")
    findings = cycle_findings(cycle)
    blocked = [finding for finding in findings if finding.blocks]
    if blocked:
        raise InvalidStateError(f"An error blocks signing: {blocked[0].message}", code="blocked")
    n_open = sum(finding.needs_answer for finding in findings)
    if n_open:
        raise InvalidStateError(f"Answer {n_open} warning(s) before signing.", code="warnings_open")
    result.calculation = calculation
    result.content = result_content(cycle, calculation)
    result.digest = digest_json(result.content)


def _require_current(result: CycleResult) -> None:
    causes = calculation_stale_causes(result.calculation)
    if causes:
        raise InvalidStateError(f"The result is stale ({causes[0]}).", code="stale")


def _require_other_person(actor: User, result: CycleResult, meaning: SignatureMeaning) -> None:
    if meaning == SignatureMeaning.REVIEWED:
        if result.signatures.filter(user=actor).exists():
            raise NotAllowedError("A second person reviews: you signed this version.", code="second_person_required")
        if actor.pk in _authors(result):
            raise NotAllowedError(
                "A second person reviews: you edited something in this version.", code="second_person_required"
            )
    if meaning == SignatureMeaning.APPROVED:
        calculated = result.signatures.filter(meaning=SignatureMeaning.CALCULATED, user=actor)
        if calculated.exists():
            raise NotAllowedError(
                "The person who calculated cannot approve; another person does.", code="second_person_required"
            )


def _authors(result: CycleResult) -> set:
    """Everyone who made something that this version rests on."""
    calculation = result.calculation
    curves = calculation.curve_revision
    contours = ContourRevision.objects.filter(time_point__cycle=result.cycle)
    people = {calculation.created_by_id, curves.created_by_id}
    people |= set(contours.values_list("created_by_id", flat=True))
    adjudicated = ReaderCopy.objects.filter(reading__adjudications__in=contours)
    people |= set(adjudicated.values_list("reader_id", flat=True))
    people |= {choice.created_by_id for curve in curves.curves.all() for choice in curve.choices.all()}
    people |= {registration.decided_by_id for registration in calculation.registrations.all()}
    people |= {registration.created_by_id for registration in calculation.registrations.all()}
    exclusions = PointExclusion.objects.filter(time_point__cycle=result.cycle)
    people |= set(exclusions.values_list("created_by_id", flat=True))
    return people - {None}


def _record_signature(actor: User, role: str, result: CycleResult, meaning: SignatureMeaning, reason: str) -> Signature:
    cycle = result.cycle
    signature = Signature.objects.create(
        result=result,
        meaning=meaning,
        user=actor,
        role=role,
        printed_name=actor.printed_name,
        digest=result.digest,
        reason=reason,
        versions=software_versions(),
        created_by=actor,
    )
    if meaning == SignatureMeaning.RETURNED:
        result.state = ResultState.SUPERSEDED
    else:
        result.state = TO_STATE[meaning]
    result.full_clean()
    result.save()
    if meaning == SignatureMeaning.APPROVED:
        cycle.results.filter(state=ResultState.APPROVED, number__lt=result.number).update(state=ResultState.SUPERSEDED)
    if meaning == SignatureMeaning.RETURNED:
        CycleResult.objects.create(cycle=cycle, number=result.number + 1)
    audit_record(
        actor=actor,
        action=f"result.{meaning}",
        target=signature,
        site=cycle.site,
        patient=cycle.patient,
        reason=reason,
        after={"result": str(result.pk), "number": result.number, "state": result.state, "digest": result.digest},
    )
    return signature


def _require_password(actor: User, password: str) -> None:
    if not actor.has_usable_password() or not actor.check_password(password):
        raise NotAllowedError("The password is not right. Nothing was signed.", code="wrong_password")


@transaction.atomic
def comment_add(*, actor: User, cycle: Cycle, step: str, text: str, region: Region | None = None) -> Comment:
    permissions.require(user=actor, action=Action.COMMENT, site=cycle.site)
    comment = Comment(cycle=cycle, step=step, text=text.strip(), region=region, created_by=actor)
    comment.full_clean()
    comment.save()
    audit_record(actor=actor, action="comment.add", target=comment, site=cycle.site, patient=cycle.patient)
    return comment


@transaction.atomic
def warning_answer(*, actor: User, cycle: Cycle, source: dict[str, Any], answer: str) -> WarningAnswer:
    """Answer one finding; ``source`` names it by step, source_id, code and region_id."""
    action = Action.ACCEPT_CONTOURS if source["step"] == "contours" else Action.RUN_CALCULATION
    permissions.require(user=actor, action=action, site=cycle.site)
    region_id = source.get("region_id")
    raised = [
        finding
        for finding in cycle_findings(cycle)
        if finding.step == source["step"]
        and str(finding.source_id) == str(source["source_id"])
        and finding.code == source["code"]
        and str(finding.region_id or "") == str(region_id or "")
    ]
    if not raised:
        raise ConflictError("This warning is no longer raised; load the page again.", code="warning_gone")
    if raised[0].blocks:
        raise InvalidStateError("An error cannot be answered away; mend its cause.", code="blocked")
    row = WarningAnswer(
        cycle=cycle,
        step=raised[0].step,
        source_id=raised[0].source_id,
        code=raised[0].code,
        region_id=raised[0].region_id,
        answer=answer.strip(),
        created_by=actor,
    )
    row.full_clean()
    row.save()
    audit_record(
        actor=actor,
        action="warning.answer",
        target=row,
        site=cycle.site,
        patient=cycle.patient,
        reason=answer,
        after={"step": row.step, "code": row.code},
    )
    return row
