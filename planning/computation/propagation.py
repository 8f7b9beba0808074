"""Contours carried to another time point: by its registration, then settled on what the site's network sees there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.errors import DosimetryError
from dosimetry.volume import Grid
from planning.computation.contours import propagated_masks
from planning.computation.grids import grid_from_dict
from planning.computation.learned_contours import settled_regions
from planning.models import QuantifiedImage, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A region as it is drawn at the reference time point."""

    region: Region
    mask: np.ndarray


def propagated_rows(
    carried: Sequence[Carried],
    *,
    grid: Grid,
    image: QuantifiedImage,
    matrix: list[float],
    is_settled: bool,
    progress: Callable[[float], None],
) -> tuple[list[dict[str, Any]], str]:
    """Return a row for each region that lies in the image, and why the network refused the image, if it did."""
    onto = grid_from_dict(image.label_grid)
    masks = {str(one.region.pk): one.mask for one in carried}
    moved = propagated_masks(masks=masks, source_grid=grid, onto=onto, matrix=matrix)
    found, refusal = {}, ""
    if is_settled:
        organs = {one.region.name: moved[str(one.region.pk)] for one in carried if one.region.kind == "organ"}
        try:
            found = settled_regions(image=image, masks=organs, progress=progress)
        except DosimetryError as error:
            refusal = str(error)
    rows = []
    for one in carried:
        key = str(one.region.pk)
        row: dict[str, Any] = {"region": one.region, "mask": moved[key], "source_detail": ""}
        settling = found.get(one.region.name) if one.region.kind == "organ" else None
        if settling is not None:
            # From the contour as it was drawn: interpolated once, not twice.
            shifted = propagated_masks(
                masks={key: one.mask}, source_grid=grid, onto=onto, matrix=matrix, shift_lps_mm=settling.shift_lps_mm
            )
            row = {
                "region": one.region,
                "mask": shifted[key],
                "source_detail": f", {settling.text}",
                "confidence": settling.agreement,
                "reasons": settling.reasons,
            }
        if row["mask"].any():
            rows.append(row)
    return rows, refusal
