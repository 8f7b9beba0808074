"""Figures: units in every axis title, residuals beside the curve, hollow points left out, a table beside each."""

import json
import math

import pytest

from planning.figures.course import course_figure
from planning.figures.curves import curve_figure, small_curve
from planning.figures.dvh import dvh_figure
from planning.figures.plans import plan_figure
from planning.selectors.current import current_calculation, current_contours, current_curves
from planning.selectors.timeline import course_timeline
from planning.services.kinetics import point_exclude
from tests.planning.worked_case import add_limits
from tests.planning.worked_phantom import KIDNEY_HALF_LIFE_H, TIMES_H

pytestmark = pytest.mark.django_db


def axis_titles(figure) -> dict[str, str]:
    return {
        name: axis["title"]["text"]
        for name, axis in figure["layout"].items()
        if name.startswith(("xaxis", "yaxis")) and axis.get("visible", True) and "title" in axis
    }


def traces(figure, name) -> list[dict]:
    return [trace for trace in figure["data"] if trace.get("name") == name]


@pytest.fixture
def curve(worked):
    worked.contoured()
    worked.fit()
    return current_curves(worked.cycle).curves.get(region=worked.kidney)


def test_a_curve_shows_units_residuals_and_its_band(curve):
    figure = curve_figure(curve, is_log=False, shows_all=True)
    assert axis_titles(figure) == {
        "xaxis": "h p.i., mid-acquisition",
        "yaxis": "Activity (MBq)",
        "yaxis2": "Residual / u",
    }
    (residual,) = traces(figure, "residual")
    assert residual["x"] == list(TIMES_H)
    assert residual["yaxis"] == "y2"
    # The phantom decays exactly as the model: residuals are far below one standard uncertainty.
    assert max(abs(value) for value in residual["y"]) < 1e-3
    assert figure["layout"]["yaxis2"]["range"] == [-2.5, 2.5]
    (measured,) = traces(figure, "measured")
    assert all(value > 0.0 for value in measured["error_y"]["array"])
    assert traces(figure, "band, k = 1")


def test_a_curve_falls_by_half_in_one_half_life(curve):
    (line,) = traces(curve_figure(curve, is_log=True, shows_all=False), "Mono-exponential")
    decay = math.log(line["y"][0] / line["y"][-1]) / (line["x"][-1] - line["x"][0])
    assert math.log(2.0) / decay == pytest.approx(KIDNEY_HALF_LIFE_H, rel=1e-4)


def test_log_and_linear_scale_show_the_same_numbers(curve):
    linear, log = (curve_figure(curve, is_log=is_log, shows_all=True) for is_log in (False, True))
    assert (linear["layout"]["yaxis"]["type"], log["layout"]["yaxis"]["type"]) == ("linear", "log")
    assert linear["data"] == log["data"]


def test_a_scan_left_out_is_a_hollow_marker_with_its_reason_in_the_table(worked, curve):
    point_exclude(
        actor=worked.physicist,
        region=worked.kidney,
        time_point=worked.points[1],
        is_excluded=True,
        reason="patient moved",
    )
    worked.fit()
    figure = curve_figure(current_curves(worked.cycle).curves.get(region=worked.kidney), is_log=False, shows_all=True)
    (hollow,) = traces(figure, "not used")
    assert (hollow["x"], hollow["marker"]["symbol"]) == ([TIMES_H[1]], "circle-open")
    (residual,) = traces(figure, "residual")
    assert residual["x"] == [TIMES_H[0], TIMES_H[2]]
    assert figure["table"]["head"] == ["h p.i.", "MBq", "± MBq", "used"]
    assert [row[3] for row in figure["table"]["rows"]] == ["yes", "no: patient moved", "yes"]


@pytest.fixture
def declared_curve(worked):
    """A region that still rises at its last of three scans, with a declared half-life."""
    worked.contoured()
    revision = current_contours(worked.points[2])
    revision.contours.filter(region=worked.kidney).update(activity_bq=1e12)
    declared = {
        "effective_half_life_h": 50.0,
        "effective_half_life_standard_uncertainty_h": 5.0,
        "effective_half_life_source": "own cycle 1",
    }
    worked.fit(**declared)
    return current_curves(worked.cycle).curves.get(region=worked.kidney)


def test_a_region_without_a_curve_has_its_points_and_no_residual_axis(worked):
    worked.contoured()
    current_contours(worked.points[2]).contours.filter(region=worked.kidney).update(activity_bq=1e12)
    worked.fit()
    figure = curve_figure(current_curves(worked.cycle).curves.get(region=worked.kidney), is_log=True, shows_all=True)
    assert axis_titles(figure) == {"xaxis": "h p.i., mid-acquisition", "yaxis": "Activity (MBq)"}
    assert [trace["name"] for trace in figure["data"]] == ["measured"]


def test_a_declared_half_life_uses_the_last_scan_alone_and_says_so(declared_curve):
    figure = curve_figure(declared_curve, is_log=False, shows_all=True)
    (measured,), (hollow,), (residual,) = (traces(figure, name) for name in ("measured", "not used", "residual"))
    assert (measured["x"], measured["marker"]["symbol"]) == ([TIMES_H[2]], "circle")
    assert (hollow["x"], hollow["marker"]["symbol"]) == (list(TIMES_H[:2]), "circle-open")
    assert residual["x"] == [TIMES_H[2]]
    assert figure["table"]["rows"][0][3] == "no: half-life declared for the last scan"
    assert figure["table"]["rows"][2][3] == "yes"
    assert "Only the last of 3 scans" in declared_curve.findings[0]["message"]


def test_a_declared_curve_is_dotted_before_its_scan_and_solid_after(declared_curve):
    figure = curve_figure(declared_curve, is_log=False, shows_all=True)
    (dotted,), (solid,) = traces(figure, "Single time point, assumed"), traces(figure, "Single time point")
    assert (dotted["line"]["dash"], solid["line"]["dash"]) == ("dot", "solid")
    assert dotted["x"][0] == 0.0
    assert dotted["x"][-1] == solid["x"][0] >= TIMES_H[2]
    assert dotted["x"][-2] < TIMES_H[2]
    assert small_curve(declared_curve)["assumed_until_h"] == TIMES_H[2]
    assert [point["is_excluded"] for point in small_curve(declared_curve)["points"]] == [True, True, False]


def test_the_api_names_the_scans_that_a_declared_curve_rests_on(declared_curve, worked, client):
    client.force_login(worked.physicist)
    answer = client.get(f"/api/cycles/{worked.cycle.pk}/curves").json()
    (row,) = [row for row in answer["regions"] if row["region"]["id"] == str(worked.kidney.pk)]
    assert [point["is_used"] for point in row["points"]] == [False, False, True]
    assert answer["revision"]["declared"] == {
        "effective_half_life_h": 50.0,
        "effective_half_life_standard_uncertainty_h": 5.0,
        "effective_half_life_source": "own cycle 1",
    }


def test_the_small_curve_states_units_in_its_names(curve):
    shape = small_curve(curve)
    assert shape["last_scan_h"] == TIMES_H[-1]
    assert [point["time_h"] for point in shape["points"]] == list(TIMES_H)
    assert len(shape["times_h"]) == len(shape["activities_mbq"])
    assert shape["assumed_until_h"] == 0.0


def test_the_histogram_has_units_and_falls_from_100_percent(worked):
    worked.calculated()
    figure = dvh_figure(current_calculation(worked.cycle))
    assert axis_titles(figure) == {"xaxis": "Absorbed dose (Gy)", "yaxis": "Volume (%)"}
    (kidney,) = traces(figure, "Kidney left")
    assert kidney["y"][0] == 100.0
    assert kidney["y"] == sorted(kidney["y"], reverse=True)
    rows = {row[0]: row for row in figure["table"]["rows"]}
    assert figure["table"]["head"] == ["Region", "D98 (Gy)", "D50 (Gy)", "D2 (Gy)"]
    assert rows["Lesion 1"][1] == "—"


def test_the_differential_histogram_sums_to_the_fall_of_the_cumulative_one(worked):
    worked.calculated()
    figure = dvh_figure(current_calculation(worked.cycle), is_differential=True)
    assert axis_titles(figure)["yaxis"] == "Volume per Gy (%/Gy)"
    (kidney,) = traces(figure, "Kidney left")
    width = kidney["x"][1] - kidney["x"][0]
    (cumulative,) = traces(dvh_figure(current_calculation(worked.cycle)), "Kidney left")
    fallen = cumulative["y"][0] - cumulative["y"][-1]
    # Doses are stored to 0.01 mGy, bins are 0.05 Gy wide: 2e-4 of a width at most.
    assert sum(kidney["y"]) * width == pytest.approx(fallen, rel=5e-4)


def test_the_course_shows_activity_dose_and_limit_on_one_axis_of_days(worked):
    worked.plannable()
    timeline = course_timeline(worked.course)
    figure = course_figure(timeline)
    titles = axis_titles(figure)
    assert titles["xaxis"] == "days since first administration"
    assert titles["yaxis"] == "Administered (GBq)"
    assert "Kidney dose (Gy)" in titles.values()
    assert "Platelets (10⁹/L)" in titles.values()
    (given,) = traces(figure, "administered")
    assert given["y"] == [7.4]
    assert traces(figure, "planned")[0]["y"] == [7.4, 7.4, 7.4]
    (kidney,) = traces(figure, "Kidney left")
    dose_gy = current_calculation(worked.cycle).regions.get(region=worked.kidney).absorbed_dose_gy
    assert kidney["y"] == [0.0, dose_gy, dose_gy]
    assert any(note["text"].startswith("Limit 26 Gy") for note in figure["layout"]["annotations"])


def test_the_plan_draws_bands_around_the_what_if_and_the_limit():
    point = {"label": "before", "dose_gy": 1.0, "u_gy": 0.1}
    bands = {"95": [1.0, 9.0], "80": [2.0, 8.0], "50": [3.0, 7.0]}
    planned = [{"label": "cycle 2, planned", "dose_gy": 5.0, "u_gy": 2.0, "bands": bands, "label_dose_gy": 4.0}]
    trajectory = {"done": [point], "planned": planned, "limits": [{"value_gy": 23.0, "source": "test"}]}
    figure = plan_figure(region={"name": "Kidney left", "colour": "r1"}, trajectory=trajectory)
    assert axis_titles(figure) == {"yaxis": "Kidney left, cumulative dose (Gy)"}
    for key, edges in bands.items():
        (lower,), (upper,) = traces(figure, f"{key} %, lower"), traces(figure, f"{key} %, upper")
        assert [lower["y"][0], upper["y"][0]] == edges
    assert traces(figure, "label activity")[0]["y"] == [4.0]
    assert figure["layout"]["annotations"][0]["text"] == "Limit 23 Gy"
    assert figure["table"]["head"] == ["Cycle", "Cumulative (Gy)", "± Gy"]


def test_every_figure_is_plain_json(worked, clinic):
    worked.approved()
    add_limits(clinic)
    client = clinic.client(worked.physicist)
    curve = current_curves(worked.cycle).curves.first()
    urls = (
        f"/api/curves/{curve.pk}/figure",
        f"/api/cycles/{worked.cycle.pk}/dose/figure",
        f"/api/cycles/{worked.cycle.pk}/dose/figure?kind=differential",
    )
    for url in urls:
        answer = client.get(url)
        assert answer.status_code == 200
        assert {"data", "layout", "table"} <= set(json.loads(answer.content, parse_constant=pytest.fail))
