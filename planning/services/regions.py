"""Regions of a course: named once, numbered once, the same over scans and cycles."""

from uuid import UUID, uuid4

from django.db import transaction

from planning import permissions
from planning.errors import ConflictError, InvalidStateError
from planning.models import Course, Region, User
from planning.models.contours import RegionKind
from planning.permissions import Action
from planning.services.audit import audit_record

ORGAN_COLOURS = {"kidney left": "r1", "kidney right": "r2", "liver": "r3", "spleen": "r4", "red marrow": "r9"}
LESION_COLOURS = ("r6", "r8", "r7", "r5", "r9", "r4", "r3", "r2", "r1")
OTHER_COLOURS = ("r5", "r7", "r8", "r9", "r6")
MAX_LABEL = 255
LESION_WORD = "Lesion"


@transaction.atomic
def region_create(
    *, actor: User | None, course: Course, kind: str, name: str, tracking_uid: str = "", is_system: bool = False
) -> Region:
    """Add a region; its name is unique in the course, its number the lowest free one of its kind."""
    if not is_system:
        permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=course.site)
    plain = " ".join(name.split())[:64]
    if not plain:
        raise InvalidStateError("Give the region a name.", code="name_required")
    if course.regions.filter(name__iexact=plain).exists():
        raise ConflictError("A region of this name exists.", code="region_exists")
    used = set(course.regions.filter(kind=kind).values_list("label", flat=True))
    label = next((i for i in range(1, MAX_LABEL + 1) if i not in used), None)
    if label is None:
        raise InvalidStateError("The course has 255 regions of this kind already.", code="too_many_regions")
    region = Region(
        course=course,
        kind=kind,
        name=plain,
        label=label,
        colour=_colour(kind, plain, label),
        tracking_uid=tracking_uid[:64] or f"2.25.{uuid4().int}",
        created_by=actor,
    )
    region.full_clean()
    region.save()
    audit_record(actor=actor, action="region.create", target=region, site=course.site, patient=course.patient)
    return region


@transaction.atomic
def region_for(*, actor: User | None, course: Course, kind: str, name: str, tracking_uid: str = "") -> Region:
    """Return the region that an imported contour belongs to, made if it is new; used inside runs."""
    if tracking_uid:
        same = course.regions.filter(tracking_uid=tracking_uid).first()
        if same is not None:
            return same
    plain = " ".join(name.split())[:64]
    same = course.regions.filter(name__iexact=plain).first()
    if same is not None:
        return same
    return region_create(actor=actor, course=course, kind=kind, name=plain, tracking_uid=tracking_uid, is_system=True)


@transaction.atomic
def lesion_for(*, actor: User | None, course: Course, known: UUID | None) -> Region:
    """Return the lesion that a candidate is, or the next one in number; used inside runs."""
    same = course.regions.filter(pk=known).first() if known else None
    if same is not None:
        return same
    numbers = [
        int(number)
        for word, _, number in (name.partition(" ") for name in course.regions.values_list("name", flat=True))
        if word.lower() == LESION_WORD.lower() and number.isdigit()
    ]
    name = f"{LESION_WORD} {1 + max(numbers, default=0)}"
    return region_create(actor=actor, course=course, kind=RegionKind.LESION, name=name, is_system=True)


@transaction.atomic
def region_rename(*, actor: User, region: Region, name: str, colour: str) -> Region:
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=region.site)
    before = {"name": region.name, "colour": region.colour}
    region.name = " ".join(name.split())[:64] or region.name
    region.colour = colour or region.colour
    region.full_clean()
    region.save(update_fields=["name", "colour"])
    audit_record(
        actor=actor,
        action="region.rename",
        target=region,
        site=region.site,
        patient=region.course.patient,
        before=before,
        after={"name": region.name, "colour": region.colour},
    )
    return region


def _colour(kind: str, name: str, label: int) -> str:
    if kind == RegionKind.LESION:
        return LESION_COLOURS[(label - 1) % len(LESION_COLOURS)]
    return ORGAN_COLOURS.get(name.lower(), OTHER_COLOURS[(label - 1) % len(OTHER_COLOURS)])
