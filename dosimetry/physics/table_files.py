"""The one reader and writer of the committed physics tables: small .npz files with source, version and seed inside."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

TABLE_FOLDER = Path(__file__).parent / "tables"
MAX_TABLE_BYTES = 400_000
"""A committed table stays below this size."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableFile:
    """Arrays of one committed table.

    Parameters
    ----------
    name : str
        File name without ending.
    arrays : mapping
        Arrays by name, read-only.
    meta : mapping
        Source, versions, date, seed and histories, as the build program wrote them.
    sha256 : str
        SHA-256 of the file.
    """

    name: str
    arrays: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]
    sha256: str


@lru_cache(maxsize=16)
def read_table(name: str) -> TableFile:
    """Read a committed table.

    Parameters
    ----------
    name : str
        File name without ending, as ``photon_cross_sections``.

    Returns
    -------
    TableFile
        Arrays as stored (float32 numbers), meta data and hash.

    Raises
    ------
    InvalidInputError
        There is no such table.
    """
    path = TABLE_FOLDER / f"{name}.npz"
    if not path.is_file():
        raise InvalidInputError(f"The physics table {name!r} is missing; build it again.", code="missing_table")
    content = path.read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files if key != "meta"}
        meta = json.loads(str(archive["meta"]))
    for array in arrays.values():
        array.setflags(write=False)
    return TableFile(
        name=name,
        arrays=MappingProxyType(arrays),
        meta=MappingProxyType(meta),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def write_table(
    name: str, *, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], folder: Path = TABLE_FOLDER
) -> Path:
    """Write a table with its meta data; used by the build programs only.

    Parameters
    ----------
    name : str
        File name without ending.
    arrays : mapping
        Arrays by name; floating point numbers are stored as float32.
    meta : mapping
        Source, versions, date, seed, histories: JSON values.
    folder : Path
        Where to write.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidInputError
        The file is larger than ``MAX_TABLE_BYTES``.
    """
    stored: dict[str, Any] = {
        key: np.asarray(array, dtype=np.float32) if np.issubdtype(np.asarray(array).dtype, np.floating) else array
        for key, array in arrays.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored, meta=np.array(json.dumps(dict(meta), sort_keys=True)))
    if buffer.tell() > MAX_TABLE_BYTES:
        raise InvalidInputError(f"The table {name} has {buffer.tell()} bytes; {MAX_TABLE_BYTES} are allowed.")
    path = folder / f"{name}.npz"
    path.write_bytes(buffer.getvalue())
    return path
