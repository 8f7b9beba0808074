"""Endless training samples of the lesion network; sample ``i`` of a seed is the same on every machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import erf

from dosimetry.nn.channels import network_input
from dosimetry.phantoms.lesion_foci import Focus, PaintedFoci, paint_foci
from dosimetry.phantoms.training_emission import (
    FWHM_PER_SIGMA,
    TYPICAL_OVER_REST,
    EmissionDraw,
    draw_emission,
    emission_image,
    part_concentrations,
)
from dosimetry.phantoms.training_samples import (
    COHORT,
    FIRST_SEED,
    SHARE_CUT,
    UNSEEN,
    USES,
    WORKING_MM,
    bent,
    imitated_ct,
    painted_patient,
    seen_part,
)
from dosimetry.units import ML_MM3
from dosimetry.volume import Grid

LESION_CLASSES = ("Other", "Lesion")
IMAGES_PER_BODY = 2
"""Images of one body and its lesions, each with uptakes of its own: bodies cost more than images."""
SLICES = (32, 64)
MARGIN_VOXELS = 10
STEP = 8
SHARE_CT = 0.55
PATIENT_CONTRAST, CONTRAST_SPREAD, CONTRAST_RANGE = (2.5, 25.0), 0.6, (1.5, 80.0)
"""Lesion over its surroundings: median of a patient, spread between the lesions of one (logarithm), and the ends."""
CORE_RANGE = (0.1, 0.5)
URINE_RANGE, BILE_RANGE, LOOP_RANGE = (3.0, 60.0), (0.3, 8.0), (1.5, 8.0)
"""Over the rest of the body, the liver and the bowel."""
LEAST_APPARENT, LEAST_NOISES = 1.0, 4.0
"""A lesion counts if its blurred excess over the surroundings exceeds this share of them, and this many noises: it
looks at least twice as bright as they do. Asked for fainter ones (0.3 and 3), a network points at noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionSample:
    """One image and its lesions.

    Parameters
    ----------
    channels : (5, n_z, n_y, n_x) float32 array
        Of ``network_input``; sizes are multiples of 8.
    classes : (n_z, n_y, n_x) uint8 array
        Index of ``LESION_CLASSES``; ``UNSEEN`` where the emission has no values, and in lesions too faint to be seen.
    numbers : (n_z, n_y, n_x) uint8 array
        Number of the lesion, from 1; faint ones too.
    foci : tuple of Focus
        What was painted.
    """

    channels: NDArray[np.float32]
    classes: NDArray[np.uint8]
    numbers: NDArray[np.uint8]
    foci: tuple[Focus, ...]


def lesion_samples(*, seed: int, first: int = 0) -> Iterator[LesionSample]:
    """Yield samples from number ``first`` on, without end."""
    number = first
    while True:
        yield lesion_sample(seed=seed, number=number)
        number += 1


def lesion_sample(*, seed: int, number: int, n_slices: int | None = None) -> LesionSample:
    """Return one sample: emission always, CT in a good half.

    The patients are those of the organ network's samples, bent anew, with lesions of their own. ``n_slices`` None
    draws how many slices are seen; 96 is a whole bed.
    """
    painted, grid = _body(seed, number // IMAGES_PER_BODY, n_slices)
    generator = np.random.default_rng([seed, number, 72])
    draw = draw_emission(generator)
    values = foci_concentrations(painted, generator)
    emission = emission_image(
        painted.anatomy, painted.labels, grid=grid, generator=generator, draw=draw, concentrations=values
    )
    emission_seen = seen_part(grid, generator, share_cut=SHARE_CUT)
    ct = ct_seen = None
    if generator.random() < SHARE_CT:
        ct, ct_seen = imitated_ct(painted.anatomy, painted.labels, grid, generator)
        emission = ndimage.shift(emission, generator.normal(0.0, 0.4, 3), order=1, mode="nearest")
    channels = network_input(ct_hu=ct, ct_is_seen=ct_seen, emission=emission, emission_is_seen=emission_seen)
    numbers = painted.lesion_numbers()
    classes = (numbers > 0).astype(np.uint8)
    classes[faint_voxels(painted, values, draw)] = UNSEEN
    classes[channels[4] == 0.0] = UNSEEN
    return LesionSample(channels=channels, classes=classes, numbers=numbers, foci=tuple(painted.foci))


@lru_cache(maxsize=2)
def _body(seed: int, number: int, wanted_slices: int | None) -> tuple[PaintedFoci, Grid]:
    """Return a body with foci, cut to the patient's outline and to some of its slices."""
    cohort = number // USES
    generator = np.random.default_rng([seed, number, 71])
    patient = FIRST_SEED + COHORT * cohort + int(generator.integers(COHORT))
    anatomy, grid, labels, _ = painted_patient(seed, patient)
    n_slices = int(generator.integers(SLICES[0] // STEP, SLICES[1] // STEP + 1)) * STEP
    n_slices = wanted_slices or n_slices
    first = int(generator.integers(0, labels.shape[0] - n_slices + 1))
    (labels,) = bent((labels[first : first + n_slices],), generator)
    box = (slice(0, n_slices), *(_span(labels, axis, generator) for axis in (1, 2)))
    labels = np.ascontiguousarray(labels[box])
    corner = grid.index_to_lps_mm(np.array([[first, box[1].start, box[2].start]], dtype=float))[0]
    x, y, z = (float(value) for value in corner)
    cut = Grid(shape_zyx=labels.shape, spacing_xyz_mm=grid.spacing_xyz_mm, origin_lps_mm=(x, y, z))
    return paint_foci(anatomy, labels, spacing_mm=WORKING_MM, generator=generator), cut


def _span(labels: NDArray[np.uint8], axis: int, generator: np.random.Generator) -> slice:
    """Return where the body lies along an axis, with a margin, in a multiple of eight voxels."""
    size = labels.shape[axis]
    there = np.flatnonzero(np.any(labels > 0, axis=tuple(other for other in range(3) if other != axis)))
    low, high = (int(there[0]), int(there[-1]) + 1) if there.size else (0, size)
    low = max(low - int(generator.integers(MARGIN_VOXELS)), 0)
    high = min(high + int(generator.integers(MARGIN_VOXELS)), size)
    wanted = min(-(-(high - low) // STEP) * STEP, size // STEP * STEP)
    low = min(low, size - wanted)
    return slice(low, low + wanted)


def foci_concentrations(painted: PaintedFoci, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return the concentration of every label over that of the rest of the body, foci by their surroundings."""
    values = part_concentrations(painted.anatomy, generator)
    named = {part.name: value for part, value in zip(painted.anatomy.parts, values[1:], strict=True)}
    median = float(np.exp(generator.uniform(*np.log(PATIENT_CONTRAST))))
    for focus in painted.foci:
        around = max(float(values[focus.host]), 0.3)
        if focus.kind == "lesion":
            contrast = median * np.exp(CONTRAST_SPREAD * generator.standard_normal())
            value = around * float(np.clip(contrast, *CONTRAST_RANGE))
        elif focus.kind == "core":
            value = value * float(generator.uniform(*CORE_RANGE))  # of the lesion painted just before
        else:
            span = {"urine": URINE_RANGE, "bile": BILE_RANGE, "bowel": LOOP_RANGE}[focus.kind]
            base = {"urine": 1.0, "bile": named.get("Liver", 9.0), "bowel": named.get("Bowel", 4.0)}[focus.kind]
            value = base * float(np.exp(generator.uniform(*np.log(span))))
        values[focus.label] = value
    return values


def faint_voxels(painted: PaintedFoci, values: NDArray[np.float32], draw: EmissionDraw) -> NDArray[np.bool_]:
    """Return the voxels of lesions that blur and noise hide: nobody could mark them on the emission."""
    faint = []
    is_faint = False
    for focus in painted.foci:
        if focus.kind == "lesion":
            is_faint = _is_faint(focus, values, draw)
        if is_faint and focus.kind in {"lesion", "core"}:
            faint.append(focus.label)
    return np.isin(painted.labels, faint)


def _is_faint(focus: Focus, values: NDArray[np.float32], draw: EmissionDraw) -> bool:
    around = max(float(values[focus.host]), 0.3)
    excess = (float(values[focus.label]) / around - 1.0) * peak_recovery(focus.volume_ml, draw.fwhm_mm)
    noise = draw.noise * float((TYPICAL_OVER_REST["Liver"][0] / around) ** (1.0 - draw.noise_power))
    return excess < max(LEAST_APPARENT, LEAST_NOISES * noise)


def peak_recovery(volume_ml: float, fwhm_mm: float) -> float:
    """Return the share of a uniform sphere's concentration that its middle keeps after a Gaussian blur.

    Formula: erf(r / (s sqrt 2)) - sqrt(2 / pi) (r / s) exp(-r^2 / 2 s^2), s the standard deviation of the blur.

    Parameters
    ----------
    volume_ml : float
        Of the sphere, above zero.
    fwhm_mm : float
        Full width at half maximum of the blur, mm.

    References
    ----------
    .. [1] Kessler RM, Ellis JR, Eden M, Analysis of emission tomographic scan data: limitations imposed by resolution
       and background, J Comput Assist Tomogr 1984;8:514-522.
    """
    ratio = (volume_ml * ML_MM3 * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0) / (fwhm_mm / FWHM_PER_SIGMA)
    return float(erf(ratio / np.sqrt(2.0)) - np.sqrt(2.0 / np.pi) * ratio * np.exp(-0.5 * ratio**2))
