"""What an upload in quarantine proposes: patient, course, cycle, administration, time points."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from planning.models import Course, Cycle, Patient, Series, TimePoint, Upload
from planning.models.imaging import ACQUIRED_KINDS, SeriesKind
from planning.selectors.current import acquired_series, are_beds, current_administration
from planning.selectors.cycles import patient_summary
from planning.selectors.quantities import quantity
from planning.selectors.reviews import administration_summary

SAME_SCAN = timedelta(hours=2)
"""Emission images and CT that start within this time belong to one time point."""
IDENTITY_FIELDS = ("name", "patient_id", "birth_date", "sex")


def upload_proposal(upload: Upload) -> dict[str, Any]:
    """Return one group per patient in the files, with matches, differences and a proposal that a person corrects."""
    groups: dict[tuple, list[Series]] = {}
    waiting = upload.series.filter(time_point__isnull=True, is_discarded=False).prefetch_related("files")
    for series in waiting:
        groups.setdefault(identity_key(series), []).append(series)
    return {"groups": [_group(upload, members) for members in groups.values()]}


def identity_key(series: Series) -> tuple[str, ...]:
    identity = series.identity
    return (identity["patient_id"], plain_name(identity["name"]), identity["birth_date"], identity["sex"])


def plain_name(name: str) -> str:
    """Compare names without carets, commas, case and repeated spaces."""
    return " ".join(name.replace("^", " ").replace(",", " ").split()).lower()


def parse_date(text: str) -> date | None:
    digits = text.replace("-", "")
    if len(digits) != 8 or not digits.isdigit() or digits == "00000000":
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def identity_differences(identity: dict[str, str], patient: Patient) -> list[dict[str, str]]:
    """Return the fields in which images and record differ; an empty field in the images is a difference of its own."""
    birth_date = parse_date(identity["birth_date"])
    pairs = {
        "name": (plain_name(identity["name"]), plain_name(patient.name)),
        "patient_id": (identity["patient_id"], patient.patient_id),
        "birth_date": (birth_date, patient.birth_date),
        "sex": (identity["sex"], patient.sex),
    }
    shown = {
        "name": (identity["name"], patient.name),
        "birth_date": (birth_date and birth_date.isoformat(), patient.birth_date and patient.birth_date.isoformat()),
    }
    return [
        {
            "field": field,
            "in_images": str(shown.get(field, values)[0] or ""),
            "in_record": str(shown.get(field, values)[1] or ""),
        }
        for field, values in pairs.items()
        if (values[0] or None) != (values[1] or None)
    ]


def matching_patients(upload: Upload, identity: dict[str, str]) -> list[Patient]:
    """Return patients of the site with the same ID, or the same name and birth date."""
    patients = Patient.objects.filter(site=upload.site)
    same_id = list(patients.filter(patient_id=identity["patient_id"])) if identity["patient_id"] else []
    birth_date = parse_date(identity["birth_date"])
    same_person = [
        patient
        for patient in (patients.filter(birth_date=birth_date) if birth_date else [])
        if plain_name(patient.name) == plain_name(identity["name"]) and patient not in same_id
    ]
    return same_id + same_person


def _group(upload: Upload, members: list[Series]) -> dict[str, Any]:
    identity = members[0].identity
    birth_date = parse_date(identity["birth_date"])
    matches = matching_patients(upload, identity)
    administration = _administration(members)
    course, cycle = _course_and_cycle(upload, matches, administration)
    joins = _joins(members, course, cycle)
    if cycle is None and joins:
        cycle = next(iter(joins.values())).cycle
    joins = {series: point for series, point in joins.items() if point.cycle_id == cycle.pk}
    points = proposed_time_points([series for series in members if series.pk not in joins])
    place = {str(series.pk): number for number, group in enumerate(points, start=1) for series in group}
    nuclide = next((s.summary["nuclide"] for s in members if s.summary.get("nuclide")), None)
    template = upload.site.therapy_templates.filter(nuclide=nuclide).order_by("-confirmed_at").first()
    return {
        "key": str(members[0].pk),
        "identity": {**identity, "birth_date": birth_date and birth_date.isoformat()},
        "matches": [_match(identity, patient) for patient in matches],
        "series": [_series(series, place, joins.get(series.pk)) for series in members],
        "proposed": {
            "patient": {**identity, "birth_date": birth_date and birth_date.isoformat()},
            "course": {
                "id": course and str(course.pk),
                "agent": course.agent if course else (template.agent if template else ""),
                "nuclide": course.nuclide if course else nuclide or "",
                "template_id": template and str(template.pk),
                "n_cycles_planned": template.n_cycles if template else 4,
            },
            "cycle_id": cycle and str(cycle.pk),
            "cycle_number": cycle.number if cycle else (course.cycles.count() + 1 if course else 1),
            "administration": administration
            and {
                "administered_activity": quantity(administration[0], unit="MBq", factor=1e6),
                "administered_at": administration[1] and administration[1].isoformat(),
                "source": "image header",
            },
            "time_points": [_time_point(number, group, administration) for number, group in enumerate(points, 1)],
        },
        "findings": [] if joins and not points else _findings(members, points),
    }


def _joins(members: list[Series], course: Course | None, cycle: Cycle | None) -> dict[UUID, TimePoint]:
    """Return the recorded time point of each series that came later: its CT, its contours, another bed of its scan."""
    if course is None:
        return {}
    known = TimePoint.objects.filter(cycle__course=course).select_related("cycle").order_by("-cycle__number", "number")
    recorded = [point for point in (known if cycle is None else known.filter(cycle=cycle)) if acquired_series(point)]
    own = [series for series in members if series.kind in ACQUIRED_KINDS]
    found: dict[UUID, TimePoint] = {}
    for series in members:
        if series.kind == SeriesKind.OTHER or (series.kind not in ACQUIRED_KINDS and _home(series, [[s] for s in own])):
            continue
        point = next((point for point in recorded if _belongs(series, point)), None)
        if point is not None:
            found[series.pk] = point
    return found


def _belongs(series: Series, point: TimePoint) -> bool:
    there = list(point.series.filter(is_discarded=False))
    if series.kind not in ACQUIRED_KINDS:
        return _home(series, [[known] for known in there]) is not None
    beds = [known for known in there if known.kind in ACQUIRED_KINDS]
    return are_beds([*beds, series]) and any(_is_near(series, bed) for bed in beds)


def proposed_time_points(members: list[Series]) -> list[list[Series]]:
    """Cluster by acquisition time; structures and CT join the emission image of their frame, else of their time.

    Projections make a time point only where the camera sent no image of the same scan.
    """
    images = [s for s in members if s.kind == SeriesKind.EMISSION and s.acquisition_start]
    projections = [s for s in members if s.kind == SeriesKind.PROJECTIONS and s.acquisition_start]
    alone = [s for s in projections if not any(_is_same_scan(s, image) for image in images)]
    points: list[list[Series]] = []
    for series in sorted([*images, *alone], key=lambda s: s.acquisition_start):
        if points and _is_same_scan(series, points[-1][0]):
            points[-1].append(series)
        else:
            points.append([series])
    for series in members:
        if series.kind in {*ACQUIRED_KINDS, SeriesKind.OTHER}:
            continue
        home = _home(series, points)
        if home is not None:
            home.append(series)
    return points


def _is_same_scan(series: Series, other: Series) -> bool:
    return abs(series.acquisition_start - other.acquisition_start) < SAME_SCAN


def _is_near(series: Series, other: Series) -> bool:
    return None not in {series.acquisition_start, other.acquisition_start} and _is_same_scan(series, other)


def _home(series: Series, points: list[list[Series]]) -> list[Series] | None:
    frames = {series.frame_of_reference_uid, *series.summary.get("referenced_frame_uids", [])} - {""}
    uids = set(series.summary.get("referenced_series_uids", []))
    for point in points:
        first = point[0]
        if first.series_uid in uids or first.frame_of_reference_uid in frames:
            return point
    if series.kind == SeriesKind.CT and series.acquisition_start:
        near = [point for point in points if _is_near(series, point[0])]
        return near[0] if near else None
    return None


def _administration(members: list[Series]) -> tuple[float | None, datetime | None] | None:
    for series in members:
        activity = series.summary.get("administered_activity_bq")
        at = series.summary.get("administered_at")
        if activity or at:
            return activity, datetime.fromisoformat(at) if at else None
    return None


def _course_and_cycle(upload: Upload, matches: list[Patient], administration) -> tuple[Course | None, Any]:
    """Return the newest course of the first match, and its cycle with an administration at about the same time."""
    if upload.cycle_uuid:
        cycle = Cycle.objects.filter(pk=upload.cycle_uuid).select_related("course").first()
        if cycle is not None:
            return cycle.course, cycle
    course = matches[0].courses.order_by("-number").first() if matches else None
    if course is None:
        return None, None
    at = administration[1] if administration else None
    for cycle in course.cycles.all():
        known = current_administration(cycle)
        if known is not None and at is not None and abs(known.administered_at - at) < timedelta(days=2):
            return course, cycle
    return course, None


def _match(identity: dict[str, str], patient: Patient) -> dict[str, Any]:
    return {
        "patient_id": str(patient.pk),
        "name": patient.name,
        "record": patient_summary(patient),
        "differences": identity_differences(identity, patient),
        "courses": [
            {
                "id": str(course.pk),
                "number": course.number,
                "agent": course.agent,
                "nuclide": course.nuclide,
                "n_cycles_planned": course.n_cycles_planned,
                "cycles": [
                    {
                        "id": str(cycle.pk),
                        "number": cycle.number,
                        "n_time_points": cycle.time_points.count(),
                        "time_points": [_recorded(point) for point in cycle.time_points.order_by("number")],
                        "administration": (given := current_administration(cycle)) and administration_summary(given),
                    }
                    for cycle in course.cycles.all()
                ],
            }
            for course in patient.courses.all()
        ],
    }


def _recorded(point: TimePoint) -> dict[str, Any]:
    acquired = acquired_series(point)
    start = acquired and acquired.acquisition_start
    return {"id": str(point.pk), "number": point.number, "started_at": start and start.isoformat()}


USES = {
    SeriesKind.EMISSION: "emission",
    SeriesKind.PROJECTIONS: "emission",
    SeriesKind.CT: "ct",
    SeriesKind.RTSTRUCT: "structures",
    SeriesKind.SEG: "structures",
    SeriesKind.OTHER: "ignore",
}


def _series(series: Series, place: dict[str, int], joins: TimePoint | None) -> dict[str, Any]:
    number = place.get(str(series.pk))
    duplicate = (
        Series.objects.filter(
            site=series.site, series_uid=series.series_uid, part=series.part, time_point__isnull=False
        )
        .exclude(pk=series.pk)
        .first()
    )
    return {
        "id": str(series.pk),
        "kind": series.kind,
        "modality": series.modality,
        "description": series.summary.get("description", ""),
        "preview_url": f"/api/series/{series.pk}/preview" if series.preview_sha256 else None,
        "n_instances": len(series.files.all()),
        "acquisition_start": series.acquisition_start and series.acquisition_start.isoformat(),
        "nuclide": series.summary.get("nuclide"),
        "units": series.summary.get("units", ""),
        "decay_correction": series.summary.get("decay_correction", ""),
        "corrections": series.summary.get("corrections", []),
        "findings": series.findings,
        "duplicate_of": duplicate and str(duplicate.pk),
        "proposed": {
            "use": USES[SeriesKind(series.kind)] if number or joins else "ignore",
            "time_point": number,
            "joins": joins and str(joins.pk),
        },
    }


def _time_point(number: int, members: list[Series], administration) -> dict[str, Any]:
    at = administration[1] if administration else None
    start = members[0].acquisition_start
    return {
        "number": number,
        "series_ids": [str(series.pk) for series in members],
        "hours_after_administration": (start - at).total_seconds() / 3600.0 if at and start else None,
    }


def _findings(members: list[Series], points: list[list[Series]]) -> list[dict[str, str]]:
    findings = []
    if not points:
        text = "No SPECT or PET series with a time is among the files; curves need one."
        findings.append({"code": "no_emission", "level": "ask", "message": text})
    activities = {
        round(s.summary["administered_activity_bq"]) for s in members if s.summary.get("administered_activity_bq")
    }
    if len(activities) > 1:
        text = "The series state different administered activities; check which cycle they belong to."
        findings.append({"code": "activities_differ", "level": "ask", "message": text})
    return findings
