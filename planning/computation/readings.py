"""Two readers of one time point compared region by region. Light enough for the web process."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from dosimetry.segmentation.agreement import SurfaceDistances, dice, surface_distances, two_reader_cv
from dosimetry.segmentation.morphology import combine
from planning.computation.grids import grid_from_dict, label_values
from planning.models import ContourRevision, ReaderCopy, Region, RegionContour, SecondReading, TimePoint
from planning.models.contours import ContourState
from planning.selectors.current import current_contours
from planning.selectors.readings import submitted_readings

READER_1, READER_2, UNION, INTERSECTION = "reader_1", "reader_2", "union", "intersection"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionComparison:
    """One region by both readers; a reader who did not accept it has no contour of it here."""

    region: Region
    contours: tuple[RegionContour | None, RegionContour | None]
    dice: float | None
    distances: SurfaceDistances | None
    volume_cv: float | None


def reading_revisions(reading: SecondReading) -> tuple[ContourRevision | None, ContourRevision | None]:
    """Return the newest contours of reader 1 and reader 2."""
    copies: dict[int, ReaderCopy] = {copy.place: copy for copy in reading.copies.all()}
    return current_contours(reading.time_point, copies[1]), current_contours(reading.time_point, copies[2])


def accepted_masks(revision: ContourRevision | None) -> dict[UUID, np.ndarray]:
    """Return the masks as drawn of what a reader accepted."""
    if revision is None:
        return {}
    grid = grid_from_dict(revision.image.label_grid)
    volumes = {"organ": label_values(revision.organs, grid), "lesion": label_values(revision.lesions, grid)}
    return {
        region_id: volumes[contour.region.kind] == contour.region.label
        for region_id, contour in _accepted(revision).items()
    }


def compared_regions(reading: SecondReading) -> list[RegionComparison]:
    """Compare every region that at least one reader accepted."""
    revisions = reading_revisions(reading)
    masks = [accepted_masks(revision) for revision in revisions]
    contours = [_accepted(revision) for revision in revisions]
    grid = grid_from_dict(reading.image.label_grid)
    regions = {contour.region_id: contour.region for found in contours for contour in found.values()}
    rows = []
    for region in sorted(regions.values(), key=lambda region: (region.kind != "organ", region.label)):
        first, second = (found.get(region.pk) for found in masks)
        has_both = first is not None and second is not None
        pair = (contours[0].get(region.pk), contours[1].get(region.pk))
        rows.append(
            RegionComparison(
                region=region,
                contours=pair,
                dice=dice(first, second) if has_both else None,
                distances=surface_distances(first, second, grid=grid) if has_both else None,
                volume_cv=_volume_cv(pair),
            )
        )
    return rows


def adjudicated_mask(masks: tuple[Mapping[UUID, np.ndarray], ...], *, region: Region, take: str) -> np.ndarray | None:
    """Return the mask that an adjudication takes; None where a reader that it needs has no contour of the region."""
    first, second = (found.get(region.pk) for found in masks)
    if take in {READER_1, READER_2}:
        return first if take == READER_1 else second
    if first is None or second is None:
        return None
    return combine(first, second, operation="union" if take == UNION else "intersection")


def reader_volume_cvs(time_point: TimePoint) -> dict[UUID, tuple[float, SecondReading]]:
    """Return how much two readers' volumes of a region differ, from the newest reading that holds both."""
    found: dict[UUID, tuple[float, SecondReading]] = {}
    for reading in submitted_readings(time_point):
        first, second = (_accepted(revision) for revision in reading_revisions(reading))
        for region_id in first.keys() & second.keys() - found.keys():
            cv = _volume_cv((first[region_id], second[region_id]))
            if cv is not None:
                found[region_id] = (cv, reading)
    return found


def _accepted(revision: ContourRevision | None) -> dict[UUID, RegionContour]:
    if revision is None:
        return {}
    contours = revision.contours.filter(state=ContourState.ACCEPTED).select_related("region")
    return {contour.region_id: contour for contour in contours}


def _volume_cv(pair: tuple[RegionContour | None, RegionContour | None]) -> float | None:
    first, second = pair
    if first is None or second is None:
        return None
    return two_reader_cv(first.contour_volume_ml, second.contour_volume_ml)
