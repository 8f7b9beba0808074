"""Organs that a network draws on CT, SPECT or PET, each with its confidence and the reasons to doubt it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.dicomio.findings import Finding
from dosimetry.errors import InvalidInputError
from dosimetry.nn.channels import emission_scale, network_input
from dosimetry.nn.inference import class_probabilities
from dosimetry.nn.weights import LoadedNetwork
from dosimetry.segmentation.agreement import dice
from dosimetry.segmentation.boxes import Mask, bounding_box
from dosimetry.segmentation.human import SeenImage, require_human_images
from dosimetry.segmentation.organ_volumes import UNKNOWN, VOLUMES, Person
from dosimetry.segmentation.plausibility import MIRRORED, REFUSED_SHARE, doubts, touches_border
from dosimetry.volume import Grid, Volume, resample

FloatArray = NDArray[np.float32]

OUTSIDE, BODY = "Outside", "Body"
MOST_SPACING_MM = 12.0
LEAST_EXTENT_MM = 120.0
LEAST_BODY_ML, LEAST_KNOWN_SHARE = 3000.0, 0.6
MOST_BODY_SHARE, WIDE_MM = 0.93, 400.0
"""A body is round: an image as wide as one that holds no air around it is noise, or has a wrong rescaling."""
AIR_BELOW_HU, EMPTY_SHARE, AIR_VOXELS = -500.0, 0.02, 8
"""What counts as air: CT number, and concentration over the scale of the emission; and how much of it is kept."""
SOFT_HU = (-40.0, 130.0)
ONE_SIDED = ("Liver", "Spleen", "Stomach", "Heart")
MIRROR_GAIN = 0.05
"""Clearer by this when mirrored (mean expected Dice of the one-sided organs): see the model card."""
IN_PIECES = frozenset({"Pelvis", "Spine"})
SMALLEST_PIECE_SHARE = 0.05
VARIATIONS: tuple[tuple[float, float], ...] = ((1.0, 0.0), (0.75, 12.0), (1.33, -12.0))
"""Emission times, CT plus (HU): small errors of calibration that a contour must stand."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassChances:
    """What a network makes of each voxel of an image.

    Parameters
    ----------
    grid : Grid
        Voxels of the network's size along the axes of the patient.
    classes : tuple of str
        In order.
    answers : tuple of (n_classes, n_z, n_y, n_x) float32 array
        Probabilities, one array for each variation of calibration.
    mean : (n_classes, n_z, n_y, n_x) float32 array
        Of the answers.
    seen : (n_z, n_y, n_x) bool array
        Where an image has values.
    is_mirrored : bool
        Whether the network knows the one-sided organs better with left and right exchanged.
    """

    grid: Grid
    classes: tuple[str, ...]
    answers: tuple[FloatArray, ...]
    mean: FloatArray
    seen: NDArray[np.bool_]
    is_mirrored: bool

    def of(self, name: str) -> Volume:
        """Return the probability of one class."""
        return Volume(values=self.mean[self.classes.index(name)], grid=self.grid, unit="1")


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


def class_chances(
    *,
    network: LoadedNetwork,
    onto: Grid,
    ct: Volume | None = None,
    emission: Volume | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> ClassChances:
    """Return the probability of each class in each voxel.

    Images are averaged onto voxels of the network's size along the axes of the patient, whatever theirs were. Three
    variations of calibration give three answers.

    Parameters
    ----------
    network : LoadedNetwork
        Weights for organs.
    onto : Grid
        Grid of the contours.
    ct, emission : Volume or None
        In one frame with ``onto``, HU and any unit proportional to activity concentration; one may be missing.
    progress : callable
        Told the share done.

    Returns
    -------
    ClassChances
        On voxels of the network's size.

    Raises
    ------
    InvalidInputError
        No image (``no_image``), nothing in it (``empty_image``), or one that is not of a human trunk or head on voxels
        that can show organs (``out_of_domain``).
    """
    images = [image for image in (ct, emission) if image is not None]
    if not images:
        raise InvalidInputError("Contours need a CT or an emission image.", code="no_image")
    require_readable(images)
    grid = working_grid(images, onto=onto, spacing_mm=network.card.spacing_mm)
    hu, ct_seen = averaged_onto(ct, grid)
    bq, emission_seen = averaged_onto(emission, grid)
    if bq is not None and emission_seen is not None and emission_scale(bq, emission_seen) <= 0.0:
        raise InvalidInputError("The emission image holds no activity.", code="empty_image")
    grid, (hu, ct_seen), (bq, emission_seen) = around_body(grid, (hu, ct_seen), (bq, emission_seen))
    require_human_images((hu, ct_seen), (bq, emission_seen), spacing_mm=grid.spacing_xyz_mm[0])
    answers, seen = varied_answers(network, (hu, ct_seen), (bq, emission_seen), progress=progress)
    mean = sum(answers[1:], start=answers[0]) / np.float32(len(answers))
    _require_human(mean, network.card.classes, seen, grid, hu)
    return ClassChances(
        grid=grid,
        classes=network.card.classes,
        answers=tuple(answers),
        mean=np.asarray(mean),
        seen=seen,
        is_mirrored=_is_clearer_mirrored(
            network, answers[0], (hu, ct_seen), (bq, emission_seen), voxel_ml=grid.voxel_volume_ml
        ),
    )


def _is_clearer_mirrored(
    network: LoadedNetwork, usual: FloatArray, ct: SeenImage, emission: SeenImage, *, voxel_ml: float
) -> bool:
    """Return whether the network is surer of the one-sided organs in the mirrored images than in the given ones.

    It draws kidneys by their place: in a mirrored body they look right and are named wrongly. Organs count that are
    large enough in both: none do where the image shows none or one was removed.
    """
    channels = network_input(ct_hu=ct[0], ct_is_seen=ct[1], emission=emission[0], emission_is_seen=emission[1])
    mirrored = class_probabilities(network.net, np.ascontiguousarray(channels[..., ::-1]))
    before, after = (clearness(chances, network.card.classes, voxel_ml=voxel_ml) for chances in (usual, mirrored))
    gains = [after[name] - before[name] for name in before.keys() & after.keys()]
    return bool(gains) and float(np.mean(gains)) > MIRROR_GAIN


def clearness(chances: FloatArray, classes: tuple[str, ...], *, voxel_ml: float) -> dict[str, float]:
    """Return the expected Dice of each one-sided organ that is not too small to be one."""
    likeliest = chances.argmax(axis=0)
    found = {}
    for name in (name for name in ONE_SIDED if name in classes):
        index = classes.index(name)
        mask = likeliest == index
        if np.count_nonzero(mask) * voxel_ml >= REFUSED_SHARE * VOLUMES[name].usual_ml(UNKNOWN)[0]:
            found[name] = expected_dice(chances[index], mask)
    return found


def varied_answers(
    network: LoadedNetwork,
    ct: SeenImage,
    emission: SeenImage,
    *,
    progress: Callable[[float], None] = lambda _share: None,
) -> tuple[list[FloatArray], NDArray[np.bool_]]:
    """Return the probabilities of each variation of the images, (n_classes, n_z, n_y, n_x), and where any image is.

    Parameters
    ----------
    network : LoadedNetwork
        Weights.
    ct, emission : pair of array and bool array, or of None
        Of ``averaged_onto``, on one working grid.
    progress : callable
        Told the share done.
    """
    answers = []
    for number, (factor, shift_hu) in enumerate(VARIATIONS):
        channels = network_input(
            ct_hu=None if ct[0] is None else ct[0] + np.float32(shift_hu),
            ct_is_seen=ct[1],
            emission=emission[0],
            emission_is_seen=emission[1],
        )
        channels[2] = np.arcsinh(np.sinh(channels[2]) * factor)
        answers.append(class_probabilities(network.net, channels))
        progress((number + 1) / len(VARIATIONS))
    return answers, channels[3] + channels[4] > 0.0


def working_grid(images: Sequence[Volume], *, onto: Grid, spacing_mm: float) -> Grid:
    """Return voxels along the axes of the patient that cover what ``onto`` and the images share."""
    low, high = _box(onto)
    image_boxes = [_box(image.grid) for image in images]
    low = np.maximum(low, np.min([box[0] for box in image_boxes], axis=0))
    high = np.minimum(high, np.max([box[1] for box in image_boxes], axis=0))
    n_x, n_y, n_z = (int(n) for n in np.floor((high - low) / spacing_mm) + 1)
    if min(n_x, n_y, n_z) < LEAST_EXTENT_MM / spacing_mm:
        raise InvalidInputError(
            f"The images share {np.round(np.maximum(high - low, 0.0))} mm with the grid of the contours; organs need "
            f"{LEAST_EXTENT_MM:.0f} mm along each axis.",
            code="out_of_domain",
        )
    x, y, z = (float(v) for v in 0.5 * (low + high) - 0.5 * spacing_mm * (np.array([n_x, n_y, n_z]) - 1))
    return Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=(spacing_mm,) * 3, origin_lps_mm=(x, y, z))


def around_body(grid: Grid, ct: SeenImage, emission: SeenImage) -> tuple[Grid, SeenImage, SeenImage]:
    """Return the part of the working grid that holds anything but air, with a margin, and the images on it.

    A square SPECT matrix is two thirds air, which costs time and is wider than what networks were trained on.
    """
    inside = np.zeros(grid.shape_zyx, dtype=bool)
    (hu, ct_seen), (values, seen) = ct, emission
    if hu is not None and ct_seen is not None:
        inside |= ct_seen & (hu > AIR_BELOW_HU)
    if values is not None and seen is not None:
        inside |= seen & (values > EMPTY_SHARE * emission_scale(values, seen))
    if not inside.any():
        return grid, ct, emission
    box = bounding_box(inside, margin_voxels=(AIR_VOXELS,) * 3)
    x, y, z = (float(v) for v in grid.index_to_lps_mm(np.array([part.start for part in box], dtype=float)))
    n_z, n_y, n_x = (part.stop - part.start for part in box)
    cropped = Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=grid.spacing_xyz_mm, origin_lps_mm=(x, y, z))

    def part_of(image: SeenImage) -> SeenImage:
        return (None, None) if image[0] is None or image[1] is None else (image[0][box], image[1][box])

    return cropped, part_of(ct), part_of(emission)


def _box(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = np.array(grid.shape_zyx) - 1.0
    corners = grid.index_to_lps_mm(np.array([[a, b, c] for a in (0, n[0]) for b in (0, n[1]) for c in (0, n[2])]))
    return corners.min(axis=0), corners.max(axis=0)


def averaged_onto(image: Volume | None, grid: Grid) -> SeenImage:
    """Return an image on the working grid, smoothed first where its voxels are finer, and where it covers it."""
    if image is None:
        return None, None
    ratio = grid.spacing_xyz_mm[0] / np.array(image.grid.spacing_xyz_mm[::-1])
    sigma = np.where(ratio > 1.2, 0.4 * ratio, 0.0)
    values = np.nan_to_num(np.asarray(image.values, dtype=np.float32))
    if np.any(sigma > 0.0):
        values = ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=2.0)
    on_grid = resample(image.with_values(values), onto=grid, fill_value=np.nan).values
    seen = np.isfinite(on_grid)
    return np.where(seen, on_grid, np.float32(0.0)), seen


def require_readable(images: Sequence[Volume]) -> None:
    """Refuse voxels too coarse to show anything (``out_of_domain``) and images of one value (``empty_image``)."""
    for image in images:
        spacing = max(image.grid.spacing_xyz_mm)
        if spacing > MOST_SPACING_MM:
            raise InvalidInputError(
                f"Voxels of {spacing:.1f} mm are too coarse to show organs (at most {MOST_SPACING_MM:.0f} mm).",
                code="out_of_domain",
            )
        if not np.any(image.values != image.values.flat[0]):
            raise InvalidInputError("An image has the same value everywhere.", code="empty_image")


def _require_human(
    mean: FloatArray, classes: tuple[str, ...], seen: NDArray[np.bool_], grid: Grid, hu: FloatArray | None
) -> None:
    """Refuse what is not a part of a body, or has CT numbers of no tissue."""
    body = (mean[classes.index(OUTSIDE)] < 0.5) & seen
    body_ml = float(np.count_nonzero(body)) * grid.voxel_volume_ml
    known = float(mean.max(axis=0)[body].mean()) if body.any() else 0.0
    if body_ml < LEAST_BODY_ML or known < LEAST_KNOWN_SHARE:
        raise InvalidInputError(
            f"The image does not look like a human body to the network ({body_ml:.0f} mL of body, mean certainty "
            f"{known:.0%}): draw the contours.",
            code="out_of_domain",
        )
    width_mm = grid.shape_zyx[2] * grid.spacing_xyz_mm[0]
    if width_mm >= WIDE_MM and np.count_nonzero(body) > MOST_BODY_SHARE * np.count_nonzero(seen):
        raise InvalidInputError(
            f"The network sees no air around the body in an image {width_mm:.0f} mm wide: it is noise, or its "
            "values are shifted. Check the rescaling, or draw the contours.",
            code="out_of_domain",
        )
    if hu is not None:
        soft = hu[body & (hu > -200.0) & (hu < 300.0)]
        middle = float(np.median(soft)) if soft.size > 0.2 * np.count_nonzero(body) else float("nan")
        if not -130.0 <= middle <= SOFT_HU[1]:
            raise InvalidInputError(
                f"The CT numbers of the body are not those of tissue (median {middle:.0f} HU): check the rescaling.",
                code="out_of_domain",
            )


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


def _likeliest_on(mean: FloatArray, grid: Grid, onto: Grid) -> NDArray[np.uint8]:
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


def expected_dice(chance: FloatArray, mask: Mask) -> float:
    """Return the Dice of a mask with the truth if each voxel belongs to it with its probability."""
    total = float(chance.sum(dtype=np.float64)) + float(np.count_nonzero(mask))
    return 2.0 * float(chance[mask].sum(dtype=np.float64)) / total if total > 0.0 else 0.0
