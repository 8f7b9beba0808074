"""Quantified images and the choice of the reference time point."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import Cycle, QuantifiedImage, Run, TimePoint, User, VolumeAsset
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.current import current_administration, current_image
from planning.services.audit import audit_record
from planning.services.runs import run_start


@transaction.atomic
def images_start(*, actor: User, cycle: Cycle, parameters: Mapping[str, Any] | None = None) -> Run:
    """Queue the preparation of every time point of a cycle; unchanged ones keep their revision.

    ``parameters`` are the settings of the reconstruction of projections; images need none.
    """
    permissions.require(user=actor, action=Action.CONFIRM_IMPORT, site=cycle.site)
    if not cycle.time_points.exists():
        raise InvalidStateError("Bring in scans first.", code="no_time_points")
    if current_administration(cycle) is None:
        raise InvalidStateError("Record the administration first.", code="no_administration")
    run = run_start(
        actor=actor,
        site=cycle.site,
        task=TaskName.PREPARE_IMAGES,
        parameters=dict(parameters or {}),
        patient=cycle.patient,
        cycle=cycle,
    )
    audit_record(actor=actor, action="images.start", target=run, site=cycle.site, patient=cycle.patient)
    return run


@transaction.atomic
def images_save(*, run: Run, cycle: Cycle, results: list[tuple[TimePoint, Mapping[str, Any]]]) -> Cycle:
    """Store new image revisions; inside the fenced commit of their run."""
    # A contour run that saves at the same moment waits, and then finds that its image is another.
    list(cycle.time_points.select_for_update().order_by("number"))
    for time_point, result in results:
        newest = current_image(time_point)
        if newest is not None and newest.inputs_digest == result["fields"]["inputs_digest"]:
            continue
        assets = {
            name: fields
            and VolumeAsset.objects.create(
                site=cycle.site, patient=cycle.patient, created_by=run.requested_by, **fields
            )
            for name, fields in result["assets"].items()
        }
        image = QuantifiedImage.objects.create(
            time_point=time_point,
            number=1 if newest is None else newest.number + 1,
            run=run,
            created_by=run.requested_by,
            **assets,
            **result["fields"],
        )
        image.beds.set(result["beds"])
        audit_record(actor=run.requested_by, action="image.save", target=image, site=cycle.site, patient=cycle.patient)
    return cycle


@transaction.atomic
def reference_choose(*, actor: User, time_point: TimePoint) -> TimePoint:
    """Make a time point the reference; registrations and doses of the old one become stale."""
    cycle = time_point.cycle
    permissions.require(user=actor, action=Action.EDIT_REGISTRATION, site=cycle.site)
    cycle.time_points.filter(is_reference=True).update(is_reference=False)
    TimePoint.objects.filter(pk=time_point.pk).update(is_reference=True)
    time_point.refresh_from_db()
    audit_record(actor=actor, action="reference.choose", target=time_point, site=cycle.site, patient=cycle.patient)
    return time_point
