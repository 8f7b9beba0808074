"""Where a cycle stands: the eight steps from import to plan, derived from its revisions."""

from dataclasses import dataclass

from planning.models import Cycle
from planning.models.contours import ContourState
from planning.models.registrations import Decision
from planning.models.reviews import ResultState
from planning.models.runs import Run, RunState
from planning.selectors.current import (
    acquired_series,
    current_administration,
    current_calculation,
    current_contours,
    current_curves,
    current_image,
    current_plan,
    current_registration,
    current_result,
)
from planning.selectors.findings import RaisedFinding, cycle_findings
from planning.selectors.plans import prescription_in_force, prescription_waiting
from planning.selectors.staleness import (
    calculation_stale_causes,
    contours_stale_causes,
    curves_stale_causes,
    image_stale_causes,
    plan_stale_causes,
    registration_stale_causes,
)

LABELS = {
    "import": "Import",
    "guard": "Guard",
    "registration": "Register",
    "contours": "Contours",
    "kinetics": "Kinetics",
    "dose": "Dose",
    "sign": "Sign",
    "plan": "Plan",
}
SIGNED = {ResultState.REVIEWED, ResultState.APPROVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    key: str
    state: str  # done, now, todo, ask, blocked, stale
    reason: str
    url: str

    @property
    def label(self) -> str:
        return LABELS[self.key]

    def as_dict(self) -> dict:
        return {"key": self.key, "label": self.label, "state": self.state, "reason": self.reason, "url": self.url}


def cycle_steps(cycle: Cycle) -> list[Step]:
    """Return the eight steps; the first that is not done becomes ``now`` unless something stronger applies."""
    findings = cycle_findings(cycle)
    derive = {
        "import": _import_state,
        "guard": _guard_state,
        "registration": _registration_state,
        "contours": _contours_state,
        "kinetics": _kinetics_state,
        "dose": _dose_state,
        "sign": _sign_state,
        "plan": _plan_state,
    }
    steps = []
    is_reached = True
    for key, state_of in derive.items():
        state, reason = state_of(cycle)
        state, reason = _with_findings(state, reason, [finding for finding in findings if finding.step == key])
        if state == "todo" and is_reached:
            state = "now"
        is_reached = is_reached and state in {"done", "ask"}
        steps.append(Step(key=key, state=state, reason=reason, url=step_url(cycle, key)))
    return steps


def next_step(steps: list[Step]) -> Step | None:
    return next((step for step in steps if step.state != "done"), None)


def step_url(cycle: Cycle, key: str) -> str:
    return f"/import/?cycle={cycle.pk}" if key == "import" else f"/cycles/{cycle.pk}/{key}/"


def _with_findings(state: str, reason: str, findings: list[RaisedFinding]) -> tuple[str, str]:
    if state in {"stale", "todo"}:
        return state, reason
    blocking = [finding for finding in findings if finding.blocks]
    if blocking:
        return "blocked", blocking[0].message
    open_questions = [finding for finding in findings if finding.needs_answer]
    if open_questions:
        n = len(open_questions)
        return "ask", f"{n} warning{'s' if n > 1 else ''} to answer"
    return state, reason


def _import_state(cycle: Cycle) -> tuple[str, str]:
    time_points = list(cycle.time_points.all())
    if not time_points:
        return "todo", "No scan yet"
    if current_administration(cycle) is None:
        return "blocked", "The administration is missing"
    without = [time_point.number for time_point in time_points if acquired_series(time_point) is None]
    if without:
        return "blocked", f"Time point {without[0]} has no SPECT or PET"
    return "done", f"{len(time_points)} time point{'s' if len(time_points) > 1 else ''}"


def _guard_state(cycle: Cycle) -> tuple[str, str]:
    images = [current_image(time_point) for time_point in cycle.time_points.all()]
    if not images or None in images:
        failed = _failed_message(cycle, "planning.run_images")
        return ("blocked", failed) if failed and images else ("todo", "Images are not prepared")
    for image in images:
        causes = image_stale_causes(image)
        if causes:
            return "stale", causes[0]
    return "done", "All series in Bq/mL"


def _registration_state(cycle: Cycle) -> tuple[str, str]:
    moving = list(cycle.time_points.filter(is_reference=False))
    if not moving and cycle.time_points.exists():
        return "done", "One scan: nothing to register"
    registrations = [current_registration(time_point) for time_point in moving]
    if not registrations or None in registrations:
        failed = _failed_message(cycle, "planning.run_registration")
        return ("blocked", failed) if failed and registrations else ("todo", "Not registered")
    for registration in registrations:
        causes = registration_stale_causes(registration)
        if causes:
            return "stale", causes[0]
    pending = [registration for registration in registrations if registration.decision == Decision.PENDING]
    if pending:
        return "now", f"{len(pending)} to check"
    return "done", "Accepted"


def _contours_state(cycle: Cycle) -> tuple[str, str]:
    revisions = [current_contours(time_point) for time_point in cycle.time_points.all()]
    if not revisions or not any(revisions):
        return "todo", "No contours"
    for revision in filter(None, revisions):
        causes = contours_stale_causes(revision)
        if causes:
            return "stale", causes[0]
    contours = [contour for revision in revisions if revision for contour in revision.contours.all()]
    open_contours = [c for c in contours if c.state not in {ContourState.ACCEPTED, ContourState.REJECTED}]
    if None in revisions:
        return "now", "A time point has no contours"
    if open_contours or not contours:
        return "now", f"{len(open_contours)} of {len(contours)} to review"
    return "done", f"{len(contours)} accepted or rejected"


def _kinetics_state(cycle: Cycle) -> tuple[str, str]:
    revision = current_curves(cycle)
    if revision is None:
        failed = _failed_message(cycle, "planning.run_curves")
        return ("blocked", failed) if failed else ("todo", "No curves")
    causes = curves_stale_causes(revision)
    if causes:
        return "stale", causes[0]
    curves = list(revision.curves.all())
    accepted = [curve for curve in curves if is_curve_accepted(curve)]
    if len(accepted) < len(curves) or not curves:
        return "now", f"{len(curves) - len(accepted)} of {len(curves)} to accept"
    return "done", f"{len(curves)} accepted"


def is_curve_accepted(curve) -> bool:
    choice = curve.choices.order_by("-created_at", "-pk").first()
    return choice is not None and choice.is_accepted


def _dose_state(cycle: Cycle) -> tuple[str, str]:
    calculation = current_calculation(cycle)
    if calculation is None:
        failed = _failed_message(cycle, "planning.run_dose")
        return ("blocked", failed) if failed else ("todo", "Not calculated")
    causes = calculation_stale_causes(calculation)
    if causes:
        return "stale", causes[0]
    return "done", calculation.engine


def _sign_state(cycle: Cycle) -> tuple[str, str]:
    result = current_result(cycle)
    if result is None or result.state == ResultState.OPEN:
        return "todo", "Not signed"
    if result.state == ResultState.WITHDRAWN:
        return "blocked", "Withdrawn"
    if result.calculation is not None and calculation_stale_causes(result.calculation):
        return "stale", calculation_stale_causes(result.calculation)[0]
    if result.state == ResultState.APPROVED:
        return "done", "Approved"
    return "now", "Waits for review" if result.state == ResultState.CALCULATED else "Waits for approval"


def _plan_state(cycle: Cycle) -> tuple[str, str]:
    plan = current_plan(cycle.course)
    if plan is None or not plan.dose_calculations.filter(cycle=cycle).exists():
        return "todo", "No plan from this cycle"
    causes = plan_stale_causes(plan)
    if causes:
        return "stale", causes[0]
    if prescription_waiting(cycle.course) is not None:
        return "now", "Waits for a second prescriber"
    prescribed = prescription_in_force(cycle.course)
    return "done", "Prescribed" if prescribed is not None and prescribed.plan_id == plan.pk else "Plan saved"


def _failed_message(cycle: Cycle, kind: str) -> str:
    """Return the message of the newest run of a kind, if it failed."""
    run = Run.objects.filter(cycle_uuid=cycle.pk, kind=kind).order_by("-created_at").first()
    return run.error_message if run is not None and run.state == RunState.FAILED else ""
