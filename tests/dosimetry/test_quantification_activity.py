"""Stored values to Bq/mL: counts, decay, the check of the total, and every refusal."""

from dataclasses import replace
from datetime import UTC, date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosimetry.dicomio.emission import read_emission
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.activity import to_activity_concentration
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.decay import decay_factor, frame_start_factor
from tests.phantoms import edits, objects

LU177 = get_nuclide("Lu-177")
CALIBRATION = CalibrationFactor(
    calibration_cps_per_bq=9.5e-6,
    standard_uncertainty_cps_per_bq=2e-7,
    camera="CAMERA1",
    nuclide="Lu-177",
    valid_from=date(2024, 1, 1),
)


def counts_image(folder, **changes):
    written = edits.nm_series(folder)
    if changes:
        edits.change(written.paths, edits.setting(**changes))
    return read_emission(edits.only(written))


def activity_image(folder, *, agent=None, **changes):
    written = edits.pet_series(folder, decay_correction="NONE")
    edits.change(written.paths, edits.setting(**changes))
    edits.change(written.paths, edits.agent_setting(**(agent or {})))
    return read_emission(edits.only(written))


def quantify(image, **changes):
    arguments = {
        "nuclide": LU177,
        "administration_time": objects.ADMINISTERED,
        "administered_activity_bq": 7.4e9,
        "calibration": CALIBRATION,
    }
    return to_activity_concentration(image, **{**arguments, **changes})


def refused(image, *, error=InvalidInputError, **changes):
    with pytest.raises(error) as caught:
        quantify(image, **changes)
    return caught.value.code, str(caught.value)


def findings(result):
    return {finding.code: finding.level for finding in result.findings}


def test_counts_are_divided_by_factor_duration_and_voxel_volume(tmp_path):
    result = quantify(counts_image(tmp_path))
    counts = objects.volume(unit="counts").values
    voxel_ml = 2.0 * 2.5 * 3.125 / 1e3
    expected = counts / (9.5e-6 * 1500.0 * voxel_ml)
    # float32 voxels.
    assert result.volume.values == pytest.approx(expected, rel=3e-7)
    assert result.volume.unit == "Bq/mL"
    assert result.whole_image_activity_bq == pytest.approx(float(counts.sum()) / (9.5e-6 * 1500.0), rel=1e-6)
    assert "9.5 cps/MBq × 1500 s" in result.steps[0]
    assert "Not decay-corrected" in result.steps[1]


def test_count_rates_need_no_duration(tmp_path):
    image = counts_image(tmp_path, Units="CPS")
    rate = quantify(image)
    per_count = quantify(counts_image(tmp_path / "counts"))
    assert rate.volume.values == pytest.approx(1500.0 * per_count.volume.values, rel=1e-6)


def test_time_is_that_of_mid_acquisition(tmp_path):
    result = quantify(counts_image(tmp_path))
    assert result.mid_acquisition == objects.STARTED.astimezone(UTC) + timedelta(seconds=750.0)
    assert result.time_s == pytest.approx((objects.STARTED - objects.ADMINISTERED).total_seconds() + 750.0)


def test_activity_scales_with_what_is_stored(tmp_path):
    image = activity_image(tmp_path)
    double = replace(image, volume=image.volume.with_values(2.0 * image.volume.values))
    assert quantify(double).whole_image_activity_bq == pytest.approx(2.0 * quantify(image).whole_image_activity_bq)


@pytest.mark.parametrize(
    ("changes", "error", "code", "message"),
    [
        ({"calibration": None}, InsufficientDataError, "no_calibration", "confirm a calibration factor"),
        (
            {"calibration": replace(CALIBRATION, valid_from=date(2024, 3, 6))},
            InvalidInputError,
            "calibration_expired",
            "not valid on the scan's day",
        ),
        (
            {"calibration": replace(CALIBRATION, nuclide="Y-90")},
            InvalidInputError,
            "calibration_nuclide",
            "another nuclide",
        ),
        (
            {"administration_time": objects.STARTED + timedelta(hours=3)},
            InvalidInputError,
            "scan_before_administration",
            "2.8 h before its administration",
        ),
    ],
    ids=["no factor", "expired", "other nuclide", "before administration"],
)
def test_counts_without_a_valid_factor_or_time_are_refused(tmp_path, changes, error, code, message):
    found, text = refused(counts_image(tmp_path), error=error, **changes)
    assert found == code
    assert message in text


def test_counts_without_a_duration_are_refused(tmp_path):
    image = counts_image(tmp_path, RotationInformationSequence=None)
    assert refused(image, error=InsufficientDataError) == (
        "no_duration",
        "Counts need the acquisition duration; the header states none.",
    )


def test_no_time_is_no_curve(tmp_path):
    image = activity_image(tmp_path, AcquisitionDate=None, SeriesDate=None)
    code, message = refused(image, error=InsufficientDataError)
    assert code == "no_time"
    assert "no acquisition time" in message


def test_a_decay_correction_without_reference_is_refused(tmp_path):
    image = counts_image(tmp_path, CorrectedImage=["ATTN", "SCAT", "DECY"])
    code, message = refused(image, error=InsufficientDataError)
    assert code == "no_decay_reference"
    assert "ask the camera's physicist" in message


def test_blocking_findings_block(tmp_path):
    code, message = refused(activity_image(tmp_path, LossyImageCompression="01"))
    assert code == "lossy"
    assert "not quantitative" in message


def test_other_units_are_refused(tmp_path):
    image = activity_image(tmp_path)
    code, message = refused(replace(image, volume=image.volume.with_values(image.volume.values, unit="HU")))
    assert code == "units"
    assert "HU cannot become activity" in message


def test_missing_corrections_are_asked_about(tmp_path):
    result = quantify(activity_image(tmp_path, CorrectedImage=["DTIM"]))
    assert findings(result) == {"correction_missing": "ask"}
    assert "attenuation and scatter" in result.findings[0].message


@pytest.mark.parametrize(("half_life_h", "codes"), [(161.52, {"half_life_differs": "ask"}), (159.5, {})])
def test_another_half_life_is_named_and_used_to_undo(tmp_path, half_life_h, codes):
    # ICRP 107: 159.5 h; 161.52 h is the old value that many cameras carry.
    image = activity_image(tmp_path, agent={"RadionuclideHalfLife": str(half_life_h * 3600.0)}, DecayCorrection="ADMIN")
    result = quantify(image)
    assert findings(result) == codes
    assert result.decay_factor_applied == pytest.approx(np.exp2(-result.time_s / (half_life_h * 3600.0)), rel=1e-12)


def test_another_nuclide_blocks(tmp_path):
    result = quantify(activity_image(tmp_path), nuclide=get_nuclide("Y-90"))
    assert findings(result)["nuclide_differs"] == "block"


def test_more_activity_than_was_given_is_asked_about(tmp_path):
    image = activity_image(tmp_path)
    total_bq = quantify(image).whole_image_activity_bq
    remaining = np.exp2(-quantify(image).time_s / LU177.half_life_s)
    assert findings(quantify(image, administered_activity_bq=total_bq / remaining)) == {}
    result = quantify(image, administered_activity_bq=0.94 * total_bq / remaining)
    assert findings(result) == {"total_too_high": "ask"}
    assert "check unit, calibration and administration" in result.findings[0].message


def test_megabecquerel_read_as_becquerel_shows_in_the_total(tmp_path):
    assert "total_too_high" in findings(quantify(activity_image(tmp_path), administered_activity_bq=7.4e3))


def test_worked_frame_factors():
    # verification.md section 8, with nine digits.
    lu177_per_s = np.log(2.0) / (6.647 * 86400.0)
    ga68_per_s = get_nuclide("Ga-68").decay_constant_per_s
    assert frame_start_factor(decay_constant_per_s=lu177_per_s, duration_s=1800.0) == pytest.approx(
        1.00108664, abs=5e-9
    )
    assert frame_start_factor(decay_constant_per_s=ga68_per_s, duration_s=600.0) == pytest.approx(1.05205814, abs=5e-7)
    assert decay_factor(decay_constant_per_s=lu177_per_s, elapsed_s=86400.0) == pytest.approx(0.90097326, abs=5e-9)


@given(decay_constant_per_s=st.floats(1e-9, 1e-2), duration_s=st.floats(1e-3, 1e5))
def test_the_frame_factor_undoes_the_mean_of_the_frame(decay_constant_per_s, duration_s):
    x = decay_constant_per_s * duration_s
    mean = -np.expm1(-x) / x
    factor = frame_start_factor(decay_constant_per_s=decay_constant_per_s, duration_s=duration_s)
    assert factor * mean == pytest.approx(1.0, rel=1e-12)


def test_frame_factor_limits():
    assert frame_start_factor(decay_constant_per_s=1e-6, duration_s=0.0) == 1.0
    with pytest.raises(InvalidInputError, match="less than zero seconds") as caught:
        frame_start_factor(decay_constant_per_s=1e-6, duration_s=-1.0)
    assert caught.value.code == "bad_duration"
