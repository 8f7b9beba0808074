"""Counting noise from replicates in the points of the curves: right in size, its own term, never silently zero."""

import numpy as np
import pytest

from dosimetry.quantification.point_spread import PointSpread
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from planning import storage
from planning.computation.contour_preview import contour_preview
from planning.computation.kinetics import compute_curves
from planning.computation.partial_volume import corrected_regions, scan_of
from planning.computation.partial_volume_settings import partial_volume_of
from planning.errors import InvalidStateError
from planning.figures.report_pdf import image_noise_lines
from planning.models import Run
from planning.models.sites import Role
from planning.selectors.current import current_contours, current_curves, current_image
from planning.selectors.kinetics import curve_summary
from planning.services.kinetics import curves_start
from planning.tasks.base import execute_run
from planning.tasks.kinetics import run_curves
from tests.planning import worked_phantom as phantom

pytestmark = pytest.mark.django_db

N_REPLICATES = 12
FWHM_MM = 12.0
GTM = {
    "partial_volume": "gtm",
    "resolution_fwhm_mm": FWHM_MM,
    "resolution_standard_uncertainty_mm": 1.0,
    "resolution_source": "spheres",
}


def noisy_scan(worked, time_point) -> NoiseReplicates:
    """Give a time point a blurred image and replicates of it whose noise has the grain of a few voxels."""
    spread = PointSpread(spacing_xyz_mm=(10.0, 10.0, 10.0), fwhm_mm=FWHM_MM)
    values = spread.blur(phantom.scan_values(phantom.TIMES_H[time_point.number - 1]).astype(float)).astype(np.float32)
    generator = np.random.default_rng(time_point.number)
    noise = [1.0 + 0.3 * spread.blur(generator.standard_normal(values.shape)) for _ in range(N_REPLICATES)]
    replicates = NoiseReplicates.of([np.maximum(values * grain, 0.0) for grain in noise])
    worked.image(
        time_point,
        emission_sha256=storage.store_array(values),
        replicates_sha256=storage.store_bytes(replicates.to_bytes()),
    )
    return replicates


@pytest.fixture
def noisy(worked):
    """The worked case, contoured on images with replicates."""
    worked.replicates = [noisy_scan(worked, time_point) for time_point in worked.points]
    return worked.contoured()


def points_of(worked, region):
    return current_curves(worked.cycle).curves.get(region=region).points


def test_the_uncertainty_of_a_point_is_edge_and_noise_by_hand(noisy):
    noisy.fit()
    contours = [current_contours(time_point).contours.get(region=noisy.lesion) for time_point in noisy.points]
    for point, contour, replicates in zip(points_of(noisy, noisy.lesion), contours, noisy.replicates, strict=True):
        activities = [float(replicates.image(i)[phantom.LESION].sum(dtype=float)) for i in range(N_REPLICATES)]
        cv = np.std(activities, ddof=1) / contour.activity_bq
        assert point["noise"]["cv"] == pytest.approx(cv, rel=1e-4)
        assert point["noise"]["n_replicates"] == N_REPLICATES
        edge_bq = contour.activity_standard_uncertainty_bq
        assert point["noise"]["edge_cv"] == pytest.approx(edge_bq / contour.activity_bq)
        u_bq = np.hypot(edge_bq, cv * contour.activity_bq)
        assert point["activity_standard_uncertainty_bq"] == pytest.approx(u_bq, rel=1e-4)
        assert u_bq > edge_bq


def test_without_replicates_every_number_is_as_it_was(noisy):
    noisy.fit()
    with_noise = points_of(noisy, noisy.kidney)
    for time_point in noisy.points:
        type(current_image(time_point)).objects.filter(time_point=time_point).update(replicates_sha256="")
    revision = noisy.fit()
    curve = revision.curves.get(region=noisy.kidney)
    contours = [current_contours(time_point).contours.get(region=noisy.kidney) for time_point in noisy.points]
    for point, before, contour in zip(curve.points, with_noise, contours, strict=True):
        assert "noise" not in point
        assert point["activity_bq"] == before["activity_bq"] == contour.activity_bq
        assert point["activity_standard_uncertainty_bq"] == contour.activity_standard_uncertainty_bq
    assert not [finding for finding in curve.findings if finding["code"].startswith("image_noise")]
    assert all("noise" not in point for point in curve_summary(curve)["points"])


def test_noise_widens_the_curve(noisy):
    def integral_cv(revision):
        (fit,) = [fit for fit in revision.curves.get(region=noisy.lesion).fits if fit["model"] == "mono_exponential"]
        u = fit["time_integrated_activity_standard_uncertainty_bq_s"]
        return u / fit["time_integrated_activity_bq_s"]

    noisy_cv = integral_cv(noisy.fit())
    for time_point in noisy.points:
        type(current_image(time_point)).objects.filter(time_point=time_point).update(replicates_sha256="")
    assert noisy_cv > integral_cv(noisy.fit())


@pytest.mark.parametrize("method", ["gtm", "iterative_yang", "richardson_lucy"])
def test_a_correction_of_partial_volume_is_made_of_every_replicate(noisy, method):
    noisy.fit()
    measured = points_of(noisy, noisy.lesion)[0]["noise"]["cv"]
    parameters = {**GTM, "partial_volume": method}
    noisy.fit(**parameters)
    (point, *_) = points_of(noisy, noisy.lesion)
    choice, revision = partial_volume_of(parameters), current_contours(noisy.points[0])
    key = str(noisy.lesion.pk)
    centre = corrected_regions(scan_of(revision, choice), choice, FWHM_MM)[key]
    drawn = []
    for number in range(N_REPLICATES):
        sha256 = storage.store_array(noisy.replicates[0].image(number))
        revision.image.emission_sha256 = sha256
        drawn.append(corrected_regions(scan_of(revision, choice), choice, FWHM_MM)[key])
    assert point["noise"]["cv"] == pytest.approx(np.std(drawn, ddof=1) / centre, rel=1e-4)
    assert point["noise"]["cv"] != pytest.approx(measured, rel=0.01)
    u_bq = np.hypot(point["noise"]["edge_cv"], point["noise"]["cv"]) * point["activity_bq"]
    assert point["activity_standard_uncertainty_bq"] == pytest.approx(u_bq)


def test_curves_and_report_tell_the_noise(noisy):
    noisy.fit()
    curve = current_curves(noisy.cycle).curves.get(region=noisy.lesion)
    shown = curve_summary(curve)["points"][0]["noise"]
    assert shown["counting"]["unit"] == "%"
    assert shown["counting"]["value"] == pytest.approx(100.0 * curve.points[0]["noise"]["cv"])
    assert shown["contour_edge"]["value"] == pytest.approx(100.0 * curve.points[0]["noise"]["edge_cv"])
    (said,) = [finding for finding in curve.findings if finding["code"] == "image_noise"]
    assert said["level"] == "note"
    assert "from 12 replicates, themselves known to 21 %" in said["message"]
    (line,) = image_noise_lines({"warnings": [{**said, "region": noisy.lesion.name}]})
    assert noisy.lesion.name in line and f"{100.0 * curve.points[0]['noise']['cv']:.2g} %" in line
    assert image_noise_lines({"warnings": []}) == []


def test_scans_without_replicates_beside_others_are_asked_about(noisy):
    type(current_image(noisy.points[1])).objects.filter(time_point=noisy.points[1]).update(replicates_sha256="")
    curve = noisy.fit().curves.get(region=noisy.kidney)
    (asked,) = [finding for finding in curve.findings if finding["code"] == "image_noise_missing"]
    assert asked["level"] == "ask" and "known on 2 of 3 scans" in asked["message"]


def test_the_preview_of_an_edit_keeps_the_noise_of_the_scan(noisy):
    for time_point in noisy.points[1:]:
        noisy.registration(time_point)
    noisy.fit(**GTM)
    noisy.accept_curves()
    noisy.calculate()
    stored = points_of(noisy, noisy.kidney)
    shown = contour_preview(cycle=noisy.cycle, region=noisy.kidney).points
    for point, before in zip(shown, stored, strict=True):
        assert before["noise"]["cv"] > 0.0
        u_bq = point["activity_standard_uncertainty_bq"]
        assert u_bq == pytest.approx(before["activity_standard_uncertainty_bq"])


@pytest.mark.parametrize("fault", ["missing", "damaged", "another"])
def test_lost_replicates_stop_the_fit_and_are_never_zero_noise(clinic, noisy, fault):
    image = current_image(noisy.points[1])
    # Bytes of its own: the store of the tests outlives a test, and repeated content is kept as it lies there.
    own = noisy.replicates[1].times(1.0 + len(fault) / 1000.0)
    image.replicates_sha256 = storage.store_bytes(own.to_bytes())
    image.save(update_fields=["replicates_sha256"])
    path = storage.object_path(image.replicates_sha256)
    if fault == "missing":
        path.unlink()
    elif fault == "damaged":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    else:
        other = NoiseReplicates.of(np.ones((5, 2, 2, 2))).to_bytes()
        type(image).objects.filter(pk=image.pk).update(replicates_sha256=storage.store_bytes(other))
    with pytest.raises(InvalidStateError) as error:
        compute_curves(cycle=noisy.cycle, parameters={}, progress=phantom.no_progress)
    assert error.value.code == "replicates_lost" and "time point 2" in str(error.value)
    run = curves_start(actor=clinic.users[Role.PHYSICIST], cycle=noisy.cycle, parameters={})
    execute_run(run_id=str(run.pk), body=run_curves)
    run = Run.objects.get(pk=run.pk)
    assert (run.state, run.error_code) == ("failed", "replicates_lost")
    assert current_curves(noisy.cycle) is None
