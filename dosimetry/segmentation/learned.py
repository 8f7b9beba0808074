"""Organs that a network draws on CT, SPECT or PET, each with its confidence and the reasons to doubt it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.dicomio.findings import Finding
from dosimetry.nn.weights import LoadedNetwork
from dosimetry.segmentation.agreement import dice
from dosimetry.segmentation.boxes import Mask
from dosimetry.segmentation.class_chances import BODY, OUTSIDE, ClassChances, class_chances, expected_dice
from dosimetry.segmentation.organ_volumes import UNKNOWN, Person
from dosimetry.segmentation.plausibility import MIRRORED, doubts, touches_border
from dosimetry.volume import Grid, Volume, resample

IN_PIECES = frozenset({"Pelvis", "Spine"})
SMALLEST_PIECE_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedContour:
    """One region as proposed.

    Parameters
    ----------
    name : str
        Region.
    mask : (n_z, n_y, n_x) bool array
        On the grid that was asked for.
    confidence : float or None
        Dice that the probabilities let expect, or the lowest Dice between variations of the image if that is less;
        None where the network gives none.
    findings : tuple of Finding
        Reasons to look twice; a ``block`` says that it must not be proposed.
    """

    name: str
    mask: Mask
    confidence: float | None
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Return whether the contour must not be proposed."""
        return any(finding.level == "block" for finding in self.findings)


def learned_contours(
    *,
    network: LoadedNetwork,
    onto: Grid,
    ct: Volume | None = None,
    emission: Volume | None = None,
    person: Person = UNKNOWN,
    progress: Callable[[float], None] = lambda _share: None,
) -> tuple[LearnedContour, ...]:
    """Draw every organ that the network knows and finds.

    The mean of the answers of ``class_chances`` is the contour, their agreement its confidence. Where each voxel is
    likeliest to be what, the largest piece is kept.

    Parameters
    ----------
    network, onto, ct, emission, progress
        As of ``class_chances``.
    person : Person
        Whose organs they are, as far as known: their volumes are judged by it.

    Returns
    -------
    tuple of LearnedContour
        In the order of the network's classes; what it did not find is not there.

    Raises
    ------
    InvalidInputError
        As of ``class_chances``.
    """
    chances = class_chances(network=network, onto=onto, ct=ct, emission=emission, progress=progress)
    return _contours(chances, onto, person)


def _contours(chances: ClassChances, onto: Grid, person: Person) -> tuple[LearnedContour, ...]:
    mean, classes, grid, seen = chances.mean, chances.classes, chances.grid, chances.seen
    likeliest = mean.argmax(axis=0)
    votes = [answer.argmax(axis=0) for answer in chances.answers]
    best = _likeliest_on(mean, grid, onto)
    spine = likeliest == classes.index("Spine") if "Spine" in classes else np.zeros_like(seen)
    middle = spine if spine.sum() > 50 else likeliest != classes.index(OUTSIDE)
    midline_x_mm = float(grid.index_to_lps_mm(np.argwhere(middle).mean(axis=0))[0]) if middle.any() else None
    found = []
    for index, name in enumerate(classes):
        if name in {OUTSIDE, BODY} or not np.any(likeliest == index):
            continue
        drawn = best == index
        if not drawn.any():
            continue
        kept = kept_pieces(drawn, name)
        confidence = min(
            expected_dice(mean[index], likeliest == index),
            *(dice(vote == index, likeliest == index) or 0.0 for vote in votes),
        )
        findings = doubts(
            name=name,
            mask=kept,
            grid=onto,
            confidence=confidence,
            lost_share=1.0 - float(np.count_nonzero(kept)) / float(np.count_nonzero(drawn)),
            midline_x_mm=midline_x_mm,
            is_cut=touches_border(likeliest == index, seen),
            person=person,
        )
        if chances.is_mirrored and "mirrored" not in {finding.code for finding in findings}:
            findings = (*findings, MIRRORED)
        found.append(LearnedContour(name=name, mask=kept, confidence=confidence, findings=findings))
    return tuple(found)


def _likeliest_on(mean: NDArray[np.float32], grid: Grid, onto: Grid) -> NDArray[np.uint8]:
    """Return the likeliest class of each voxel of ``onto``, from interpolated probabilities."""
    best = np.zeros(onto.shape_zyx, dtype=np.uint8)
    highest = np.zeros(onto.shape_zyx, dtype=np.float32)
    for index, chance in enumerate(mean):
        there = resample(Volume(values=chance, grid=grid, unit="1"), onto=onto).values
        better = there > highest
        best[better] = index
        highest[better] = there[better]
    return best


def kept_pieces(mask: Mask, name: str) -> Mask:
    """Return the largest piece; of bones every piece that is not a crumb."""
    pieces, n = ndimage.label(mask)
    if n <= 1:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    least = SMALLEST_PIECE_SHARE * sizes.max() if name in IN_PIECES else sizes.max()
    return np.asarray((sizes >= least)[pieces])
