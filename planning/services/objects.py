"""Removing stored objects that no row names: of cancelled and failed runs, of bodies without a row."""

from dataclasses import dataclass

from django.conf import settings

from planning import storage
from planning.selectors.objects import named_digests
from planning.services.audit import audit_record

DAY_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How many objects no row names though they are old enough, and the bytes of those that were removed."""

    n_objects: int
    n_bytes: int


def objects_sweep(*, is_removing: bool) -> Sweep:
    """Find, and when asked remove, the objects that no row names and that nobody stored for ``OBJECT_KEEP_DAYS``.

    The old ones are listed before the rows are read, and each is asked for its age once more under a lock: an object
    that a running job stores, or stores again, is young and stays until its row is there.
    """
    age_s = settings.OBJECT_KEEP_DAYS * DAY_S
    old = storage.old_objects(age_s)
    # Twice: a digest that moves from one row to another between two tables is in one of both readings.
    named = named_digests() | named_digests()
    orphans = [sha256 for sha256 in old if sha256 not in named]
    if not is_removing or not orphans:
        return Sweep(n_objects=len(orphans), n_bytes=0)
    removed = [n for n in (storage.remove_old_object(sha256, age_s) for sha256 in orphans) if n]
    sweep = Sweep(n_objects=len(removed), n_bytes=sum(removed))
    audit_record(actor=None, action="objects.sweep", after={"n_objects": sweep.n_objects, "n_bytes": sweep.n_bytes})
    return sweep
