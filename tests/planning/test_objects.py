"""Objects that no row names are removed when they are old; what a job is about to record never."""

import os
import time
from threading import Thread

import pytest
from django.core.management import call_command

from planning import storage
from planning.models import AuditRecord
from planning.services import objects
from planning.services.objects import DAY_S, objects_sweep
from tests.factories import make_run, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.OBJECTS_DIR = tmp_path / "objects"
    settings.OBJECTS_DIR.mkdir()
    settings.OBJECT_KEEP_DAYS = 90


def stored(content: bytes, *, days: float) -> str:
    sha256 = storage.store_bytes(content)
    then = time.time() - days * DAY_S
    os.utime(storage.object_path(sha256), (then, then))
    return sha256


def test_only_old_objects_that_no_row_names_are_removed(capsys):
    orphan, young = stored(b"of a cancelled run", days=91), stored(b"of a running job", days=89)
    in_json, in_list = stored(b"named in JSON", days=400), stored(b"named in a list", days=400)
    make_run(make_site("Clinic"), parameters={"object": in_json, "others": [{"sha256": in_list}]})
    call_command("sweep_objects")
    assert "1 objects to remove" in capsys.readouterr().out
    assert storage.has_object(orphan)
    assert not AuditRecord.objects.filter(action="objects.sweep").exists()
    call_command("sweep_objects", remove=True)
    assert "1 objects removed, 18 bytes" in capsys.readouterr().out
    assert not storage.has_object(orphan)
    assert all(storage.has_object(sha256) for sha256 in (young, in_json, in_list))
    assert '"n_objects":1' in AuditRecord.objects.get(action="objects.sweep").payload


def test_a_content_that_a_job_stores_again_meanwhile_stays(monkeypatch):
    """The object is old and nobody names it when the sweep looks; then a job stores it and has not recorded it yet."""
    sha256 = stored(b"the same result", days=400)
    named = objects.named_digests

    def read_while_a_job_stores():
        storage.store_bytes(b"the same result")
        return named()

    monkeypatch.setattr(objects, "named_digests", read_while_a_job_stores)
    assert objects_sweep(is_removing=True).n_objects == 0
    assert storage.read_bytes(sha256) == b"the same result"


def test_a_sweep_and_a_job_take_turns():
    """A job that has seen the object there holds the sweep off until the object is young."""
    sha256 = stored(b"the same result", days=400)
    removed = []
    with storage._sweeping_barred():
        sweep = Thread(target=lambda: removed.append(storage.remove_old_object(sha256, DAY_S)))
        sweep.start()
        sweep.join(timeout=0.3)
        assert sweep.is_alive()
        os.utime(storage.object_path(sha256))
    sweep.join(timeout=10.0)
    assert removed == [0]
    assert storage.has_object(sha256)
