"""An analysis against the truth of a virtual patient: ratios, and files that do not belong together."""

import json

import pytest

from dosimetry.__main__ import main
from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.comparison import compare_with_truth

HOUR_S = 3600.0
TRUTH = {
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
    "administered_activity_mbq": 7400.0,
    "regions": [
        {
            "name": "Kidney left",
            "activity_mbq": [{"value": 180.0}, {"value": 95.0}],
            "tia_mbq_h": {"value": 13500.0},
            "absorbed_dose_gy": {"mean": 3.6},
        },
        {"name": "Spine", "activity_mbq": [{"value": 20.0}]},
        {"name": "Liver lesion 9"},
    ],
}


def test_found_over_true_of_every_common_region():
    kidney, spine = compare_with_truth(RESULTS, TRUTH)
    assert kidney.activity_ratios == pytest.approx((0.9, 0.95))
    assert kidney.time_integrated_activity_ratio == pytest.approx(0.9)
    assert kidney.absorbed_dose_ratio == pytest.approx(0.9)
    assert spine.activity_ratios == pytest.approx((1.0,))
    assert (spine.time_integrated_activity_ratio, spine.absorbed_dose_ratio) == (None, None)


def test_two_patients_are_not_compared():
    with pytest.raises(InvalidInputError) as caught:
        compare_with_truth({**RESULTS, "administered_activity_mbq": 7000.0}, TRUTH)
    assert caught.value.code == "another_patient"
    with pytest.raises(InvalidInputError) as caught:
        compare_with_truth({**RESULTS, "regions": []}, TRUTH)
    assert caught.value.code == "no_region"


def test_the_command_prints_a_table(tmp_path, capsys):
    results, truth = tmp_path / "results.json", tmp_path / "truth.json"
    results.write_text(json.dumps(RESULTS))
    truth.write_text(json.dumps(TRUTH))
    assert main(["compare", str(results), str(truth)]) == 0
    printed = capsys.readouterr().out
    assert "Kidney left" in printed
    assert "0.90 0.95" in printed
    assert "0.900" in printed


def test_files_of_another_kind_are_refused(tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text('{"a": 1}')
    assert main(["compare", str(other), str(other)]) == 2
    assert main(["compare", str(tmp_path / "none.json"), str(other)]) == 2
    assert "not_comparable" in capsys.readouterr().err
