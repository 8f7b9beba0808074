"""Dates and times of DICOM as aware datetimes."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import text_of

YEARS = range(1900, 3000)
"""Years of dates that are taken as such; 0001 and the like stand for "unknown"."""
LARGEST_OFFSET_MINUTES = 14 * 60
"""DICOM PS3.3 C.12.1.1.8: offsets from UTC lie between -12 h and +14 h."""


def parse_datetime(text: str, zone: tzinfo) -> datetime | None:
    """Return a DT value (YYYYMMDDHHMMSS.FFFFFF&ZZXX) as aware datetime, or None when it is incomplete."""
    offset: tzinfo | None = zone
    for sign in "+-":
        head, found, tail = text.partition(sign)
        if found:
            offset, text = _offset(sign, tail), head
    return None if offset is None else combine(text[:8], text[8:], offset)


def _offset(sign: str, digits: str) -> timezone | None:
    """Return the zone of an offset as +HHMM, or None when it is none."""
    if len(digits) != 4 or not digits.isdecimal() or int(digits[2:]) > 59:
        return None
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > LARGEST_OFFSET_MINUTES:
        return None
    return timezone(timedelta(minutes=minutes if sign == "+" else -minutes))


def combine(date: str, time: str, zone: tzinfo) -> datetime | None:
    """Return DA and TM values as aware datetime, or None when either is missing or invalid."""
    date, time = date.replace(".", "").strip(), time.replace(":", "").strip()
    whole, _, fraction = time.partition(".")
    if len(date) != 8 or not date.isdecimal() or not whole.isdecimal() or len(whole) not in {2, 4, 6}:
        return None
    if int(date[:4]) not in YEARS:
        return None
    padded = whole.ljust(6, "0")
    second = int(padded[4:6])
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction.isdecimal() else 0
    try:
        return datetime(
            int(date[:4]),
            int(date[4:6]),
            int(date[6:8]),
            int(padded[:2]),
            int(padded[2:4]),
            59 if second == 60 else second,  # a leap second
            microsecond,
            tzinfo=zone,
        )
    except ValueError:
        return None


def zone_of(dataset: Dataset, site_zone: tzinfo) -> tuple[tzinfo, bool]:
    """Return the zone of the data set's (0008,0201), else the site's, and whether it was stated."""
    text = text_of(dataset, "TimezoneOffsetFromUTC")
    offset = _offset(text[0], text[1:]) if text[:1] in {"+", "-"} else None
    return (site_zone, False) if offset is None else (offset, True)


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
