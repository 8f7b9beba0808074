"""Organs that TotalSegmentator draws on CT, with the same checks as those of our own network.

References
----------
.. [1] Wasserthal et al., TotalSegmentator: robust segmentation of 104 anatomic structures in CT images, Radiology:
   Artificial Intelligence 5 (2023), doi:10.1148/ryai.230024.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.boxes import Mask, bounding_box
from dosimetry.segmentation.learned import LearnedContour, kept_pieces
from dosimetry.segmentation.organ_volumes import UNKNOWN, Person
from dosimetry.segmentation.plausibility import doubts, touches_border
from dosimetry.segmentation.totalsegmentator_files import REGION_CLASSES, Installation
from dosimetry.segmentation.totalsegmentator_process import segmented
from dosimetry.segmentation.working_images import averaged_onto, require_readable
from dosimetry.volume import Grid, Volume

MARGIN_MM = 15.0
LEAST_SPINE_VOXELS = 50


def totalsegmentator_contours(
    *,
    installed: Installation,
    onto: Grid,
    ct: Volume | None,
    digest: str | None = None,
    person: Person = UNKNOWN,
    progress: Callable[[float], None] = lambda _share: None,
    timeout_s: float = 3600.0,
) -> tuple[LearnedContour, ...]:
    """Draw every region of ours that TotalSegmentator knows and finds.

    Its classes are joined to our regions, brought onto the grid of the contours where at least half of a voxel belongs
    to them, and the largest piece is kept, of bones every piece that is not a crumb.

    Parameters
    ----------
    installed : Installation
        Package, weights and variant.
    onto : Grid
        Grid of the contours.
    ct : Volume or None
        CT numbers, HU, in one frame with ``onto``.
    digest : str or None
        Digest that ``installed`` must have; None takes any.
    person : Person
        Whose organs they are, as far as known.
    progress : callable
        Told the share done; what it raises stops the package.
    timeout_s : float
        Longest time to wait for the package, s.

    Returns
    -------
    tuple of LearnedContour
        In the order of ``REGION_CLASSES``; what was not found is not there. Their confidence is None, for the package
        gives none.

    Raises
    ------
    InvalidInputError
        No CT (``no_image``), other weights than asked for (``weights_digest``), a class that this version of the
        package does not know (``unknown_class``), a CT that can show nothing, or as of ``segmented``.
    """
    if ct is None:
        raise InvalidInputError(
            "TotalSegmentator needs a CT, and this time point has none: choose another network, or draw the contours.",
            code="no_image",
        )
    require_readable([ct])
    require_digest(installed, digest)
    labels, numbers = segmented(
        ct, installed=installed, progress=lambda share: progress(0.9 * share), timeout_s=timeout_s
    )
    unknown = sorted({name for names in REGION_CLASSES.values() for name in names} - numbers.keys())
    if unknown:
        raise InvalidInputError(
            f"TotalSegmentator {installed.version()} has no class {', '.join(unknown)}: install the version of "
            "requirements-totalsegmentator.txt.",
            code="unknown_class",
        )
    drawn = {
        name: _onto(np.isin(labels, [numbers[part] for part in parts]), ct.grid, onto)
        for name, parts in REGION_CLASSES.items()
    }
    _values, seen = averaged_onto(ct, onto)
    covered = np.ones(onto.shape_zyx, dtype=bool) if seen is None else seen
    return tuple(_contour(name, drawn, onto, seen=covered, person=person) for name, mask in drawn.items() if mask.any())


def require_digest(installed: Installation, digest: str | None) -> None:
    """Refuse weights or a package other than those that were asked for (``weights_digest``)."""
    found = installed.digest()
    if digest is not None and found != digest:
        raise InvalidInputError(
            f"The weights of TotalSegmentator are not those that were enabled (digest {found[:8]}, enabled "
            f"{digest[:8]}): the quality lead decides about the new ones under Settings, AI contours.",
            code="weights_digest",
        )


def _onto(mask: Mask, grid: Grid, onto: Grid) -> Mask:
    """Return where at least half of a voxel of ``onto`` lies in a mask; worked out in the mask's box."""
    if not mask.any():
        return np.zeros(onto.shape_zyx, dtype=bool)
    n_z, n_y, n_x = (int(np.ceil(MARGIN_MM / step)) for step in grid.spacing_xyz_mm[::-1])
    box = bounding_box(mask, margin_voxels=(n_z, n_y, n_x))
    part = mask[box].astype(np.float32)
    x, y, z = (float(v) for v in grid.index_to_lps_mm(np.array([side.start for side in box], dtype=float)))
    shape = (part.shape[0], part.shape[1], part.shape[2])
    there = Volume(values=part, grid=replace(grid, shape_zyx=shape, origin_lps_mm=(x, y, z)), unit="1")
    share, _seen = averaged_onto(there, onto)
    return np.zeros(onto.shape_zyx, dtype=bool) if share is None else np.asarray(share >= 0.5)


def _contour(name: str, drawn: dict[str, Mask], onto: Grid, *, seen: Mask, person: Person) -> LearnedContour:
    mask = drawn[name]
    kept = kept_pieces(mask, name)
    spine = drawn["Spine"]
    has_spine = np.count_nonzero(spine) > LEAST_SPINE_VOXELS
    middle = spine if has_spine else np.logical_or.reduce(list(drawn.values()))
    findings = doubts(
        name=name,
        mask=kept,
        grid=onto,
        confidence=None,
        lost_share=1.0 - float(np.count_nonzero(kept)) / float(np.count_nonzero(mask)),
        midline_x_mm=float(onto.index_to_lps_mm(np.argwhere(middle).mean(axis=0))[0]),
        is_cut=touches_border(kept, seen),
        person=person,
    )
    return LearnedContour(name=name, mask=kept, confidence=None, findings=findings)
