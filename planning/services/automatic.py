"""A cycle taken from prepared images to dose as people would who accept what is proposed: demo and virtual patients.

Never for a real patient: every decision of the chain is a person's there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from planning.errors import InvalidStateError
from planning.models import Cycle, Region, Run, Upload, User
from planning.models.contours import ContourState
from planning.models.imaging import SeriesKind
from planning.models.registrations import Decision
from planning.selectors.current import (
    current_calculation,
    current_contours,
    current_curves,
    current_image,
    current_registration,
    reference_time_point,
)
from planning.selectors.proposals import upload_proposal
from planning.selectors.staleness import curves_stale_causes
from planning.selectors.steps import is_curve_accepted
from planning.services.contour_runs import contour_import_start, contour_propagation_start
from planning.services.contour_states import contour_states_set
from planning.services.doses import dose_start
from planning.services.imaging import images_start
from planning.services.imports import import_confirm
from planning.services.kinetics import curve_choose, curves_start
from planning.services.registrations import registration_decide, registration_start

REMARK = "Accepted by itself: not a patient's scan."
CUT = "cut_by_image"
"""Finding of a region that the field of view cuts off: nothing about the whole of it can be measured."""
MOST_RUNS = 30
"""A chain has eight runs or so; one with more goes round in circles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Who acts, and the parameters of the runs."""

    cycle: Cycle
    physicist: User
    editor: User
    images: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)
    dose: Mapping[str, Any] = field(default_factory=dict)


def import_as_proposed(
    *,
    actor: User,
    upload: Upload,
    administered_at: datetime | None = None,
    agent: str = "",
    image_parameters: Mapping[str, Any] | None = None,
) -> Cycle:
    """Confirm an upload as proposed: a new patient, or a further cycle of one that is known; prepare its images.

    Projections state no date of administration: ``administered_at`` gives it. ``agent`` comes before the one of the
    site's template, which is of the nuclide; a template of another agent is left out.
    """
    groups = upload_proposal(upload)["groups"]
    if len(groups) != 1:
        raise InvalidStateError("The files are not those of one patient.", code="several_patients")
    (group,) = groups
    proposed, match = group["proposed"], next(iter(group["matches"]), None)
    given, course = proposed["administration"], proposed["course"]
    if agent and agent != course["agent"]:
        course = {**course, "agent": agent, "template_id": None}
    cycle, _ = import_confirm(
        actor=actor,
        upload=upload,
        confirmation={
            "group": group["key"],
            "patient": {"id": match["patient_id"]} if match else proposed["patient"],
            "course": {"id": course["id"]} if match else course,
            "cycle": {"number": proposed["cycle_number"]},
            "administration": {
                "administered_activity": {"value": given["administered_activity"]["value"], "unit": "MBq"},
                "administered_at": administered_at or parse_datetime(given["administered_at"]),
                "source": "image header",
            },
            "time_points": [{"series": point["series_ids"]} for point in proposed["time_points"]],
        },
        image_parameters=image_parameters,
    )
    return cycle


def next_step(chain: Chain) -> bool:
    """Do what comes next and return True: a decision, or a run that must end first; False once the dose stands."""
    if Run.objects.filter(cycle_uuid=chain.cycle.pk).count() > MOST_RUNS:
        raise InvalidStateError("The chain goes round in circles; go on by hand.", code="no_progress")
    return any(step(chain) for step in STEPS)


def _prepare(chain: Chain) -> bool:
    if all(current_image(time_point) is not None for time_point in chain.cycle.time_points.all()):
        return False
    images_start(actor=chain.physicist, cycle=chain.cycle, parameters=chain.images)
    return True


def _register(chain: Chain) -> bool:
    if all(current_registration(time_point) is not None for time_point in _others(chain)):
        return False
    registration_start(actor=chain.physicist, cycle=chain.cycle)
    return True


def _accept_registrations(chain: Chain) -> bool:
    found = [current_registration(time_point) for time_point in _others(chain)]
    pending = [registration for registration in found if registration.decision == Decision.PENDING]
    for registration in pending:
        registration_decide(actor=chain.physicist, registration=registration, decision=Decision.ACCEPTED, remark=REMARK)
    return bool(pending)


def _import_contours(chain: Chain) -> bool:
    reference = reference_time_point(chain.cycle)
    if current_contours(reference) is not None:
        return False
    structures = reference.series.filter(kind=SeriesKind.RTSTRUCT, is_discarded=False).first()
    if structures is None:
        raise InvalidStateError("The reference scan brings no structure set.", code="no_structures")
    contour_import_start(actor=chain.editor, time_point=reference, series=structures)
    return True


def _propagate(chain: Chain) -> bool:
    targets = [time_point for time_point in _others(chain) if current_contours(time_point) is None]
    if not targets:
        return False
    # The contours are the truth: no network moves them.
    contour_propagation_start(
        actor=chain.editor, time_point=reference_time_point(chain.cycle), targets=targets, is_settled=False
    )
    return True


def _decide_contours(chain: Chain) -> bool:
    """Accept what can be measured, reject the rest, as a region that the field of view cuts off."""
    has_decided = False
    for time_point in chain.cycle.time_points.all():
        revision = current_contours(time_point)
        contours = [
            contour
            for contour in revision.contours.select_related("region")
            if contour.state not in {ContourState.ACCEPTED, ContourState.REJECTED}
        ]
        if contours:
            states = {contour.region: _state_of(contour) for contour in contours}
            contour_states_set(actor=chain.editor, time_point=time_point, base_number=revision.number, states=states)
            has_decided = True
    return has_decided


def _state_of(contour) -> str:
    is_bad = any(finding["level"] == "block" or finding["code"] == CUT for finding in contour.findings)
    return ContourState.REJECTED if is_bad else ContourState.ACCEPTED


def _fit(chain: Chain) -> bool:
    curves = current_curves(chain.cycle)
    if curves is not None and not curves_stale_causes(curves):
        return False
    curves_start(actor=chain.physicist, cycle=chain.cycle, parameters=chain.curves)
    return True


def _decide_curves(chain: Chain) -> bool:
    """Accept the recommended models; a region without one loses its contours, and the others are fitted again."""
    open_curves = [
        curve for curve in current_curves(chain.cycle).curves.select_related("region") if not is_curve_accepted(curve)
    ]
    without = [curve.region for curve in open_curves if not curve.fits or _is_blocked(curve)]
    if without:
        _reject_regions(chain, without)
        return True
    for curve in open_curves:
        model = curve.recommended_model or curve.fits[0]["model"]
        curve_choose(actor=chain.physicist, curve=curve, model=model, is_accepted=True)
    return bool(open_curves)


def _is_blocked(curve) -> bool:
    return any(finding["level"] == "block" for finding in curve.findings)


def _reject_regions(chain: Chain, regions: list[Region]) -> None:
    for time_point in chain.cycle.time_points.all():
        revision = current_contours(time_point)
        kept = set(revision.contours.exclude(state=ContourState.REJECTED).values_list("region_id", flat=True))
        states = {region: ContourState.REJECTED for region in regions if region.pk in kept}
        if states:
            contour_states_set(actor=chain.editor, time_point=time_point, base_number=revision.number, states=states)


def _calculate(chain: Chain) -> bool:
    if current_calculation(chain.cycle) is not None:
        return False
    dose_start(actor=chain.physicist, cycle=chain.cycle, parameters=chain.dose)
    return True


def _others(chain: Chain) -> list:
    return list(chain.cycle.time_points.filter(is_reference=False))


STEPS = (
    _prepare,
    _register,
    _accept_registrations,
    _import_contours,
    _propagate,
    _decide_contours,
    _fit,
    _decide_curves,
    _calculate,
)
