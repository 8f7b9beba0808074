"""What an emission image says about the administration."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from pydicom.dataset import Dataset

from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.headers import NM_CLASS, InstanceHeader, number_of, text_of
from dosimetry.dicomio.times import combine, parse_datetime, zone_of
from dosimetry.units import MBQ_BQ

PLAUSIBLE_ACTIVITY_BQ = (1e5, 1e12)
"""Administered activities of diagnosis and therapy; a value outside was written in another unit (Bq for MBq)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationProposal:
    """Hold what the image header says was given; a person confirms it."""

    administered_activity_bq: float | None
    start: datetime | None
    is_day_assumed: bool = False
    """The header states the time of day only; the day is that of the scan."""


def propose_administration(
    header: InstanceHeader,
    radiopharmaceutical: Dataset | None,
    *,
    scan_start: datetime | None,
    site_zone: tzinfo,
    findings: list[Finding],
) -> AdministrationProposal | None:
    """Return what the header of an emission image says of the administration, or None when it says nothing.

    Parameters
    ----------
    header : InstanceHeader
        One instance of the series.
    radiopharmaceutical : Dataset or None
        Item of its Radiopharmaceutical Information Sequence.
    scan_start : datetime or None
        Start of the acquisition; its day stands in for one that is not stated.
    site_zone : tzinfo
        Zone of times that state none.
    findings : list of Finding
        Doubts are added to it.

    Returns
    -------
    AdministrationProposal or None
        Activity in Bq and start in UTC, for a person to confirm.
    """
    if radiopharmaceutical is None:
        return None
    activity_bq = _administered_activity_bq(header, radiopharmaceutical, findings)
    zone, _ = zone_of(header.dataset, site_zone)
    given = parse_datetime(text_of(radiopharmaceutical, "RadiopharmaceuticalStartDateTime"), zone)
    is_day_assumed = given is None
    if given is None and scan_start is not None:
        same_day = scan_start.astimezone(zone).strftime("%Y%m%d")
        given = combine(same_day, text_of(radiopharmaceutical, "RadiopharmaceuticalStartTime"), zone)
        given = None if given is not None and given > scan_start else given
    if activity_bq is None and given is None:
        return None
    return AdministrationProposal(
        administered_activity_bq=activity_bq,
        start=None if given is None else given.astimezone(UTC),
        is_day_assumed=given is not None and is_day_assumed,
    )


def _administered_activity_bq(
    header: InstanceHeader, radiopharmaceutical: Dataset, findings: list[Finding]
) -> float | None:
    """Return the total dose, which is in Bq in PT objects and in MBq in NM objects; None when it cannot be that."""
    total = number_of(radiopharmaceutical, "RadionuclideTotalDose")
    if total is None or total <= 0.0:
        return None
    activity_bq = total * MBQ_BQ if header.sop_class_uid == NM_CLASS else total
    low, high = PLAUSIBLE_ACTIVITY_BQ
    if not low <= activity_bq <= high:
        text = f"The header's administered activity would be {activity_bq / MBQ_BQ:.3g} MBq; enter it by hand."
        findings.append(Finding(code="administered_activity_unit", level="ask", message=text))
        return None
    return activity_bq
