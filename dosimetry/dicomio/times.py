"""Dates and times of DICOM as aware datetimes."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import text_of


def parse_datetime(text: str, zone: tzinfo) -> datetime | None:
    """Return a DT value (YYYYMMDDHHMMSS.FFFFFF&ZZXX) as aware datetime, or None when it is incomplete."""
    offset = zone
    for sign in "+-":
        head, found, tail = text.partition(sign)
        if found and len(tail) == 4 and tail.isdigit():
            minutes = int(tail[:2]) * 60 + int(tail[2:])
            offset = timezone(timedelta(minutes=minutes if sign == "+" else -minutes))
            text = head
    return combine(text[:8], text[8:], offset)


def combine(date: str, time: str, zone: tzinfo) -> datetime | None:
    """Return DA and TM values as aware datetime, or None when either is missing or invalid."""
    date, time = date.replace(".", "").strip(), time.replace(":", "").strip()
    whole, _, fraction = time.partition(".")
    if len(date) != 8 or not date.isdigit() or not whole.isdigit() or len(whole) not in {2, 4, 6}:
        return None
    padded = whole.ljust(6, "0")
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction.isdigit() else 0
    try:
        return datetime(
            int(date[:4]),
            int(date[4:6]),
            int(date[6:8]),
            int(padded[:2]),
            int(padded[2:4]),
            min(int(padded[4:6]), 59),
            microsecond,
            tzinfo=zone,
        )
    except ValueError:
        return None


def zone_of(dataset: Dataset, site_zone: tzinfo) -> tuple[tzinfo, bool]:
    """Return the zone of the data set's (0008,0201), else the site's, and whether it was stated."""
    text = text_of(dataset, "TimezoneOffsetFromUTC")
    if len(text) == 5 and text[0] in "+-" and text[1:].isdigit():
        minutes = int(text[1:3]) * 60 + int(text[3:])
        return timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes)), True
    return site_zone, False


def acquisition_start(dataset: Dataset, site_zone: tzinfo) -> tuple[datetime | None, str]:
    """Return the start of acquisition in UTC and which elements gave it.

    The study date of a late scan may be that of the first day and content dates that of a reconstruction: neither is
    used.
    """
    zone, _ = zone_of(dataset, site_zone)
    stated = parse_datetime(text_of(dataset, "AcquisitionDateTime"), zone)
    if stated is not None:
        return stated.astimezone(UTC), "AcquisitionDateTime"
    for name in ("Acquisition", "Series"):
        found = combine(text_of(dataset, f"{name}Date"), text_of(dataset, f"{name}Time"), zone)
        if found is not None:
            return found.astimezone(UTC), f"{name}Date"
    return None, ""
