"""Phantoms of water and plastic as a scanner would show them: emission imitated, CT of water in a plastic wall."""

import numpy as np

from dosimetry.phantoms.scanner import centred_grid
from dosimetry.phantoms.training_emission import EmissionDraw, emission_image
from dosimetry.volume import Volume

GRID = centred_grid(shape_zyx=(72, 112, 112), spacing_xyz_mm=(4.0, 4.0, 4.0))
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.08, noise_fwhm_mm=8.0, breathing_mm=0.0)
RING_MM = 57.0
JASZCZAK_MM = (9.5, 12.7, 15.9, 19.1, 25.4, 31.8)
IEC_MM = (10.0, 13.0, 17.0, 22.0, 28.0, 37.0)
"""Inner diameters of the spheres (Jaszczak; NEMA NU 2), their middles on a ring."""
WALL_HU, LUNG_HU = 120.0, -700.0


def liquid_phantom(name: str, *, ratio: float) -> tuple[Volume, Volume]:
    """Return emission and CT of ``cylinder``, ``jaszczak``, ``iec`` or ``vial``; ``ratio`` of spheres to background."""
    z, y, x = np.meshgrid(*[(np.arange(n) - 0.5 * (n - 1)) * 4.0 for n in GRID.shape_zyx], indexing="ij")
    hu = np.full(GRID.shape_zyx, -1000.0, dtype=np.float32)
    labels = np.zeros(GRID.shape_zyx, dtype=np.uint8)
    if name == "vial":
        wall, labels[(np.hypot(x, y) < 13.0) & (np.abs(z) < 25.0)] = (np.hypot(x, y) < 15.0) & (np.abs(z) < 28.0), 2
        hu[wall] = 0.0
    elif name == "iec":
        # LPS y points to the back: round in front, two quarter circles behind.
        across = np.where(y <= 35.0, np.hypot(x, y - 35.0) < 147.0, np.hypot(np.maximum(abs(x) - 70, 0), y - 35) < 77.0)
        water, lung = across & (np.abs(z) < 97.0), (np.hypot(x, y) < 22.0) & (np.abs(z) < 97.0)
        hu[water], labels[water] = 0.0, 1
        labels[_spheres(x, y, z, IEC_MM)] = 2
        hu[lung], labels[lung] = LUNG_HU, 0
    else:
        hu[(np.hypot(x, y) < 114.0) & (np.abs(z) < 99.0)] = WALL_HU
        water = (np.hypot(x, y) < 108.0) & (np.abs(z) < 93.0)
        hu[water], labels[water] = 0.0, 1
        if name == "jaszczak":
            labels[_spheres(x, y, z, JASZCZAK_MM)] = 2
    generator = np.random.default_rng(4)
    concentrations = np.array([0.0, 1.0, ratio], dtype=np.float32)
    values = emission_image(None, labels, grid=GRID, generator=generator, draw=DRAW, concentrations=concentrations)
    hu += generator.normal(0.0, 8.0, hu.shape).astype(np.float32)
    return Volume(values=values, grid=GRID, unit="Bq/mL"), Volume(values=hu, grid=GRID, unit="HU")


def _spheres(x, y, z, diameters_mm) -> np.ndarray:
    found = np.zeros(x.shape, dtype=bool)
    for angle, diameter in zip(np.arange(6) * np.pi / 3.0, diameters_mm, strict=True):
        dx, dy = x - RING_MM * np.cos(angle), y - RING_MM * np.sin(angle)
        found |= dx**2 + dy**2 + z**2 < (0.5 * diameter) ** 2
    return found
