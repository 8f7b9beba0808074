"""Lesion candidates of one quantified image, each with the lesion of the course that it is; for workers."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import numpy as np
from scipy import ndimage

from dosimetry.nn.cards import released
from dosimetry.segmentation.matching import KnownLesion, matched_lesions
from dosimetry.volume import RigidTransform
from planning.computation.grids import grid_from_dict, label_values
from planning.computation.learned_contours import stored_images
from planning.computation.networks import LESIONS
from planning.models import ContourRevision, QuantifiedImage, RegionContour, TimePoint
from planning.models.contours import KEPT_FROM_RUNS, ContourState, RegionKind
from planning.selectors.current import current_contours, current_registration, reference_time_point

KNOWN_SHARE = 0.5
"""A candidate that lies this far in lesions that a person edited or accepted is one of them, not a new one."""
SAME_SCAN_MM, SAME_CYCLE_MM, OTHER_CYCLE_MM = 5.0, 10.0, 25.0
"""How far the middle of a lesion may move: redrawn on one image; through a registration; between cycles, whose images
are only laid on each other by the middles of the organs. Ours, wide: lesions are rarely nearer to each other."""
LEAST_ORGANS = 2
"""Organs that two cycles must share to be laid on each other."""
CUT_CODES = {"cut_by_image", "cut_by_field"}
"""What a measurement and a network say of a region of which the field of view holds a part alone."""
Point = tuple[float, float, float]


def candidate_rows(*, image: QuantifiedImage, progress: Callable[[float], None]) -> list[dict[str, Any]]:
    """Return a row for each candidate, the likeliest first: mask, middle, probability, reasons."""
    # torch takes seconds and hundreds of megabytes: only a worker that needs it loads it.
    from dosimetry.nn.weights import load_network
    from dosimetry.segmentation.candidates import lesion_candidates

    weights = released(LESIONS)
    network = load_network(weights.path, digest=weights.digest)
    emission, ct = stored_images(image)
    found = lesion_candidates(
        network=network, onto=grid_from_dict(image.label_grid), emission=emission, ct=ct, progress=progress
    )
    return [
        {
            "kind": "lesion",
            "mask": candidate.mask,
            "centre_lps_mm": candidate.centre_lps_mm,
            "source_detail": network.label,
            "confidence": round(candidate.probability, 4),
            "reasons": [{"code": f.code, "level": f.level, "message": f.message} for f in candidate.findings],
        }
        for candidate in found
    ]


def without_known(
    rows: list[dict[str, Any]], *, revision: ContourRevision | None, image: QuantifiedImage
) -> list[dict[str, Any]]:
    """Return the candidates that do not lie in lesions of a revision that a person edited, accepted or locked."""
    kept = kept_lesions(revision, image)
    if kept is None:
        return rows
    return [row for row in rows if np.count_nonzero(row["mask"] & kept) < KNOWN_SHARE * np.count_nonzero(row["mask"])]


def kept_lesions(revision: ContourRevision | None, image: QuantifiedImage) -> np.ndarray | None:
    """Return where lesions lie that a person edited, accepted or locked; None without any."""
    if revision is None or revision.image.label_grid != image.label_grid:
        return None
    contours = revision.contours.filter(KEPT_FROM_RUNS, region__kind=RegionKind.LESION)
    labels = list(contours.values_list("region__label", flat=True))
    if not labels:
        return None
    return np.isin(label_values(revision.lesions, grid_from_dict(image.label_grid)), labels)


def rejected_lesions(revision: ContourRevision | None, image: QuantifiedImage) -> set[UUID]:
    """Return the lesions that are rejected in contours on the grid of an image: they are not proposed again."""
    if revision is None or revision.image.label_grid != image.label_grid:
        return set()
    rejected = revision.contours.filter(region__kind=RegionKind.LESION, state=ContourState.REJECTED)
    return set(rejected.values_list("region_id", flat=True))


def matched_regions(time_point: TimePoint, rows: list[dict[str, Any]]) -> tuple[UUID | None, ...]:
    """Return the lesion of the course that each row is; None for a new one."""
    known = known_lesions(time_point)
    names = matched_lesions([row["centre_lps_mm"] for row in rows], known)
    return tuple(None if name is None else UUID(name) for name in names)


def known_lesions(time_point: TimePoint) -> list[KnownLesion]:
    """Return the lesions of the course where they are expected in the frame of a time point.

    What is drawn at the time point itself comes first, then its cycle through the registrations, then other cycles,
    the newest first, laid on this one by the middles of the organs that are accepted and whole in both.
    """
    known: dict[str, KnownLesion] = {}

    def add(revision: ContourRevision, moved: Callable[[Point], Point], reach_mm: float) -> None:
        for contour, centre in _centres(revision, RegionKind.LESION):
            known.setdefault(
                str(contour.region_id),
                KnownLesion(
                    name=str(contour.region_id),
                    centre_lps_mm=moved(centre),
                    volume_ml=contour.contour_volume_ml,
                    reach_mm=reach_mm,
                ),
            )

    own = current_contours(time_point)
    if own is not None:
        add(own, lambda point: point, SAME_SCAN_MM)
    for other, moved in _registered(time_point):
        add(other, moved, SAME_CYCLE_MM)
    here = _organ_centres(time_point)
    cycles = time_point.cycle.course.cycles.exclude(pk=time_point.cycle_id).order_by("-number")
    for cycle in cycles:
        reference = reference_time_point(cycle)
        revision = current_contours(reference) if reference else None
        if revision is None:
            continue
        there = _trusted_organs(revision)
        shared = sorted(set(here) & set(there), key=str)
        if len(shared) < LEAST_ORGANS:
            continue
        shift = np.mean([np.subtract(here[key], there[key]) for key in shared], axis=0)
        add(revision, lambda point, shift=shift: _point(np.add(point, shift)), OTHER_CYCLE_MM)
    return list(known.values())


def _registered(time_point: TimePoint) -> list[tuple[ContourRevision, Callable[[Point], Point]]]:
    """Return contours of the other time points of the cycle with the way from their frame into this one's."""
    to_here = _from_reference(time_point)
    if to_here is None:
        return []
    found = []
    others = time_point.cycle.time_points.exclude(pk=time_point.pk).order_by("-is_reference", "number")
    for other in others:
        revision, to_there = current_contours(other), _from_reference(other)
        if revision is None or to_there is None:
            continue
        way = to_here.after(to_there.inverse())
        found.append((revision, lambda point, way=way: _point(way.apply(np.array([point]))[0])))
    return found


def _from_reference(time_point: TimePoint) -> RigidTransform | None:
    """Return the way from the reference's frame to that of a time point; None where nobody has registered it."""
    if time_point.is_reference:
        return RigidTransform.identity()
    registration = current_registration(time_point)
    return None if registration is None else RigidTransform(matrix=tuple(registration.matrix))


def _organ_centres(time_point: TimePoint) -> Mapping[UUID, Point]:
    """Return the middles of the organs of a time point, or of another one of its cycle moved into its frame."""
    own = current_contours(time_point)
    centres = {} if own is None else _trusted_organs(own)
    if centres:
        return centres
    for revision, moved in _registered(time_point):
        centres = _trusted_organs(revision)
        if centres:
            return {region_id: moved(centre) for region_id, centre in centres.items()}
    return {}


def _trusted_organs(revision: ContourRevision) -> dict[UUID, Point]:
    """Return the middles of the organs that a person accepted and that the field of view does not cut.

    A refused organ, one on the wrong side or a part of one would shift every lesion that is laid on it.
    """
    return {
        contour.region_id: centre
        for contour, centre in _centres(revision, RegionKind.ORGAN)
        if contour.state == ContourState.ACCEPTED and not _is_cut(contour)
    }


def _is_cut(contour: RegionContour) -> bool:
    return any(said["code"] in CUT_CODES for said in (*contour.findings, *contour.reasons))


def _centres(revision: ContourRevision, kind: str) -> list[tuple[RegionContour, Point]]:
    """Return the contours of a kind that are drawn, each with its middle in LPS mm."""
    grid = grid_from_dict(revision.image.label_grid)
    asset = revision.lesions if kind == RegionKind.LESION else revision.organs
    labels = label_values(asset, grid)
    contours = list(revision.contours.filter(region__kind=kind).select_related("region"))
    boxes = ndimage.find_objects(labels)
    found = []
    for contour in contours:
        label = contour.region.label
        box = boxes[label - 1] if label <= len(boxes) else None
        if box is None:
            continue
        first = np.array([part.start for part in box])
        middle = np.argwhere(labels[box] == label).mean(axis=0) + first
        found.append((contour, _point(grid.index_to_lps_mm(middle[None])[0])))
    return found


def _point(values) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
