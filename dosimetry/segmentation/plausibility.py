"""Whether a region that a network drew can be what it is called: size, side, pieces, borders of the image."""

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.dicomio.findings import Finding
from dosimetry.segmentation.boxes import Mask
from dosimetry.segmentation.organ_volumes import UNKNOWN, VOLUMES, Person
from dosimetry.volume import Grid

REFUSED_SHARE = 0.5
"""A whole organ below this share of the lowest usual volume is not proposed."""
LEFT_SIGN = MappingProxyType({"left": 1.0, "right": -1.0})
USUAL_SIDE = MappingProxyType({"Liver": "right", "Spleen": "left", "Stomach": "left"})
CLEARLY_BESIDE_MM = 15.0
"""A middle this far on the unusual side is no matter of how the patient lies."""
CUT_SHARE, REACH_VOXELS = 0.02, 2
"""Share of an organ that may lie this near to the border: networks draw the outermost voxels badly."""
EITHER = (
    "either the image is mirrored, or this person's organs are (situs inversus); the image alone does not tell which."
)
MIRRORED = Finding(
    code="mirrored",
    level="ask",
    message=f"The network knows this body better with left and right exchanged: {EITHER} Check every name.",
)
LOST_SHARE = 0.1
LOW_CONFIDENCE = 0.85
REFUSED_CONFIDENCE = 0.5
"""With an expected Dice below one half, less of contour and organ overlaps than does not."""


def doubts(
    *,
    name: str,
    mask: Mask,
    grid: Grid,
    confidence: float | None,
    lost_share: float,
    midline_x_mm: float | None,
    is_cut: bool,
    person: Person = UNKNOWN,
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
    person : Person
        Whose organ it is, as far as known.
    """
    found: list[Finding] = []
    volume_ml = float(np.count_nonzero(mask)) * grid.voxel_volume_ml
    if name in VOLUMES:
        low, high = VOLUMES[name].usual_ml(person)
        usual = f"{low:.0f} to {high:.0f} mL usual for {person.words}"
        if is_cut:
            found.append(_ask("cut_by_field", "Cut by the field of view: its volume is not the organ's."))
        elif volume_ml < REFUSED_SHARE * low:
            found.append(_block("too_small", f"{volume_ml:.0f} mL is too small ({usual}): draw it."))
        elif not low <= volume_ml <= high:
            found.append(_ask("unusual_volume", f"{volume_ml:.0f} mL is unusual ({usual})."))
    if midline_x_mm is not None:
        x_mm = float(grid.index_to_lps_mm(np.argwhere(mask).mean(axis=0))[0])
        found.extend(_of_side(name, x_mm - midline_x_mm))
    if lost_share > LOST_SHARE:
        found.append(_ask("in_pieces", f"{lost_share:.0%} lay apart from the largest piece and was left out."))
    if confidence is None:
        found.append(Finding(code="no_confidence", level="note", message="It comes without a confidence."))
    elif confidence < REFUSED_CONFIDENCE:
        found.append(_block("low_confidence", f"Confidence {confidence:.0%}: the network hardly sees it: draw it."))
    elif confidence < LOW_CONFIDENCE:
        found.append(_ask("low_confidence", f"Confidence {confidence:.0%}: the network itself is in doubt."))
    return tuple(found)


def _of_side(name: str, beside_mm: float) -> list[Finding]:
    """Return what speaks against a middle this far to the left of the midline."""
    side = LEFT_SIGN.get(name.rsplit(" ", 1)[-1])
    if side is not None and side * beside_mm <= 0.0:
        return [_block("wrong_side", "It lies on the other side of the spine than its name says: draw it.")]
    usual = USUAL_SIDE.get(name)
    if usual is not None and LEFT_SIGN[usual] * beside_mm < -CLEARLY_BESIDE_MM:
        return [_ask("mirrored", f"It lies {abs(beside_mm):.0f} mm on the other side than usual ({usual}): {EITHER}")]
    return []


def touches_border(mask: Mask, seen: NDArray[np.bool_]) -> bool:
    """Return whether more than a few voxels of a mask lie near what no image covers, or near the end of the grid."""
    inner = ndimage.binary_erosion(seen, iterations=REACH_VOXELS, border_value=0)
    edge = seen & ~inner
    return bool(np.count_nonzero(mask & edge) > CUT_SHARE * np.count_nonzero(mask))


def _ask(code: str, message: str) -> Finding:
    return Finding(code=code, level="ask", message=message)


def _block(code: str, message: str) -> Finding:
    return Finding(code=code, level="block", message=message)
