"""Virtual patients: simulated in a run, imported like any upload, and taken through the chain by themselves."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.computation.errors import ComputationError
from planning.errors import PlanningError
from planning.models import CalibrationFactor, Run, Site, UploadFile, User, VirtualPatient
from planning.models.runs import OPEN_STATES
from planning.models.uploads import UploadState
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.calibrations import PROJECTIONS_FACTOR
from planning.services.audit import audit_record
from planning.services.automatic import Chain, import_as_proposed, next_step
from planning.services.runs import run_start
from planning.services.uploads import upload_complete, upload_create

FACTOR_SOURCE = "True sensitivity of the simulated camera; serves virtual patients only"
AFTER_LAST_SCAN = timedelta(days=1)


@transaction.atomic
def virtual_patient_start(
    *,
    actor: User,
    site: Site,
    request: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
    patient_id: str = "",
    start: datetime | None = None,
    is_automatic: bool = True,
) -> VirtualPatient:
    """Queue the simulation of a patient; import and images follow by themselves, the steps to the dose if wanted."""
    permissions.require(user=actor, action=Action.RUN_CALCULATION, site=site)
    virtual = VirtualPatient(site=site, created_by=actor, request=dict(request), is_automatic=is_automatic)
    virtual.settings = dict(settings or {})
    virtual.patient_id = patient_id or f"VIRTUAL-{request['agent']}-{request['seed']}-{str(virtual.pk)[:4].upper()}"
    virtual.full_clean(exclude=["run", "upload", "cycle"])
    virtual.save()
    last_scan = timedelta(hours=max(request["scan_times_h"]))
    start = start or (timezone.now() - last_scan - AFTER_LAST_SCAN).replace(second=0, microsecond=0)
    virtual.run = run_start(
        actor=actor,
        site=site,
        task=TaskName.MAKE_VIRTUAL_PATIENT,
        parameters={"virtual_patient": str(virtual.pk), "start": start.isoformat()},
    )
    virtual.save(update_fields=["run"])
    audit_record(actor=actor, action="virtual_patient.start", target=virtual, site=site, after=dict(request))
    return virtual


@transaction.atomic
def virtual_patient_save(*, run: Run, virtual: VirtualPatient, result: Mapping[str, Any]) -> VirtualPatient:
    """Keep truth and files, and queue the reading of the upload; inside the fenced commit of its run."""
    actor, files = run.requested_by, result["files"]
    _true_factor(virtual.site, result)
    upload = upload_create(
        actor=actor, site=virtual.site, n_files=len(files), n_bytes=sum(file["n_bytes"] for file in files)
    )
    UploadFile.objects.bulk_create(
        UploadFile(upload=upload, number=number, **file) for number, file in enumerate(files, start=1)
    )
    virtual.truth, virtual.upload = result["truth"], upload
    virtual.save(update_fields=["truth", "upload"])
    virtual.upload = upload_complete(actor=actor, upload=upload)
    audit_record(actor=actor, action="virtual_patient.save", target=virtual, site=virtual.site)
    return virtual


def _true_factor(site: Site, result: Mapping[str, Any]) -> None:
    """Add the factor of the simulated camera once; its name is no real camera's."""
    CalibrationFactor.objects.get_or_create(
        site=site,
        camera=result["camera"],
        nuclide=result["nuclide"],
        imaged_kev=result["imaged_kev"],
        reconstruction=PROJECTIONS_FACTOR,
        calibration_cps_per_bq=result["calibration_cps_per_bq"],
        defaults={
            "calibration_standard_uncertainty_cps_per_bq": 0.0,
            "valid_from": date(2020, 1, 1),
            "source": FACTOR_SOURCE,
            "confirmed_at": timezone.now(),
        },
    )


@transaction.atomic
def virtual_patient_resume(*, actor: User, virtual: VirtualPatient) -> VirtualPatient:
    """Go on with a virtual patient where it stopped: what a failed or cancelled run was for begins anew."""
    permissions.require(user=actor, action=Action.RUN_CALCULATION, site=virtual.site)
    if virtual.is_finished:
        return virtual
    virtual.error_message = ""
    if virtual.upload is None:
        old = virtual.run
        if old.state not in OPEN_STATES:
            virtual.run = run_start(actor=actor, site=virtual.site, task=TaskName(old.kind), parameters=old.parameters)
    elif virtual.upload.state == UploadState.COMPLETE:
        upload_complete(actor=actor, upload=virtual.upload)
    virtual.save(update_fields=["error_message", "run"])
    audit_record(actor=actor, action="virtual_patient.resume", target=virtual, site=virtual.site)
    virtual_patient_go_on(virtual)
    virtual.refresh_from_db()
    return virtual


def virtual_patient_of(run: Run) -> VirtualPatient | None:
    """Return the virtual patient that a run belongs to: by its own run, its upload, or its cycle."""
    key = run.parameters.get("virtual_patient")
    if key:
        return VirtualPatient.objects.filter(pk=key).first()
    upload = run.parameters.get("upload")
    if upload:
        return VirtualPatient.objects.filter(upload_id=upload).first()
    return VirtualPatient.objects.filter(cycle_id=run.cycle_uuid).first() if run.cycle_uuid else None


@transaction.atomic
def virtual_patient_go_on(virtual: VirtualPatient) -> None:
    """Take the steps that are possible now, until a run must be waited for or the dose stands."""
    virtual = VirtualPatient.objects.select_for_update().get(pk=virtual.pk)
    if virtual.is_finished or virtual.error_message or virtual.upload is None:
        return
    try:
        with transaction.atomic():
            _go_on(virtual)
    except (PlanningError, ComputationError) as error:
        virtual.error_message = str(error)[:1000]
        virtual.save(update_fields=["error_message"])


def _go_on(virtual: VirtualPatient) -> None:
    if virtual.cycle is None:
        if virtual.upload.state == UploadState.READ:
            virtual.cycle = import_as_proposed(
                actor=virtual.created_by,
                upload=virtual.upload,
                administered_at=datetime.fromisoformat(virtual.run.parameters["start"]),
                agent=virtual.request["agent"],
                image_parameters=virtual.settings.get("images"),
            )
            virtual.save(update_fields=["cycle"])
        return
    actor = virtual.created_by
    chain = Chain(cycle=virtual.cycle, physicist=actor, editor=actor, **virtual.settings)
    while not Run.objects.filter(cycle_uuid=virtual.cycle_id, state__in=OPEN_STATES).exists():
        if not (virtual.is_automatic and next_step(chain)):
            virtual.is_finished = True
            virtual.save(update_fields=["is_finished"])
            return
