"""Everything that the frame of a cycle page shows."""

from typing import Any

from planning.models import Cycle, User
from planning.selectors.current import current_administration, current_image, current_result
from planning.selectors.quantities import quantity
from planning.selectors.reviews import administration_summary
from planning.selectors.runs import open_runs_of_cycle, run_summary
from planning.selectors.sites import roles_of
from planning.selectors.staleness import result_stale_causes
from planning.selectors.steps import cycle_steps


def patient_summary(patient) -> dict[str, Any]:
    return {
        "id": str(patient.pk),
        "name": patient.name,
        "patient_id": patient.patient_id,
        "birth_date": patient.birth_date and patient.birth_date.isoformat(),
        "sex": patient.sex,
    }


def result_summary(cycle: Cycle) -> dict[str, Any]:
    result = current_result(cycle)
    if result is None:
        return {"id": None, "number": 1, "state": "open", "is_stale": False, "stale_causes": []}
    causes = result_stale_causes(result)
    return {
        "id": str(result.pk),
        "number": result.number,
        "state": result.state,
        "is_stale": bool(causes),
        "stale_causes": causes,
    }


def cycle_detail(cycle: Cycle, *, user: User) -> dict[str, Any]:
    administration = current_administration(cycle)
    course = cycle.course
    template = course.template
    return {
        "id": str(cycle.pk),
        "version": cycle.version,
        "site": {"id": str(cycle.site.pk), "name": cycle.site.name},
        "patient": patient_summary(cycle.patient),
        "course": {
            "id": str(course.pk),
            "number": course.number,
            "agent": course.agent,
            "nuclide": course.nuclide,
            "template": template and {"id": str(template.pk), "name": template.name, "version": template.version},
        },
        "number": cycle.number,
        "n_cycles": course.n_cycles_planned,
        "assignee": cycle.assignee and {"id": str(cycle.assignee.pk), "name": cycle.assignee.printed_name},
        "due_at": cycle.due_at and cycle.due_at.isoformat(),
        "administration": administration and administration_summary(administration),
        "result": result_summary(cycle),
        "steps": [step.as_dict() for step in cycle_steps(cycle)],
        "time_points": [_time_point(time_point) for time_point in cycle.time_points.order_by("number")],
        "open_runs": [run_summary(run) for run in open_runs_of_cycle(cycle)],
        "roles": roles_of(user=user, site=cycle.site),
    }


def _time_point(time_point) -> dict[str, Any]:
    image = current_image(time_point)
    return {
        "id": str(time_point.pk),
        "number": time_point.number,
        "is_reference": time_point.is_reference,
        "time": quantity(None if image is None else image.time_s, unit="h", factor=3600.0),
    }
