"""An edit of the contours of a time point: opened on the current revision, changed, and saved by ``contours``."""

from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from planning import permissions
from planning.computation.grids import grid_from_dict, label_values
from planning.errors import ConflictError, InvalidStateError
from planning.models import ContourRevision, QuantifiedImage, ReaderCopy, Region, RegionContour, TimePoint, User
from planning.models.contours import RegionKind
from planning.permissions import Action
from planning.selectors.current import current_contours, current_image

Labels = dict[str, np.ndarray]


@dataclass(slots=True, kw_only=True)
class RegionChange:
    """What a new revision says of one region; fields left None are kept from the base."""

    state: str | None = None
    source: str | None = None
    source_detail: str | None = None
    is_locked: bool | None = None
    polygon_volume_ml: float | None = None
    confidence: float | None = None
    reasons: list[dict[str, str]] | None = None
    proposal: ContourRevision | None = None


@dataclass(slots=True, kw_only=True)
class ContourEdit:
    """A new revision in the making: label volumes by kind, and changes by region."""

    time_point: TimePoint
    image: QuantifiedImage
    base: ContourRevision | None
    labels: Labels
    changes: dict[UUID, RegionChange] = field(default_factory=dict)
    removed: set[UUID] = field(default_factory=set)
    restored: dict[UUID, RegionContour] = field(default_factory=dict)
    """By region the contour of an earlier revision that it is taken back to."""
    is_new_grid: bool = False
    copy: ReaderCopy | None = None

    @property
    def known(self) -> dict[UUID, RegionContour]:
        """Return by region what the base says of it; contours of another grid say nothing of masks on this one."""
        if self.base is None or self.is_new_grid:
            return {}
        return {c.region_id: c for c in self.base.contours.select_related("region", "proposal__image")}

    @property
    def said(self) -> dict[UUID, RegionContour]:
        """Return by region what the new revision starts from: the base, or the earlier one that it is taken back to."""
        return {**self.known, **self.restored}

    def mask(self, region: Region) -> np.ndarray:
        return self.labels[region.kind] == region.label

    def set_mask(self, region: Region, mask: np.ndarray, *, protected: set[int]) -> None:
        """Write a region's mask; voxels of locked neighbours stay theirs."""
        volume = self.labels[region.kind]
        volume[volume == region.label] = 0
        free = mask if not protected else mask & ~np.isin(volume, list(protected))
        volume[free] = region.label


def contour_edit(
    time_point: TimePoint, *, base_number: int | None, may_start_anew: bool = False, copy: ReaderCopy | None = None
) -> ContourEdit:
    """Open an edit of the current revision, or of a reader's copy. A stale base is refused with who saved and when.

    With ``may_start_anew`` contours of an image on another grid are left behind instead of refused.
    """
    image = current_image(time_point)
    if image is None:
        raise InvalidStateError("Prepare the images before drawing.", code="no_image")
    base = current_contours(time_point, copy)
    number = 0 if base is None else base.number
    if base_number is not None and base_number != number:
        raise ConflictError(
            "Somebody else saved these contours since you opened them.",
            code="stale_revision",
            fields={
                "number": number,
                "by": base.created_by.printed_name if base and base.created_by else "system",
                "at": base.created_at.isoformat() if base else None,
            },
        )
    grid = grid_from_dict(image.label_grid)
    is_new_grid = base is not None and base.image.label_grid != image.label_grid
    if base is None or (is_new_grid and may_start_anew):
        labels = {kind: np.zeros(grid.shape_zyx, dtype=np.uint8) for kind in RegionKind.values}
    elif is_new_grid and copy is not None:
        raise InvalidStateError(
            "The image grid changed during this reading; a physicist or physician cancels it and opens another.",
            code="other_grid",
        )
    elif is_new_grid:
        raise InvalidStateError(
            "The image grid changed since these contours were drawn; import or propagate them again.", code="other_grid"
        )
    else:
        labels = {
            "organ": label_values(base.organs, grid).copy(),
            "lesion": label_values(base.lesions, grid).copy(),
        }
    edit = ContourEdit(time_point=time_point, image=image, base=base, labels=labels, is_new_grid=is_new_grid, copy=copy)
    if is_new_grid:
        edit.removed = set(base.contours.values_list("region_id", flat=True))
    return edit


def require_editor(actor: User, time_point: TimePoint) -> None:
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=time_point.site)
