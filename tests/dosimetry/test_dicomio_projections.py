"""Projections as NM objects: what is written comes back in order, what is missing is named."""

import numpy as np
import pydicom
import pytest

from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.projections import read_projections
from dosimetry.errors import DosimetryError, InsufficientDataError, InvalidInputError, UnsupportedDicomError
from tests.phantoms.spect_scans import (
    PIXELS,
    PROTOCOL,
    STARTED,
    WINDOWS,
    read_small_scan,
    series_of,
    small_scan,
    write_small_scan,
)


@pytest.mark.parametrize("n_heads", [1, 2])
def test_written_projections_come_back(tmp_path, n_heads):
    read = read_small_scan(tmp_path, n_heads=n_heads)
    acquisition = small_scan().acquisition
    assert np.array_equal(read.counts, acquisition.counts)
    assert read.windows_kev == WINDOWS
    assert read.angles_deg == pytest.approx(acquisition.orbit.angles_deg, abs=1e-3)
    assert read.radii_mm == pytest.approx(acquisition.orbit.radii_mm, abs=1e-3)
    assert read.pixel_mm == (10.0, 10.0)
    assert read.view_duration_s == pytest.approx(PROTOCOL.view_duration_s)
    assert read.lowest_row_z_mm == pytest.approx(PIXELS.origin_lps_mm[2])
    assert read.series.acquisition_start == STARTED
    assert read.series.nuclide == "Lu-177"
    assert read.series.frame_duration_s == pytest.approx(PROTOCOL.view_duration_s * PROTOCOL.n_views / n_heads)


def test_the_guard_lets_projections_in(tmp_path):
    path = write_small_scan(tmp_path)
    ((_, verdict),) = check_files([path])
    assert verdict.is_accepted, verdict.message


def test_projections_are_no_volume(tmp_path):
    series = series_of(write_small_scan(tmp_path))
    assert series.kind == "projections"
    with pytest.raises(UnsupportedDicomError):
        read_emission(series)


def changed(folder, change):
    path = write_small_scan(folder)
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return read_projections(series_of(path))


def turn_backwards(dataset):
    dataset.RotationInformationSequence[0].RotationDirection = "CW"


def shuffle(dataset):
    order = np.random.default_rng(1).permutation(int(dataset.NumberOfFrames))
    frames = np.frombuffer(dataset.PixelData, dtype=np.uint16).reshape(int(dataset.NumberOfFrames), -1)
    dataset.PixelData = np.ascontiguousarray(frames[order]).tobytes()
    for keyword in ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector"):
        setattr(dataset, keyword, [getattr(dataset, keyword)[i] for i in order])


def test_frames_in_any_order_are_put_right(tmp_path):
    read = changed(tmp_path, shuffle)
    assert np.array_equal(read.counts, small_scan().acquisition.counts)


def test_the_direction_of_rotation_is_followed(tmp_path):
    read = changed(tmp_path, turn_backwards)
    step = 360.0 / PROTOCOL.n_views
    assert np.diff(read.angles_deg) == pytest.approx(step, abs=1e-3)
    # Backwards from 0 and 180 degrees, the second stop of the first head stands at -9 degrees.
    second_stop = small_scan().acquisition.counts[0, 1]
    assert np.array_equal(read.counts[0, -1], second_stop)


def test_a_scan_without_a_position_is_centred_and_said(tmp_path):
    def remove(dataset):
        for detector in dataset.DetectorInformationSequence:
            del detector.ImagePositionPatient

    read = changed(tmp_path, remove)
    assert read.lowest_row_z_mm is None
    assert "no_position" in {finding.code for finding in read.findings}


def drop(keyword, sequence=None):
    def change(dataset):
        for item in [dataset] if sequence is None else dataset[sequence].value:
            if keyword in item:
                del item[keyword]

    return change


def without_radius(dataset):
    drop("RadialPosition", "DetectorInformationSequence")(dataset)
    drop("RadialPosition", "RotationInformationSequence")(dataset)


def repeat_frame(dataset):
    dataset.AngularViewVector = [1, *list(dataset.AngularViewVector)[1:-1], 1]
    dataset.EnergyWindowVector = [1, *list(dataset.EnergyWindowVector)[1:-1], 1]
    dataset.DetectorVector = [1, *list(dataset.DetectorVector)[1:-1], 1]


def feet_first(dataset):
    dataset.PatientGantryRelationshipCodeSequence[0].CodeValue = "102541002"
    dataset.PatientGantryRelationshipCodeSequence[0].CodeMeaning = "feet-first"


def prone(dataset):
    dataset.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence[0].CodeMeaning = "prone"


def stated_position(dataset):
    dataset.PatientPosition = "FFS"


def upside_down(dataset):
    for detector in dataset.DetectorInformationSequence:
        detector.ImageOrientationPatient = [1, 0, 0, 0, 0, 1]


def half_of_the_stops(dataset):
    """Leave out the later stops of both heads, as an interrupted scan would."""
    kept = np.array(dataset.AngularViewVector) <= 0.6 * max(dataset.AngularViewVector)
    frames = np.frombuffer(dataset.PixelData, dtype=np.uint16).reshape(int(dataset.NumberOfFrames), -1)
    dataset.PixelData = np.ascontiguousarray(frames[kept]).tobytes()
    dataset.NumberOfFrames = int(kept.sum())
    for keyword in ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector"):
        setattr(dataset, keyword, [int(number) for number in np.array(getattr(dataset, keyword))[kept]])


def without_number_of_stops(dataset):
    half_of_the_stops(dataset)
    drop("NumberOfFramesInRotation", "RotationInformationSequence")(dataset)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        (feet_first, UnsupportedDicomError, "posture"),
        (prone, UnsupportedDicomError, "posture"),
        (stated_position, UnsupportedDicomError, "posture"),
        (upside_down, UnsupportedDicomError, "posture"),
        (drop("StartAngle", "DetectorInformationSequence"), InvalidInputError, "same_angles"),
        (half_of_the_stops, InvalidInputError, "angular_gap"),
        (without_number_of_stops, InvalidInputError, "angular_gap"),
        (without_radius, InsufficientDataError, "no_orbit"),
        (drop("AngularStep", "RotationInformationSequence"), InsufficientDataError, "no_orbit"),
        (drop("RotationDirection", "RotationInformationSequence"), InsufficientDataError, "no_orbit"),
        (drop("RotationInformationSequence"), InsufficientDataError, "no_orbit"),
        (drop("EnergyWindowInformationSequence"), InsufficientDataError, "no_windows"),
        (drop("EnergyWindowRangeSequence", "EnergyWindowInformationSequence"), InsufficientDataError, "no_windows"),
        (drop("ActualFrameDuration", "RotationInformationSequence"), InsufficientDataError, "no_duration"),
        (drop("PixelSpacing"), InsufficientDataError, "no_geometry"),
        (repeat_frame, InvalidInputError, "frame_vectors"),
    ],
)
def test_what_is_missing_is_named(tmp_path, change, error, code):
    with pytest.raises(error) as caught:
        changed(tmp_path, change)
    assert caught.value.code == code


def test_counts_that_do_not_fit_are_not_written(tmp_path):
    scan = small_scan()

    def with_counts(counts):
        acquisition = type(scan.acquisition)(
            counts=counts,
            orbit=scan.acquisition.orbit,
            expected_primary=scan.acquisition.expected_primary,
            expected_scatter=scan.acquisition.expected_scatter,
            live_shares=scan.acquisition.live_shares,
        )
        return type(scan)(activity=scan.activity, density=scan.density, sphere=scan.sphere, acquisition=acquisition)

    for counts in (scan.acquisition.counts + 0.5, scan.acquisition.counts - 1e6, scan.acquisition.counts[:2]):
        with pytest.raises(DosimetryError):
            write_small_scan(tmp_path, scan=with_counts(counts))
