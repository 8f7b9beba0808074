"""Results of a command appear whole or not at all: written beside their place, moved there at the end."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dosimetry.errors import InvalidInputError

UNFINISHED = "unfinished"
"""Part of the name of a folder or file at work: only a killed process leaves one, and it may be removed."""


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into; what it holds is in ``out`` once everything is written.

    Parameters
    ----------
    out : Path
        Made when absent, in one step. In a folder that is there already, files of equal names are replaced and others
        stay.

    Yields
    ------
    Path
        An empty folder beside ``out``. It is removed when the work stops before its end, by an error or an interrupt.

    Raises
    ------
    InvalidInputError
        ``out`` is a file (``out_is_file``).
    """
    place = out.resolve()
    if place.exists() and not place.is_dir():
        raise InvalidInputError(f"{out} is a file; give a folder for the results.", code="out_is_file")
    missing = [parent for parent in place.parents if not parent.exists()]
    at_work = _beside(place)
    try:
        at_work.mkdir(parents=True)
        yield at_work
        if place.exists():
            _move_into(place, at_work)
        else:
            at_work.rename(place)
    finally:
        shutil.rmtree(at_work, ignore_errors=True)
        for parent in missing:
            with suppress(OSError):  # holds the result, or something that was put there meanwhile
                parent.rmdir()


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader finds the old one, or the new one, and never a part."""
    at_work = _beside(path.resolve())
    try:
        at_work.write_text(text)
        at_work.replace(path)
    finally:
        at_work.unlink(missing_ok=True)


def _beside(place: Path) -> Path:
    return place.with_name(f"{place.name}.{UNFINISHED}-{secrets.token_hex(4)}")


def _move_into(place: Path, at_work: Path) -> None:
    for path in sorted(at_work.rglob("*")):
        target = place / path.relative_to(at_work)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            path.replace(target)
