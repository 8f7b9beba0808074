"""Options of a fit: models by protocol, the average, the patient's earlier cycle, advice, one-scan methods, voxels."""

import numpy as np
import pytest

from dosimetry.kinetics.region_curves import FitOptions, fit_region_curves
from dosimetry.kinetics.stored_curve import curve_to_dict
from dosimetry.nuclides.decay import get_nuclide
from planning import models
from planning.computation.doses import compute_dose
from planning.computation.kinetics import compute_curves
from planning.computation.priors import region_priors
from planning.errors import InvalidStateError
from planning.figures.curves import curve_figure
from planning.queue import TaskName
from planning.selectors.current import current_curves
from planning.selectors.kinetics import curve_summary, earlier_choices
from planning.selectors.staleness import curves_stale_causes
from planning.services.doses import dose_save
from planning.services.kinetics import curve_choose, curves_save
from tests.planning.worked_phantom import HOUR_S, KIDNEY_HALF_LIFE_H, no_progress

pytestmark = pytest.mark.django_db


def fit(worked, **parameters):
    result = compute_curves(cycle=worked.cycle, parameters=parameters, progress=no_progress)
    return curves_save(run=worked.run(TaskName.FIT_CURVES), cycle=worked.cycle, result=result)


def kidney_of(worked) -> models.RegionCurve:
    return current_curves(worked.cycle).curves.get(region=worked.kidney)


def test_page_and_command_line_get_the_same_numbers(worked):
    """Both call one routine; what is stored is what it returned."""
    worked.contoured()
    fit(worked, models=["clearance_retention", "mono_exponential"], wanted_cv_percent=5.0)
    stored = kidney_of(worked)
    points = [point for point in stored.points if not point["is_excluded"]]
    direct = fit_region_curves(
        times_s=[point["time_s"] for point in points],
        activities_bq=[point["activity_bq"] for point in points],
        standard_uncertainties_bq=[point["activity_standard_uncertainty_bq"] for point in points],
        nuclide=get_nuclide("Lu-177"),
        options=FitOptions(models=("clearance_retention", "mono_exponential"), wanted_cv=0.05),
    )
    assert [item["model"] for item in stored.fits] == list(direct.curves)
    for item in stored.fits:
        curve = direct.curves[item["model"]]
        assert item["time_integrated_activity_bq_s"] == curve.time_integrated_activity_bq_s
    assert stored.recommended_model == direct.recommended_model
    assert stored.diagnostics["next_scan"]["best_time_s"] == direct.next_scan.best.time_s


def test_advice_says_whether_the_scans_are_enough(worked):
    worked.contoured()
    fit(worked)
    assert curve_summary(kidney_of(worked))["next_scan"] is None
    fit(worked, wanted_cv_percent=90.0)
    advice = curve_summary(kidney_of(worked))["next_scan"]
    assert advice["is_enough"]
    assert advice["best"]["value"] < advice["current"]["value"]
    assert len(advice["times_h"]) == len(advice["expected_percent"])


def test_the_own_earlier_cycle_is_a_prior_of_the_next(worked):
    worked.fitted()
    following = models.Cycle.objects.create(course=worked.course, number=2)
    asked = {"cycle_to_cycle_cv_percent": 10.0}
    assert region_priors(cycle=following, regions=[worked.kidney], parameters={}) == {}
    prior = region_priors(cycle=following, regions=[worked.kidney], parameters=asked)[worked.kidney]
    decay = get_nuclide("Lu-177").decay_constant_per_s + np.exp(prior.mean[0])
    assert np.log(2.0) / decay == pytest.approx(KIDNEY_HALF_LIFE_H * HOUR_S, rel=1e-4)
    assert prior.source.startswith("own cycle 1")
    # The first cycle has none before it.
    assert region_priors(cycle=worked.cycle, regions=[worked.kidney], parameters=asked) == {}


def test_another_choice_in_the_earlier_cycle_makes_what_rests_on_it_stale(worked):
    worked.contoured()
    fit(worked, models=["mono_exponential", "physical_decay"])
    worked.accept_curves()
    following = models.Cycle.objects.create(course=worked.course, number=2)
    before = earlier_choices(following)
    assert before
    revision = current_curves(worked.cycle)
    revision.cycle = following
    revision.parameters = {**revision.parameters, "earlier_choices": before}
    cause = "a curve of an earlier cycle was changed"
    assert cause not in curves_stale_causes(revision)
    curve = kidney_of(worked)
    other = next(item["model"] for item in curve.fits if item["model"] != curve.recommended_model)
    curve_choose(actor=worked.physicist, curve=curve, model=other, is_accepted=True, reason="protocol")
    assert cause in curves_stale_causes(revision)


def test_one_scan_shows_the_published_methods(worked):
    worked.draw(worked.points[1])
    fit(
        worked,
        effective_half_life_h=50.0,
        effective_half_life_standard_uncertainty_h=5.0,
        effective_half_life_source="protocol",
    )
    shown = curve_summary(kidney_of(worked))["one_scan"]
    assert {item["method"] for item in shown["methods"]} == {"haenscheid", "madsen"}
    for item in shown["methods"]:
        assert len(item["errors_percent"]) == len(shown["half_lives_h"])


def test_the_average_counts_as_any_curve_with_a_reason(worked):
    """Three scans rank one parameter only; the curve is given two scans more."""
    worked.contoured()
    fit(worked)
    curve = kidney_of(worked)
    hours = np.array([4.0, 24.0, 72.0, 120.0, 168.0])
    values = 1e8 * (0.7 * 2.0 ** (-hours / 50.0) + 0.3 * 2.0 ** (-hours / 9.0))
    found = fit_region_curves(
        times_s=hours * HOUR_S,
        activities_bq=values,
        standard_uncertainties_bq=0.05 * values,
        nuclide=get_nuclide("Lu-177"),
        options=FitOptions(),
    )
    curve.fits = [curve_to_dict(item) for item in found.curves.values()]
    curve.recommended_model = found.recommended_model
    curve.save()
    with pytest.raises(InvalidStateError) as caught:
        curve_choose(actor=worked.physicist, curve=curve, model="model_average", is_accepted=True)
    assert caught.value.code == "reason_required"
    curve_choose(actor=worked.physicist, curve=curve, model="model_average", is_accepted=True, reason="protocol")
    summary = curve_summary(kidney_of(worked))
    average = next(item for item in summary["fits"] if item["model"] == "model_average")
    assert (summary["chosen_model"], average["label"]) == ("model_average", "Average of the models")
    assert curve_figure(kidney_of(worked), is_log=True, shows_all=True)["data"]
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    result = compute_dose(cycle=worked.cycle, parameters={}, progress=no_progress)
    calculation = dose_save(run=worked.run(TaskName.CALCULATE_DOSE), cycle=worked.cycle, result=result)
    row = calculation.regions.get(region=worked.kidney)
    assert row.time_integrated_activity_bq_s == found.curves["model_average"].time_integrated_activity_bq_s
    assert row.absorbed_dose_gy > 0.0
