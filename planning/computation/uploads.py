"""From received files to quarantined series: unpack, guard, read headers, group."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.headers import InstanceHeader, read_header
from dosimetry.dicomio.preview import series_preview
from dosimetry.dicomio.readiness import readiness_findings
from dosimetry.dicomio.series import Series, group_series
from dosimetry.dicomio.zip_guard import extract_zip
from dosimetry.errors import DosimetryError
from planning import storage
from planning.computation.imaged_line import imaged_kev
from planning.models import SeriesFile, Upload, UploadFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """One file on disk: as sent (member 0), or taken from an archive."""

    number: int
    member: int
    name: str
    path: Path


def read_upload(*, upload: Upload, progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Return rows for the files of an upload and the series that they form; nothing is written but objects."""
    with tempfile.TemporaryDirectory(prefix="theranostics-upload-") as folder:
        progress(0.02, "Unpacking")
        files, verdicts = _unpack(upload, Path(folder))
        headers: dict[Path, InstanceHeader] = {}
        by_path = {file.path: file for file in files}
        for i, (path, verdict) in enumerate(check_files(list(by_path))):
            progress(0.05 + 0.70 * i / max(len(files), 1), f"Checking file {i + 1} of {len(files)}")
            file = by_path[Path(path)]
            if not verdict.is_accepted:
                verdicts.append(_row(file, "refused", str(verdict.code), verdict.message))
                continue
            try:
                headers[file.path] = read_header(file.path)
            except DosimetryError as error:
                verdicts.append(_row(file, "refused", error.code, str(error)))
        progress(0.80, "Storing")
        digests = _store(headers, by_path, verdicts, upload)
        zone = ZoneInfo(upload.site.time_zone)
        progress(0.92, "Grouping series")
        groups = group_series(headers.values(), site_zone=zone)
        series = []
        for i, item in enumerate(groups):
            progress(0.93 + 0.06 * i / len(groups), f"Preview of series {i + 1} of {len(groups)}")
            series.append({**_series_row(item, digests), "preview_sha256": preview_png(item)})
    return {"files": verdicts, "series": [row for row in series if row["files"]]}


def preview_png(series: Series) -> str:
    """Store a small picture of a series and return its digest; empty for what has no picture or cannot be read."""
    if series.kind not in {"emission", "ct"}:
        return ""
    try:
        grey = series_preview(series)
    except DosimetryError:
        return ""  # the guard of the images step says what is wrong, with the whole series
    png = BytesIO()
    Image.fromarray(grey).save(png, format="PNG")
    return storage.store_bytes(png.getvalue())


def _unpack(upload: Upload, folder: Path) -> tuple[list[ReceivedFile], list[dict[str, Any]]]:
    files, verdicts = [], []
    for row in upload.files.filter(member=0):
        stored = storage.object_path(row.sha256)
        if not zipfile.is_zipfile(stored) or _is_dicom(stored):
            path = folder / f"{row.number}-0"
            path.symlink_to(stored)
            files.append(ReceivedFile(number=row.number, member=0, name=row.name, path=path))
            continue
        target = folder / f"{row.number}-zip"
        target.mkdir()
        files += list(_members(row, stored, target, verdicts))
    return files, verdicts


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _members(row: UploadFile, stored: Path, target: Path, verdicts: list[dict[str, Any]]) -> Iterator[ReceivedFile]:
    whole = ReceivedFile(number=row.number, member=0, name=row.name, path=stored)
    extraction = extract_zip(stored, target)
    if not extraction.is_accepted:
        shutil.rmtree(target, ignore_errors=True)
        verdicts.append(_row(whole, "refused", str(extraction.archive_code), extraction.message))
        return
    verdicts.append(_row(whole, "accepted", "archive", f"{len(extraction.files)} files taken out."))
    for i, member in enumerate(extraction.files, start=1):
        yield ReceivedFile(number=row.number, member=i, name=member.name_shown, path=member.path)
    for i, refusal in enumerate(extraction.refusals, start=len(extraction.files) + 1):
        file = ReceivedFile(number=row.number, member=i, name=refusal.name_shown, path=target / "left-out")
        verdicts.append(_row(file, "refused", str(refusal.code), refusal.message))


def _row(file: ReceivedFile, state: str, code: str = "", message: str = "", sha256: str = "") -> dict[str, Any]:
    n_bytes = file.path.stat().st_size if file.path.exists() else 0
    name = "".join(letter for letter in file.name if letter.isprintable())
    return {
        "number": file.number,
        "member": file.member,
        "name": name[-255:],
        "state": state,
        "verdict_code": code,
        "verdict_message": message[:500],
        "n_bytes": n_bytes,
        "sha256": sha256,
    }


def _store(
    headers: dict[Path, InstanceHeader],
    by_path: dict[Path, ReceivedFile],
    verdicts: list[dict[str, Any]],
    upload: Upload,
) -> dict[Path, tuple[str, str, int]]:
    """Store accepted instances; recognise those that are stored already, and block other content under a known UID."""
    digests: dict[Path, tuple[str, str, int]] = {}
    for path in list(headers):
        uid = headers[path].sop_instance_uid
        sha256 = storage.store_file(path.resolve())
        known = SeriesFile.objects.filter(
            sop_instance_uid=uid, series__site=upload.site, series__is_discarded=False
        ).exclude(series__upload=upload)
        same = next((file for file in known if file.sha256 == sha256), None)
        file = by_path[path]
        if same is not None:
            verdicts.append(_row(file, "duplicate", "duplicate", "This file is stored already.", sha256))
            del headers[path]
        elif known.exists():
            message = f"Another content is stored under this UID (digests {known[0].sha256[:12]} and {sha256[:12]})."
            verdicts.append(_row(file, "refused", "duplicate_uid", message, sha256))
            del headers[path]
        else:
            verdicts.append(_row(file, "accepted", "ok", "", sha256))
            digests[path] = (uid, sha256, path.stat().st_size)
    return digests


def _series_row(series, digests: dict[Path, tuple[str, str, int]]) -> dict[str, Any]:
    identity = series.patient
    files = [digests[path] for path in series.paths if path in digests]
    unique = {uid: (uid, sha256, n_bytes) for uid, sha256, n_bytes in files}
    said = (*series.findings, *readiness_findings(series))
    findings = [{"code": f.code, "level": f.level, "message": f.message} for f in said]
    if len({sha256 for _, sha256, _ in files}) > len(unique):
        text = "Two different files claim the same instance UID; send the series again from its source."
        findings.append({"code": "duplicate_uid", "level": "block", "message": text})
    return {
        "kind": series.kind,
        "modality": series.modality[:16],
        "series_uid": series.series_uid,
        "study_uid": series.study_uid,
        "frame_of_reference_uid": series.frame_of_reference_uid,
        "part": series.part,
        "acquisition_start": series.acquisition_start,
        "summary": {**series.as_dict(), "imaged_kev": imaged_kev(series)},
        "identity": {
            "name": identity.name[:255],
            "patient_id": identity.patient_id[:64],
            "birth_date": identity.birth_date,
            "sex": identity.sex[:1],
        },
        "findings": findings,
        "files": list(unique.values()),
    }
