"""Curves: a person's choice, scans left out with a reason, a declared half-life with its source (rows 16, 17)."""

import pytest

from planning import models
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_curves
from planning.selectors.kinetics import chosen_fit, curve_summary
from planning.services.kinetics import curve_choose, curves_accept_unflagged, curves_start, point_exclude
from tests.planning.worked_phantom import HOUR_S, KIDNEY_HALF_LIFE_H, LESION_HALF_LIFE_H, TIMES_H

pytestmark = pytest.mark.django_db
DECLARED = {
    "effective_half_life_h": 50.0,
    "effective_half_life_standard_uncertainty_h": 5.0,
    "effective_half_life_source": "own cycle 1",
}


def curve_of(worked, region) -> models.RegionCurve:
    return current_curves(worked.cycle).curves.get(region=region)


def exclude(worked, number, *, is_excluded=True, reason="patient moved", actor=None):
    return point_exclude(
        actor=actor or worked.physicist,
        region=worked.lesion,
        time_point=worked.points[number - 1],
        is_excluded=is_excluded,
        reason=reason,
    )


def choose(worked, curve, **fields):
    chosen = {"model": curve.recommended_model, "is_accepted": True}
    return curve_choose(actor=worked.physicist, curve=curve, **(chosen | fields))


def test_the_fit_finds_the_known_half_lives(worked):
    worked.contoured()
    worked.fit()
    for region, half_life_h in ((worked.kidney, KIDNEY_HALF_LIFE_H), (worked.lesion, LESION_HALF_LIFE_H)):
        fit = chosen_fit(curve_of(worked, region))
        # The phantom decays mono-exponentially; float32 voxels round at 1e-7.
        assert fit["effective_half_life_s"] == pytest.approx(half_life_h * HOUR_S, rel=1e-5)


def test_curves_need_an_accepted_contour(worked):
    worked.draw(worked.points[0], state="proposed")
    with pytest.raises(InvalidStateError) as caught:
        curves_start(actor=worked.physicist, cycle=worked.cycle, parameters={})
    assert caught.value.code == "no_accepted_contours"


def test_a_region_accepted_on_some_scans_says_so(worked):
    for time_point in worked.points[:2]:
        worked.draw(time_point)
    worked.fit()
    findings = {finding["code"]: finding for finding in curve_of(worked, worked.kidney).findings}
    assert findings["points_missing"]["level"] == "ask"
    assert "2 of 3" in findings["points_missing"]["message"]


def test_row_16_a_large_tail_is_asked_about(worked):
    """The lesion's last scan lies at two half-lives: about a quarter of the integral follows it."""
    worked.contoured()
    worked.fit()
    codes = {finding["code"]: finding["level"] for finding in curve_of(worked, worked.lesion).findings}
    assert codes["tail_large"] == "ask"
    assert "tail_large" not in {finding["code"] for finding in curve_of(worked, worked.kidney).findings}


def test_choices_are_added_and_the_newest_counts(worked):
    worked.contoured()
    worked.fit()
    curve = curve_of(worked, worked.kidney)
    choose(worked, curve, is_accepted=False)
    choose(worked, curve)
    assert [choice.is_accepted for choice in curve.choices.all()] == [False, True]
    shown = curve_summary(curve)
    assert (shown["is_accepted"], shown["accepted_by"]) == (True, "Physicist A")


def test_another_than_the_recommended_model_needs_a_reason(worked):
    worked.contoured()
    worked.fit()
    curve = curve_of(worked, worked.kidney)
    other = {**curve.fits[0], "model": "bi_exponential"}
    curve.fits = [*curve.fits, other]
    curve.save()
    with pytest.raises(InvalidStateError) as caught:
        choose(worked, curve, model="bi_exponential", reason="  ")
    assert caught.value.code == "reason_required"
    choose(worked, curve, model="bi_exponential", reason="uptake seen on planar images")
    assert chosen_fit(curve)["model"] == "bi_exponential"
    assert curve_summary(curve)["choice_reason"] == "uptake seen on planar images"


def test_a_model_that_was_not_fitted_cannot_be_chosen(worked):
    worked.contoured()
    worked.fit()
    with pytest.raises(InvalidStateError) as caught:
        choose(worked, curve_of(worked, worked.kidney), model="bi_exponential", reason="looks better")
    assert caught.value.code == "unknown_model"


def test_a_stale_curve_cannot_be_accepted(worked):
    worked.contoured()
    worked.fit()
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        choose(worked, curve_of(worked, worked.kidney))
    assert caught.value.code == "stale"


def test_accepting_all_leaves_curves_with_open_questions(worked):
    worked.contoured()
    worked.fit()
    n_accepted = curves_accept_unflagged(actor=worked.physicist, cycle=worked.cycle)
    assert n_accepted == 1
    assert curve_summary(curve_of(worked, worked.kidney))["is_accepted"] is True
    assert curve_summary(curve_of(worked, worked.lesion))["is_accepted"] is False
    assert curves_accept_unflagged(actor=worked.physicist, cycle=worked.cycle) == 0


@pytest.mark.parametrize("reason", ["", "   "])
def test_leaving_a_scan_out_and_taking_it_back_need_a_reason(worked, reason):
    for is_excluded in (True, False):
        with pytest.raises(InvalidStateError) as caught:
            exclude(worked, 2, is_excluded=is_excluded, reason=reason)
        assert caught.value.code == "reason_required"
    assert not models.PointExclusion.objects.exists()


def test_a_scan_left_out_stays_in_the_list_with_its_reason(worked):
    worked.contoured()
    exclude(worked, 2)
    worked.fit()
    points = curve_summary(curve_of(worked, worked.lesion))["points"]
    assert [point["is_excluded"] for point in points] == [False, True, False]
    assert points[1]["reason"] == "patient moved"
    assert points[1]["activity"]["unit"] == "MBq"
    kidney = curve_summary(curve_of(worked, worked.kidney))["points"]
    assert not any(point["is_excluded"] for point in kidney)


def test_a_region_of_another_course_is_refused(worked):
    course = models.Course.objects.create(patient=worked.patient, number=2, nuclide="Lu-177", agent="PSMA-617")
    region = models.Region.objects.create(
        course=course, kind="organ", name="Liver", label=1, colour="r3", tracking_uid="1.4.9"
    )
    with pytest.raises(InvalidStateError) as caught:
        point_exclude(
            actor=worked.physicist,
            region=region,
            time_point=worked.points[0],
            is_excluded=True,
            reason="patient moved",
        )
    assert caught.value.code == "other_course"


def test_one_scan_without_a_declared_half_life_is_blocked(worked):
    worked.draw(worked.points[0])
    worked.fit()
    curve = curve_of(worked, worked.kidney)
    assert curve.fits == []
    assert "half_life_required" in {finding["code"] for finding in curve.findings if finding["level"] == "block"}


def test_row_17_a_single_scan_shows_the_assumed_half_life_and_its_source(worked):
    worked.draw(worked.points[1])
    worked.fit(**DECLARED)
    curve = curve_of(worked, worked.kidney)
    fit = chosen_fit(curve)
    assert fit["model"] == "single_time_point"
    assert fit["effective_half_life_s"] == 50.0 * HOUR_S
    (assumed,) = [finding for finding in curve.findings if finding["code"] == "single_time_point"]
    assert (assumed["level"], "own cycle 1" in assumed["message"]) == ("ask", True)


def test_row_17_a_single_scan_outside_the_window_is_asked_about(worked):
    worked.draw(worked.points[2])
    worked.fit(**{**DECLARED, "effective_half_life_h": 24.0})
    codes = {finding["code"] for finding in curve_of(worked, worked.kidney).findings}
    assert "outside_window" in codes
    assert TIMES_H[2] / 24.0 > 2.0


@pytest.mark.parametrize("left_out", list(DECLARED))
def test_a_declared_half_life_needs_uncertainty_and_source(worked, clinic, left_out):
    worked.draw(worked.points[0])
    parameters = {name: value for name, value in DECLARED.items() if name != left_out}
    with pytest.raises(InvalidStateError) as caught:
        curves_start(actor=worked.physicist, cycle=worked.cycle, parameters=parameters)
    assert caught.value.code == "half_life_source"
    url = f"/api/cycles/{worked.cycle.pk}/curves/start"
    answer = clinic.client(worked.physicist).post(url, parameters, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert not models.Run.objects.filter(kind=TaskName.FIT_CURVES).exists()


def test_a_blank_source_is_no_source(worked, clinic):
    worked.draw(worked.points[0])
    url = f"/api/cycles/{worked.cycle.pk}/curves/start"
    body = {**DECLARED, "effective_half_life_source": "  "}
    answer = clinic.client(worked.physicist).post(url, body, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {"effective_half_life_source"}


def test_only_physicists_choose_curves(worked, clinic):
    worked.contoured()
    worked.fit()
    curve = curve_of(worked, worked.kidney)
    for role in (Role.CONTOUR_EDITOR, Role.PHYSICIAN, Role.READER):
        with pytest.raises(NotAllowedError):
            curve_choose(actor=clinic.users[role], curve=curve, model=curve.recommended_model, is_accepted=True)
        with pytest.raises(NotAllowedError):
            exclude(worked, 1, actor=clinic.users[role])
    url = f"/api/curves/{curve.pk}/choice"
    body = {"model": curve.recommended_model, "is_accepted": True}
    assert clinic.client(clinic.foreigner).post(url, body, format="json").status_code == 404
