"""Change each input and see which results become stale, with which cause (hazard 15)."""

from datetime import date

import pytest
from django.utils import timezone

from planning import models
from planning.models.registrations import Decision
from planning.models.sites import Role
from planning.selectors.current import (
    current_calculation,
    current_contours,
    current_curves,
    current_image,
    current_registration,
)
from planning.selectors.staleness import (
    calculation_stale_causes,
    contours_stale_causes,
    curves_stale_causes,
    image_stale_causes,
    plan_stale_causes,
    registration_stale_causes,
)
from planning.selectors.steps import cycle_steps
from planning.services.administrations import administration_record
from planning.services.calibrations import calibration_withdraw
from planning.services.imaging import reference_choose
from planning.services.kinetics import curve_choose, point_exclude
from planning.services.labs import external_dose_add, external_dose_withdraw
from tests.planning.worked_case import add_limits

pytestmark = pytest.mark.django_db
KINDS = ("image", "registration", "contours", "curves", "dose")


def causes_of(worked) -> dict[str, list[str]]:
    """Return the causes of what was current before: image and contours of scan 1, registration of scan 2."""
    first, second = worked.points[:2]
    return {
        "image": image_stale_causes(models.QuantifiedImage.objects.get(time_point=first, number=1)),
        "registration": registration_stale_causes(second.registrations.get(number=1)),
        "contours": contours_stale_causes(first.contour_revisions.get(number=1)),
        "curves": curves_stale_causes(worked.cycle.curve_revisions.get(number=1)),
        "dose": calculation_stale_causes(worked.cycle.dose_calculations.get(number=1)),
    }


def discard_the_series(worked):
    worked.points[0].series.update(is_discarded=True)


def add_a_ct(worked):
    models.Series.objects.create(
        site=worked.clinic.site,
        patient=worked.patient,
        time_point=worked.points[0],
        kind="ct",
        modality="CT",
        series_uid="1.2.99",
        study_uid="1.3",
    )


def add_an_image(worked):
    models.Series.objects.create(
        site=worked.clinic.site,
        patient=worked.patient,
        time_point=worked.points[0],
        kind="emission",
        modality="NM",
        series_uid="1.2.98",
        study_uid="1.3",
    )


def correct_the_administration(worked):
    administration_record(
        actor=worked.clinic.users[Role.TECHNOLOGIST],
        cycle=worked.cycle,
        fields={
            "administered_at": worked.administration.administered_at,
            "administered_activity": {"value": 7.0, "unit": "GBq"},
            "reason": "residual forgotten",
        },
    )


def make_factor(worked, **fields):
    chosen = {"valid_from": date(2020, 1, 1), "confirmed_at": timezone.now()}
    return models.CalibrationFactor.objects.create(
        site=worked.clinic.site,
        camera="camera 1",
        nuclide="Lu-177",
        calibration_cps_per_bq=1e-5,
        calibration_standard_uncertainty_cps_per_bq=1e-7,
        source="phantom",
        confirmed_by=worked.clinic.users[Role.QUALITY_LEAD],
        **(chosen | fields),
    )


def prepare_the_image_again(worked):
    worked.image(worked.points[0], scale=1.1)


def register_again(worked):
    worked.registration(worked.points[1])


def draw_again(worked):
    worked.draw(worked.points[0])


def choose_another_reference(worked):
    reference_choose(actor=worked.physicist, time_point=worked.points[1])


def choose_the_curve_again(worked):
    curve = current_curves(worked.cycle).curves.first()
    curve_choose(actor=worked.physicist, curve=curve, model=curve.recommended_model, is_accepted=True)


def leave_a_scan_out(worked):
    point_exclude(
        actor=worked.physicist,
        region=worked.kidney,
        time_point=worked.points[1],
        is_excluded=True,
        reason="patient moved",
    )


CHANGES = [
    (discard_the_series, {"image", "curves", "dose"}, "the emission series was taken out"),
    (add_a_ct, {"image", "curves", "dose"}, "a CT was added"),
    (add_an_image, {"image", "curves", "dose"}, "an image of the camera was added"),
    (correct_the_administration, {"image", "curves", "dose"}, "the administration was corrected"),
    (make_factor, {"image", "curves", "dose"}, "another calibration factor applies"),
    (prepare_the_image_again, set(KINDS), "prepared again"),
    (register_again, {"registration", "dose"}, "a newer registration exists"),
    (draw_again, {"contours", "curves", "dose"}, "contours were changed"),
    (choose_another_reference, {"registration", "dose"}, "another time point became the reference"),
    (choose_the_curve_again, {"dose"}, "a curve was chosen anew"),
    (leave_a_scan_out, {"curves", "dose"}, "a scan was left out or taken back"),
]


@pytest.mark.parametrize(("change", "stale", "cause"), CHANGES, ids=[row[0].__name__ for row in CHANGES])
def test_row_15_a_changed_input_marks_what_follows(worked, change, stale, cause):
    worked.calculated()
    assert causes_of(worked) == {kind: [] for kind in KINDS}
    change(worked)
    causes = causes_of(worked)
    assert {kind for kind, found in causes.items() if found} == stale
    for kind in stale:
        assert any(cause in text for text in causes[kind]), causes[kind]


def test_row_15_a_stale_step_shows_its_cause_and_nothing_after_it_is_done(worked):
    worked.calculated()
    draw_again(worked)
    steps = {step.key: step for step in cycle_steps(worked.cycle)}
    assert steps["contours"].state == "done"
    assert (steps["kinetics"].state, steps["dose"].state) == ("stale", "stale")
    assert "contours were changed" in steps["dose"].reason


def test_recomputing_from_unchanged_inputs_returns_the_same_revision(worked):
    """No edit, no new revision: equal inputs have an equal digest."""
    calculation = worked.calculated() and current_calculation(worked.cycle)
    curves = current_curves(worked.cycle)
    assert worked.fit() == curves
    assert worked.calculate() == calculation
    assert causes_of(worked) == {kind: [] for kind in KINDS}


def test_recomputing_after_a_change_makes_a_current_revision(worked):
    worked.calculated()
    first_gy = current_calculation(worked.cycle).regions.get(region=worked.kidney).absorbed_dose_gy
    for time_point in worked.points:
        worked.image(time_point, scale=1.1)
        worked.draw(time_point)
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    worked.recalculate()
    calculation = current_calculation(worked.cycle)
    assert calculation_stale_causes(calculation) == []
    # Dose is linear in activity; float32 voxels round at 1e-7.
    kidney_gy = calculation.regions.get(region=worked.kidney).absorbed_dose_gy
    assert kidney_gy == pytest.approx(1.1 * first_gy, rel=1e-5)


def test_a_withdrawn_calibration_names_itself(worked):
    factor = make_factor(worked)
    for time_point in worked.points:
        worked.image(time_point, calibration=factor)
    worked.contoured()
    worked.fit()
    assert curves_stale_causes(current_curves(worked.cycle)) == []
    calibration_withdraw(actor=worked.clinic.users[Role.QUALITY_LEAD], factor=factor, reason="constancy test failed")
    assert image_stale_causes(current_image(worked.points[0])) == ["the calibration factor was withdrawn"]
    assert any("was withdrawn" in cause for cause in curves_stale_causes(current_curves(worked.cycle)))


@pytest.mark.parametrize(
    "fields",
    [
        {"camera": "camera 2"},
        {"nuclide": "I-131"},
        {"valid_from": date(2099, 1, 1)},
        {"valid_to": date(2020, 2, 1)},
        {"confirmed_at": None},
        {"is_withdrawn": True},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_row_07_a_factor_of_another_key_changes_nothing(worked, fields):
    factor = make_factor(worked)
    models.CalibrationFactor.objects.filter(pk=factor.pk).update(**fields)
    assert image_stale_causes(current_image(worked.points[0])) == []


def test_an_exclusion_made_while_the_fit_ran_is_seen(worked):
    """The fit read its points before the decision, and was saved after it: times of rows would hide that."""
    worked.contoured()
    leave_a_scan_out(worked)
    models.PointExclusion.objects.update(created_at=worked.administration.administered_at)
    revision = worked.fit()
    assert curves_stale_causes(revision) == []
    curve = revision.curves.get(region=worked.kidney)
    curve.points = [{**point, "is_excluded": False} for point in curve.points]
    curve.save()
    assert curves_stale_causes(revision) == ["a scan was left out or taken back"]


def test_a_scan_left_out_and_taken_back_leaves_the_curves_current(worked):
    worked.contoured()
    revision = worked.fit()
    for is_excluded in (True, False):
        point_exclude(
            actor=worked.physicist,
            region=worked.kidney,
            time_point=worked.points[1],
            is_excluded=is_excluded,
            reason="looked twice",
        )
    assert curves_stale_causes(revision) == []


def test_a_registration_accepted_after_the_dose_marks_it(worked):
    """A scan left out of the dose map for want of a registration belongs into it once that is accepted."""
    worked.fitted()
    worked.registration(worked.points[1])
    pending = {"decision": Decision.PENDING, "decided_by": None, "decided_at": None}
    worked.registration(worked.points[2], **pending)
    calculation = worked.calculate()
    assert [row["code"] for row in calculation.findings if row["level"] == "ask"] == ["not_registered"]
    assert calculation_stale_causes(calculation) == []
    registration = current_registration(worked.points[2])
    registration.decision, registration.decided_by = Decision.ACCEPTED, worked.physicist
    registration.decided_at = timezone.now()
    registration.save()
    assert calculation_stale_causes(calculation) == ["a registration was accepted since"]


def test_a_time_point_contoured_since_marks_the_curves(worked):
    for time_point in worked.points[:2]:
        worked.draw(time_point)
    revision = worked.fit()
    assert curves_stale_causes(revision) == []
    worked.draw(worked.points[2])
    assert curves_stale_causes(revision) == ["a time point was contoured since"]


def test_row_24_a_dose_from_elsewhere_makes_the_plan_stale(worked):
    add_limits(worked.approved().clinic)
    plan = worked.plan()
    assert plan_stale_causes(plan) == []
    fields = {"region_name": "Kidney", "absorbed_dose_gy": 5.0, "modality": "external beam", "source": "letter"}
    dose = external_dose_add(actor=worked.physicist, patient=worked.patient, fields=fields)
    assert plan_stale_causes(plan) == ["a dose from elsewhere was added or withdrawn"]
    external_dose_withdraw(actor=worked.physicist, dose=dose, reason="other patient")
    assert plan_stale_causes(plan) == []


def test_row_25_only_a_confirmed_new_limit_set_makes_the_plan_stale(worked):
    add_limits(worked.approved().clinic)
    plan = worked.plan()
    draft = add_limits(worked.clinic, is_confirmed=False, limit_gy=28.0)
    assert plan_stale_causes(plan) == []
    draft.confirmed_by, draft.confirmed_at = worked.clinic.users[Role.QUALITY_LEAD], timezone.now()
    draft.save()
    assert plan_stale_causes(plan) == ["the limit set has a newer version"]


def test_a_plan_names_the_cycle_whose_result_changed(worked):
    add_limits(worked.approved().clinic)
    plan = worked.plan()
    worked.draw(worked.points[2])
    assert any(cause.startswith("cycle 1: time point 3: contours were changed") for cause in plan_stale_causes(plan))
    assert current_contours(worked.points[2]).number == 2
