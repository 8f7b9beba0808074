"""What the network makes of each voxel, and whether it knows the images for those of a human, the right way round."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nn.channels import emission_scale, network_input
from dosimetry.nn.inference import class_probabilities
from dosimetry.nn.weights import LoadedNetwork
from dosimetry.reconstruction.osem import post_filter
from dosimetry.segmentation.boxes import Mask
from dosimetry.segmentation.human import SeenImage, require_human_images
from dosimetry.segmentation.organ_volumes import UNKNOWN, VOLUMES
from dosimetry.segmentation.plausibility import REFUSED_SHARE
from dosimetry.segmentation.working_images import around_body, averaged_onto, require_readable, working_grid
from dosimetry.volume import Grid, Volume

FloatArray = NDArray[np.float32]

OUTSIDE, BODY = "Outside", "Body"
LEAST_BODY_ML, LEAST_KNOWN_SHARE = 3000.0, 0.6
MOST_BODY_SHARE, WIDE_MM = 0.93, 400.0
"""A body is round: an image as wide as one that holds no air around it is noise, or has a wrong rescaling. An obese
patient in a narrow field has an organ that the network knows."""
LEAST_CLEAR = 0.7
SOFT_HU = (-40.0, 130.0)
ONE_SIDED = ("Liver", "Spleen", "Stomach", "Heart")
MIRROR_GAIN = 0.05
"""Clearer by this when mirrored (mean expected Dice of the one-sided organs): see the model card."""
MIRROR_SLICES = 12
VARIATIONS: tuple[tuple[float, float], ...] = ((1.0, 0.0), (0.75, 12.0), (1.33, -12.0))
"""Emission times, CT plus (HU): small errors of calibration that a contour must stand."""
BLURS_MM = (0.0, 8.0, 12.0)
"""Of a fine emission without CT in each variation: the sharp reconstruction of a real patient has a texture that no
training sample has, and organs fell to pieces in it (docs/models/organs.md). Where answers differ, confidence falls."""
FINE_MM = 3.0
"""Voxels that a site chooses for sharp reconstructions; training and most SPECT have 4 mm or more."""
UNBLURRED_MM = (0.0, 0.0, 0.0)


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
    answers, seen = varied_answers(
        network,
        (hu, ct_seen),
        (bq, emission_seen),
        spacing_mm=grid.spacing_xyz_mm[0],
        blurs_mm=blurs_of(ct=ct, emission=emission),
        progress=progress,
    )
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
    large enough in both: none do where the image shows none or one was removed. The slices that hold them are shown,
    with those next to them: a body from head to thighs takes half the time so.
    """
    classes = network.card.classes
    before = clearness(usual, classes, voxel_ml=voxel_ml)
    if not before:
        return False
    slices = _slices_of(usual, [classes.index(name) for name in before])
    channels = network_input(ct_hu=ct[0], ct_is_seen=ct[1], emission=emission[0], emission_is_seen=emission[1])
    mirrored = class_probabilities(network.net, np.ascontiguousarray(channels[:, slices, :, ::-1]))
    after = clearness(mirrored, classes, voxel_ml=voxel_ml)
    gains = [after[name] - before[name] for name in before.keys() & after.keys()]
    return bool(gains) and float(np.mean(gains)) > MIRROR_GAIN


def _slices_of(chances: FloatArray, indices: list[int]) -> slice:
    """Return the slices that hold any of the classes, and as many around them as an organ may be moved."""
    holding = np.flatnonzero(np.isin(chances.argmax(axis=0), indices).any(axis=(1, 2)))
    return slice(max(int(holding[0]) - MIRROR_SLICES, 0), int(holding[-1]) + 1 + MIRROR_SLICES)


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


def blurs_of(*, ct: Volume | None, emission: Volume | None) -> tuple[float, ...]:
    """Return by how much the emission is blurred in each variation: not beside a CT, which places the borders."""
    is_fine = emission is not None and max(emission.grid.spacing_xyz_mm) < FINE_MM
    return BLURS_MM if ct is None and is_fine else UNBLURRED_MM


def varied_answers(
    network: LoadedNetwork,
    ct: SeenImage,
    emission: SeenImage,
    *,
    spacing_mm: float,
    blurs_mm: tuple[float, ...] = UNBLURRED_MM,
    progress: Callable[[float], None] = lambda _share: None,
) -> tuple[list[FloatArray], NDArray[np.bool_]]:
    """Return the probabilities of each variation of the images, (n_classes, n_z, n_y, n_x), and where any image is.

    Parameters
    ----------
    network : LoadedNetwork
        Weights.
    ct, emission : pair of array and bool array, or of None
        Of ``averaged_onto``, on one working grid.
    spacing_mm : float
        Of the working grid.
    blurs_mm : tuple of float
        Full width at half maximum of a Gaussian by which the emission of each variation is blurred.
    progress : callable
        Told the share done.
    """
    answers = []
    for number, ((factor, shift_hu), blur_mm) in enumerate(zip(VARIATIONS, blurs_mm, strict=True)):
        values = emission[0]
        if values is not None:
            values = post_filter(values, fwhm_mm=blur_mm, spacing_xyz_mm=(spacing_mm,) * 3)
        channels = network_input(
            ct_hu=None if ct[0] is None else ct[0] + np.float32(shift_hu),
            ct_is_seen=ct[1],
            emission=values,
            emission_is_seen=emission[1],
        )
        channels[2] = np.arcsinh(np.sinh(channels[2]) * factor)
        answers.append(class_probabilities(network.net, channels))
        progress((number + 1) / len(VARIATIONS))
    return answers, channels[3] + channels[4] > 0.0


def expected_dice(chance: FloatArray, mask: Mask) -> float:
    """Return the Dice of a mask with the truth if each voxel belongs to it with its probability."""
    total = float(chance.sum(dtype=np.float64)) + float(np.count_nonzero(mask))
    return 2.0 * float(chance[mask].sum(dtype=np.float64)) / total if total > 0.0 else 0.0


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
    is_everywhere = width_mm >= WIDE_MM and np.count_nonzero(body) > MOST_BODY_SHARE * np.count_nonzero(seen)
    clear = clearness(mean, classes, voxel_ml=grid.voxel_volume_ml)
    if is_everywhere and max(clear.values(), default=0.0) < LEAST_CLEAR:
        raise InvalidInputError(
            f"The network sees no air around the body in an image {width_mm:.0f} mm wide, and no organ that it knows: "
            "it is noise, or its values are shifted. Check the rescaling, or draw the contours.",
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
