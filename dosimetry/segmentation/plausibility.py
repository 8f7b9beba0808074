"""Whether a region that a network drew can be what it is called: size, side, pieces, borders of the image."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.dicomio.findings import Finding
from dosimetry.segmentation.boxes import Mask
from dosimetry.volume import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRange:
    """What an adult organ usually measures, mL: the reference adult, and the logarithm of its spread."""

    reference_ml: float
    log_spread: float = 0.3

    @property
    def usual_ml(self) -> tuple[float, float]:
        """Return what 3 standard deviations of the logarithm span."""
        reach = float(np.exp(3.0 * self.log_spread))
        return self.reference_ml / reach, self.reference_ml * reach


VOLUMES: Mapping[str, VolumeRange] = MappingProxyType(
    {
        "Kidney left": VolumeRange(reference_ml=140.0),
        "Kidney right": VolumeRange(reference_ml=140.0),
        "Liver": VolumeRange(reference_ml=1500.0),
        "Spleen": VolumeRange(reference_ml=135.0, log_spread=0.5),
        "Lung left": VolumeRange(reference_ml=1500.0, log_spread=0.4),
        "Lung right": VolumeRange(reference_ml=1700.0, log_spread=0.4),
        "Heart": VolumeRange(reference_ml=690.0),
        "Stomach": VolumeRange(reference_ml=365.0, log_spread=0.5),
        "Bladder": VolumeRange(reference_ml=200.0, log_spread=0.7),
        "Spine": VolumeRange(reference_ml=900.0, log_spread=0.5),
        "Pelvis": VolumeRange(reference_ml=900.0, log_spread=0.5),
        "Parotid left": VolumeRange(reference_ml=23.0, log_spread=0.4),
        "Parotid right": VolumeRange(reference_ml=23.0, log_spread=0.4),
        "Submandibular left": VolumeRange(reference_ml=11.0, log_spread=0.4),
        "Submandibular right": VolumeRange(reference_ml=11.0, log_spread=0.4),
    }
)
"""Means of the reference man and woman, ICRP Publication 89 (2002), table 2.8, at 1.05 g/mL; lungs inflated.

The spreads are wide values of ours: they catch what is no organ, not what is unusual. One kidney grows where the other
is missing, and kidneys of a horseshoe are one: both stay within the range.
"""

REFUSED_SHARE = 0.5
"""A whole organ below this share of the lowest usual volume is not proposed."""
LEFT_SIGN = MappingProxyType({"left": 1.0, "right": -1.0})
CUT_SHARE, REACH_VOXELS = 0.02, 2
"""Share of an organ that may lie this near to the border: networks draw the outermost voxels badly."""
LOST_SHARE = 0.1
LOW_CONFIDENCE = 0.85


def doubts(
    *,
    name: str,
    mask: Mask,
    grid: Grid,
    confidence: float | None,
    lost_share: float,
    midline_x_mm: float | None,
    is_cut: bool,
) -> tuple[Finding, ...]:
    """Return why a contour should be looked at twice (``ask``) or is not proposed (``block``).

    Parameters
    ----------
    name : str
        Region.
    mask : (n_z, n_y, n_x) bool array
        As it would be proposed, not empty.
    grid : Grid
        Its voxels.
    confidence : float or None
        0 to 1; None where the network gives none, which a ``note`` says.
    lost_share : float
        Share of voxels that lay apart from the largest piece and were left out.
    midline_x_mm : float or None
        LPS x of the spine, else of the body.
    is_cut : bool
        Whether it meets the border of what the images cover.
    """
    found: list[Finding] = []
    volume_ml = float(np.count_nonzero(mask)) * grid.voxel_volume_ml
    if name in VOLUMES:
        low, high = VOLUMES[name].usual_ml
        if is_cut:
            found.append(_ask("cut_by_field", "Cut by the field of view: its volume is not the organ's."))
        elif volume_ml < REFUSED_SHARE * low:
            found.append(
                _block("too_small", f"{volume_ml:.0f} mL is too small ({low:.0f} to {high:.0f} mL usual): draw it.")
            )
        elif not low <= volume_ml <= high:
            found.append(_ask("unusual_volume", f"{volume_ml:.0f} mL is unusual ({low:.0f} to {high:.0f} mL)."))
    side = LEFT_SIGN.get(name.rsplit(" ", 1)[-1])
    if side is not None and midline_x_mm is not None:
        x_mm = float(grid.index_to_lps_mm(np.argwhere(mask).mean(axis=0))[0])
        if side * (x_mm - midline_x_mm) <= 0.0:
            found.append(_block("wrong_side", "It lies on the other side of the spine than its name says: draw it."))
    if lost_share > LOST_SHARE:
        found.append(_ask("in_pieces", f"{lost_share:.0%} lay apart from the largest piece and was left out."))
    if confidence is None:
        found.append(Finding(code="no_confidence", level="note", message="It comes without a confidence."))
    elif confidence < LOW_CONFIDENCE:
        found.append(_ask("low_confidence", f"Confidence {confidence:.0%}: the network itself is in doubt."))
    return tuple(found)


def touches_border(mask: Mask, seen: NDArray[np.bool_]) -> bool:
    """Return whether more than a few voxels of a mask lie near what no image covers, or near the end of the grid."""
    inner = ndimage.binary_erosion(seen, iterations=REACH_VOXELS, border_value=0)
    edge = seen & ~inner
    return bool(np.count_nonzero(mask & edge) > CUT_SHARE * np.count_nonzero(mask))


def _ask(code: str, message: str) -> Finding:
    return Finding(code=code, level="ask", message=message)


def _block(code: str, message: str) -> Finding:
    return Finding(code=code, level="block", message=message)
