"""Files of a case: unpacked, guarded, read."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.headers import InstanceHeader, read_header
from dosimetry.dicomio.zip_guard import extract_zip
from dosimetry.errors import InvalidInputError


def guarded_headers(paths: Iterable[Path], *, unpack_into: Path) -> tuple[list[InstanceHeader], list[str]]:
    """Return the headers of every accepted file below the paths, and a line for each refusal.

    Parameters
    ----------
    paths : iterable of Path
        Files, folders or ZIP archives.
    unpack_into : Path
        Empty folder for the contents of archives.

    Returns
    -------
    tuple of (list of InstanceHeader, list of str)
        Headers, and refusals as code and message without file names.

    Raises
    ------
    InvalidInputError
        No readable DICOM file is among them.
    """
    files: list[Path] = []
    refusals: list[str] = []
    for path in paths:
        candidates = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
        for item in candidates:
            if zipfile.is_zipfile(item):
                target = unpack_into / f"zip-{len(list(unpack_into.iterdir()))}"
                target.mkdir()
                extraction = extract_zip(item, target)
                files += [member.path for member in extraction.files]
                refusals += [f"{refusal.code}: {refusal.message}" for refusal in extraction.refusals]
                if not extraction.is_accepted:
                    refusals.append(f"{extraction.archive_code}: {extraction.message}")
            else:
                files.append(item)
    headers = []
    for path, verdict in check_files(files):
        if verdict.is_accepted:
            headers.append(read_header(path))
        else:
            refusals.append(f"{verdict.code}: {verdict.message}")
    if not headers:
        raise InvalidInputError("No readable DICOM file is among the images.", code="no_dicom")
    return headers, refusals
