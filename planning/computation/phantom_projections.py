"""Phantoms that come as projections: reconstructed exactly as patients are, in counts or in Bq/mL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.projections import read_projections
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect_scatter import find_imaged_line
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.units import MBQ_BQ
from planning.computation.imaging import calibration_of
from planning.computation.series import dicom_series
from planning.computation.spect import reconstruct_stored_beds
from planning.computation.spect_settings import spect_settings
from planning.models import Series
from planning.selectors.calibration_measurements import phantom_ct
from planning.selectors.calibrations import calibration_for, projections_factor

NOMINAL_CPS_PER_BQ = 10.0 / MBQ_BQ
"""Put in and taken out again: reconstruction is linear, so that its counts do not depend on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomReconstruction:
    """A phantom's image, the counts that it was made from, and the words of the factor that serves this alone."""

    image: EmissionImage
    acquired_counts: float
    reconstruction: str


def reconstruct_phantom(
    series: Series,
    *,
    inputs: Mapping[str, Any],
    is_counts: bool,
    progress: Callable[[float, str], None],
) -> PhantomReconstruction:
    """Reconstruct a phantom with the settings among the inputs.

    In counts per second of one head, or in Bq/mL by the confirmed factor of exactly this reconstruction, or of one head
    in air.
    """
    stored = dicom_series(series)
    require_nuclide(stored.nuclide, inputs)
    ct = phantom_ct(series)
    model = series.summary.get("manufacturer_model", "")
    settings = spect_settings(inputs.get("spect", {}), camera_model=model, has_ct=ct is not None)
    image = reconstruct_stored_beds(
        [stored],
        ct=None if ct is None else (ct, dicom_series(ct)),
        nuclide=get_nuclide(inputs["nuclide"]),
        calibration=_nominal(inputs) if is_counts else _confirmed(series, settings),
        settings=replace(settings, n_replicates=0),
        progress=progress,
    ).image
    if is_counts:
        cps_per_voxel = NOMINAL_CPS_PER_BQ * image.volume.grid.voxel_volume_ml
        values = image.volume.values * np.float32(cps_per_voxel)
        image = replace(image, volume=image.volume.with_values(values, unit="counts/s"))
    projections = read_projections(stored)
    line = find_imaged_line(projections.windows_kev, nuclide=inputs["nuclide"])
    return PhantomReconstruction(
        image=image,
        acquired_counts=float(projections.counts[line.photopeak].sum(dtype=np.float64)),
        reconstruction=projections_factor(settings.identity),
    )


def require_nuclide(stated: str | None, inputs: Mapping[str, Any]) -> None:
    """Refuse a scan whose header states another nuclide than the form."""
    if stated and stated != inputs["nuclide"]:
        raise InvalidInputError(
            f"The scan is of {stated}, the form says {inputs['nuclide']}; choose the nuclide of the scan.",
            code="other_nuclide",
        )


def _nominal(inputs: Mapping[str, Any]) -> CalibrationFactor:
    return CalibrationFactor(
        calibration_cps_per_bq=NOMINAL_CPS_PER_BQ,
        standard_uncertainty_cps_per_bq=0.0,
        camera="",
        nuclide=inputs["nuclide"],
        valid_from=date.min,
    )


def _confirmed(series: Series, settings: SpectSettings) -> CalibrationFactor:
    row = calibration_for(series, reconstruction=settings.identity)
    if row is None:
        raise InsufficientDataError(
            "Recovery needs an image in Bq/mL: first measure and confirm the factor of this camera, nuclide and "
            "reconstruction, from a cylinder or a planar source.",
            code="no_calibration",
        )
    return calibration_of(row)
