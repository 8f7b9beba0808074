"""Dates and times of headers: what is taken, what is refused, and which element wins."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from dosimetry.dicomio.times import acquisition_start, combine, parse_datetime, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def dataset(**values):
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("20240305", "081530", datetime(2024, 3, 5, 8, 15, 30, tzinfo=UTC)),
        ("20240305", "081530.5", datetime(2024, 3, 5, 8, 15, 30, 500_000, tzinfo=UTC)),
        ("20240305", "0815", datetime(2024, 3, 5, 8, 15, tzinfo=UTC)),
        ("20240305", "08", datetime(2024, 3, 5, 8, tzinfo=UTC)),
        ("2024.03.05", "08:15:30", datetime(2024, 3, 5, 8, 15, 30, tzinfo=UTC)),
        ("20161231", "235960", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_dates_and_times_are_read(date, time, expected):
    assert combine(date, time, UTC) == expected


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("", "081530"),
        ("20240305", ""),
        ("00000000", "000000"),
        ("00010101", "000000"),
        ("20240230", "081530"),
        ("20240305", "246000"),
        ("20240305", "081575"),
        ("20240305", "8:15"),
        ("2024-3-5", "081530"),
        ("²0240305", "081530"),
    ],
)
def test_missing_or_impossible_times_are_no_time(date, time):
    assert combine(date, time, UTC) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240305235000.000000+0100", datetime(2024, 3, 5, 22, 50, tzinfo=UTC)),
        ("20240305235000-0930", datetime(2024, 3, 6, 9, 20, tzinfo=UTC)),
        ("20240305235000", datetime(2024, 3, 5, 22, 50, tzinfo=UTC)),
        ("20240305", None),
        ("20240305235000+9900", None),
        ("20240305235000+01", None),
        ("", None),
    ],
)
def test_a_stated_offset_wins_over_the_zone_of_the_site(text, expected):
    assert parse_datetime(text, BERLIN) == expected


@given(text=st.text(alphabet="0123456789+-.:² ", max_size=30))
@example("20240305101500+2400")
@example("20240305101500.²")
@example("00010101000000+1400")
def test_any_text_is_an_aware_time_or_none(text):
    moment = parse_datetime(text, BERLIN)
    assert moment is None or moment.astimezone(UTC).year >= 1899


@given(date=st.text(max_size=10), time=st.text(max_size=12))
@example("20240305", "101500.²")
def test_any_date_and_time_is_an_aware_time_or_none(date, time):
    moment = combine(date, time, UTC)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("moment", [datetime(2024, 3, 31, 1, 59, 59, tzinfo=UTC), datetime(1999, 12, 31, tzinfo=UTC)])
def test_what_is_written_is_read(moment):
    assert parse_datetime(moment.strftime("%Y%m%d%H%M%S.%f+0000"), BERLIN) == moment


@pytest.mark.parametrize(
    ("text", "hours"), [("+0100", 1.0), ("-0330", -3.5), ("+1400", 14.0)], ids=["ahead", "behind", "largest"]
)
def test_the_offset_of_the_data_set_is_its_zone(text, hours):
    zone, is_stated = zone_of(dataset(TimezoneOffsetFromUTC=text), BERLIN)
    assert is_stated
    assert zone == timezone(timedelta(hours=hours))


@pytest.mark.parametrize("text", ["", "0100", "+01", "+9900", "+0175", "+abcd"])
def test_a_bad_offset_leaves_the_zone_of_the_site(text):
    assert zone_of(dataset(TimezoneOffsetFromUTC=text), BERLIN) == (BERLIN, False)


def test_the_acquisition_wins_over_the_series_and_study_and_content_are_never_used():
    stated = dataset(
        StudyDate="20240301",
        StudyTime="080000",
        ContentDate="20240309",
        ContentTime="080000",
        SeriesDate="20240306",
        SeriesTime="090000",
        AcquisitionDate="20240305",
        AcquisitionTime="100000",
        AcquisitionDateTime="20240304110000+0000",
    )
    assert acquisition_start(stated, UTC) == (datetime(2024, 3, 4, 11, tzinfo=UTC), "AcquisitionDateTime")
    del stated.AcquisitionDateTime
    assert acquisition_start(stated, UTC) == (datetime(2024, 3, 5, 10, tzinfo=UTC), "AcquisitionDate")
    del stated.AcquisitionTime
    assert acquisition_start(stated, UTC) == (datetime(2024, 3, 6, 9, tzinfo=UTC), "SeriesDate")
    del stated.SeriesDate
    assert acquisition_start(stated, UTC) == (None, "")


def test_summer_time_of_the_site_is_kept():
    before = dataset(AcquisitionDate="20240330", AcquisitionTime="120000")
    after = dataset(AcquisitionDate="20240331", AcquisitionTime="120000")
    (first, _), (second, _) = acquisition_start(before, BERLIN), acquisition_start(after, BERLIN)
    # The clock went forward in the night: 23 h between two noons.
    assert second - first == timedelta(hours=23)
