"""Images of a cycle as the guard page and the viewer show them."""

from typing import Any

from planning.models import Administration, Cycle, QuantifiedImage, Run, Series, TimePoint, VolumeAsset
from planning.models.imaging import SeriesKind
from planning.queue import TaskName
from planning.selectors.current import acquired_series, current_administration, current_curves, current_image
from planning.selectors.findings import cycle_findings
from planning.selectors.kinetics import partial_volume_text
from planning.selectors.quantities import quantity
from planning.selectors.readings import hidden_copies
from planning.selectors.runs import open_runs_of_cycle, run_summary
from planning.selectors.sites import site_ids_of
from planning.selectors.staleness import image_stale_causes

DECAY_WORDS = {
    "NONE": "not corrected: frame mean",
    "START": "corrected to series start",
    "ADMIN": "corrected to administration",
    "": "not stated",
}


def volumes_visible_to(*, user):
    """Return the volumes of the user's sites, without another reader's contours before both have submitted."""
    hidden = hidden_copies(user=user)
    return (
        VolumeAsset.objects.filter(site__in=site_ids_of(user=user))
        .exclude(pk__in=hidden.values("organs_id"))
        .exclude(pk__in=hidden.values("lesions_id"))
    )


def images_visible_to(*, user):
    return QuantifiedImage.objects.filter(time_point__cycle__course__patient__site__in=site_ids_of(user=user))


def series_visible_to(*, user):
    return Series.objects.filter(site__in=site_ids_of(user=user))


def cycle_images(cycle: Cycle) -> dict[str, Any]:
    """Return time points with image, series and run; the window is that of the earliest image, shared by all."""
    time_points = list(cycle.time_points.order_by("number"))
    administration = current_administration(cycle)
    runs = {run.kind: run for run in open_runs_of_cycle(cycle)}
    run = runs.get(TaskName.PREPARE_IMAGES)
    raised = [finding for finding in cycle_findings(cycle) if finding.step == "guard"]
    rows, window = [], None
    for time_point in time_points:
        image = current_image(time_point)
        if image is not None and window is None:
            window = image.emission_display.header["window"]
        rows.append(
            {
                "id": str(time_point.pk),
                "number": time_point.number,
                "is_reference": time_point.is_reference,
                "time": quantity(image and image.time_s, unit="h", factor=3600.0),
                "acquired_at": image and image.mid_acquisition_at.isoformat(),
                **_start(time_point, administration),
                "image": image and _image(image, raised),
                "series": [_series(series) for series in time_point.series.filter(is_discarded=False)],
                "run": run and run_summary(run),
            }
        )
    return {"time_points": rows, "window": window, "reconstruction": _reconstruction(cycle)}


def _reconstruction(cycle: Cycle) -> dict[str, Any] | None:
    """Return the settings with which projections were last reconstructed; None where no scan has projections."""
    acquired = [acquired_series(time_point) for time_point in cycle.time_points.all()]
    if not any(series and series.kind == SeriesKind.PROJECTIONS for series in acquired):
        return None
    newest = Run.objects.filter(cycle_uuid=cycle.pk, kind=TaskName.PREPARE_IMAGES).order_by("-created_at").first()
    return newest.parameters if newest else {}


def projections_camera(cycle: Cycle) -> tuple[str, bool]:
    """Return the model of the camera in the headers of the projections, and whether every scan of them has a CT."""
    found = [(point, acquired_series(point)) for point in cycle.time_points.all()]
    rows = [(point, series) for point, series in found if series and series.kind == SeriesKind.PROJECTIONS]
    models = {series.summary.get("manufacturer_model", "") for _, series in rows}
    has_ct = all(point.series.filter(kind=SeriesKind.CT, is_discarded=False).exists() for point, _ in rows)
    return models.pop() if len(models) == 1 else "", has_ct


def _start(time_point: TimePoint, administration: Administration | None) -> dict[str, Any]:
    """Return when the scan starts, in h after the start of the administration: known before the image is prepared."""
    emission = acquired_series(time_point)
    start = emission.acquisition_start if emission else None
    seconds = (start - administration.administered_at).total_seconds() if start and administration else None
    return {"started_at": start and start.isoformat(), "start_time": quantity(seconds, unit="h", factor=3600.0)}


def _image(image: QuantifiedImage, raised: list) -> dict[str, Any]:
    summary = image.emission_series.summary
    causes = image_stale_causes(image)
    calibration = image.calibration
    return {
        "id": str(image.pk),
        "number": image.number,
        "is_stale": bool(causes),
        "stale_causes": causes,
        "emission_volume": str(image.emission_display_id),
        "ct_volume": image.ct_display_id and str(image.ct_display_id),
        "activity": quantity(image.whole_image_activity_bq, unit="MBq", factor=1e6),
        "nuclide": image.nuclide,
        "modality": image.emission_series.modality,
        "unit": "Bq/mL",
        "dicom_url": f"/api/images/{image.pk}/dicom" if is_reconstructed(image) else None,
        "units": summary.get("units") or "counts",
        "corrections": image_corrections(image),
        "decay_correction": summary.get("decay_correction", ""),
        "decay_reference": DECAY_WORDS.get(summary.get("decay_correction", ""), "not stated"),
        "calibration": calibration
        and {
            "camera": calibration.camera,
            "value": quantity(
                calibration.calibration_cps_per_bq,
                unit="cps/MBq",
                factor=1e-6,
                standard_uncertainty=calibration.calibration_standard_uncertainty_cps_per_bq,
            ),
        },
        "steps": image.steps,
        "partial_volume": _partial_volume(image),
        "findings": [finding.as_dict() for finding in raised if finding.source_id == image.pk],
        "series": {
            "description": summary.get("description", ""),
            "station_name": summary.get("station_name", ""),
            "manufacturer_model": summary.get("manufacturer_model", ""),
            "n_instances": summary.get("n_instances"),
        },
    }


def _partial_volume(image: QuantifiedImage) -> dict[str, Any] | None:
    """Return the correction that the newest curves made with this image's contours, and what it changed."""
    curves = current_curves(image.time_point.cycle)
    method = None if curves is None else curves.parameters.get("partial_volume")
    if method in (None, "none"):
        return None
    changes = []
    for curve in curves.curves.select_related("region"):
        point = next((p for p in curve.points if p["time_point"] == str(image.time_point_id)), {})
        if "partial_volume" in point:
            change = quantity(point["partial_volume"]["factor"] - 1.0, unit="%", factor=0.01)
            changes.append({"region": curve.region.name, "colour": curve.region.colour, "change": change})
    return {"method": method, "text": partial_volume_text(curves.parameters), "changes": changes}


def is_reconstructed(image: QuantifiedImage) -> bool:
    """Return whether the product made the image from projections; otherwise the camera did."""
    return image.emission_series.kind == SeriesKind.PROJECTIONS


def image_corrections(image: QuantifiedImage) -> list[str]:
    """Return what the camera's header states, or what the reconstruction of projections did."""
    if not is_reconstructed(image):
        return image.emission_series.summary.get("corrections", [])
    settings = image.run.parameters if image.run else {}
    made = {"ATTN": settings.get("has_attenuation", True), "SCAT": settings.get("scatter", "windows") != "none"}
    return [code for code, is_made in made.items() if is_made]


def _series(series) -> dict[str, Any]:
    return {
        "id": str(series.pk),
        "kind": series.kind,
        "modality": series.modality,
        "description": series.summary.get("description", ""),
        "station_name": series.summary.get("station_name", ""),
        "n_instances": series.summary.get("n_instances"),
        "acquisition_start": series.acquisition_start and series.acquisition_start.isoformat(),
    }
