"""Recovery curves as a correction: proposed, confirmed, chosen for the scans of their camera, and seen in the dose."""

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from dosimetry.quantification.recovery import recovery_function
from planning import models, storage
from planning.computation.partial_volume import corrected_values, region_factors
from planning.computation.partial_volume_settings import correction_findings, partial_volume_of
from planning.computation.recovery_corrections import factor_at
from planning.errors import InvalidStateError, NotAllowedError
from planning.figures.report_pdf import partial_volume_lines
from planning.models.sites import Role
from planning.selectors.current import current_contours, current_curves
from planning.selectors.imaging import cycle_images
from planning.selectors.kinetics import curve_summary, fit_options
from planning.selectors.recovery_curves import recovery_curves_for, recovery_text
from planning.selectors.staleness import curves_stale_causes
from planning.services.kinetics import curves_start
from planning.services.recovery_curves import recovery_curve_confirm, recovery_curve_create, recovery_curve_withdraw
from tests.planning import worked_phantom as phantom

pytestmark = pytest.mark.django_db
CAMERA = "Camera 1"
B1_ML, B2 = 6.0, 1.2
RESULT = {
    "b1_ml": B1_ML,
    "b2": B2,
    "covariance": [[0.25, 0.01], [0.01, 0.0036]],
    "chi_square": 4.0,
    "n_degrees_of_freedom": 4,
    "volume_range_ml": [1.0, 30.0],
}
INPUTS = {"nuclide": "Lu-177", "reconstruction": "10 x 15 updates, resolution modelled"}


def rc(volume_ml: float) -> float:
    return float(recovery_function(volume_ml, b1_ml=B1_ML, b2=B2))


def measure(clinic, **changes):
    return models.CalibrationMeasurement.objects.create(
        site=clinic.site,
        method="recovery",
        inputs=INPUTS,
        result=RESULT | changes,
        created_by=clinic.users[Role.PHYSICIST],
    )


def propose(clinic, measurement=None, camera=CAMERA):
    return recovery_curve_create(
        actor=clinic.users[Role.PHYSICIST],
        site=clinic.site,
        measurement=measurement or measure(clinic),
        camera=camera,
    )


def confirmed(clinic, **changes):
    curve = propose(clinic, **changes)
    return recovery_curve_confirm(actor=clinic.users[Role.QUALITY_LEAD], curve=curve)


@pytest.fixture
def scanned(worked):
    """The worked case, imaged by the curve's camera and contoured."""
    for time_point in worked.points:
        worked.image(time_point)
    for series in models.Series.objects.filter(time_point__in=worked.points):
        series.summary = {**series.summary, "manufacturer_model": CAMERA}
        series.save()
    return worked.contoured()


def choice_of(curve):
    return {
        "partial_volume": "recovery_curve",
        "recovery_curve": str(curve.pk),
        "is_same_reconstruction": True,
        "recovery_source": recovery_text(curve),
    }


def start(scanned, curve, **changes):
    parameters = {name: value for name, value in choice_of(curve).items() if name != "recovery_source"}
    return curves_start(
        actor=scanned.clinic.users[Role.PHYSICIST], cycle=scanned.cycle, parameters=parameters | changes
    )


def test_a_second_person_confirms_what_was_measured(clinic):
    curve = propose(clinic)
    author = clinic.users[Role.PHYSICIST]
    models.Membership.objects.create(user=author, site=clinic.site, role=Role.QUALITY_LEAD)
    with pytest.raises(NotAllowedError) as caught:
        recovery_curve_confirm(actor=author, curve=curve)
    assert caught.value.code == "second_person_required"
    recovery_curve_confirm(actor=clinic.users[Role.QUALITY_LEAD], curve=curve)
    with pytest.raises(InvalidStateError):
        recovery_curve_confirm(actor=clinic.users[Role.QUALITY_LEAD], curve=curve)
    with pytest.raises(IntegrityError), transaction.atomic():
        models.RecoveryCurve.objects.filter(pk=curve.pk).update(confirmed_by=author)


def test_who_measured_does_not_confirm_what_another_proposed(clinic):
    measurement = measure(clinic)
    measurement.created_by = clinic.users[Role.QUALITY_LEAD]
    measurement.save()
    with pytest.raises(NotAllowedError):
        recovery_curve_confirm(actor=clinic.users[Role.QUALITY_LEAD], curve=propose(clinic, measurement))


def test_a_measurement_without_a_covariance_is_no_correction(clinic):
    old = measure(clinic)
    old.result.pop("covariance")
    with pytest.raises(InvalidStateError) as caught:
        propose(clinic, old)
    assert "measure the spheres again" in str(caught.value)


def test_only_a_confirmed_curve_of_the_scans_camera_and_nuclide_is_offered(clinic, scanned):
    assert recovery_curves_for(scanned.cycle) == []
    propose(clinic)
    confirmed(clinic, camera="Camera 2")
    other = measure(clinic)
    models.CalibrationMeasurement.objects.filter(pk=other.pk).update(inputs={**INPUTS, "nuclide": "I-131"})
    other.refresh_from_db()
    confirmed(clinic, measurement=other)
    assert recovery_curves_for(scanned.cycle) == []
    curve = confirmed(clinic)
    assert recovery_curves_for(scanned.cycle) == [curve]
    recovery_curve_withdraw(actor=clinic.users[Role.QUALITY_LEAD], curve=curve, reason="wrong fill")
    assert recovery_curves_for(scanned.cycle) == []


@pytest.mark.parametrize(
    ("make", "changes", "word"),
    [
        (propose, {}, "not confirmed"),
        (lambda clinic: confirmed(clinic, camera="Camera 2"), {}, "is of Camera 2, time point 1 of Camera 1"),
        (confirmed, {"is_same_reconstruction": False}, "the reconstruction of its phantom alone"),
    ],
)
def test_a_curve_that_is_not_of_these_scans_is_refused(clinic, scanned, make, changes, word):
    with pytest.raises(InvalidStateError) as caught:
        start(scanned, make(clinic), **changes)
    assert word in str(caught.value)


def test_a_curve_of_another_site_is_not_found(clinic, scanned):
    curve = confirmed(clinic)
    models.RecoveryCurve.objects.filter(pk=curve.pk).update(site=clinic.other)
    with pytest.raises(InvalidStateError) as caught:
        start(scanned, curve)
    assert caught.value.code == "no_recovery_curve"


def test_the_fit_keeps_the_curve_in_words(clinic, scanned):
    run = start(scanned, curve := confirmed(clinic))
    assert run.parameters["recovery_source"] == recovery_text(curve)
    assert "spheres of 1 to 30 mL; Camera 1, Lu-177, 10 x 15 updates" in run.parameters["recovery_source"]


def test_activities_are_divided_by_the_recovery_at_their_volume_once(clinic, scanned):
    scanned.fit()
    before = {curve.region.name: curve.points for curve in current_curves(scanned.cycle).curves.all()}
    curve = confirmed(clinic)
    scanned.fit(**choice_of(curve))
    revision = current_curves(scanned.cycle)
    for region_curve in revision.curves.select_related("region"):
        for point, old in zip(region_curve.points, before[region_curve.region.name], strict=True):
            assert point["activity_bq"] == pytest.approx(old["activity_bq"] / rc(old["volume_ml"]), rel=1e-9)
            made = point["partial_volume"]
            assert made["factor"] == pytest.approx(1.0 / rc(old["volume_ml"]))
            assert made["cv"] > 0.0
    assert fit_options(revision) == choice_of(curve)


def test_curves_guard_and_report_tell_what_was_changed(clinic, scanned):
    curve = confirmed(clinic)
    scanned.fit(**choice_of(curve))
    lesion = current_curves(scanned.cycle).curves.get(region=scanned.lesion)
    change = 100.0 * (1.0 / rc(phantom.LESION_ML) - 1.0)
    (said,) = [finding for finding in lesion.findings if finding["code"] == "partial_volume"]
    assert f"{change:+.0f} %" in said["message"]
    assert "recovery curve at the volume of each region" in said["message"]
    assert curve_summary(lesion)["points"][0]["partial_volume"]["value"] == pytest.approx(change)
    guard = cycle_images(scanned.cycle)["time_points"][0]["image"]["partial_volume"]
    assert guard["text"].startswith("recovery curve at the volume of each region (b1 6 mL, b2 1.2")
    kidney = current_curves(scanned.cycle).curves.get(region=scanned.kidney)
    assert "recovery_extrapolated" in {finding["code"] for finding in kidney.findings}
    (text,) = partial_volume_lines({"warnings": [{**said, "region": "Lesion 1"}]})
    assert text.endswith(f"Lesion 1 {', '.join([f'{change:+.0f} %'] * 3)}.")


def test_a_region_below_the_smallest_sphere_stays_and_asks(clinic, scanned):
    scanned.fit(**choice_of(confirmed(clinic, measurement=measure(clinic, volume_range_ml=[20.0, 60.0]))))
    lesion = current_curves(scanned.cycle).curves.get(region=scanned.lesion)
    assert all("partial_volume" not in point for point in lesion.points)
    (said,) = [finding for finding in lesion.findings if finding["code"] == "partial_volume_missing"]
    assert (said["level"], "smaller than the smallest sphere" in said["message"]) == ("ask", True)


def test_voxels_of_a_region_are_multiplied_and_the_rest_stays(clinic, scanned):
    choice = partial_volume_of(choice_of(confirmed(clinic)))
    contours = current_contours(scanned.points[0])
    found, measured = corrected_values(contours, choice), storage.load_array(contours.image.emission_sha256)
    factors = region_factors(contours, choice)
    assert found[phantom.LESION] == pytest.approx(factors[scanned.lesion.pk].factor * measured[phantom.LESION])
    outside = np.ones(measured.shape, dtype=bool)
    outside[phantom.KIDNEY] = False
    assert (found[outside] == measured[outside]).all()


def test_dose_is_corrected_and_its_budget_holds_curve_and_volume_together(clinic, scanned):
    for time_point in scanned.points[1:]:
        scanned.registration(time_point)
    doses = {}
    for name, parameters in (("none", {}), ("curve", choice_of(confirmed(clinic)))):
        scanned.fit(**parameters)
        scanned.accept_curves()
        doses[name] = scanned.calculate().regions.get(region=scanned.lesion)
    factor = 1.0 / rc(phantom.LESION_ML)
    assert doses["curve"].absorbed_dose_gy == pytest.approx(factor * doses["none"].absorbed_dose_gy, rel=1e-6)
    # The map is corrected once, as the curve is: twice would move the ratio by the factor of 1.7. The histogram takes
    # trilinear dose, to which the kidney beside it, corrected by less, gives a few per cent.
    assert doses["curve"].voxel_mean_dose_gy / doses["curve"].absorbed_dose_gy == pytest.approx(
        doses["none"].voxel_mean_dose_gy / doses["none"].absorbed_dose_gy, rel=0.05
    )
    budgets = {
        name: {row["component"]: row["percent"] for row in dose.uncertainty_budget} for name, dose in doses.items()
    }
    assert "Recovery curve" not in budgets["none"]
    made = current_curves(scanned.cycle).curves.get(region=scanned.lesion).points[0]["partial_volume"]
    assert budgets["curve"]["Recovery curve"] == pytest.approx(100.0 * made["cv"], rel=1e-6)
    points = current_curves(scanned.cycle).curves.get(region=scanned.lesion).points
    p = np.mean([point["partial_volume"]["recovery"]["counts_slope"] for point in points])
    slope = p - B2 * (1.0 - rc(phantom.LESION_ML)) - 1.0
    expected = abs(slope) * budgets["none"]["Contour edge"]
    assert budgets["curve"]["Contour edge"] == pytest.approx(expected, rel=1e-3)


def test_a_preview_of_other_contours_reads_the_curve_at_their_volume(clinic, scanned):
    scanned.fit(**choice_of(confirmed(clinic)))
    made = current_curves(scanned.cycle).curves.get(region=scanned.lesion).points[0]["partial_volume"]
    assert factor_at(made, volume_ml=phantom.LESION_ML) == pytest.approx(made["factor"])
    assert factor_at(made, volume_ml=4.0) == pytest.approx(1.0 / rc(4.0))
    assert factor_at({"factor": 1.3, "cv": 0.1}, volume_ml=4.0) == 1.3
    assert factor_at({}, volume_ml=4.0) == 1.0


def test_withdrawing_a_curve_makes_the_fit_stale(clinic, scanned):
    curve = confirmed(clinic)
    scanned.fit(**choice_of(curve))
    revision = current_curves(scanned.cycle)
    assert "the recovery curve was withdrawn" not in curves_stale_causes(revision)
    recovery_curve_withdraw(actor=clinic.users[Role.QUALITY_LEAD], curve=curve, reason="wrong fill")
    assert "the recovery curve was withdrawn" in curves_stale_causes(revision)


def test_the_addresses_make_confirm_and_offer_a_curve(client, clinic, scanned):
    client.force_login(clinic.users[Role.PHYSICIST])
    address = f"/api/sites/{clinic.site.pk}/recovery-curves"
    body = {"measurement_id": str(measure(clinic).pk), "camera": CAMERA}
    made = client.post(address, body, content_type="application/json").json()
    client.force_login(clinic.users[Role.QUALITY_LEAD])
    assert client.post(f"/api/recovery-curves/{made['id']}/confirm").json()["is_confirmed"]
    client.force_login(clinic.users[Role.PHYSICIST])
    assert [row["b1_ml"] for row in client.get(address).json()["results"]] == [B1_ML]
    offered = client.get(f"/api/cycles/{scanned.cycle.pk}/curves").json()["recovery_curves"]
    assert [row["id"] for row in offered] == [made["id"]]
    start_at = f"/api/cycles/{scanned.cycle.pk}/curves/start"
    chosen = {"partial_volume": "recovery_curve", "recovery_curve": made["id"]}
    assert client.post(start_at, chosen, content_type="application/json").status_code == 400
    chosen |= {"is_same_reconstruction": True, "resolution_fwhm_mm": 6.0}
    answer = client.post(start_at, chosen, content_type="application/json")
    parameters = models.Run.objects.get(pk=answer.json()["run_id"]).parameters
    assert set(parameters) == {"partial_volume", "recovery_curve", "is_same_reconstruction", "recovery_source"}


def test_another_method_keeps_nothing_of_a_curve(client, clinic, scanned):
    client.force_login(clinic.users[Role.PHYSICIST])
    gtm = {
        "partial_volume": "gtm",
        "resolution_fwhm_mm": 6.0,
        "resolution_standard_uncertainty_mm": 1.0,
        "resolution_source": "spheres",
    }
    body = {**gtm, "recovery_curve": str(confirmed(clinic).pk), "is_same_reconstruction": True}
    answer = client.post(f"/api/cycles/{scanned.cycle.pk}/curves/start", body, content_type="application/json")
    assert models.Run.objects.get(pk=answer.json()["run_id"]).parameters == gtm


def test_what_was_measured_long_ago_stays_in_words(clinic):
    curve = confirmed(clinic)
    assert timezone.now().date().isoformat() in recovery_text(curve)
    choice = partial_volume_of(choice_of(curve))
    assert correction_findings([{"partial_volume": {"factor": 1.2, "cv": 0.05}}], choice)[0]["level"] == "note"
