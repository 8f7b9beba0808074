"""A course on one axis of days since its first administration."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from planning.models import Course
from planning.models.patients import LabKind
from planning.selectors.current import current_administration, current_image, current_limit_set
from planning.selectors.plans import cycle_doses, limits_for_region
from planning.selectors.steps import step_url

DAY_S = 86400.0
GBQ = 1e9


def course_timeline(course: Course) -> dict[str, Any]:
    """Return the rows that the course figure draws; empty rows are left out."""
    zero = _first_administration(course) or course.created_at
    doses = cycle_doses(course)
    administrations = _administrations(course, zero)
    scans = _scans(course, zero)
    lab_rows = _lab_rows(course, zero)
    today = _day(timezone.now(), zero)
    lab_days = [day for row in lab_rows for day in row["days"]]
    days = [row["day"] for row in administrations] + [scan["day"] for scan in scans] + lab_days
    last_given = max((row["day"] for row in administrations if not row["is_planned"]), default=0.0)
    end = max([*days, min(today, last_given + 120.0), 14.0])
    return {
        "zero": zero.isoformat(),
        "administrations": administrations,
        "scans": scans,
        "dose_rows": _dose_rows(course, doses, zero, end),
        "lab_rows": lab_rows,
        "today_day": today,
        "day_range": [min([-3.0, *days]) - 2.0, end * 1.05 + 2.0],
        "table": _table(administrations, scans),
    }


def _day(at: datetime, zero: datetime) -> float:
    return (at - zero).total_seconds() / DAY_S


def _first_administration(course: Course) -> datetime | None:
    given = [current_administration(cycle) for cycle in course.cycles.all()]
    return min((row.administered_at for row in given if row is not None), default=None)


def _administrations(course: Course, zero: datetime) -> list[dict[str, Any]]:
    rows = []
    last_day = 0.0
    for cycle in course.cycles.order_by("number"):
        administration = current_administration(cycle)
        if administration is None:
            continue
        last_day = _day(administration.administered_at, zero)
        rows.append(
            {
                "day": last_day,
                "activity_gbq": administration.administered_activity_bq / GBQ,
                "is_planned": False,
                "url": step_url(cycle, "guard"),
            }
        )
    template = course.template
    n_left = max(course.n_cycles_planned - len(rows), 0)
    if template is not None and template.label_activity_bq is not None and rows:
        rows += [
            {
                "day": last_day + template.interval_days * (i + 1),
                "activity_gbq": template.label_activity_bq / GBQ,
                "is_planned": True,
                "url": "",
            }
            for i in range(n_left)
        ]
    return rows


def _scans(course: Course, zero: datetime) -> list[dict[str, Any]]:
    scans = []
    for cycle in course.cycles.order_by("number"):
        for time_point in cycle.time_points.order_by("number"):
            image = current_image(time_point)
            if image is None:
                continue
            scans.append(
                {
                    "day": _day(image.mid_acquisition_at, zero),
                    "text": f"cycle {cycle.number}, {image.time_s / 3600.0:.1f} h p.i.",
                    "url": step_url(cycle, "guard"),
                }
            )
    return scans


def _dose_rows(course: Course, doses: list, zero: datetime, end: float) -> list[dict[str, Any]]:
    """Group regions by the limit that covers them; regions without a limit stay in the table."""
    limit_set = current_limit_set(course.site)
    rows: dict[str, dict[str, Any]] = {}
    sums: dict[str, dict[str, Any]] = {}
    for cycle_dose in doses:
        day = _day(cycle_dose.administered_at, zero)
        for row in cycle_dose.calculation.regions.select_related("region"):
            limits = [item for item in limits_for_region(limit_set, row.region) if item.quantity == "absorbed_dose"]
            if not limits:
                continue
            line = sums.setdefault(
                row.region.name,
                {"name": row.region.name, "colour": row.region.colour, "days": [0.0], "doses_gy": [0.0], "u_gy": [0.0]},
            )
            line["days"].append(day)
            line["doses_gy"].append(line["doses_gy"][-1] + row.absorbed_dose_gy)
            line["u_gy"].append((line["u_gy"][-1] ** 2 + row.absorbed_dose_standard_uncertainty_gy**2) ** 0.5)
            group = rows.setdefault(
                limits[0].region_name,
                {
                    "name": limits[0].region_name,
                    "lines": [],
                    "limit_gy": limits[0].limit_gy,
                    "limit_source": limits[0].source,
                },
            )
            if line not in group["lines"]:
                group["lines"].append(line)
    for line in sums.values():
        line["days"].append(end)
        line["doses_gy"].append(line["doses_gy"][-1])
        line["u_gy"].append(line["u_gy"][-1])
    # The organ that usually limits stands first, the others by name.
    return sorted(rows.values(), key=lambda row: (row["name"] != "Kidney", row["name"]))


def _lab_rows(course: Course, zero: datetime) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for lab in course.patient.lab_results.order_by("taken_at"):
        row = rows.setdefault(
            (lab.kind, lab.unit),
            {"kind": lab.kind, "name": LabKind(lab.kind).label, "unit": lab.unit, "days": [], "values": []},
        )
        row["days"].append(_day(lab.taken_at, zero))
        row["values"].append(lab.value)
    return list(rows.values())


def _table(administrations: list[dict], scans: list[dict]) -> list[list]:
    given = [
        [f"{row['day']:.0f}", "planned" if row["is_planned"] else "administered", f"{row['activity_gbq']:.2f} GBq"]
        for row in administrations
    ]
    return sorted(
        given + [[f"{scan['day']:.0f}", "scan", scan["text"]] for scan in scans], key=lambda row: float(row[0])
    )
