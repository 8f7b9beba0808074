"""What is wrong with a series is said before anybody confirms its use."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pydicom
import pytest

from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.readiness import readiness_findings
from dosimetry.dicomio.series import group_series
from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def scan(tmp_path):
    options = DemoOptions(coarseness=4, has_noise=False, patient_name="ZZPHI^A", patient_id="ZZPHI-1")
    return write_demo_patient(tmp_path, seed=3, start=START, options=options).scans[0]


def grouped(paths):
    return group_series([read_header(path) for path in paths], site_zone=ZoneInfo("UTC"))


def edit(path, **elements):
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def codes(series):
    return {finding.code for finding in readiness_findings(series)}


def test_a_whole_series_is_ready(scan):
    assert [readiness_findings(item) for item in grouped(scan.emission.paths)] == [()]
    assert [readiness_findings(item) for item in grouped(scan.ct.paths)] == [()]


@pytest.mark.parametrize("kind", ["emission", "ct"])
def test_a_missing_slice_is_named(scan, kind):
    """Hazard row 11."""
    paths = list(getattr(scan, kind).paths)
    del paths[len(paths) // 2]
    assert codes(grouped(paths)[0]) == {"slice_missing"}


@pytest.mark.parametrize("units", ["", "GML"])
def test_a_unit_that_is_not_read_is_named(scan, units):
    """Hazard row 3: nothing becomes counts because its unit is missing."""
    for path in scan.emission.paths:
        edit(path, Units=units)
    finding = readiness_findings(grouped(scan.emission.paths)[0])[0]
    assert (finding.code, finding.level) == ("units", "block")
    assert "BQML" in finding.message


def test_no_position_is_named(scan):
    edit(scan.emission.paths[0], ImagePositionPatient=None)
    assert codes(grouped(scan.emission.paths)[0]) == {"no_geometry"}


def test_two_patients_in_one_series_are_split_and_blocked(scan):
    """Hazard row 1."""
    for path in scan.emission.paths[::2]:
        edit(path, PatientID="ZZPHI-2", PatientName="ZZPHI^B")
    series = grouped(scan.emission.paths)
    assert {item.patient.patient_id for item in series} == {"ZZPHI-1", "ZZPHI-2"}
    for item in series:
        blocks = {finding.code for finding in item.findings if finding.level == "block"}
        assert "mixed_patients" in blocks
