"""The course page: cycles with their doses, sums, labs, doses from elsewhere and what to watch."""

from itertools import pairwise
from typing import Any

from planning.models import Course, LabResult
from planning.models.patients import LabKind
from planning.selectors.current import current_administration, external_doses_of
from planning.selectors.cycles import patient_summary, result_summary
from planning.selectors.plans import cycle_doses
from planning.selectors.quantities import quantity
from planning.selectors.reviews import administration_summary
from planning.selectors.steps import cycle_steps, next_step

CREATININE_JUMP = 2.0
PLATELET_FALL = 0.7


def course_detail(course: Course) -> dict[str, Any]:
    template = course.template
    cycles = list(course.cycles.order_by("number"))
    steps = {cycle.pk: cycle_steps(cycle) for cycle in cycles}
    newest = cycles[-1] if cycles else None
    upcoming = None if newest is None else next_step(steps[newest.pk])
    return {
        "id": str(course.pk),
        "number": course.number,
        "agent": course.agent,
        "nuclide": course.nuclide,
        "n_cycles_planned": course.n_cycles_planned,
        "template": template
        and {"name": template.name, "version": template.version, "is_confirmed": template.is_confirmed},
        "patient": patient_summary(course.patient),
        "site": {"id": str(course.site.pk), "name": course.site.name},
        "cycles": [_cycle(cycle, steps[cycle.pk]) for cycle in cycles],
        "next": upcoming and {"cycle_id": str(newest.pk), "cycle_number": newest.number, **upcoming.as_dict()},
        "doses": _doses(course),
        "external_dose_answer": course.external_dose_answer,
        "external_doses": [_external(dose) for dose in external_doses_of(course)],
        "labs": [_lab(lab) for lab in course.patient.lab_results.order_by("-taken_at")],
        "notices": _notices(course),
    }


def _cycle(cycle, steps) -> dict[str, Any]:
    administration = current_administration(cycle)
    return {
        "id": str(cycle.pk),
        "number": cycle.number,
        "administration": administration and administration_summary(administration),
        "result": result_summary(cycle),
        "n_time_points": cycle.time_points.count(),
        "steps": [step.as_dict() for step in steps],
    }


def _doses(course: Course) -> dict[str, Any]:
    """Return a table of regions by cycle with the sum; cycles add linearly, uncertainties as independent."""
    rows: dict[str, dict[str, Any]] = {}
    doses = cycle_doses(course)
    for cycle_dose in doses:
        for row in cycle_dose.calculation.regions.select_related("region"):
            entry = rows.setdefault(
                row.region.name,
                {"region": row.region.name, "kind": row.region.kind, "colour": row.region.colour, "cycles": {}},
            )
            entry["cycles"][cycle_dose.cycle_number] = (
                row.absorbed_dose_gy,
                row.absorbed_dose_standard_uncertainty_gy,
            )
    numbers = [cycle_dose.cycle_number for cycle_dose in doses]
    return {"cycles": numbers, "rows": [_dose_row(entry, numbers) for entry in rows.values()]}


def _dose_row(entry: dict[str, Any], numbers: list[int]) -> dict[str, Any]:
    values = [entry["cycles"].get(number) for number in numbers]
    known = [value for value in values if value is not None]
    total = sum(value for value, _ in known)
    u = sum(spread**2 for _, spread in known) ** 0.5
    return {
        "region": entry["region"],
        "kind": entry["kind"],
        "colour": entry["colour"],
        "values": [
            quantity(None, unit="Gy", factor=1.0)
            if value is None
            else quantity(value[0], unit="Gy", factor=1.0, standard_uncertainty=value[1])
            for value in values
        ],
        "sum": quantity(total, unit="Gy", factor=1.0, standard_uncertainty=u),
        "is_complete": len(known) == len(numbers),
    }


def _external(dose) -> dict[str, Any]:
    return {
        "id": str(dose.pk),
        "region": dose.region_name,
        "absorbed_dose": quantity(
            dose.absorbed_dose_gy,
            unit="Gy",
            factor=1.0,
            standard_uncertainty=dose.absorbed_dose_standard_uncertainty_gy,
        ),
        "bed": quantity(dose.bed_gy, unit="Gy", factor=1.0),
        "modality": dose.modality,
        "source": dose.source,
        "treated_on": dose.treated_on and dose.treated_on.isoformat(),
    }


def _lab(lab: LabResult) -> dict[str, Any]:
    return {
        "id": str(lab.pk),
        "kind": lab.kind,
        "name": LabKind(lab.kind).label,
        "value": quantity(lab.value, unit=lab.unit, factor=1.0),
        "taken_at": lab.taken_at.isoformat(),
    }


def _notices(course: Course) -> list[dict[str, str]]:
    notices = []
    creatinine = list(course.patient.lab_results.filter(kind=LabKind.CREATININE).order_by("taken_at"))
    for before, after in pairwise(creatinine):
        if before.unit == after.unit and not 1 / CREATININE_JUMP <= after.value / before.value <= CREATININE_JUMP:
            text = f"From {before.value:g} to {after.value:g} {after.unit}: is the unit right?"
            notices.append({"level": "ask", "title": "Creatinine jumps", "text": text})
    platelets = list(course.patient.lab_results.filter(kind=LabKind.PLATELETS).order_by("taken_at"))
    if len(platelets) > 1 and platelets[-1].value < PLATELET_FALL * platelets[0].value:
        text = f"From {platelets[0].value:g} to {platelets[-1].value:g} {platelets[-1].unit} since the first value."
        notices.append({"level": "ask", "title": "Platelets fell", "text": text})
    if any(dose.absorbed_dose_standard_uncertainty_gy is None for dose in external_doses_of(course)):
        notices.append(
            {
                "level": "ask",
                "title": "Dose from elsewhere without uncertainty",
                "text": "It enters the plan as exact.",
            }
        )
    if course.external_dose_answer == "unanswered":
        text = "Answer none, or list it, before planning."
        notices.append({"level": "note", "title": "Earlier dose from elsewhere is not answered", "text": text})
    return notices
