"""Objects are named by their digest: whole or not there, once, and nothing else is a name (rows 31, 35)."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from planning import storage

BODY = b"content of an object" * 1000


@pytest.fixture(autouse=True)
def objects(settings, tmp_path) -> Path:
    settings.OBJECTS_DIR = tmp_path / "objects"
    return settings.OBJECTS_DIR


def files(objects: Path) -> list[Path]:
    return [path for path in objects.rglob("*") if path.is_file()]


def test_an_object_is_named_by_its_sha256(objects):
    sha256 = storage.store_bytes(BODY)
    assert sha256 == hashlib.sha256(BODY).hexdigest()
    assert files(objects) == [objects / sha256[:2] / sha256]
    with storage.open_object(sha256) as stored:
        assert stored.read() == BODY


def test_a_repeated_content_is_stored_once(objects):
    first = storage.store_bytes(BODY)
    there = storage.object_path(first)
    os.utime(there, (0.0, 0.0))
    inode = there.stat().st_ino
    assert storage.store_bytes(BODY) == first
    assert files(objects) == [there]
    assert there.stat().st_ino == inode
    # Young again: a sweep leaves it to the row that is about to name it.
    assert time.time() - there.stat().st_mtime < 60.0


@pytest.mark.parametrize("damaged", [BODY[:-1], BODY[:-1] + b"X", b""], ids=["cut", "changed", "empty"])
def test_a_damaged_object_is_replaced_when_its_content_comes_again(objects, damaged, caplog):
    sha256 = storage.store_bytes(BODY)
    storage.object_path(sha256).write_bytes(damaged)
    assert storage.read_bytes(sha256) is None
    assert storage.store_bytes(BODY) == sha256
    assert storage.read_bytes(sha256) == BODY
    assert len(files(objects)) == 1
    (record,) = caplog.get_records("call")
    assert "damaged object was replaced" in record.getMessage()
    assert record.sha256 == sha256


def test_row_31_an_interrupted_write_leaves_nothing(objects):
    chunks = iter([BODY])

    def read() -> bytes:
        try:
            return next(chunks)
        except StopIteration:
            raise OSError("connection lost") from None

    with pytest.raises(OSError, match="connection lost"):
        storage.store_stream(read)
    assert files(objects) == []


def test_row_31_a_stream_that_is_not_adopted_leaves_nothing(objects):
    chunks = iter([BODY, b""])
    with storage.receiving(lambda: next(chunks)) as received:
        assert (received.n_bytes, received.part.suffix) == (len(BODY), ".part")
        assert not storage.has_object(received.sha256)
    assert files(objects) == []


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "../" + "0" * 61, "0" * 63 + "\n"],
    ids=repr,
)
def test_row_35_nothing_but_a_digest_is_a_name(name):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        storage.object_path(name)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
def test_arrays_come_back_bit_by_bit(dtype):
    values = np.arange(60, dtype=dtype).reshape(3, 4, 5)
    back = storage.load_array(storage.store_array(values[::-1]))
    assert back.dtype == values.dtype
    assert np.array_equal(back, values[::-1])


def test_an_array_of_objects_is_neither_stored_nor_loaded():
    """Pickled objects would run code when they are loaded."""
    with pytest.raises(ValueError, match="pickle"):
        storage.store_array(np.array([{}], dtype=object))


def test_only_old_parts_are_swept(objects):
    objects.mkdir(parents=True)
    old, young = objects / "old.part", objects / "young.part"
    for part in (old, young):
        part.write_bytes(b"half")
    long_ago = time.time() - 2.0 * storage.PART_AGE_S
    os.utime(old, (long_ago, long_ago))
    kept = storage.store_bytes(BODY)
    assert storage.sweep_parts() == 1
    assert set(files(objects)) == {young, storage.object_path(kept)}


def test_free_bytes_makes_the_folder(objects):
    assert storage.free_bytes() > 0
    assert objects.is_dir()
