"""Activity concentration at mid-acquisition from an emission image as stored."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.findings import Finding
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.decay import decay_factor
from dosimetry.volume import Volume

HALF_LIFE_TOLERANCE = 0.002
TOTAL_GUIDE = 1.05
"""Whole-image activity above this share of what can remain asks for an answer."""
EXPECTED_CORRECTIONS = {"ATTN": "attenuation", "SCAT": "scatter"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantifiedImage:
    """Activity concentration of one time point.

    Parameters
    ----------
    volume : Volume
        Bq/mL at mid-acquisition, float32.
    time_s : float
        Mid-acquisition after administration, s.
    mid_acquisition : datetime
        UTC.
    whole_image_activity_bq : float
        Sum over the image, Bq.
    decay_factor_applied : float
        Factor on the stored values that undid or did decay correction.
    steps : tuple of str
        What was done, in words.
    findings : tuple of Finding
        What is missing or doubtful.
    """

    volume: Volume
    time_s: float
    mid_acquisition: datetime
    whole_image_activity_bq: float
    decay_factor_applied: float
    steps: tuple[str, ...]
    findings: tuple[Finding, ...]


def to_activity_concentration(
    image: EmissionImage,
    *,
    nuclide: Nuclide,
    administration_time: datetime,
    administered_activity_bq: float,
    calibration: CalibrationFactor | None = None,
) -> QuantifiedImage:
    """Convert stored values to Bq/mL at the middle of the acquisition.

    Counts divide by calibration factor, duration and voxel volume. Decay correction is undone with the half-life of
    the header, then the project's data take over: NONE holds the frame mean, which physical decay puts at
    mid-acquisition to second order in l dt; START refers to the series start; ADMIN to the administration.

    Parameters
    ----------
    image : EmissionImage
        As stored.
    nuclide : Nuclide
        Decay data of the course's nuclide.
    administration_time : datetime
        Aware.
    administered_activity_bq : float
        Net activity at that time, Bq; for the check of the total.
    calibration : CalibrationFactor or None
        Needed for counts.

    Returns
    -------
    QuantifiedImage
        With every step in words.

    Raises
    ------
    InsufficientDataError
        No time, no decay reference, no calibration factor or no duration where one is needed.
    InvalidInputError
        The scan lies before the administration, or the factor is not valid for the scan.
    """
    mid = image.mid_acquisition
    if mid is None or image.series.acquisition_start is None:
        raise InsufficientDataError("The series states no acquisition time, which a curve needs.", code="no_time")
    time_s = (mid - administration_time).total_seconds()
    if time_s <= 0.0:
        raise InvalidInputError(
            f"The scan lies {-time_s / 3600.0:.1f} h before its administration; check both times and the cycle.",
            code="scan_before_administration",
        )
    blocking = [finding for finding in image.findings if finding.level == "block"]
    if blocking:
        raise InvalidInputError(blocking[0].message, code=blocking[0].code)
    values, steps = _concentration(image, nuclide, calibration)
    factor, decay_step = _decay(image, nuclide, administration_time, time_s)
    values = values * np.float32(factor)
    volume = image.volume.with_values(values, unit="Bq/mL")
    total_bq = float(values.sum(dtype=np.float64)) * volume.grid.voxel_volume_ml
    findings = list(image.findings)
    findings += _correction_findings(image)
    findings += _half_life_findings(image, nuclide)
    findings += _total_findings(total_bq, administered_activity_bq, nuclide, time_s)
    return QuantifiedImage(
        volume=volume,
        time_s=time_s,
        mid_acquisition=mid.astimezone(UTC),
        whole_image_activity_bq=total_bq,
        decay_factor_applied=factor,
        steps=(*steps, decay_step),
        findings=tuple(findings),
    )


def _concentration(
    image: EmissionImage, nuclide: Nuclide, calibration: CalibrationFactor | None
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], tuple[str, ...]]:
    if image.volume.unit == "Bq/mL":
        return image.volume.values.astype(np.float32), ("Stored in Bq/mL.",)
    if image.volume.unit not in {"counts", "counts/s"}:
        raise InvalidInputError(f"Values in {image.volume.unit} cannot become activity.", code="units")
    if calibration is None:
        raise InsufficientDataError(
            "The image holds counts; enter and confirm a calibration factor of its camera for this nuclide and date.",
            code="no_calibration",
        )
    start = image.series.acquisition_start
    if start is not None and not calibration.is_valid_on(start.date()):
        raise InvalidInputError("The calibration factor is not valid on the scan's day.", code="calibration_expired")
    if calibration.nuclide != nuclide.name:
        raise InvalidInputError("The calibration factor was measured for another nuclide.", code="calibration_nuclide")
    duration_s = 1.0 if image.volume.unit == "counts/s" else image.series.frame_duration_s
    if duration_s is None or duration_s <= 0.0:
        raise InsufficientDataError("Counts need the acquisition duration; the header states none.", code="no_duration")
    per_count = 1.0 / (calibration.calibration_cps_per_bq * duration_s * image.volume.grid.voxel_volume_ml)
    text = f"Counts / ({calibration.calibration_cps_per_bq * 1e6:.3g} cps/MBq × {duration_s:.0f} s × voxel volume)."
    return (image.volume.values * np.float32(per_count)).astype(np.float32), (text,)


def _decay(image: EmissionImage, nuclide: Nuclide, administration_time: datetime, time_s: float) -> tuple[float, str]:
    """Return the factor to mid-acquisition and the step in words."""
    reference = image.series.decay_correction
    start = image.series.acquisition_start
    half_life_s = image.half_life_header_s or nuclide.half_life_s
    header_constant = float(np.log(2.0)) / half_life_s
    to_mid_s = 0.5 * (image.series.frame_duration_s or 0.0)
    if reference == "NONE":
        return 1.0, "Not decay-corrected: the frame mean counts at mid-acquisition."
    if reference == "START" and start is not None:
        before_s = (start - image.series.series_start).total_seconds() if image.series.series_start else 0.0
        factor = decay_factor(decay_constant_per_s=header_constant, elapsed_s=before_s + to_mid_s)
        return factor, f"Decay correction to the series start undone to mid-acquisition (× {factor:.4f})."
    if reference == "ADMIN":
        proposal = image.series.administration
        # A time of day without its day says less than the confirmed administration.
        header_time = None if proposal is None or proposal.is_day_assumed else proposal.start
        elapsed_s = time_s if header_time is None else time_s - (header_time - administration_time).total_seconds()
        factor = decay_factor(decay_constant_per_s=header_constant, elapsed_s=elapsed_s)
        return factor, f"Decay correction to administration undone to mid-acquisition (× {factor:.4f})."
    raise InsufficientDataError(
        "The header does not say to which time the values are decay-corrected; ask the camera's physicist.",
        code="no_decay_reference",
    )


def _correction_findings(image: EmissionImage) -> list[Finding]:
    missing = [name for code, name in EXPECTED_CORRECTIONS.items() if code not in image.series.corrections]
    if not missing:
        return []
    text = f"The header does not state correction for {' and '.join(missing)}."
    return [Finding(code="correction_missing", level="ask", message=text)]


def _half_life_findings(image: EmissionImage, nuclide: Nuclide) -> list[Finding]:
    findings = []
    header_s = image.half_life_header_s
    if header_s is not None and abs(header_s / nuclide.half_life_s - 1.0) > HALF_LIFE_TOLERANCE:
        text = f"The header's half-life is {header_s / 3600.0:.2f} h, the data's {nuclide.half_life_s / 3600.0:.2f} h."
        findings.append(Finding(code="half_life_differs", level="ask", message=text))
    if image.series.nuclide is not None and image.series.nuclide != nuclide.name:
        text = f"The header says {image.series.nuclide}, the course {nuclide.name}."
        findings.append(Finding(code="nuclide_differs", level="block", message=text))
    return findings


def _total_findings(total_bq: float, administered_bq: float, nuclide: Nuclide, time_s: float) -> list[Finding]:
    remaining = administered_bq * decay_factor(decay_constant_per_s=nuclide.decay_constant_per_s, elapsed_s=time_s)
    if total_bq <= TOTAL_GUIDE * remaining:
        return []
    text = (
        f"The image holds {total_bq / 1e6:.0f} MBq, but only {remaining / 1e6:.0f} MBq of the administered activity "
        "can remain; check unit, calibration and administration."
    )
    return [Finding(code="total_too_high", level="ask", message=text)]
