"""The command ``python -m dosimetry reconstruct``: projections and CT in, an image in Bq/mL as DICOM out."""

import argparse
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dosimetry.case.files import guarded_headers
from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.projections import read_projections
from dosimetry.dicomio.series import Series, group_series
from dosimetry.dicomio.writing_common import WrittenSeries
from dosimetry.dicomio.writing_reconstruction import ReconstructionFacts, write_reconstruction
from dosimetry.dose.density import density_from_hu
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import Nuclide, get_nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.image_noise import whole_image_noise
from dosimetry.quantification.spect import ReconstructedSpect
from dosimetry.quantification.spect_beds import RECONSTRUCTION_CODES, reconstruct_beds
from dosimetry.quantification.spect_settings import (
    SCATTER_WORDS,
    USUAL_SETTINGS,
    DeadTimeModel,
    SpectSettings,
    settings_for_camera,
)
from dosimetry.reconstruction.cameras import CAMERAS
from dosimetry.reconstruction.noise_replicates import FEWEST_REPLICATES, MOST_REPLICATES, NoiseReplicates
from dosimetry.units import MBQ_BQ, US_S

KINDS = ("NM", "PT")
REPLICATES_FILE = "noise_replicates.npz"
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """The beds of one scan, the earliest first, and its CT."""

    beds: tuple[Series, ...]
    ct: Series | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the command; a setting that is not given takes its usual value."""
    usual = USUAL_SETTINGS
    parser.add_argument("images", nargs="+", type=Path, help="projections of one scan and its CT: files, folders, ZIP")
    parser.add_argument("--out", type=Path, required=True, help="folder for the DICOM image")
    parser.add_argument("--calibration", type=float, required=True, help="cps/MBq of one head, for this reconstruction")
    parser.add_argument("--nuclide", help="as Lu-177; that of the header if not given")
    parser.add_argument("--emission", choices=KINDS, default="NM", help="object of the image")
    parser.add_argument("--camera", choices=("", *CAMERAS), help="whose resolution is modelled; that of the header")
    parser.add_argument("--penetration", type=float, help="counts that crossed septa, %% (none if not given)")
    parser.add_argument("--penetration-width", type=float, dest="penetration_fwhm_mm", help="of these, FWHM, mm")
    parser.add_argument("--iterations", type=int, dest="n_iterations", help=f"{usual.n_iterations} if not given")
    parser.add_argument("--subsets", type=int, dest="n_subsets", help=f"{usual.n_subsets} if not given")
    parser.add_argument("--filter", type=float, dest="post_filter_fwhm_mm", help="Gaussian after it, FWHM, mm")
    parser.add_argument("--scatter", choices=tuple(SCATTER_WORDS), help="simulated for a known camera with a CT")
    parser.add_argument("--no-attenuation", action="store_false", dest="has_attenuation", default=None)
    parser.add_argument("--dead-time", type=float, help="of one head, µs")
    parser.add_argument("--dead-time-model", choices=get_args(DeadTimeModel))
    parser.add_argument(
        "--bootstrap",
        type=int,
        dest="n_replicates",
        metavar="N",
        help=f"also reconstruct N draws of the counts ({FEWEST_REPLICATES} to {MOST_REPLICATES}), from which the noise "
        f"of any region is found, as {REPLICATES_FILE}; each takes as long as the image (none if not given)",
    )
    parser.add_argument("--time-zone", default="UTC", help="of times that state none, as Europe/Berlin")


def run(chosen: argparse.Namespace, *, log: Callable[[str], None], progress: Progress) -> WrittenSeries:
    """Reconstruct one scan and write it.

    Raises
    ------
    DosimetryError
        Images, calibration or settings that cannot be used; nothing is written then.
    """
    zone = _zone(chosen.time_zone)
    with tempfile.TemporaryDirectory(prefix="theranostics-reconstruct-") as folder:
        headers, refusals = guarded_headers(chosen.images, unpack_into=Path(folder))
        for refusal in refusals:
            log(f"left out: {refusal}")
        scan = _scan_of(group_series(headers, site_zone=zone))
        nuclide = _nuclide(chosen.nuclide, scan.beds[0])
        found = _reconstructed(chosen, scan, nuclide=nuclide, progress=progress)
        image = found.image
        (chosen.out / REPLICATES_FILE).unlink(missing_ok=True)  # they would be those of an earlier image
        written = write_reconstruction(
            image.volume,
            folder=chosen.out,
            beds=scan.beds,
            facts=_facts(image, nuclide=nuclide),
            kind=chosen.emission,
            site_zone=zone,
        )
        if found.replicates is not None:
            _write_replicates(found, found.replicates, folder=chosen.out, log=log)
    if scan.ct is not None and scan.ct.frame_of_reference_uid != scan.beds[0].frame_of_reference_uid:
        log("CT and projections state different frames of reference: look at both before you trust the attenuation.")
    for finding in image.findings:
        log(finding.message)
    total_bq = float(image.volume.values.sum(dtype="float64")) * image.volume.grid.voxel_volume_ml
    log(f"{total_bq / MBQ_BQ:.1f} MBq in the image, not corrected for decay; {len(written.paths)} file(s) written")
    return written


def _reconstructed(
    chosen: argparse.Namespace, scan: _Scan, *, nuclide: Nuclide, progress: Progress
) -> ReconstructedSpect:
    settings = _settings(chosen, scan)
    density = None
    if scan.ct is not None and settings.has_attenuation:
        density = density_from_hu(read_ct(scan.ct))
    return reconstruct_beds(
        [read_projections(bed) for bed in scan.beds],
        nuclide=nuclide,
        density=density,
        calibration=_calibration(chosen.calibration, nuclide, scan.beds[0]),
        settings=settings,
        progress=progress,
    )


def _write_replicates(
    found: ReconstructedSpect, replicates: NoiseReplicates, *, folder: Path, log: Callable[[str], None]
) -> None:
    """Write the replicates beside the image, whole or not at all, and say what noise does to the whole image."""
    content = replicates.to_bytes()
    part = folder / f"{REPLICATES_FILE}.part"
    part.write_bytes(content)
    part.replace(folder / REPLICATES_FILE)
    log(whole_image_noise(found.image.volume, replicates).message)
    log(f"{REPLICATES_FILE}: {len(content) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(content).hexdigest()}")


def _facts(image: EmissionImage, *, nuclide: Nuclide) -> ReconstructionFacts:
    words = [finding.message for finding in image.findings if finding.code in RECONSTRUCTION_CODES]
    return ReconstructionFacts(
        nuclide=nuclide,
        frame_duration_s=image.series.frame_duration_s or 0.0,
        corrections=image.series.corrections,
        description=" ".join(words),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInputError(f"No time zone {name!r}; give one as Europe/Berlin.", code="bad_time_zone") from None


def _scan_of(series: list[Series]) -> _Scan:
    for item in series:
        blocked = next((finding for finding in item.findings if finding.level == "block"), None)
        if blocked is not None:
            raise InvalidInputError(blocked.message, code=blocked.code)
    beds = tuple(item for item in series if item.kind == "projections")
    cts = [item for item in series if item.kind == "ct"]
    if not beds:
        raise InvalidInputError("No SPECT projections are among the images; give those of one scan.", code="no_series")
    if len(cts) > 1:
        raise InvalidInputError(
            f"{len(cts)} CT series are among the images; give the one of the scan.", code="ct_count"
        )
    return _Scan(beds=beds, ct=cts[0] if cts else None)


def _nuclide(name: str | None, projections: Series) -> Nuclide:
    stated = name or projections.nuclide
    if stated is None:
        raise InvalidInputError("The projections state no nuclide; give --nuclide, as Lu-177.", code="no_nuclide")
    nuclide = get_nuclide(stated)
    if projections.nuclide not in {None, nuclide.name}:
        text = f"The projections are of {projections.nuclide}, --nuclide says {nuclide.name}; leave it out."
        raise InvalidInputError(text, code="other_nuclide")
    return nuclide


def _settings(chosen: argparse.Namespace, scan: _Scan) -> SpectSettings:
    lengths = ("post_filter_fwhm_mm", "penetration_fwhm_mm")
    names = ("camera", "n_iterations", "n_subsets", "scatter", "has_attenuation", "dead_time_model", "n_replicates")
    given: dict[str, Any] = {name: getattr(chosen, name) for name in (*names, *lengths)}
    if chosen.penetration is not None:
        given["penetration_share"] = chosen.penetration / 100.0
    if chosen.dead_time is not None:
        given["dead_time_s"] = chosen.dead_time * US_S
    known = {name: value for name, value in given.items() if value is not None}
    return settings_for_camera(known, camera_model=scan.beds[0].manufacturer_model, has_ct=scan.ct is not None)


def _calibration(cps_per_mbq: float, nuclide: Nuclide, projections: Series) -> CalibrationFactor:
    return CalibrationFactor(
        calibration_cps_per_bq=cps_per_mbq / MBQ_BQ,
        standard_uncertainty_cps_per_bq=0.0,
        camera=projections.manufacturer_model,
        nuclide=nuclide.name,
        valid_from=date.min,
    )
