"""From quarantine to a patient's cycle: what a person confirmed, in one transaction."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404

from planning import permissions
from planning.errors import ConflictError, InvalidStateError
from planning.models import Course, Cycle, Patient, Run, Series, SeriesFile, TimePoint, Upload, UploadFile, User
from planning.models.imaging import SeriesKind
from planning.models.uploads import UploadState
from planning.permissions import Action
from planning.selectors.current import acquired_series, are_beds, current_administration
from planning.selectors.proposals import identity_differences, identity_key, parse_date
from planning.services.administrations import administration_record
from planning.services.audit import audit_record
from planning.services.imaging import images_start

REFERENCE_TIME = timedelta(hours=24)


@transaction.atomic
def import_save(*, run: Run, upload: Upload, result: Mapping[str, Any]) -> Upload:
    """Store what reading an upload found; inside the fenced commit of its run."""
    for row in result["files"]:
        key = {"number": row.pop("number"), "member": row.pop("member")}
        known = UploadFile.objects.filter(upload=upload, **key).first()
        if known is not None:
            known.state, known.verdict_code = row["state"], row["verdict_code"]
            known.verdict_message = row["verdict_message"]
            known.save(update_fields=["state", "verdict_code", "verdict_message"])
        else:
            UploadFile.objects.create(upload=upload, **key, **row)
    for row in result["series"]:
        files = row.pop("files")
        series = Series.objects.create(site=upload.site, upload=upload, created_by=run.requested_by, **row)
        SeriesFile.objects.bulk_create(
            SeriesFile(series=series, sop_instance_uid=uid, sha256=sha256, n_bytes=n_bytes)
            for uid, sha256, n_bytes in files
        )
    # Without a series there is nothing to confirm: the upload closes, its files keep their verdicts.
    upload.state = UploadState.READ if result["series"] else UploadState.DISCARDED
    upload.save(update_fields=["state"])
    audit_record(
        actor=run.requested_by,
        action="upload.read",
        target=upload,
        site=upload.site,
        after={"n_series": len(result["series"]), "n_files": len(result["files"])},
    )
    return upload


@transaction.atomic
def import_confirm(
    *,
    actor: User,
    upload: Upload,
    confirmation: Mapping[str, Any],
    image_parameters: Mapping[str, Any] | None = None,
) -> tuple[Cycle, Run]:
    """Create or extend patient, course, cycle and time points from one group of an upload, and prepare its images."""
    permissions.require(user=actor, action=Action.CONFIRM_IMPORT, site=upload.site)
    if upload.state not in {UploadState.READ, UploadState.CONFIRMED}:
        raise InvalidStateError("The upload is not read yet, or was discarded.", code="upload_not_read")
    first = get_object_or_404(upload.series, pk=confirmation["group"], is_discarded=False)
    members = [
        series
        for series in upload.series.select_for_update().filter(time_point__isnull=True, is_discarded=False)
        if identity_key(series) == identity_key(first)
    ]
    if not members:
        raise ConflictError("Somebody else confirmed these series already.", code="already_confirmed")
    patient = _patient(actor, upload, first, confirmation["patient"])
    course = _course(actor, patient, confirmation["course"])
    cycle = _cycle(actor, course, confirmation["cycle"])
    if confirmation.get("administration"):
        administration_record(actor=actor, cycle=cycle, fields=confirmation["administration"])
    if current_administration(cycle) is None:
        raise InvalidStateError("Enter the administration of this cycle.", code="administration_required")
    _place_series(actor, patient, cycle, members, confirmation["time_points"])
    renumber_time_points(cycle)
    if not upload.series.filter(time_point__isnull=True, is_discarded=False).exists():
        upload.state = UploadState.CONFIRMED
        upload.save(update_fields=["state"])
    audit_record(
        actor=actor,
        action="import.confirm",
        target=cycle,
        site=upload.site,
        patient=patient,
        after={"upload": str(upload.pk), "series": [str(series.pk) for series in members]},
    )
    return cycle, images_start(actor=actor, cycle=cycle, parameters=image_parameters)


def _patient(actor: User, upload: Upload, series: Series, wanted: Mapping[str, Any]) -> Patient:
    if wanted.get("id"):
        patient = get_object_or_404(Patient, pk=wanted["id"], site=upload.site)
        differences = identity_differences(series.identity, patient)
        reason = (wanted.get("reconcile_reason") or "").strip()
        if differences and not reason:
            fields = ", ".join(item["field"].replace("_", " ") for item in differences)
            raise InvalidStateError(
                f"The images differ from the record in {fields}; reconcile with a reason or choose another patient.",
                code="identity_mismatch",
            )
        if differences:
            audit_record(
                actor=actor,
                action="identity.reconcile",
                target=patient,
                site=upload.site,
                patient=patient,
                reason=reason,
                after={"fields": [item["field"] for item in differences]},
            )
        return patient
    if Patient.objects.filter(site=upload.site, patient_id=wanted["patient_id"]).exists():
        raise ConflictError("A patient with this ID exists; choose that record.", code="patient_exists")
    patient = Patient(
        site=upload.site,
        patient_id=wanted["patient_id"],
        name=wanted["name"],
        birth_date=parse_date(wanted.get("birth_date") or ""),
        sex=(wanted.get("sex") or "")[:1],
        weight_kg=series.summary.get("weight_kg"),
        height_m=series.summary.get("height_m"),
        created_by=actor,
    )
    patient.full_clean()
    patient.save()
    audit_record(actor=actor, action="patient.create", target=patient, site=upload.site, patient=patient)
    return patient


def _course(actor: User, patient: Patient, wanted: Mapping[str, Any]) -> Course:
    if wanted.get("id"):
        return get_object_or_404(Course, pk=wanted["id"], patient=patient)
    template = None
    if wanted.get("template_id"):
        template = get_object_or_404(patient.site.therapy_templates, pk=wanted["template_id"])
    newest = patient.courses.order_by("-number").first()
    course = Course(
        patient=patient,
        number=1 if newest is None else newest.number + 1,
        template=template,
        nuclide=wanted["nuclide"],
        agent=wanted["agent"],
        n_cycles_planned=wanted.get("n_cycles_planned") or (template.n_cycles if template else 4),
        created_by=actor,
    )
    course.full_clean()
    course.save()
    audit_record(actor=actor, action="course.create", target=course, site=patient.site, patient=patient)
    return course


def _cycle(actor: User, course: Course, wanted: Mapping[str, Any]) -> Cycle:
    if wanted.get("id"):
        return get_object_or_404(Cycle, pk=wanted["id"], course=course)
    number = wanted.get("number") or course.cycles.count() + 1
    cycle, is_new = Cycle.objects.get_or_create(
        course=course, number=number, defaults={"created_by": actor, "assignee": actor}
    )
    if is_new:
        audit_record(actor=actor, action="cycle.create", target=cycle, site=course.site, patient=course.patient)
    return cycle


def _place_series(
    actor: User, patient: Patient, cycle: Cycle, members: list[Series], points: list[Mapping[str, Any]]
) -> None:
    by_id = {str(series.pk): series for series in members}
    used = set()
    # A point with an id is recorded already: what came later, as a CT, contours or another bed, joins it.
    next_number = (cycle.time_points.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    for point in points:
        chosen = [by_id[str(pk)] for pk in point["series"] if str(pk) in by_id]
        if len(chosen) != len(point["series"]):
            raise ConflictError("A series is no longer in quarantine; load the page again.", code="series_gone")
        joined = get_object_or_404(cycle.time_points, pk=point["id"]) if point.get("id") else None
        there = [] if joined is None else list(joined.series.filter(is_discarded=False))
        _require_usable(cycle, chosen, there=there)
        time_point = joined
        if time_point is None:
            time_point = TimePoint.objects.create(cycle=cycle, number=next_number, created_by=actor)
            next_number += 1
        for series in chosen:
            series.patient, series.time_point = patient, time_point
            series.save(update_fields=["patient", "time_point"])
            used.add(series.pk)
    for series in members:
        if series.pk not in used:
            series.is_discarded = True
            series.save(update_fields=["is_discarded"])


def _require_usable(cycle: Cycle, chosen: list[Series], *, there: list[Series]) -> None:
    """Check what a time point would hold: what is there already, and what comes."""
    whole = [*there, *chosen]
    images = [series for series in whole if series.kind == SeriesKind.EMISSION]
    emission = images or [series for series in whole if series.kind == SeriesKind.PROJECTIONS]
    if len(emission) != 1 and not are_beds(emission):
        raise InvalidStateError(
            "Each time point needs exactly one SPECT or PET series, or without one the projections of one scan (its "
            f"beds share a frame of reference); one has {len(emission)}.",
            code="emission_count",
        )
    blocked = [finding for series in chosen for finding in series.findings if finding["level"] == "block"]
    if blocked:
        raise InvalidStateError(blocked[0]["message"], code=blocked[0]["code"])
    start = emission[0].acquisition_start
    administration = current_administration(cycle)
    if start is not None and administration is not None and start <= administration.administered_at:
        hours = (administration.administered_at - start).total_seconds() / 3600.0
        raise InvalidStateError(
            f"A scan starts {hours:.1f} h before the administration; check both times and the cycle.",
            code="scan_before_administration",
        )


def renumber_time_points(cycle: Cycle) -> None:
    """Number by time and keep one reference: the scan nearest to 24 h."""
    administration = current_administration(cycle)
    rows = []
    for time_point in cycle.time_points.all():
        emission = acquired_series(time_point)
        rows.append((emission.acquisition_start if emission else None, time_point))
    rows.sort(key=lambda row: (row[0] is None, row[0]))
    for offset in (1000, 1):
        for i, (_, time_point) in enumerate(rows):
            TimePoint.objects.filter(pk=time_point.pk).update(number=offset + i)
    if cycle.time_points.filter(is_reference=True).exists() or not rows or administration is None:
        return
    timed = [row for row in rows if row[0] is not None] or rows
    nearest = min(
        timed,
        key=lambda row: abs((row[0] - administration.administered_at) - REFERENCE_TIME) if row[0] else REFERENCE_TIME,
    )
    TimePoint.objects.filter(pk=nearest[1].pk).update(is_reference=True)


@transaction.atomic
def import_discard(*, actor: User, upload: Upload, key: str | None = None) -> Upload:
    """Take an upload, or one patient's group of it, out of quarantine; stored objects stay until they are pruned."""
    permissions.require(user=actor, action=Action.CONFIRM_IMPORT, site=upload.site)
    waiting = upload.series.filter(time_point__isnull=True, is_discarded=False)
    if key:
        first = get_object_or_404(waiting, pk=key)
        chosen = [series.pk for series in waiting if identity_key(series) == identity_key(first)]
        waiting = waiting.filter(pk__in=chosen)
    waiting.update(is_discarded=True)
    if not upload.series.filter(time_point__isnull=True, is_discarded=False).exists():
        has_used = upload.series.filter(time_point__isnull=False).exists()
        upload.state = UploadState.CONFIRMED if has_used else UploadState.DISCARDED
        upload.save(update_fields=["state"])
    audit_record(actor=actor, action="upload.discard", target=upload, site=upload.site)
    return upload
