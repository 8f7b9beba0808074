"""From stored DICOM to activity concentration and display copies of one time point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.errors import InsufficientDataError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.provenance import digest_json
from dosimetry.quantification.activity import QuantifiedImage as Quantified
from dosimetry.quantification.activity import to_activity_concentration
from dosimetry.quantification.calibration import CalibrationFactor as Factor
from dosimetry.quantification.image_noise import whole_image_noise
from dosimetry.quantification.spect import ReconstructedSpect
from dosimetry.quantification.spect_beds import RECONSTRUCTION_CODES
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from planning import storage
from planning.computation.grids import grid_to_dict
from planning.computation.provenance import software_versions
from planning.computation.series import dicom_series
from planning.computation.spect import reconstruct_stored_beds
from planning.computation.spect_settings import spect_settings
from planning.computation.volumes import ct_asset, display_grid, emission_asset
from planning.models import Administration, CalibrationFactor, Series, TimePoint
from planning.models.imaging import SeriesKind
from planning.selectors.calibrations import calibration_for
from planning.selectors.current import are_beds, current_administration, series_to_quantify

ANNIHILATION_NUCLIDES = {"F-18", "Ga-68", "Cu-64", "Zr-89", "C-11"}


def compute_image(
    *, time_point: TimePoint, parameters: Mapping[str, Any], progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Quantify one time point. Equal inputs give an equal digest, by which the caller finds an existing revision.

    Projections are reconstructed first, with the settings among the parameters.
    """
    administration = current_administration(time_point.cycle)
    if administration is None:
        raise InsufficientDataError("Record the administration first.", code="no_administration")
    beds = _acquired(time_point)
    emission = beds[0]
    ct = _ct_of(emission)
    progress(0.05, "Reading headers")
    nuclide = get_nuclide(time_point.cycle.course.nuclide)
    settings = None
    if emission.kind == SeriesKind.PROJECTIONS:
        model = emission.summary.get("manufacturer_model", "")
        settings = spect_settings(parameters, camera_model=model, has_ct=ct is not None)
    reconstruction = "" if settings is None else settings.identity
    calibration = calibration_for(emission, reconstruction=reconstruction)
    inputs = _inputs(administration, beds, ct, calibration)
    if settings is not None:
        inputs["spect"] = settings.chosen
        reconstructed = reconstruct_stored_beds(
            [dicom_series(bed) for bed in beds],
            ct=None if ct is None else (ct, dicom_series(ct)),
            nuclide=nuclide,
            calibration=calibration and calibration_of(calibration),
            settings=settings,
            progress=lambda share, text: progress(0.05 + 0.33 * share, text),
        )
    else:
        progress(0.10, "Reading SPECT or PET")
        reconstructed = ReconstructedSpect(image=read_emission(dicom_series(emission)))
    quantified = to_activity_concentration(
        reconstructed.image,
        nuclide=nuclide,
        administration_time=administration.administered_at,
        administered_activity_bq=administration.administered_activity_bq,
        calibration=calibration and calibration_of(calibration),
    )
    progress(0.40, "Writing display copies")
    kind = "pet" if nuclide.name in ANNIHILATION_NUCLIDES else "spect"
    assets = {"emission_display": emission_asset(quantified.volume, kind=kind), "ct_display": None}
    fields: dict[str, Any] = {"ct_sha256": "", "ct_grid": None}
    label_grid, _ = display_grid(quantified.volume.grid)
    said = [{"code": f.code, "level": f.level, "message": f.message} for f in quantified.findings]
    findings = [finding for finding in said if finding["code"] not in RECONSTRUCTION_CODES]
    made = [finding["message"] for finding in said if finding["code"] in RECONSTRUCTION_CODES]
    noise = _stored_noise(quantified, reconstructed.replicates)
    steps = [*made, *noise.words, *quantified.steps[1 if made else 0 :]]
    if settings is not None and calibration is not None:
        steps.insert(len(made), f"Calibration factor of “{calibration.reconstruction}”.")
    if ct is not None:
        progress(0.55, "Reading CT")
        hu = read_ct(dicom_series(ct))
        assets["ct_display"] = ct_asset(hu)
        label_grid, _ = display_grid(hu.grid)
        fields = {"ct_sha256": storage.store_array(hu.values.astype(np.int16)), "ct_grid": grid_to_dict(hu.grid)}
        if hu.frame_of_reference_uid != quantified.volume.frame_of_reference_uid:
            text = "CT and emission image state different frames of reference; check the fusion."
            findings.append({"code": "frames_differ", "level": "ask", "message": text})
    progress(0.90, "Storing")
    return {
        "assets": assets,
        "beds": beds,
        "fields": {
            **fields,
            "emission_series": emission,
            "ct_series": ct,
            "administration": administration,
            "calibration": calibration,
            "reconstruction": reconstruction,
            "time_s": quantified.time_s,
            "mid_acquisition_at": quantified.mid_acquisition,
            "whole_image_activity_bq": quantified.whole_image_activity_bq,
            "nuclide": nuclide.name,
            "steps": steps,
            "findings": findings,
            "emission_sha256": storage.store_array(quantified.volume.values.astype(np.float32)),
            "emission_grid": grid_to_dict(quantified.volume.grid),
            "replicates_sha256": noise.sha256,
            "frame_of_reference_uid": quantified.volume.frame_of_reference_uid,
            "label_grid": grid_to_dict(label_grid),
            "inputs_digest": digest_json({**inputs, "nuclide": nuclide.name, "data": nuclide.data_version}),
            "versions": software_versions(),
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredNoise:
    """Where the replicates of an image lie, and what is said of them; empty where none were asked for."""

    sha256: str = ""
    words: tuple[str, ...] = ()


def _stored_noise(quantified: Quantified, replicates: NoiseReplicates | None) -> _StoredNoise:
    if replicates is None:
        return _StoredNoise()
    as_quantified = replicates.times(quantified.decay_factor_applied)
    words = whole_image_noise(quantified.volume, as_quantified).message
    return _StoredNoise(sha256=storage.store_bytes(as_quantified.to_bytes()), words=(words,))


def calibration_of(row: CalibrationFactor) -> Factor:
    """Return a stored factor as images are quantified with."""
    return Factor(
        calibration_cps_per_bq=row.calibration_cps_per_bq,
        standard_uncertainty_cps_per_bq=row.calibration_standard_uncertainty_cps_per_bq,
        camera=row.camera,
        nuclide=row.nuclide,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _acquired(time_point: TimePoint) -> list[Series]:
    """Return the one image of a time point, or without one its projections, bed by bed in order of time."""
    found = series_to_quantify(time_point)
    if len(found) != 1 and not are_beds(found):
        raise InsufficientDataError(
            f"Time point {time_point.number} has {len(found)} SPECT or PET series; choose one.", code="emission_count"
        )
    return sorted(found, key=lambda row: (row.acquisition_start is None, row.acquisition_start))


def _ct_of(emission: Series) -> Series | None:
    """Return the CT of the time point: of several the first in the emission's frame of reference."""
    cts = emission.time_point.series.filter(kind=SeriesKind.CT, is_discarded=False)
    return cts.filter(frame_of_reference_uid=emission.frame_of_reference_uid).first() or cts.first()


def _inputs(administration: Administration, beds: list[Series], ct: Series | None, calibration) -> dict[str, Any]:
    return {
        "administration": str(administration.pk),
        "emission": sorted(sha256 for bed in beds for sha256 in bed.files.values_list("sha256", flat=True)),
        "ct": sorted(ct.files.values_list("sha256", flat=True)) if ct else [],
        "calibration": str(calibration.pk) if calibration else "",
    }
