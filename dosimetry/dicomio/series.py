"""Group instances into series that share one grid, and say what each is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from dosimetry.dicomio.administration import AdministrationProposal, propose_administration
from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.headers import (
    CT_CLASSES,
    LOSSY_SYNTAXES,
    NM_CLASS,
    PT_CLASS,
    RTSTRUCT_CLASS,
    SEG_CLASSES,
    InstanceHeader,
    items_of,
    number_of,
    numbers_of,
    text_of,
    words_of,
)
from dosimetry.dicomio.nuclide_names import nuclide_of
from dosimetry.dicomio.times import acquisition_start, combine, zone_of

MIXED_PATIENTS = Finding(
    code="mixed_patients",
    level="block",
    message="Files of this series name different patients; send it again from its source.",
)
NM_KINDS = {"RECON TOMO": "emission", "RECON GATED TOMO": "emission", "TOMO": "projections"}
"""What an NM object holds, by the third value of Image Type (C.8.4.9.1.1.3)."""
EARLY_SERIES_S = 3600.0
"""A series that starts longer before its acquisition is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientIdentity:
    """Hold the four identifying fields as they stand in the files; never log it."""

    name: str
    patient_id: str
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Describe one series (or one part of a series that mixes grids).

    Parameters
    ----------
    kind : str
        ``emission``, ``projections`` (SPECT before reconstruction), ``ct``, ``rtstruct``, ``seg`` or ``other``.
    part : int
        0, or the number of the part when one series UID holds several grids.
    acquisition_start : datetime or None
        Earliest start of acquisition, UTC.
    series_start : datetime or None
        Start of the series, UTC: the reference of decay correction START. That of the acquisition when the series
        states none or a later one (it was reprocessed).
    frame_duration_s : float or None
        Longest duration of a frame.
    units, decay_correction, corrections : str, str, tuple of str
        As in the header; empty when absent.
    headers : tuple of InstanceHeader
        The instances.
    """

    kind: str
    part: int
    modality: str
    sop_class_uid: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    description: str
    study_description: str
    patient: PatientIdentity
    acquisition_start: datetime | None
    series_start: datetime | None
    frame_duration_s: float | None
    nuclide: str | None
    units: str
    decay_correction: str
    corrections: tuple[str, ...]
    administration: AdministrationProposal | None
    weight_kg: float | None
    height_m: float | None
    referenced_series_uids: tuple[str, ...]
    referenced_frame_uids: tuple[str, ...]
    manufacturer_model: str
    station_name: str
    findings: tuple[Finding, ...]
    headers: tuple[InstanceHeader, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the files."""
        return tuple(header.path for header in self.headers)

    @property
    def n_instances(self) -> int:
        """Return the number of files."""
        return len(self.headers)

    def as_dict(self) -> dict[str, Any]:
        """Return the non-identifying facts as plain JSON."""
        administration = self.administration
        return {
            "kind": self.kind,
            "part": self.part,
            "modality": self.modality,
            "sop_class_uid": self.sop_class_uid,
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "description": self.description,
            "n_instances": self.n_instances,
            "acquisition_start": self.acquisition_start and self.acquisition_start.isoformat(),
            "frame_duration_s": self.frame_duration_s,
            "nuclide": self.nuclide,
            "units": self.units,
            "decay_correction": self.decay_correction,
            "corrections": list(self.corrections),
            "administered_activity_bq": administration.administered_activity_bq if administration else None,
            "administered_at": administration.start.isoformat() if administration and administration.start else None,
            "weight_kg": self.weight_kg,
            "height_m": self.height_m,
            "referenced_series_uids": list(self.referenced_series_uids),
            "referenced_frame_uids": list(self.referenced_frame_uids),
            "manufacturer_model": self.manufacturer_model,
            "station_name": self.station_name,
        }


def group_series(headers: Iterable[InstanceHeader], *, site_zone: tzinfo = UTC) -> list[Series]:
    """Group instances by series, and split a series that mixes frames, orientations, matrices or spacings.

    Parameters
    ----------
    headers : iterable of InstanceHeader
        From ``read_header``.
    site_zone : tzinfo
        Zone of times that state none.

    Returns
    -------
    list of Series
        In order of acquisition; localisers and unreadable kinds are ``other``.
    """
    groups: dict[str, dict[tuple[Any, ...], list[InstanceHeader]]] = defaultdict(lambda: defaultdict(list))
    for header in headers:
        groups[header.series_uid][(_patient_key(header), *_grid_key(header))].append(header)
    series = []
    for parts in groups.values():
        n_patients = len({key[0] for key in parts})
        for number, members in enumerate(sorted(parts.values(), key=len, reverse=True)):
            item = _describe(members, part=number, n_parts=len(parts), site_zone=site_zone)
            series.append(item if n_patients == 1 else replace(item, findings=(*item.findings, MIXED_PATIENTS)))
    late = datetime.max.replace(tzinfo=UTC)
    return sorted(series, key=lambda item: (item.acquisition_start or late, item.kind, item.part))


def _patient_key(header: InstanceHeader) -> tuple[str, str]:
    return text_of(header.dataset, "PatientID"), text_of(header.dataset, "PatientName")


def _grid_key(header: InstanceHeader) -> tuple[Any, ...]:
    dataset = header.dataset
    if header.sop_class_uid not in CT_CLASSES | {PT_CLASS}:
        return (header.sop_class_uid,)
    orientation = numbers_of(dataset, "ImageOrientationPatient", 6)
    spacing = numbers_of(dataset, "PixelSpacing", 2)
    return (
        header.sop_class_uid,
        text_of(dataset, "FrameOfReferenceUID"),
        "LOCALIZER" in words_of(dataset, "ImageType"),
        None if orientation is None else tuple(round(value, 4) for value in orientation),
        None if spacing is None else tuple(round(value, 4) for value in spacing),
        number_of(dataset, "Rows"),
        number_of(dataset, "Columns"),
    )


def _describe(members: list[InstanceHeader], *, part: int, n_parts: int, site_zone: tzinfo) -> Series:
    first = members[0]
    dataset = first.dataset
    kind = _kind(first)
    findings: list[Finding] = []
    start = _earliest_start(members, site_zone, kind, findings)
    nuclide, radiopharmaceutical = nuclide_of(dataset)
    series_start = _series_start(dataset, start, site_zone)
    administration = None
    if kind in {"emission", "projections"}:
        findings += _emission_findings(members, nuclide)
        findings += _series_start_findings(_decay_correction(first), start, series_start)
        administration = propose_administration(
            first, radiopharmaceutical, scan_start=start, site_zone=site_zone, findings=findings
        )
    if kind == "ct" and any(_is_lossy(member) for member in members):
        findings.append(Finding(code="lossy", level="ask", message="The CT was compressed with loss."))
    if n_parts > 1 and kind in {"ct", "emission"}:
        text = f"The series holds {n_parts} different grids; this is part {part + 1}."
        findings.append(Finding(code="several_grids", level="ask", message=text))
    return Series(
        kind=kind,
        part=part,
        modality=text_of(dataset, "Modality"),
        sop_class_uid=first.sop_class_uid,
        study_uid=text_of(dataset, "StudyInstanceUID"),
        series_uid=first.series_uid,
        frame_of_reference_uid=text_of(dataset, "FrameOfReferenceUID"),
        description=text_of(dataset, "SeriesDescription"),
        study_description=text_of(dataset, "StudyDescription"),
        patient=PatientIdentity(
            name=text_of(dataset, "PatientName"),
            patient_id=text_of(dataset, "PatientID"),
            birth_date=text_of(dataset, "PatientBirthDate"),
            sex=text_of(dataset, "PatientSex"),
        ),
        acquisition_start=start,
        series_start=series_start,
        frame_duration_s=_frame_duration_s(members),
        nuclide=nuclide,
        units=text_of(dataset, "Units"),
        decay_correction=_decay_correction(first),
        corrections=words_of(dataset, "CorrectedImage"),
        administration=administration,
        weight_kg=number_of(dataset, "PatientWeight"),
        height_m=number_of(dataset, "PatientSize"),
        referenced_series_uids=_referenced_series(dataset),
        referenced_frame_uids=_referenced_frames(dataset),
        manufacturer_model=text_of(dataset, "ManufacturerModelName"),
        station_name=text_of(dataset, "StationName"),
        findings=tuple(findings),
        headers=tuple(members),
    )


def _kind(header: InstanceHeader) -> str:
    if header.sop_class_uid in CT_CLASSES:
        return "other" if "LOCALIZER" in words_of(header.dataset, "ImageType") else "ct"
    if header.sop_class_uid == PT_CLASS:
        return "emission"
    if header.sop_class_uid == NM_CLASS:
        return NM_KINDS.get(_third_image_type(header.dataset), "other")
    if header.sop_class_uid == RTSTRUCT_CLASS:
        return "rtstruct"
    return "seg" if header.sop_class_uid in SEG_CLASSES else "other"


def _third_image_type(dataset: Dataset) -> str:
    words = words_of(dataset, "ImageType")
    return words[2] if len(words) > 2 else ""


def _earliest_start(
    members: list[InstanceHeader], site_zone: tzinfo, kind: str, findings: list[Finding]
) -> datetime | None:
    starts = [acquisition_start(member.dataset, site_zone) for member in members]
    known = [(start, source) for start, source in starts if start is not None]
    if kind not in {"emission", "projections", "ct"}:
        return min((start for start, _ in known), default=None)
    if not known:
        text = "The series states no acquisition date and time; enter them."
        findings.append(Finding(code="no_time", level="note" if kind == "ct" else "block", message=text))
        return None
    start, source = min(known)
    if source == "SeriesDate":
        text = "The time is that of the series; no acquisition time is stated."
        findings.append(Finding(code="series_time", level="note", message=text))
    _, is_stated = zone_of(members[0].dataset, site_zone)
    if not is_stated:
        text = f"No time zone is stated; {site_zone} is taken."
        findings.append(Finding(code="site_zone", level="note", message=text))
    return start


def _series_start(dataset: Dataset, start: datetime | None, site_zone: tzinfo) -> datetime | None:
    zone, _ = zone_of(dataset, site_zone)
    stated = combine(text_of(dataset, "SeriesDate"), text_of(dataset, "SeriesTime"), zone)
    if stated is None or (start is not None and stated.astimezone(UTC) > start):
        return start
    return stated.astimezone(UTC)


def _series_start_findings(
    decay_correction: str, start: datetime | None, series_start: datetime | None
) -> list[Finding]:
    if decay_correction != "START" or start is None or series_start is None:
        return []
    early_s = (start - series_start).total_seconds()
    if early_s <= EARLY_SERIES_S:
        return []
    text = (
        f"The series starts {early_s / 3600.0:.1f} h before its acquisition, and the values are decay-corrected to "
        "the start of the series; check both times."
    )
    return [Finding(code="series_start_early", level="ask", message=text)]


def _emission_findings(members: list[InstanceHeader], nuclide: str | None) -> list[Finding]:
    findings = []
    if any(_is_lossy(member) for member in members):
        text = "Emission images compressed with loss are not quantitative; send the original."
        findings.append(Finding(code="lossy", level="block", message=text))
    if nuclide is None:
        text = "The radionuclide is not stated; choose it when confirming the course."
        findings.append(Finding(code="no_nuclide", level="ask", message=text))
    return findings


def _is_lossy(header: InstanceHeader) -> bool:
    return header.transfer_syntax_uid in LOSSY_SYNTAXES or text_of(header.dataset, "LossyImageCompression") == "01"


def _frame_duration_s(members: list[InstanceHeader]) -> float | None:
    durations = []
    for member in members:
        duration_ms = number_of(member.dataset, "ActualFrameDuration")
        if duration_ms is None:
            for rotation in items_of(member.dataset, "RotationInformationSequence"):
                per_view_ms = number_of(rotation, "ActualFrameDuration")
                n_views = number_of(rotation, "NumberOfFramesInRotation")
                if per_view_ms is not None and n_views is not None:
                    duration_ms = per_view_ms * n_views
        if duration_ms is not None and duration_ms > 0.0:
            durations.append(duration_ms / 1e3)
    return max(durations, default=None)


def _decay_correction(header: InstanceHeader) -> str:
    """Return NONE, START or ADMIN; NM objects say DECY among their corrections without a reference."""
    stated = text_of(header.dataset, "DecayCorrection")
    if stated or header.sop_class_uid != NM_CLASS:
        return stated
    return "" if "DECY" in words_of(header.dataset, "CorrectedImage") else "NONE"


def _referenced_series(dataset: Dataset) -> tuple[str, ...]:
    found = [text_of(item, "SeriesInstanceUID") for item in items_of(dataset, "ReferencedSeriesSequence")]
    for frame in items_of(dataset, "ReferencedFrameOfReferenceSequence"):
        for study in items_of(frame, "RTReferencedStudySequence"):
            found += [text_of(item, "SeriesInstanceUID") for item in items_of(study, "RTReferencedSeriesSequence")]
    return tuple(dict.fromkeys(uid for uid in found if uid))


def _referenced_frames(dataset: Dataset) -> tuple[str, ...]:
    found = [text_of(item, "FrameOfReferenceUID") for item in items_of(dataset, "ReferencedFrameOfReferenceSequence")]
    found += [text_of(item, "ReferencedFrameOfReferenceUID") for item in items_of(dataset, "StructureSetROISequence")]
    found.append(text_of(dataset, "FrameOfReferenceUID"))
    return tuple(dict.fromkeys(uid for uid in found if uid))
