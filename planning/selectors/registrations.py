"""Registrations of a cycle as their page shows them."""

from typing import Any

import numpy as np

from planning.models import Cycle, Registration, TimePoint
from planning.queue import TaskName
from planning.selectors.current import current_registration, reference_time_point
from planning.selectors.findings import cycle_findings
from planning.selectors.runs import open_runs_of_cycle, run_summary
from planning.selectors.sites import site_ids_of
from planning.selectors.staleness import registration_stale_causes


def needs_registration(time_point: TimePoint) -> bool:
    """Return whether a time point has no registration that holds; one that a person rejected does not."""
    registration = current_registration(time_point)
    return registration is None or bool(registration_stale_causes(registration))


def registrations_visible_to(*, user):
    return Registration.objects.filter(
        time_point__cycle__course__patient__site__in=site_ids_of(user=user)
    ).select_related("time_point__cycle__course__patient__site")


def cycle_registrations(cycle: Cycle) -> dict[str, Any]:
    reference = reference_time_point(cycle)
    run = next((run for run in open_runs_of_cycle(cycle) if run.kind == TaskName.REGISTER), None)
    raised = [finding for finding in cycle_findings(cycle) if finding.step == "registration"]
    items = []
    for time_point in cycle.time_points.filter(is_reference=False).order_by("number"):
        registration = current_registration(time_point) or time_point.registrations.order_by("-number").first()
        items.append(
            {
                "time_point_id": str(time_point.pk),
                "registration": registration and _registration(registration, raised),
                "run": run and run_summary(run),
            }
        )
    return {"reference_time_point_id": reference and str(reference.pk), "items": items}


def _registration(registration: Registration, raised: list) -> dict[str, Any]:
    causes = registration_stale_causes(registration)
    shift_mm, rotation_deg = shown_motion(registration)
    return {
        "id": str(registration.pk),
        "number": registration.number,
        "method": registration.get_method_display(),
        "matrix": registration.matrix,
        "shift_mm": shift_mm,
        "rotation_deg": rotation_deg,
        "quality": registration.quality,
        "findings": [finding.as_dict() for finding in raised if finding.source_id == registration.pk],
        "decision": registration.decision,
        "decided_by": registration.decided_by and registration.decided_by.printed_name,
        "remark": registration.remark,
        "resampled_volume": str(registration.resampled_display_id),
        "is_stale": bool(causes),
        "stale_causes": causes,
    }


def shown_motion(registration: Registration) -> tuple[list[float], list[float]]:
    """Return the shift at the centre of the reference image in mm, and Euler angles x, y, z in degrees."""
    matrix = np.asarray(registration.matrix, dtype=float).reshape(4, 4)
    header = registration.fixed_image.emission_display.header
    size, spacing, origin = (
        np.asarray(header[key], dtype=float) for key in ("dimensions", "spacing_mm", "origin_lps_mm")
    )
    centre = origin + spacing * (size - 1.0) / 2.0
    shift = matrix[:3, :3] @ centre + matrix[:3, 3] - centre
    rotation = matrix[:3, :3]
    angles = [
        np.arctan2(rotation[2, 1], rotation[2, 2]),
        np.arctan2(-rotation[2, 0], np.hypot(rotation[2, 1], rotation[2, 2])),
        np.arctan2(rotation[1, 0], rotation[0, 0]),
    ]
    return [round(float(v), 2) for v in shift], [round(float(np.degrees(v)), 2) for v in angles]
