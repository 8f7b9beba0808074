"""Endless training samples of a network from virtual patients; sample ``i`` of a seed is the same on every machine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import BSpline
from scipy.spatial.transform import Rotation

from dosimetry.nn.channels import network_input
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.body_parts import AnatomyPart
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.posed import posed_anatomy
from dosimetry.phantoms.training_emission import draw_emission, emission_image
from dosimetry.phantoms.virtual_anatomy import VirtualAnatomy, make_anatomy, paint_labels
from dosimetry.phantoms.virtual_ct import CtOptions, make_ct
from dosimetry.segmentation.boxes import bounding_box
from dosimetry.volume import Grid

ORGAN_CLASSES = (
    "Outside",
    "Body",
    "Kidney left",
    "Kidney right",
    "Liver",
    "Spleen",
    "Lung left",
    "Lung right",
    "Heart",
    "Stomach",
    "Bladder",
    "Spine",
    "Pelvis",
    "Parotid left",
    "Parotid right",
    "Submandibular left",
    "Submandibular right",
)
WORKING_MM = 4.0
PATCH_ZYX = (96, 72, 112)
FIRST_SEED = 1_000_000
"""Seeds below are never trained on: they are the demo's, the benchmarks' and the tests'."""
COHORT, USES = 8, 40
"""Patients drawn from at a time, and samples until the next."""
SHARE_VARIANT, SHARE_CUT = 0.08, 0.2
SHARE_UNMOVED = 0.4
"""Of patients whose organs stay where their habitus puts them, as in most people."""
SCALE_SPREAD = 0.2
"""Of what counts as one in an emission image (logarithm): it depends on how much air the field holds."""
SHARE_CONTRAST = 0.45
TISSUE_SPREAD_HU, ENHANCED_SPREAD_HU = 8.0, 20.0
"""Between organs of one patient, without contrast agent and with it, whose phases differ."""
MOST_RENAL_FAT_MM, SHARE_RENAL_FAT = 12.0, 0.6
"""Fat round the kidneys, of which adults have anything from none to two centimetres; drawn in this share."""
RENAL_FAT_INSTEAD_OF = frozenset({"muscle", "soft", "ascites", "bowel"})
NOISE_HU = (2.0, 16.0)
"""Of a CT averaged onto the working voxels, whose noise is a third of that of its own voxels."""
BELLY_Z_MM, BELLY_SPREAD_MM = 5.0, 60.0
SHARE_BELLY = 0.75
BEND_EVERY_MM, BEND_MM = 45.0, 4.5
"""Distance of the knots of each sample's own deformation, and its standard deviation along each axis."""
SIZE_SPREAD, TURN_DEGREES, PLACE_MM = 0.08, 4.0, 10.0
"""Of each sample as a whole: logarithm of its size along each axis, turn about each, shift along each."""
UNSEEN = 255
"""Class of voxels that no image covers: they are not asked for."""
Z_RANGE_MM = (-330.0, 430.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSample:
    """One image and what it shows.

    Parameters
    ----------
    channels : (5, n_z, n_y, n_x) float32 array
        Of ``network_input``.
    classes : (n_z, n_y, n_x) uint8 array
        Index of ``ORGAN_CLASSES``; ``UNSEEN`` where no image has values.
    lesions : (n_z, n_y, n_x) bool array
        Lesions, wherever they lie.
    """

    channels: NDArray[np.float32]
    classes: NDArray[np.uint8]
    lesions: NDArray[np.bool_]


def training_samples(*, seed: int, first: int = 0) -> Iterator[TrainingSample]:
    """Yield samples from number ``first`` on, without end."""
    number = first
    while True:
        yield training_sample(seed=seed, number=number)
        number += 1


def training_sample(*, seed: int, number: int) -> TrainingSample:
    """Return one sample.

    A patient with organs moved at random, seen through a window of the size of a bed position; CT, emission or both,
    with all that differs between scanners, and with what either lacks at its borders.
    """
    cohort = number // USES
    generator = np.random.default_rng([seed, number, 61])
    patient = FIRST_SEED + COHORT * cohort + int(generator.integers(COHORT))
    anatomy, grid, labels, lesions = painted_patient(seed, patient)
    labels, lesions = bent((labels, lesions), generator)
    if generator.random() < SHARE_RENAL_FAT:
        labels = _with_renal_fat(anatomy, labels, thickness_mm=generator.uniform(0.0, MOST_RENAL_FAT_MM))
    shown = np.where(lesions > 0, lesions, labels)
    what = generator.random()
    has_ct, has_emission = what < 0.65, what >= 0.25
    classes = class_table(anatomy)[labels]
    ct = ct_seen = emission = emission_seen = None
    if has_ct:
        ct, ct_seen = imitated_ct(anatomy, shown, grid, generator)
    if has_emission:
        emission = emission_image(anatomy, shown, grid=grid, generator=generator, draw=draw_emission(generator))
        emission_seen = seen_part(grid, generator, share_cut=SHARE_CUT)
        if has_ct:
            emission = ndimage.shift(emission, generator.normal(0.0, 0.4, 3), order=1, mode="nearest")
    channels = network_input(ct_hu=ct, ct_is_seen=ct_seen, emission=emission, emission_is_seen=emission_seen)
    channels[2] = np.arcsinh(np.sinh(channels[2]) * np.float32(np.exp(SCALE_SPREAD * generator.standard_normal())))
    classes[(channels[3] == 0.0) & (channels[4] == 0.0)] = UNSEEN
    return TrainingSample(channels=channels, classes=classes, lesions=lesions > 0)


def class_table(anatomy: VirtualAnatomy) -> NDArray[np.uint8]:
    """Return the class of every label of ``paint_labels``; regions without a class of their own are body."""
    index = {name: place for place, name in enumerate(ORGAN_CLASSES)}
    return np.array([0, *(index.get(part.source_region, 1) for part in anatomy.parts)], dtype=np.uint8)


@lru_cache(maxsize=COHORT)
def painted_patient(seed: int, patient: int) -> tuple[VirtualAnatomy, Grid, NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a patient with its window, painted without lesions, and its lesions alone."""
    generator = np.random.default_rng([seed, patient, 62])
    variants = frozenset(variant for variant in Variant if generator.random() < SHARE_VARIANT)
    anatomy = make_anatomy(seed=patient, variants=variants, is_arms_up=bool(generator.random() < 0.5))
    if generator.random() >= SHARE_UNMOVED:
        anatomy = posed_anatomy(anatomy, generator=generator)
    if generator.random() < SHARE_BELLY:
        z_mm = generator.normal(BELLY_Z_MM, BELLY_SPREAD_MM)
    else:
        z_mm = generator.uniform(*Z_RANGE_MM)
    middle = np.array([generator.normal(0.0, 15.0), generator.normal(0.0, 10.0), z_mm])
    n_z, n_y, n_x = PATCH_ZYX
    corner = middle - 0.5 * WORKING_MM * (np.array([n_x, n_y, n_z]) - 1)
    x, y, z = (float(value) for value in corner)
    grid = Grid(shape_zyx=PATCH_ZYX, spacing_xyz_mm=(WORKING_MM,) * 3, origin_lps_mm=(x, y, z))
    is_lesion = [part.kind is RegionKind.LESION for part in anatomy.parts]
    n_bodies = is_lesion.index(True) if any(is_lesion) else len(is_lesion)
    labels = paint_labels(replace(anatomy, parts=anatomy.parts[:n_bodies]), grid=grid)
    lesions = paint_labels(replace(anatomy, parts=anatomy.parts[n_bodies:]), grid=grid)
    lesions[lesions > 0] += n_bodies
    lesions[labels == 0] = 0
    return anatomy, grid, labels, lesions


def bent(images: tuple[NDArray[np.uint8], ...], generator: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Return label images bent alike, so that a patient who is drawn again is another one."""
    shape = np.array(images[0].shape)
    turn = Rotation.from_euler("zyx", TURN_DEGREES * generator.standard_normal(3), degrees=True).as_matrix()
    matrix = turn @ np.diag(np.exp(SIZE_SPREAD * generator.standard_normal(3)))
    middle = 0.5 * (shape - 1.0)
    shift = PLACE_MM / WORKING_MM * generator.standard_normal(3)
    voxels = np.indices(images[0].shape, dtype=np.float32)
    offset = (middle + shift - matrix @ middle).astype(np.float32)
    places = np.tensordot(matrix.astype(np.float32), voxels, axes=1) + offset[:, None, None, None]
    along_z, along_y, along_x = (_splines(n) for n in images[0].shape)
    for axis in range(3):
        knots = generator.standard_normal((along_z.shape[1], along_y.shape[1], along_x.shape[1]), dtype=np.float32)
        bend = np.einsum("zk,yl,xm,klm->zyx", along_z, along_y, along_x, knots, optimize=True)
        places[axis] += BEND_MM / WORKING_MM * bend / bend.std()
    return [ndimage.map_coordinates(image, places, order=0, mode="nearest") for image in images]


def _with_renal_fat(anatomy: VirtualAnatomy, labels: NDArray[np.uint8], *, thickness_mm: float) -> NDArray[np.uint8]:
    """Return labels with fat round the kidneys, up to the organs beside them."""
    is_kidney = np.array([False, *(part.source_region.startswith("Kidney") for part in anatomy.parts)])[labels]
    gives_way = [part.tissue in RENAL_FAT_INSTEAD_OF and _is_body(part) for part in anatomy.parts]
    fat = next((n for n, part in enumerate(anatomy.parts, 1) if part.tissue == "fat" and _is_body(part)), None)
    if fat is None or not is_kidney.any():
        return labels
    reach = int(np.ceil(thickness_mm / WORKING_MM))
    box = bounding_box(is_kidney, margin_voxels=(reach, reach, reach))
    near = WORKING_MM * ndimage.distance_transform_edt(~is_kidney[box]) <= thickness_mm
    inside = labels[box]
    inside[near & ~is_kidney[box] & np.array([False, *gives_way])[inside]] = fat
    return labels


def _is_body(part: AnatomyPart) -> bool:
    return part.source_region not in ORGAN_CLASSES


def _splines(n: int) -> NDArray[np.float32]:
    """Return cubic B-splines, one a column, over ``n`` voxels."""
    per_knot = BEND_EVERY_MM / WORKING_MM
    knots = per_knot * np.arange(-3, np.ceil(n / per_knot) + 4)
    return np.asarray(BSpline.design_matrix(np.arange(n, dtype=float), knots, 3).toarray(), dtype=np.float32)


def imitated_ct(
    anatomy: VirtualAnatomy, shown: NDArray[np.uint8], grid: Grid, generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the CT of painted labels as one of many scanners would show it, HU, and where it covers the window."""
    options = CtOptions(
        dose_level="none",
        has_contrast=bool(generator.random() < SHARE_CONTRAST),
        has_table=bool(generator.random() < 0.8),
        breathing_mm=float(generator.uniform(0.0, 8.0)),
    )
    ct = make_ct(anatomy, shown, grid=grid, seed=int(generator.integers(2**31)), options=options)
    hu = ct.values.astype(np.float32)
    # Contrast between soft tissues differs more between scanners, voltages and patients than in one virtual scanner.
    spread_hu = ENHANCED_SPREAD_HU if options.has_contrast else TISSUE_SPREAD_HU
    tissue_shift = generator.normal(0.0, spread_hu, shown.max() + 1).astype(np.float32)[shown]
    hu += np.where(hu > -300.0, ndimage.gaussian_filter(tissue_shift, 0.5), 0.0)
    hu *= np.float32(1.0 + 0.03 * generator.standard_normal())
    hu += np.float32(generator.normal(0.0, 10.0))
    if generator.random() < 0.5:
        hu = ndimage.gaussian_filter(hu, generator.uniform(0.3, 0.9))
    noise = generator.standard_normal(hu.shape, dtype=np.float32)
    hu += np.float32(generator.uniform(*NOISE_HU)) * noise
    return hu, seen_part(grid, generator, share_cut=SHARE_CUT)


def seen_part(grid: Grid, generator: np.random.Generator, *, share_cut: float) -> NDArray[np.bool_]:
    """Return where an image covers the window: cut at its ends, or to a circle, in a share of them."""
    seen = np.ones(grid.shape_zyx, dtype=bool)
    n_z, n_y, n_x = grid.shape_zyx
    if generator.random() < share_cut:
        low, high = sorted(generator.integers(0, n_z, 2))
        if high - low > 40:
            seen[:low] = False
            seen[high:] = False
    if generator.random() < share_cut:
        radius = generator.uniform(190.0, 280.0) / WORKING_MM
        y, x = np.ogrid[:n_y, :n_x]
        seen &= (((y - 0.5 * n_y) ** 2 + (x - 0.5 * n_x) ** 2) <= radius**2)[None]
    return seen
