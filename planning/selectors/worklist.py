"""The worklist: every open cycle that a user may see, with its next step, flag and group."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from planning.models import Cycle, User
from planning.selectors.courses import cycles_visible_to
from planning.selectors.current import current_image
from planning.selectors.quantities import quantity
from planning.selectors.steps import Step, cycle_steps, next_step

FILTERS = ("all", "mine", "due", "blocked", "sign", "stale")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistRow:
    cycle: Cycle
    steps: tuple[Step, ...]
    next_step: Step | None
    flag: dict[str, str] | None
    last_scan_s: float | None
    group: str

    def matches(self, *, name: str, user: User, now: datetime) -> bool:
        states = {step.state for step in self.steps}
        is_mine = self.cycle.assignee_id == user.pk
        due_at = self.cycle.due_at
        return {
            "all": True,
            "mine": is_mine,
            "due": due_at is not None and due_at <= now + timedelta(days=1),
            "blocked": "blocked" in states,
            "sign": self.next_step is not None and self.next_step.key == "sign",
            "stale": "stale" in states,
        }[name]

    def as_dict(self) -> dict[str, Any]:
        cycle = self.cycle
        patient = cycle.patient
        return {
            "cycle_id": str(cycle.pk),
            "course_id": str(cycle.course_id),
            "version": cycle.version,
            "patient": {"id": str(patient.pk), "name": patient.name, "patient_id": patient.patient_id},
            "agent": cycle.course.agent,
            "nuclide": cycle.course.nuclide,
            "cycle_number": cycle.number,
            "n_cycles": cycle.course.n_cycles_planned,
            "steps": [step.as_dict() for step in self.steps],
            "next_step": self.next_step and self.next_step.as_dict(),
            "flag": self.flag,
            "last_scan": quantity(self.last_scan_s, unit="h", factor=3600.0),
            "due_at": cycle.due_at and cycle.due_at.isoformat(),
            "assignee": cycle.assignee and {"id": cycle.assignee.pk, "name": cycle.assignee.printed_name},
            "group": self.group,
        }


def worklist_rows(
    *, user: User, query: str = "", agent: str = "", assignee: str = "", site: str = ""
) -> list[WorklistRow]:
    """Return the rows in the order of the page: waiting for you, in progress, waiting for scans."""
    cycles = cycles_visible_to(user=user).select_related("assignee")
    if query:
        name = Q(course__patient__name__icontains=query) | Q(course__patient__patient_id__icontains=query)
        cycles = cycles.filter(name | Q(course__agent__icontains=query))
    if site:
        cycles = cycles.filter(course__patient__site=site)
    if agent:
        cycles = cycles.filter(course__agent=agent)
    if assignee:
        cycles = cycles.filter(assignee__pk=assignee) if assignee != "none" else cycles.filter(assignee__isnull=True)
    rows = [_row(cycle, user) for cycle in cycles.order_by("course__patient__name", "course__number", "number")]
    order = {"you": 0, "progress": 1, "waiting": 2}
    return sorted(rows, key=lambda row: order[row.group])


def worklist_counts(rows: list[WorklistRow], *, user: User) -> dict[str, int]:
    now = timezone.now()
    return {name: sum(row.matches(name=name, user=user, now=now) for row in rows) for name in FILTERS}


def _row(cycle: Cycle, user: User) -> WorklistRow:
    steps = tuple(cycle_steps(cycle))
    upcoming = next_step(list(steps))
    times = [image.time_s for time_point in cycle.time_points.all() if (image := current_image(time_point))]
    return WorklistRow(
        cycle=cycle,
        steps=steps,
        next_step=upcoming,
        flag=_flag(steps, upcoming),
        last_scan_s=max(times, default=None),
        group=_group(cycle, user, upcoming),
    )


def _flag(steps: tuple[Step, ...], upcoming: Step | None) -> dict[str, str] | None:
    for state, level in (("blocked", "block"), ("stale", "stale"), ("ask", "ask")):
        step = next((step for step in steps if step.state == state), None)
        if step is not None:
            return {"level": level, "text": step.reason}
    if upcoming is not None and upcoming.state == "now" and upcoming.reason:
        return {"level": "note", "text": upcoming.reason}
    return None


def _group(cycle: Cycle, user: User, upcoming: Step | None) -> str:
    if upcoming is None or upcoming.key in {"import", "plan"}:
        return "waiting"
    return "you" if cycle.assignee_id == user.pk else "progress"
