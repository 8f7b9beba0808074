"""What a person made of a proposal: agreement and volumes as drawn. Light enough for the web process."""

from dataclasses import dataclass

import numpy as np

from dosimetry.segmentation.agreement import dice
from planning.computation.grids import grid_from_dict, label_values
from planning.models import ContourRevision, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalAgreement:
    """A contour against the proposal it goes back to; without one on its grid, or with both empty, there is no Dice."""

    dice: float | None
    volume_before_ml: float | None
    volume_after_ml: float


def proposal_agreement(
    mask: np.ndarray, *, region: Region, proposal: ContourRevision | None, image
) -> ProposalAgreement:
    """Compare a region's mask with the region in the revision of its proposal, if that is on the same grid."""
    voxel_volume_ml = grid_from_dict(image.label_grid).voxel_volume_ml
    after_ml = float(np.count_nonzero(mask)) * voxel_volume_ml
    if proposal is None or proposal.image.label_grid != image.label_grid:
        return ProposalAgreement(dice=None, volume_before_ml=None, volume_after_ml=after_ml)
    asset = proposal.organs if region.kind == "organ" else proposal.lesions
    original = label_values(asset, grid_from_dict(proposal.image.label_grid)) == region.label
    return ProposalAgreement(
        dice=dice(original, mask),
        volume_before_ml=float(np.count_nonzero(original)) * voxel_volume_ml,
        volume_after_ml=after_ml,
    )
