"""An analysis against the truth of a virtual patient: ratios, and files that do not belong together."""

import json

import pytest

from dosimetry.__main__ import main
from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.comparison import compare_regions, compare_with_truth

HOUR_S = 3600.0
TRUTH = {
    "patient_id": "VIRTUAL-DOTATATE-7",
    "scan_times_s": [24.0 * HOUR_S, 96.0 * HOUR_S],
    "administered_activity_bq": 7.4e9,
    "regions": [
        {
            "name": "Kidney left",
            "volume_ml": 150.0,
            "activities_bq": [200e6, 100e6],
            "time_integrated_activity_bq_s": 15e9 * HOUR_S,
            "absorbed_dose_gy": 4.0,
        },
        {
            "name": "Spine",
            "volume_ml": 700.0,
            "activities_bq": [20e6, 10e6],
            "time_integrated_activity_bq_s": 1e9 * HOUR_S,
            "absorbed_dose_gy": None,
        },
        {"name": "Rest of body", "volume_ml": 6e4},
    ],
}
RESULTS = {
    "patient_id": "VIRTUAL-DOTATATE-7",
    "time_points": [{"time_h": 24.0}, {"time_h": 96.0003}],
    "administered_activity_mbq": 7400.0,
    "regions": [
        {
            "name": "Kidney left",
            "activity_mbq": [{"time_h": 24.0, "value": 180.0}, {"time_h": 96.0003, "value": 95.0}],
            "tia_mbq_h": {"value": 13500.0},
            "absorbed_dose_gy": {"mean": 3.6},
        },
        {"name": "Spine", "activity_mbq": [{"time_h": 96.0003, "value": 10.0}]},
        {"name": "Liver lesion 9"},
    ],
}


def test_found_over_true_of_every_common_region():
    kidney, spine = compare_with_truth(RESULTS, TRUTH)
    assert kidney.activity_ratios == pytest.approx((0.9, 0.95))
    assert kidney.time_integrated_activity_ratio == pytest.approx(0.9)
    assert kidney.absorbed_dose_ratio == pytest.approx(0.9)
    # The spine was not drawn on the first scan: its place stays empty.
    assert spine.activity_ratios == (None, pytest.approx(1.0))
    assert (spine.time_integrated_activity_ratio, spine.absorbed_dose_ratio) == (None, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"administered_activity_mbq": 7000.0}, "another_patient"),
        ({"patient_id": "VIRTUAL-DOTATATE-8"}, "another_patient"),
        ({"patient_id": "VIRTUAL-DOTATATE-7-14C7A8"}, "another_patient"),
        ({"patient_id": None}, "no_patient"),
        ({"time_points": [{"time_h": 24.0}, {"time_h": 72.0}]}, "another_patient"),
        ({"time_points": [{"time_h": 4.0}, {"time_h": 24.0}]}, "another_patient"),
        ({"regions": []}, "no_region"),
    ],
)
def test_two_patients_are_not_compared(changes, code):
    with pytest.raises(InvalidInputError) as caught:
        compare_with_truth({**RESULTS, **changes}, TRUTH)
    assert caught.value.code == code


def test_results_that_know_no_patient_are_refused():
    with pytest.raises(InvalidInputError) as caught:
        compare_with_truth({name: value for name, value in RESULTS.items() if name != "patient_id"}, TRUTH)
    assert caught.value.code == "no_patient"


def test_a_scan_is_compared_with_the_truth_at_its_own_time():
    """Only the later of two scans was analysed; by position it would be set beside the earlier one."""
    late = [point for point in RESULTS["regions"][0]["activity_mbq"] if point["time_h"] > 90.0]
    alone = {**RESULTS, "time_points": RESULTS["time_points"][1:]}
    alone["regions"] = [{**RESULTS["regions"][0], "activity_mbq": late}]
    (kidney,) = compare_with_truth(alone, TRUTH)
    assert kidney.activity_ratios == (None, pytest.approx(0.95))


def test_scans_that_are_not_there_yet_stay_empty_and_further_ones_are_left_out():
    for activities in ([100e6], [100e6, None], [100e6, None, 5e6]):
        (kidney,) = compare_regions({"Kidney left": {"activities_bq": activities}}, TRUTH["regions"])
        assert kidney.activity_ratios == (0.5, None)


def test_the_command_prints_a_table(tmp_path, capsys):
    results, truth = tmp_path / "results.json", tmp_path / "truth.json"
    results.write_text(json.dumps(RESULTS))
    truth.write_text(json.dumps(TRUTH))
    assert main(["compare", str(results), str(truth)]) == 0
    printed = capsys.readouterr().out
    assert "Kidney left" in printed
    assert "0.90 0.95" in printed
    assert "- 1.00" in printed
    assert "0.900" in printed


def test_files_of_another_kind_are_refused(tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text('{"a": 1}')
    assert main(["compare", str(other), str(other)]) == 2
    assert main(["compare", str(tmp_path / "none.json"), str(other)]) == 2
    assert "not_comparable" in capsys.readouterr().err
