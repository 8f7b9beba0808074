"""Objects named by their SHA-256: written once, whole or not at all."""

import fcntl
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np
from django.conf import settings

CHUNK_BYTES = 2**20
PART_AGE_S = 3600.0
logger = logging.getLogger(__name__)


def object_path(sha256: str) -> Path:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("An object is named by 64 hexadecimal digits.")
    return Path(settings.OBJECTS_DIR) / sha256[:2] / sha256


def has_object(sha256: str) -> bool:
    return object_path(sha256).exists()


def open_object(sha256: str) -> BinaryIO:
    return object_path(sha256).open("rb")


def read_bytes(sha256: str) -> bytes | None:
    """Return the content of an object; None where it is missing, or is not what its name says."""
    try:
        content = object_path(sha256).read_bytes()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def store_bytes(data: bytes) -> str:
    return store_stream(BytesIO(data).read)


def store_file(path: Path) -> str:
    with path.open("rb") as file:
        return store_stream(lambda: file.read(CHUNK_BYTES))


def store_stream(read: Callable[[], bytes]) -> str:
    """Write chunks until an empty one; return the digest. A repeated content costs no space."""
    with receiving(read) as received:
        return received.adopt()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A whole stream in a synced part file that has no name yet."""

    part: Path
    sha256: str
    n_bytes: int

    def adopt(self) -> str:
        return adopt_part(self.part, self.sha256)


@contextmanager
def receiving(read: Callable[[], bytes]) -> Iterator[Received]:
    """Write chunks until an empty one into a part file; it is gone afterwards unless it was adopted."""
    part = Path(settings.OBJECTS_DIR) / f"{uuid4().hex}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    digest, n_bytes = hashlib.sha256(), 0
    try:
        with part.open("xb") as file:
            while chunk := read():
                file.write(chunk)
                digest.update(chunk)
                n_bytes += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        yield Received(part=part, sha256=digest.hexdigest(), n_bytes=n_bytes)
    finally:
        part.unlink(missing_ok=True)


def adopt_part(part: Path, sha256: str) -> str:
    """Give a complete, synced part file its final name.

    What is there already stays and is young again, so that no sweep takes it before the caller's row names it; what is
    there and damaged is replaced.
    """
    target = object_path(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _sweeping_barred():
        if target.exists():
            if _is_whole(target, sha256):
                os.utime(target)
                part.unlink(missing_ok=True)
                return sha256
            logger.warning("a damaged object was replaced by its content, sent again", extra={"sha256": sha256})
        part.replace(target)
    for folder in (target.parent, target.parent.parent):  # the second knows that the first exists
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return sha256


def _is_whole(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


@contextmanager
def _sweeping_barred(*, alone: bool = False) -> Iterator[None]:
    """Hold the store against a sweep; ``alone``, as the sweep does, against everybody."""
    folder = os.open(settings.OBJECTS_DIR, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(folder)


def store_array(values: np.ndarray) -> str:
    buffer = BytesIO()
    np.save(buffer, np.ascontiguousarray(values), allow_pickle=False)
    return store_bytes(buffer.getvalue())


def load_array(sha256: str) -> np.ndarray:
    return np.load(object_path(sha256), allow_pickle=False)


def sweep_parts() -> int:
    """Remove part files that killed processes left behind; return how many."""
    n_removed = 0
    for part in Path(settings.OBJECTS_DIR).glob("*.part"):
        try:
            if time.time() - part.stat().st_mtime > PART_AGE_S:
                part.unlink()
                n_removed += 1
        except FileNotFoundError:
            continue
    return n_removed


def old_objects(age_s: float) -> list[str]:
    """Return the digests of the objects that nobody has stored for this long."""
    found = Path(settings.OBJECTS_DIR).glob("[0-9a-f][0-9a-f]/*")
    return sorted(path.name for path in found if _age_s(path) > age_s)


def remove_old_object(sha256: str, age_s: float) -> int:
    """Remove an object unless it was stored again meanwhile; return its bytes, 0 where it stays."""
    path = object_path(sha256)
    with _sweeping_barred(alone=True):
        if _age_s(path) <= age_s:
            return 0
        n_bytes = path.stat().st_size
        path.unlink()
    return n_bytes


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def free_bytes() -> int:
    Path(settings.OBJECTS_DIR).mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(settings.OBJECTS_DIR).free
