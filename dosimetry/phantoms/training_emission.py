"""Emission images that no scanner took: activity drawn at random, blurred and made noisy, for training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.body_parts import REST_REGION
from dosimetry.phantoms.virtual_anatomy import VirtualAnatomy, paint_labels
from dosimetry.phantoms.virtual_patient import REST, VirtualPatient
from dosimetry.volume import Grid

FloatArray = NDArray[np.float32]
FWHM_PER_SIGMA = 2.3548

TYPICAL_OVER_REST: dict[str, tuple[float, float]] = {
    "Kidney left": (30.0, 0.7),
    "Kidney right": (30.0, 0.7),
    "Liver": (9.0, 0.8),
    "Spleen": (25.0, 1.0),
    "Stomach": (3.0, 0.6),
    "Bowel": (4.0, 0.7),
    "Bladder": (20.0, 1.3),
    "Adrenals": (10.0, 0.8),
    "Pancreas": (3.0, 0.7),
    "Heart": (1.8, 0.3),
    "Lung left": (0.6, 0.3),
    "Lung right": (0.6, 0.3),
    "Parotid left": (10.0, 1.3),
    "Parotid right": (10.0, 1.3),
    "Submandibular left": (8.0, 1.3),
    "Submandibular right": (8.0, 1.3),
    "Thyroid": (6.0, 1.2),
    "Prostate": (2.0, 0.8),
    "Spine": (1.5, 0.6),
    "Pelvis": (1.5, 0.6),
}
"""Concentration over that of the rest of the body, and its spread (logarithm): wide, over agents and times."""
LESION_OVER_REST = (40.0, 1.0)
OTHER_SPREAD = 0.5
PAIR_SPREAD = 0.12
"""Between the two of a pair (logarithm)."""
SHARE_ITERATED = 0.45
HAZE_MM = 60.0
"""Standard deviation of what scatter leaves around a source, about that of a broad-beam tail in water."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionDraw:
    """What one emission image is made with.

    Parameters
    ----------
    fwhm_mm : float
        Blur of the reconstructed image.
    overshoot, overshoot_reach : float, float
        Edge enhancement left by resolution modelling, 0 for none, and how far it reaches over the blur.
    noise : float
        Standard deviation in the liver over its mean.
    noise_fwhm_mm : float
        Correlation of the noise.
    breathing_mm : float
        Standard deviation of motion along z.
    noise_power : float
        The noise grows with this power of the concentration: 0.5 as counts do, 1 as in images of many iterations
        (Barrett, Wilson and Tsui, Phys Med Biol 1994, 39:833).
    texture, texture_mm : float, float
        Standard deviation (logarithm) and correlation length of true differences of uptake within an organ.
    haze : float
        Share of the activity that scatter left far around its place.
    """

    fwhm_mm: float
    overshoot: float
    noise: float
    noise_fwhm_mm: float
    breathing_mm: float
    overshoot_reach: float = 0.8
    noise_power: float = 0.5
    texture: float = 0.15
    texture_mm: float = 25.0
    haze: float = 0.0


def draw_emission(generator: np.random.Generator) -> EmissionDraw:
    """Draw how an image is taken, over SPECT and PET of all usual reconstructions.

    A share is as sharp, rimmed and blotched as many iterations with resolution modelling leave it.
    """
    is_iterated = generator.random() < SHARE_ITERATED
    least_mm, most_mm = (3.0, 11.0) if is_iterated else (5.0, 14.0)
    least_noise, most_noise = (0.05, 0.4) if is_iterated else (0.02, 0.2)
    return EmissionDraw(
        fwhm_mm=float(generator.uniform(least_mm, most_mm)),
        overshoot=float(generator.uniform(0.0, 2.5 if is_iterated else 0.8)),
        overshoot_reach=float(generator.uniform(0.8, 1.6 if is_iterated else 0.8)),
        noise=float(np.exp(generator.uniform(np.log(least_noise), np.log(most_noise)))),
        noise_fwhm_mm=float(generator.uniform(5.0, 22.0) if is_iterated else generator.uniform(4.0, 12.0)),
        breathing_mm=float(generator.uniform(0.0, 7.0)),
        noise_power=float(generator.uniform(0.5, 1.0)),
        texture=float(generator.uniform(0.05, 0.35)),
        texture_mm=float(generator.uniform(10.0, 40.0)),
        haze=float(generator.uniform(0.0, 0.1)),
    )


def emission_image(
    anatomy: VirtualAnatomy,
    labels: NDArray[np.uint8],
    *,
    grid: Grid,
    generator: np.random.Generator,
    draw: EmissionDraw,
    concentrations: FloatArray | None = None,
) -> FloatArray:
    """Return an emission image of painted labels, in units of the concentration of the rest of the body.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        The body.
    labels : (n_z, n_y, n_x) uint8 array
        Of ``paint_labels`` on the grid.
    grid : Grid
        Voxels.
    generator : Generator
        Draws uptakes, texture and noise.
    draw : EmissionDraw
        How it is taken.
    concentrations : (n_labels + 1,) float32 array or None
        Of every label, the first of what lies outside; None draws them from the uptakes of the body's parts.

    Returns
    -------
    (n_z, n_y, n_x) float32 array
        Zero or more. A fast imitation for training; figures are measured on simulated and reconstructed projections.
    """
    steps_mm = np.array(grid.spacing_xyz_mm[::-1])
    activity = (part_concentrations(anatomy, generator) if concentrations is None else concentrations)[labels]
    activity *= np.exp(np.float32(draw.texture) * _smooth(activity.shape, draw.texture_mm / steps_mm, generator))
    sigma = np.sqrt((draw.fwhm_mm / FWHM_PER_SIGMA) ** 2 + np.array([draw.breathing_mm**2, 0.0, 0.0]))
    blurred = ndimage.gaussian_filter(activity, sigma / steps_mm)
    if draw.overshoot > 0.0:
        wider = ndimage.gaussian_filter(blurred, draw.overshoot_reach * sigma / steps_mm)
        blurred += np.float32(draw.overshoot) * (blurred - wider)
    if draw.haze > 0.0:
        blurred += np.float32(draw.haze) * _far(activity, HAZE_MM / steps_mm)
    # Attenuation and scatter that were corrected wrongly.
    blurred *= np.exp(0.10 * _smooth(activity.shape, 120.0 / steps_mm, generator))
    level = ndimage.gaussian_filter(np.maximum(blurred, 0.0), 2.0 * sigma / steps_mm)
    body = np.float32(np.mean(level[labels > 0])) if np.any(labels > 0) else np.float32(1.0)
    liver = np.float32(TYPICAL_OVER_REST["Liver"][0])
    blurred += (
        np.float32(draw.noise)
        * liver
        * (np.maximum(level + np.float32(0.05) * body, 0.0) / liver) ** np.float32(draw.noise_power)
        * _smooth(activity.shape, draw.noise_fwhm_mm / FWHM_PER_SIGMA / steps_mm, generator)
    )
    return np.asarray(np.maximum(blurred, 0.0), dtype=np.float32)


def patient_emission(
    patient: VirtualPatient, *, scan: int, grid: Grid, generator: np.random.Generator, draw: EmissionDraw
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Return an imitated image of a virtual patient's own activity at a scan, and the region of each voxel.

    Parameters
    ----------
    patient : VirtualPatient
        With the uptake that its agent and seed gave it.
    scan : int
        Number of the scan, from 0.
    grid : Grid
        Voxels.
    generator, draw
        As of ``emission_image``.

    Returns
    -------
    (n_z, n_y, n_x) float32 array, (n_z, n_y, n_x) uint8 array
        Concentration over that of the rest of the body; 1 + place in ``region_names``, 0 outside.
    """
    anatomy = patient.anatomy
    regions = anatomy.region_labels(paint_labels(anatomy, grid=grid, pose=patient.poses[scan])).astype(np.uint8)
    found = patient.concentrations_bq_per_ml(scan)
    values = np.array([0.0, *(found.get(name, 0.0) / found[REST] for name in anatomy.region_names)], dtype=np.float32)
    image = emission_image(anatomy, regions, grid=grid, generator=generator, draw=draw, concentrations=values)
    return image, regions


def part_concentrations(anatomy: VirtualAnatomy, generator: np.random.Generator) -> FloatArray:
    """Return the concentration of every label over that of the rest of the body; nothing outside."""
    common = float(0.4 * generator.standard_normal())
    is_wild = generator.random() < 0.15
    by_region: dict[str, float] = {}
    pairs: dict[str, float] = {}
    for name, kind in anatomy.kinds.items():
        if name == REST_REGION:
            by_region[name] = 1.0
            continue
        median, spread = TYPICAL_OVER_REST.get(name, (1.0, OTHER_SPREAD))
        if kind is RegionKind.LESION:
            median, spread = LESION_OVER_REST
        stem = name.removesuffix(" left").removesuffix(" right")
        if stem not in pairs:
            pairs[stem] = float(generator.standard_normal())
        log = np.log(median) + common + spread * pairs[stem] + PAIR_SPREAD * float(generator.standard_normal())
        if is_wild:
            log = float(generator.uniform(np.log(0.3), np.log(40.0)))
        by_region[name] = float(np.exp(log))
    cavity = np.exp(generator.uniform(np.log(0.3), np.log(3.0)))
    medulla = generator.uniform(0.4, 1.1)
    values = [0.0]
    for part in anatomy.parts:
        value = by_region[part.source_region]
        if "Kidney" in part.name and part.name.endswith(" medulla"):
            value *= medulla
        elif "Kidney" in part.name and part.name.endswith(" pelvis"):
            value = by_region.get(part.name.removesuffix(" pelvis"), 1.0) * cavity
        elif part.tissue in {"gas", "cyst", "metal"}:
            value = 0.05
        values.append(float(value))
    return np.array(values, dtype=np.float32)


def _far(activity: FloatArray, sigma_voxels: NDArray[np.float64]) -> FloatArray:
    """Return a wide blur of activity, drawn on voxels a third of the standard deviation long."""
    factors = np.maximum(np.floor(sigma_voxels / 3.0), 1.0)
    coarse = ndimage.zoom(ndimage.uniform_filter(activity, factors.astype(int)), 1.0 / factors, order=0)
    wide = ndimage.gaussian_filter(coarse, sigma_voxels / factors)
    return np.asarray(ndimage.zoom(wide, np.array(activity.shape) / wide.shape, order=1), dtype=np.float32)


def _smooth(shape: tuple[int, ...], sigma_voxels: NDArray[np.float64], generator: np.random.Generator) -> FloatArray:
    """Return noise of unit variance; long correlations are drawn on a coarser grid."""
    factors = np.maximum(np.floor(np.asarray(sigma_voxels) / 1.5), 1.0).astype(int)
    coarse = [int(np.ceil(n / f)) + 1 for n, f in zip(shape, factors, strict=True)]
    noise = ndimage.gaussian_filter(generator.standard_normal(coarse, dtype=np.float32), sigma_voxels / factors)
    if np.any(factors > 1):
        zoomed = ndimage.zoom(noise, factors, order=1)
        noise = zoomed[tuple(slice(0, n) for n in shape)]
    else:
        noise = noise[tuple(slice(0, n) for n in shape)]
    return np.asarray(noise / np.float32(max(float(noise.std()), 1e-6)))
