"""The decay reference of the header: one phantom is one activity, over midnight, summer time and zones."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts, decay_factor
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.activity import to_activity_concentration
from tests.phantoms import edits, objects

BERLIN = ZoneInfo("Europe/Berlin")


def decay_corrected(folder, *, correction, started, administered_at, series_early_s=0.0, nuclide="Lu-177"):
    """Write one phantom (1 MBq/mL at the scan's middle) in one way of decay correction; return it in Bq/mL."""
    acquisition = AcquisitionFacts(started=started, frame_duration_s=1800.0)
    data = get_nuclide(nuclide)
    agent = AgentFacts(
        name="X",
        nuclide=nuclide,
        half_life_s=data.half_life_s,
        administered_activity_bq=7.4e9,
        administered_at=administered_at,
    )
    series_started = started - timedelta(seconds=series_early_s)
    middle = started + timedelta(seconds=900.0)
    to_middle = decay_factor(acquisition=acquisition, agent=agent, reference=middle)
    reference = {"NONE": None, "START": series_started, "ADMIN": administered_at}[correction]
    mean = 1e6 / to_middle
    stored = (
        mean if reference is None else mean * decay_factor(acquisition=acquisition, agent=agent, reference=reference)
    )
    volume = objects.volume(unit="Bq/mL").with_values(np.full((5, 20, 24), stored))
    series = objects.SeriesFacts(
        series_uid=objects.make_uid("series", correction, seed="decay"), number=1, started=series_started
    )
    return edits.pet_series(
        folder, volume=volume, acquisition=acquisition, agent=agent, series=series, decay_correction=correction
    )


def quantified(written, *, administered_at, site_zone=UTC, nuclide="Lu-177"):
    return to_activity_concentration(
        read_emission(edits.only(written, site_zone=site_zone)),
        nuclide=get_nuclide(nuclide),
        administration_time=administered_at,
        administered_activity_bq=7.4e9,
    )


CASES = {
    "plain": (datetime(2024, 3, 5, 10, tzinfo=UTC), datetime(2024, 3, 4, 9, tzinfo=UTC)),
    "over midnight": (datetime(2024, 3, 5, 23, 50, tzinfo=UTC), datetime(2024, 3, 4, 23, 59, tzinfo=UTC)),
    "clock forward": (datetime(2024, 3, 31, 8, tzinfo=BERLIN), datetime(2024, 3, 30, 8, tzinfo=BERLIN)),
    "clock back": (datetime(2024, 10, 27, 8, tzinfo=BERLIN), datetime(2024, 10, 26, 8, tzinfo=BERLIN)),
    "other zones": (
        datetime(2024, 3, 6, 1, tzinfo=timezone(timedelta(hours=5.5))),
        datetime(2024, 3, 4, 22, tzinfo=timezone(-timedelta(hours=8))),
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("correction", ["NONE", "START", "ADMIN"])
def test_one_phantom_is_one_activity_in_every_decay_correction(tmp_path, correction, case):
    started, administered_at = CASES[case]
    written = decay_corrected(tmp_path, correction=correction, started=started, administered_at=administered_at)
    result = quantified(written, administered_at=administered_at)
    # NONE takes the frame mean at mid-acquisition: (l dt)^2 / 24 = 2e-7; the rest is 16 bits and DS text.
    assert result.volume.values == pytest.approx(1e6, rel=2e-6)
    elapsed_s = (started.astimezone(UTC) - administered_at.astimezone(UTC)).total_seconds()
    assert result.time_s == pytest.approx(elapsed_s + 900.0)


def test_start_refers_to_the_series_when_it_starts_before_the_acquisition(tmp_path):
    started, administered_at = CASES["plain"]
    written = decay_corrected(
        tmp_path,
        correction="START",
        started=started,
        administered_at=administered_at,
        series_early_s=1200.0,
        nuclide="F-18",
    )
    result = quantified(written, administered_at=administered_at, nuclide="F-18")
    # F-18 in 30 min: frame mean and mid-acquisition are exact here, since START holds the activity at an instant.
    assert result.volume.values == pytest.approx(1e6, rel=1e-5)
    assert edits.codes(edits.only(written)) == {}


def test_start_of_a_reprocessed_series_refers_to_the_acquisition(tmp_path):
    started, administered_at = CASES["plain"]
    written = decay_corrected(tmp_path, correction="START", started=started, administered_at=administered_at)
    edits.change(written.paths, edits.setting(SeriesDate="20240709"))
    assert quantified(written, administered_at=administered_at).volume.values == pytest.approx(1e6, rel=2e-6)


def test_a_series_that_starts_much_earlier_is_asked_about(tmp_path):
    started, administered_at = CASES["plain"]
    written = decay_corrected(tmp_path, correction="START", started=started, administered_at=administered_at)
    edits.change(written.paths, edits.setting(SeriesDate="20240304"))
    series = edits.only(written)
    assert edits.codes(series) == {"series_start_early": "ask"}
    assert "24.0 h before its acquisition" in series.findings[0].message


def test_times_without_zone_are_those_of_the_site(tmp_path):
    started, administered_at = CASES["clock forward"]
    written = decay_corrected(tmp_path, correction="ADMIN", started=started, administered_at=administered_at)

    def without_zone(dataset):
        del dataset.TimezoneOffsetFromUTC
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        item.RadiopharmaceuticalStartDateTime = "20240330080000"

    edits.change(written.paths, without_zone)
    result = quantified(written, administered_at=administered_at, site_zone=BERLIN)
    # 08:00 on both days is 23 h apart in the night of the change.
    assert result.time_s == pytest.approx(23 * 3600.0 + 900.0)
    assert result.volume.values == pytest.approx(1e6, rel=2e-6)
    assert "site_zone" in {finding.code for finding in result.findings}


def test_the_study_date_of_the_first_day_moves_nothing(tmp_path):
    started, administered_at = CASES["plain"]
    written = decay_corrected(tmp_path, correction="ADMIN", started=started, administered_at=administered_at)
    edits.change(written.paths, edits.setting(StudyDate="20240304", StudyTime="080000"))
    assert quantified(written, administered_at=administered_at).volume.values == pytest.approx(1e6, rel=2e-6)


def test_admin_without_a_day_refers_to_the_confirmed_administration(tmp_path):
    started, administered_at = CASES["plain"]
    written = decay_corrected(tmp_path, correction="ADMIN", started=started, administered_at=administered_at)
    edits.change(written.paths, edits.agent_setting(RadiopharmaceuticalStartDateTime=None))
    proposal = edits.only(written).administration
    assert (proposal.start, proposal.is_day_assumed) == (datetime(2024, 3, 5, 9, tzinfo=UTC), True)
    assert quantified(written, administered_at=administered_at).volume.values == pytest.approx(1e6, rel=2e-6)
