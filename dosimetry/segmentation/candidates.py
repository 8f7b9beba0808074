"""Lesions that a network suspects on SPECT or PET: places with a probability, for a person to accept or reject."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.dicomio.findings import Finding
from dosimetry.errors import InvalidInputError
from dosimetry.nn.channels import emission_scale
from dosimetry.nn.weights import LoadedNetwork
from dosimetry.segmentation.basins import split_basins
from dosimetry.segmentation.boxes import Mask, bounding_box
from dosimetry.segmentation.class_chances import varied_answers
from dosimetry.segmentation.human import require_human_images
from dosimetry.segmentation.plausibility import touches_border
from dosimetry.segmentation.working_images import around_body, averaged_onto, require_readable, working_grid
from dosimetry.units import ML_MM3
from dosimetry.volume import Grid, Volume, resample

FloatArray = NDArray[np.float32]

LESION = "Lesion"
LEAST_CHANCE = 0.5
"""Of a voxel of a candidate: mean over the variations of the image."""
LEAST_ML = 0.5
"""Eight working voxels: what is smaller is noise or cannot be measured."""
PEAK_VOXELS = 8
MOST_CANDIDATES = 150
"""More than the lesions of nearly every patient, and far fewer than a network finds in noise."""
UNSTABLE = 0.5
MARGIN_VOXELS = 3
RING_VOXELS = (2, 5)
"""From the border of a place to the surroundings that it is compared with, and to their end."""
LEAST_CONTRAST_TO_NOISE = 5.0
"""Below it an observer cannot tell a spot from noise: A. Rose, J. Opt. Soc. Am. 38 (1948) 196-208."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionCandidate:
    """One place that may be a lesion.

    Parameters
    ----------
    mask : (n_z, n_y, n_x) bool array
        On the grid that was asked for.
    probability : float
        That it is a lesion, as the network has it: mean over its ``PEAK_VOXELS`` likeliest voxels.
    volume_ml : float
        Of the mask.
    maximum : float
        Largest value of the emission inside, averaged over working voxels, in its unit.
    contrast_to_noise : float
        Mean of its ``PEAK_VOXELS`` brightest voxels above the mean of its surroundings, in standard deviations of the
        surroundings (8 to 20 mm from its border, without other places); nan without surroundings.
    centre_lps_mm : (x, y, z) float
        Middle of the mask.
    findings : tuple of Finding
        Reasons to look twice.
    """

    mask: Mask
    probability: float
    volume_ml: float
    maximum: float
    contrast_to_noise: float
    centre_lps_mm: tuple[float, float, float]
    findings: tuple[Finding, ...]


def lesion_candidates(
    *,
    network: LoadedNetwork,
    onto: Grid,
    emission: Volume | None,
    ct: Volume | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> tuple[LesionCandidate, ...]:
    """Return the places that the network takes for lesions, the likeliest first; none where it finds none.

    Voxels whose mean probability over three variations of calibration reaches a half are joined to places; a place
    with several peaks of activity is split where the activity between them falls deep enough (``split_basins``).

    Parameters
    ----------
    network : LoadedNetwork
        Weights for lesions.
    onto : Grid
        Grid of the masks.
    emission : Volume or None
        In one frame with ``onto``, any unit proportional to activity concentration.
    ct : Volume or None
        HU, in the same frame; may be missing.
    progress : callable
        Told the share done.

    Returns
    -------
    tuple of LesionCandidate
        Disjoint masks, none empty.

    Raises
    ------
    InvalidInputError
        No emission (``no_image``), no activity in it (``empty_image``), or an image that is not of a human trunk or
        head on voxels that can show lesions (``out_of_domain``).
    """
    if emission is None:
        raise InvalidInputError("Lesion candidates need a SPECT or PET image.", code="no_image")
    images = [emission] if ct is None else [ct, emission]
    require_readable(images)
    grid = working_grid([emission], onto=onto, spacing_mm=network.card.spacing_mm)
    grid, ct_there, (values, seen) = around_body(grid, averaged_onto(ct, grid), averaged_onto(emission, grid))
    if values is None or seen is None or emission_scale(values, seen) <= 0.0:
        raise InvalidInputError("The emission image holds no activity.", code="empty_image")
    require_human_images(ct_there, (values, seen), spacing_mm=grid.spacing_xyz_mm[0])
    answers, _ = varied_answers(network, ct_there, (values, seen), spacing_mm=grid.spacing_xyz_mm[0], progress=progress)
    index = network.card.classes.index(LESION)
    chances = [np.where(seen, answer[index], np.float32(0.0)).astype(np.float32) for answer in answers]
    mean = np.asarray(np.mean(chances, axis=0, dtype=np.float32))
    places = candidate_labels(mean, values, spacing_mm=grid.spacing_xyz_mm[0])
    n_places = int(places.max())
    if n_places > MOST_CANDIDATES:
        raise InvalidInputError(
            f"The network finds {n_places} places in this image: it is noise, or not of a human body. Mark lesions by "
            "hand.",
            code="out_of_domain",
        )
    suspected = _Suspected(places=places, mean=mean, chances=chances, values=values, seen=seen, grid=grid)
    found = [_candidate(suspected, number, onto) for number in range(1, n_places + 1)]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.probability))


def candidate_labels(chance: FloatArray, values: FloatArray, *, spacing_mm: float) -> NDArray[np.int32]:
    """Return the number of the place, from 1, of each voxel; 0 elsewhere.

    Parameters
    ----------
    chance : (n_z, n_y, n_x) float32 array
        Probability of a lesion in each voxel.
    values : (n_z, n_y, n_x) float32 array
        Emission, by which touching lesions are told apart.
    spacing_mm : float
        Side of a voxel, mm.
    """
    least = int(np.ceil(LEAST_ML * ML_MM3 / spacing_mm**3))
    pieces, n = ndimage.label(chance >= LEAST_CHANCE)
    labels = np.zeros(chance.shape, dtype=np.int32)
    n_found = 0
    for number, box in enumerate(ndimage.find_objects(pieces, n), start=1):
        piece = pieces[box] == number
        if box is None or np.count_nonzero(piece) < least:
            continue
        basins = split_basins(piece, values[box], least_voxels=least)
        labels[box][piece] = basins[piece] + n_found
        n_found += int(basins.max())
    return labels


@dataclass(frozen=True, kw_only=True)
class _Suspected:
    """What the network says, on the working grid."""

    places: NDArray[np.int32]
    mean: FloatArray
    chances: list[FloatArray]
    values: FloatArray
    seen: Mask
    grid: Grid


def _candidate(suspected: _Suspected, number: int, onto: Grid) -> LesionCandidate | None:
    own = suspected.places == number
    mask = _mask_onto(suspected, number, onto)
    if not mask.any():
        return None
    peaks = [peak_mean(chance, own) for chance in (suspected.mean, *suspected.chances)]
    findings = []
    if touches_border(own, suspected.seen):
        findings.append(_ask("cut_by_field", "Cut by the field of view: its volume is not the lesion's."))
    if min(peaks) < UNSTABLE:
        findings.append(
            _ask("unstable", f"With a small change of calibration the network gives it {min(peaks):.0%} only.")
        )
    contrast = _contrast_to_noise(suspected, own)
    if contrast < LEAST_CONTRAST_TO_NOISE:
        findings.append(
            _ask(
                "faint",
                f"It stands out from its surroundings by {contrast:.1f} standard deviations; below "
                f"{LEAST_CONTRAST_TO_NOISE:.0f} a spot can hardly be told from noise.",
            )
        )
    x, y, z = (float(v) for v in onto.index_to_lps_mm(np.argwhere(mask).mean(axis=0)[None])[0])
    return LesionCandidate(
        mask=mask,
        probability=peaks[0],
        volume_ml=float(np.count_nonzero(mask)) * onto.voxel_volume_ml,
        maximum=float(suspected.values[own].max()),
        contrast_to_noise=contrast,
        centre_lps_mm=(x, y, z),
        findings=tuple(findings),
    )


def peak_mean(values: FloatArray, mask: Mask) -> float:
    """Return the mean of the largest values in a mask, at most ``PEAK_VOXELS`` of them."""
    return float(np.sort(values[mask])[-PEAK_VOXELS:].mean())


def _contrast_to_noise(suspected: _Suspected, own: Mask) -> float:
    inner, outer = RING_VOXELS
    box = bounding_box(own, margin_voxels=(outer,) * 3)
    place, values = own[box], suspected.values[box]
    distances = ndimage.distance_transform_edt(~place)
    ring = values[(distances > inner) & (distances <= outer) & suspected.seen[box] & (suspected.places[box] == 0)]
    if ring.size < PEAK_VOXELS:
        return float("nan")
    noise = float(ring.std())
    return (peak_mean(values, place) - float(ring.mean())) / noise if noise > 0.0 else float("inf")


def _mask_onto(suspected: _Suspected, number: int, onto: Grid) -> Mask:
    """Return the half level of the interpolated probability round one place, on the wanted grid.

    Next to another place its probability ends at their border.
    """
    own = suspected.places == number
    box = bounding_box(own, margin_voxels=(MARGIN_VOXELS,) * 3)
    others = (suspected.places[box] > 0) & ~own[box]
    near = ndimage.binary_dilation(own[box], iterations=MARGIN_VOXELS)
    field = np.where(near & ~others, suspected.mean[box], np.float32(0.0)).astype(np.float32)
    corner = suspected.grid.index_to_lps_mm(np.array([[part.start for part in box]], dtype=float))[0]
    x, y, z = (float(v) for v in corner)
    n_z, n_y, n_x = field.shape
    local = Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=suspected.grid.spacing_xyz_mm, origin_lps_mm=(x, y, z))
    part, place = _part_of(onto, local)
    mask = np.zeros(onto.shape_zyx, dtype=bool)
    if part is not None:
        mask[place] = resample(Volume(values=field, grid=local, unit="1"), onto=part).values >= LEAST_CHANCE
    return mask


def _part_of(grid: Grid, inner: Grid) -> tuple[Grid | None, tuple[slice, slice, slice]]:
    """Return the part of a grid that holds another one, and where it lies; None where they do not meet."""
    n = np.array(inner.shape_zyx) - 1.0
    corners = np.array([[a, b, c] for a in (0.0, n[0]) for b in (0.0, n[1]) for c in (0.0, n[2])])
    places = grid.lps_mm_to_index(inner.index_to_lps_mm(corners))
    low = np.maximum(np.floor(places.min(axis=0)), 0.0).astype(int)
    high = np.minimum(np.ceil(places.max(axis=0)) + 1.0, grid.shape_zyx).astype(int)
    first, second, third = (slice(int(a), max(int(a), int(b))) for a, b in zip(low, high, strict=True))
    if np.any(high <= low):
        return None, (first, second, third)
    x, y, z = (float(v) for v in grid.index_to_lps_mm(low[None].astype(float))[0])
    n_z, n_y, n_x = (int(v) for v in high - low)
    part = Grid(
        shape_zyx=(n_z, n_y, n_x),
        spacing_xyz_mm=grid.spacing_xyz_mm,
        origin_lps_mm=(x, y, z),
        direction=grid.direction,
    )
    return part, (first, second, third)


def _ask(code: str, message: str) -> Finding:
    return Finding(code=code, level="ask", message=message)
