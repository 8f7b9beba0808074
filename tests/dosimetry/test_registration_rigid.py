"""Rigid registration: known movements come back, in the stated direction, in every patient position."""

import numpy as np
import pytest

from dosimetry.errors import FitError
from dosimetry.registration.rigid import register_rigid
from dosimetry.volume import Grid, RigidTransform, Volume, resample

COUNTS, STEP_MM = (36, 36, 44), 5.0
CENTRE = np.array([107.5, 87.5, 87.5])
# Centre (x, y, z), radius and activity of the spots: no two alike, no plane of symmetry.
SPOTS = (
    ((70.0, 80.0, 110.0), 30.0, 1.0),
    ((150.0, 95.0, 95.0), 16.0, 3.0),
    ((120.0, 60.0, 60.0), 12.0, 6.0),
    ((85.0, 120.0, 55.0), 9.0, 8.0),
)


def grid(*, direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)):
    """A grid round the object's centre, its axes in any direction."""
    axes = np.array(direction).reshape(3, 3)
    half = 0.5 * STEP_MM * (np.array(COUNTS[::-1]) - 1.0)
    origin = tuple(float(value) for value in CENTRE - axes @ half)
    return Grid(shape_zyx=COUNTS, spacing_xyz_mm=(STEP_MM,) * 3, origin_lps_mm=origin, direction=direction)


def patient(on, *, movement=None):
    """Smooth spots in a body; a point p of the patient lies at movement(p)."""
    points = on.index_to_lps_mm(np.moveaxis(np.indices(on.shape_zyx), 0, -1).astype(float))
    at_rest = points if movement is None else movement.inverse().apply(points)
    values = np.zeros(on.shape_zyx)
    for centre, radius_mm, activity in SPOTS:
        distance = np.linalg.norm(at_rest - np.array(centre), axis=-1)
        values += activity / (1.0 + np.exp((distance - radius_mm) / 2.5))
    radial = np.linalg.norm((at_rest - CENTRE) / np.array([95.0, 65.0, 75.0]), axis=-1)
    values += 0.05 / (1.0 + np.exp((radial - 1.0) / 0.04))
    return Volume(values=(1e5 * values).astype(np.float32), grid=on, unit="Bq/mL", frame_of_reference_uid="2.25.1")


def landmarks_error_mm(found, truth):
    spots = np.array([spot[0] for spot in SPOTS])
    return np.linalg.norm(found.apply(spots) - truth.apply(spots), axis=-1).max()


def movement(angles_deg, shift_mm):
    return RigidTransform.from_euler(
        angles_xyz_rad=tuple(np.radians(angles_deg)), shift_lps_mm=shift_mm, centre_lps_mm=tuple(CENTRE)
    )


@pytest.mark.parametrize(
    ("angles_deg", "shift_mm"),
    [((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ((0.0, 0.0, 0.0), (12.0, -9.0, 15.0)), ((4.0, -3.0, 7.0), (-10.0, 6.0, 8.0))],
    ids=["none", "shift", "shift and rotation"],
)
def test_a_known_movement_is_found_from_the_fixed_to_the_moving_frame(angles_deg, shift_mm):
    truth = movement(angles_deg, shift_mm)
    fixed, moving = patient(grid()), patient(grid(), movement=truth)
    result = register_rigid(fixed=fixed, moving=moving)
    # A fifth of a voxel, from optimisation at 5 mm.
    assert landmarks_error_mm(result.transform, truth) < 1.0
    assert result.metric_value >= result.initial_metric_value
    assert (result.method, result.findings) == ("emission to emission", ())
    # The same direction as resampling: the moving scan comes to lie on the fixed one.
    aligned = resample(moving, onto=fixed.grid, transform=result.transform)
    core = (slice(8, -8),) * 3
    assert np.corrcoef(aligned.values[core].ravel(), fixed.values[core].ravel())[0, 1] > 0.99


POSITIONS = {
    "HFS": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    "HFP": (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    "FFS": (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    "FFP": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0),
}


@pytest.mark.parametrize("position", POSITIONS)
def test_an_asymmetric_object_keeps_its_place_in_every_patient_position(position):
    truth = movement((0.0, 3.0, 4.0), (8.0, 5.0, -6.0))
    fixed = patient(grid())
    moving = patient(grid(direction=POSITIONS[position]), movement=truth)
    hottest = moving.grid.index_to_lps_mm(np.array(np.unravel_index(np.argmax(moving.values), COUNTS), dtype=float))
    assert np.linalg.norm(hottest - truth.apply(np.array(SPOTS[3][0]))) < 2.0 * STEP_MM
    assert landmarks_error_mm(register_rigid(fixed=fixed, moving=moving).transform, truth) < 1.0


def test_equal_input_gives_equal_output_and_progress_rises():
    truth = movement((0.0, 0.0, 5.0), (6.0, 0.0, 0.0))
    fixed, moving = patient(grid()), patient(grid(), movement=truth)
    shares, texts = [], set()

    def progress(share, text):
        shares.append(share)
        texts.add(text)

    first = register_rigid(fixed=fixed, moving=moving, progress=progress)
    assert first == register_rigid(fixed=fixed, moving=moving)
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    assert texts == {"Level 1 of 3", "Level 2 of 3", "Level 3 of 3"}


def test_ct_is_registered_to_ct_where_both_have_one():
    truth = movement((0.0, 0.0, 5.0), (10.0, -6.0, 4.0))
    fixed, moving = patient(grid()), patient(grid(), movement=truth)
    ct = [volume.with_values(volume.values / 1e3 - 500.0, unit="HU") for volume in (fixed, moving)]
    # The emission images say the opposite: only the CT can give the truth.
    result = register_rigid(fixed=fixed, moving=fixed, fixed_ct=ct[0], moving_ct=ct[1])
    assert result.method == "CT to CT"
    assert landmarks_error_mm(result.transform, truth) < 1.0
    assert register_rigid(fixed=fixed, moving=moving, fixed_ct=ct[0]).method == "emission to emission"


def test_a_start_by_hand_helps_a_large_rotation():
    truth = movement((0.0, 0.0, 75.0), (5.0, 0.0, 0.0))
    fixed, moving = patient(grid()), patient(grid(), movement=truth)
    start = movement((0.0, 0.0, 70.0), (0.0, 0.0, 0.0))
    result = register_rigid(fixed=fixed, moving=moving, initial=start)
    assert landmarks_error_mm(result.transform, truth) < 1.0
    assert [(finding.code, finding.level) for finding in result.findings] == [("large_rotation", "ask")]
    assert "75°; check for a flip" in result.findings[0].message


def test_scans_far_apart_are_brought_together_and_asked_about():
    truth = movement((0.0, 0.0, 0.0), (0.0, 0.0, 400.0))
    fixed = patient(grid())
    far = Grid(shape_zyx=COUNTS, spacing_xyz_mm=(STEP_MM,) * 3, origin_lps_mm=(0.0, 0.0, 400.0))
    moving = patient(far, movement=truth)
    result = register_rigid(fixed=fixed, moving=moving)
    assert landmarks_error_mm(result.transform, truth) < 1.0
    assert [(finding.code, finding.level) for finding in result.findings] == [("large_shift", "ask")]
    assert "400 mm apart" in result.findings[0].message


def test_a_scan_without_activity_is_refused():
    fixed = patient(grid())
    with pytest.raises(FitError, match="holds no activity") as caught:
        register_rigid(fixed=fixed, moving=fixed.with_values(np.zeros(COUNTS, dtype=np.float32)))
    assert caught.value.code == "no_activity"


def test_scans_without_common_ground_are_refused():
    fixed = patient(grid())
    far = Grid(shape_zyx=COUNTS, spacing_xyz_mm=(STEP_MM,) * 3, origin_lps_mm=(5000.0, 0.0, 0.0))
    ct = fixed.with_values(fixed.values / 1e3 - 500.0, unit="HU")
    far_ct = Volume(values=ct.values, grid=far, unit="HU")
    with pytest.raises(FitError, match="no overlap between the two scans; move the images by hand") as caught:
        register_rigid(fixed=fixed, moving=fixed, fixed_ct=ct, moving_ct=far_ct)
    assert caught.value.code == "registration_failed"


def test_a_cancelled_registration_ends_without_noise(capfd):
    """What the caller raises reaches the caller; nothing is printed from inside the optimiser."""

    class CancelledError(Exception):
        pass

    def cancel(_fraction: float, _text: str) -> None:
        raise CancelledError

    volume = patient(grid())
    with pytest.raises(CancelledError):
        register_rigid(fixed=volume, moving=volume, progress=cancel)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""
