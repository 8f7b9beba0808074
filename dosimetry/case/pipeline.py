"""From a case file to region doses: the same functions as the server, one after the other."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.case.files import guarded_headers
from dosimetry.case.noise import read_replicates
from dosimetry.case.schema import Case, CaseTimePoint
from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.rtstruct import rasterise, read_rtstruct
from dosimetry.dicomio.seg import read_seg
from dosimetry.dicomio.series import Series, group_series
from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.activity import QuantifiedImage, to_activity_concentration
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from dosimetry.registration.rigid import RegistrationResult, register_rigid
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.segmentation.regions import propagate_mask
from dosimetry.volume import Volume

LESION_WORDS = ("lesion", "tumour", "tumor", "gtv", "metast")
REFERENCE_S = 24.0 * 3600.0
Log = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Scan:
    """One time point as read: quantified image, its noise, CT, masks by region name on the emission grid."""

    label: str
    image: QuantifiedImage
    ct: Volume | None
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    registration: RegistrationResult | None = None
    replicates: NoiseReplicates | None = None


def read_scans(case: Case, *, log: Log) -> tuple[list[Scan], list[str]]:
    """Read, guard and quantify every time point, in order of time.

    Parameters
    ----------
    case : Case
        Validated case.
    log : callable (text)
        Called with one line per step, with times and without patient data.

    Returns
    -------
    tuple of (list of Scan, list of str)
        Scans and warnings.

    Raises
    ------
    InvalidInputError, InsufficientDataError
        As the readers, or images of another patient than the case file names; messages name the time point.
    """
    scans, warnings = [], []
    for point in case.time_points:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="theranostics-case-") as folder:
            scan, said = _read_scan(case, point, Path(folder))
        scans.append(scan)
        warnings += [f"{point.label}: {text}" for text in said]
        log(f"{point.label}: read and quantified in {time.monotonic() - started:.1f} s")
    return sorted(scans, key=lambda scan: scan.image.time_s), warnings


def _read_scan(case: Case, point: CaseTimePoint, folder: Path) -> tuple[Scan, list[str]]:
    paths = [point.images] if point.structures is None else [point.images, point.structures]
    headers, warnings = guarded_headers(paths, unpack_into=folder)
    series = group_series(headers, site_zone=case.time_zone)
    for item in series:
        blocked = next((finding for finding in item.findings if finding.level == "block"), None)
        if blocked is not None:
            raise InvalidInputError(f"{point.label}: {blocked.message}", code=blocked.code)
    emission = [item for item in series if item.kind == "emission"]
    if len(emission) != 1:
        raise InvalidInputError(f"{point.label}: {len(emission)} SPECT or PET series; give one.", code="emission_count")
    if case.patient_id and emission[0].patient.patient_id != case.patient_id:
        raise InvalidInputError(
            f"{point.label}: the images name another patient than patient_id of the case file.", code="another_patient"
        )
    image = to_activity_concentration(
        read_emission(emission[0]),
        nuclide=get_nuclide(case.nuclide),
        administration_time=case.administered_at,
        administered_activity_bq=case.administered_activity_bq,
    )
    warnings += [finding.message for finding in image.findings]
    cts = [item for item in series if item.kind == "ct"]
    scan = Scan(label=point.label, image=image, ct=read_ct(cts[0]) if cts else None)
    if point.noise_replicates is not None:
        scan.replicates = read_replicates(point.noise_replicates, image=image)
    for item in series:
        _add_masks(scan, item)
    return scan, warnings


def _add_masks(scan: Scan, series: Series) -> None:
    grid = scan.image.volume.grid
    if series.kind == "rtstruct":
        for region in read_rtstruct(series.paths[0]).regions:
            scan.masks[region.name] = rasterise(region, grid)
            scan.kinds[region.name] = _kind(region.name, region.interpreted_type)
    if series.kind == "seg":
        for segment in read_seg(series.paths[0]):
            scan.masks[segment.label] = coverage_fraction(segment.mask.values >= 0.5, segment.mask.grid, grid) >= 0.5
            scan.kinds[segment.label] = _kind(f"{segment.label} {segment.property_type}", "")


def _kind(name: str, interpreted_type: str) -> str:
    is_lesion = interpreted_type in {"GTV", "CTV"} or any(word in name.lower() for word in LESION_WORDS)
    return "lesion" if is_lesion else "organ"


def reference_scan(case: Case, scans: list[Scan]) -> Scan:
    """Return the named reference, or the scan nearest to 24 h.

    Raises
    ------
    InvalidInputError
        No time point has the named label.
    """
    if case.reference is None:
        return min(scans, key=lambda scan: abs(scan.image.time_s - REFERENCE_S))
    named = [scan for scan in scans if scan.label == case.reference]
    if not named:
        raise InvalidInputError(f"$.reference: no time point is labelled {case.reference!r}.", code="case_value")
    return named[0]


def register_scans(scans: list[Scan], reference: Scan, *, log: Log) -> None:
    """Register every other scan to the reference."""
    for scan in scans:
        if scan is reference:
            continue
        started = time.monotonic()
        scan.registration = register_rigid(
            fixed=reference.image.volume, moving=scan.image.volume, fixed_ct=reference.ct, moving_ct=scan.ct
        )
        log(f"{scan.label}: registered in {time.monotonic() - started:.1f} s ({scan.registration.method})")


def share_contours(case: Case, scans: list[Scan], reference: Scan) -> None:
    """Carry the reference's contours to scans that have none, or to all with ``propagate``.

    Raises
    ------
    InsufficientDataError
        The reference has no contours.
    """
    if not reference.masks:
        raise InsufficientDataError(
            "The reference time point has no contours; add a structure set.", code="no_contours"
        )
    for scan in scans:
        if scan is reference or (case.contours == "own" and scan.masks) or scan.registration is None:
            continue
        scan.masks = {
            name: propagate_mask(
                mask, reference.image.volume.grid, onto=scan.image.volume.grid, transform=scan.registration.transform
            )
            for name, mask in reference.masks.items()
        }
        scan.kinds = dict(reference.kinds)


def scan_summary(scan: Scan, *, is_reference: bool) -> dict[str, Any]:
    """Return a time point as plain JSON."""
    return {
        "label": scan.label,
        "is_reference": is_reference,
        "time_h": scan.image.time_s / 3600.0,
        "mid_acquisition": scan.image.mid_acquisition.isoformat(),
        "whole_image_activity_mbq": scan.image.whole_image_activity_bq / 1e6,
        "steps": list(scan.image.steps),
    }
