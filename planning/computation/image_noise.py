"""Counting noise of the regions of a scan, from the replicates that its reconstruction kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.image_noise import ActivityNoise, noise_of, region_noise, transferred_means
from dosimetry.quantification.region_fractions import partition
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
from dosimetry.segmentation.overlap import coverage_fraction
from planning import storage
from planning.computation.grids import grid_from_dict, label_masks
from planning.computation.partial_volume import BODY, Scan, corrected_regions, scan_of
from planning.computation.partial_volume_settings import PartialVolume
from planning.errors import InvalidStateError
from planning.models import ContourRevision, QuantifiedImage

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionNoise:
    """Counting noise of a region's activity as measured, and after the correction of partial volume.

    ``corrected`` is None where the correction leaves nothing of the region.
    """

    measured: ActivityNoise
    corrected: ActivityNoise | None


def replicates_of(image: QuantifiedImage) -> NoiseReplicates | None:
    """Return the replicates of an image; None where none were made. Lost ones raise: their noise is not zero."""
    if not image.replicates_sha256:
        return None
    content = storage.read_bytes(image.replicates_sha256)
    try:
        replicates = None if content is None else NoiseReplicates.from_bytes(content)
    except InvalidInputError:
        replicates = None
    if replicates is None or replicates.shape_zyx != tuple(image.emission_grid["shape_zyx"]):
        raise InvalidStateError(
            f"The noise replicates of time point {image.time_point.number} are missing from the store or damaged. "
            "Restore the store from its backup, or prepare the images again with another number of replicates (0 for "
            "none).",
            code="replicates_lost",
        )
    return replicates


def noise_by_region(revision: ContourRevision, choice: PartialVolume | None, *, say: Say) -> dict[UUID, RegionNoise]:
    """Return the counting noise of each accepted region; nothing where the image has no replicates.

    What corrects partial volume is made of every replicate too. A recovery curve multiplies each region by a number of
    its volume, which leaves its relative noise as it is.
    """
    replicates = replicates_of(revision.image)
    if replicates is None:
        return {}
    say("Counting noise")
    grid, label_grid = grid_from_dict(revision.image.emission_grid), grid_from_dict(revision.image.label_grid)
    values = storage.load_array(revision.image.emission_sha256)
    measured = {
        region_id: region_noise(replicates, coverage_fraction(mask, label_grid, grid), image=values)
        for region_id, mask in label_masks(revision).items()
    }
    known = {region_id: noise for region_id, noise in measured.items() if noise is not None}
    if choice is None or choice.recovery_curve is not None:
        return {region_id: RegionNoise(measured=noise, corrected=noise) for region_id, noise in known.items()}
    corrected = _corrected(scan_of(revision, choice), choice, replicates, say=say)
    return {
        region_id: RegionNoise(measured=noise, corrected=corrected.get(str(region_id)))
        for region_id, noise in known.items()
    }


def noise_findings(points: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what is said of one region's counting noise, and on which scans it is not known."""
    found = [point["noise"] for point in points if "noise" in point]
    if not found:
        return []
    shown = ", ".join(f"{100.0 * noise['cv']:.2g} %" for noise in found)
    n_least = min(noise["n_replicates"] for noise in found)
    own = ActivityNoise(cv=0.0, n_replicates=n_least).own_cv
    text = (
        f"Counting noise of the activity: {shown}, from {n_least} replicates, themselves known to {100.0 * own:.0f} %."
    )
    findings = [{"code": "image_noise", "level": "note", "message": text}]
    if len(found) < len(points):
        text = (
            f"Counting noise is known on {len(found)} of {len(points)} scans; the others carry their contour's edge "
            "alone and weigh too much. Prepare the images with noise replicates of every scan."
        )
        findings.append({"code": "image_noise_missing", "level": "ask", "message": text})
    return findings


def _corrected(scan: Scan, choice: PartialVolume, replicates: NoiseReplicates, *, say: Say) -> dict[str, ActivityNoise]:
    """Return the noise of the corrected regions."""
    names = [name for name in scan.fractions if name != BODY]
    image = corrected_regions(scan, choice, choice.fwhm_mm)
    if choice.method == "gtm":
        regions = partition(scan.fractions, shape_zyx=scan.values.shape)
        spacing_xyz_mm = scan.grid.spacing_xyz_mm
        means = transferred_means(
            replicates, regions, box=scan.box, spacing_xyz_mm=spacing_xyz_mm, fwhm_mm=choice.fwhm_mm
        )
        drawn = {name: means[:, regions.names.index(name)] for name in names}
    else:
        rows = []
        for number in range(len(replicates)):
            say(f"Counting noise, replicate {number + 1} of {len(replicates)}")
            replicate = replace(scan, values=replicates.image(number)[scan.box])
            rows.append(corrected_regions(replicate, choice, choice.fwhm_mm))
        drawn = {name: np.array([row[name] for row in rows]) for name in names}
    found = {name: noise_of(drawn[name], measured=image[name]) for name in names}
    return {name: noise for name, noise in found.items() if noise is not None}
