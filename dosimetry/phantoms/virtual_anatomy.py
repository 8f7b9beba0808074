"""The anatomy of one virtual patient: parts by sex, habitus and variants, lesions, deformation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.body_parts import REST_REGION, TISSUES, AnatomyPart, paint_solid
from dosimetry.phantoms.habitus import Habitus, organ_mass_g, sample_habitus
from dosimetry.phantoms.lesions import LesionRequest, place_lesions, sample_requests
from dosimetry.phantoms.organs import Variant, belly, chest, head_glands, kidneys, pelvis_organs
from dosimetry.phantoms.trunk import implant, outline, ribs, skeleton, vessels_and_muscles
from dosimetry.volume import Grid, RigidTransform, Volume

AIR_G_PER_ML = 0.00121
N_WAVES = 3
WAVE_AMPLITUDE_MM = 4.0
SHORTEST_WAVE_MM = 170.0
SLAB = 4
"""Slices painted at a time: bounds the memory."""
GIRTH_POWER = 0.25


@dataclass(frozen=True, kw_only=True)
class VirtualAnatomy:
    """A body in parts.

    Parameters
    ----------
    seed : int
        What it was made from.
    habitus : Habitus
        Sex, height, mass.
    variants : frozenset of Variant
        What makes it harder.
    parts : tuple of AnatomyPart
        In the order of painting: a later part replaces an earlier one, so that none intersect.
    scale_xyz : (x, y, z) float
        Size of the body over that of the reference adult.
    wave_mm, shortest_wave_mm : float
        Standard deviation and shortest length of the smooth deformation of the whole body, mm.
    """

    seed: int
    habitus: Habitus
    variants: frozenset[Variant]
    parts: tuple[AnatomyPart, ...]
    scale_xyz: tuple[float, float, float]
    wave_mm: float = WAVE_AMPLITUDE_MM
    shortest_wave_mm: float = SHORTEST_WAVE_MM

    @cached_property
    def region_names(self) -> tuple[str, ...]:
        """Return the source regions, the rest of the body last."""
        names = dict.fromkeys(part.source_region for part in self.parts if part.source_region != REST_REGION)
        return (*names, REST_REGION)

    @cached_property
    def kinds(self) -> Mapping[str, RegionKind]:
        """Return what each region is."""
        kinds = {part.source_region: part.kind for part in self.parts}
        return {**kinds, REST_REGION: RegionKind.REST}

    @cached_property
    def _waves(self) -> NDArray[np.float64]:
        """Return (axis, wave, [amplitude, phase, k_x, k_y, k_z]) of the deformation."""
        generator = np.random.default_rng([self.seed, 41])
        waves = np.empty((3, N_WAVES, 5))
        waves[..., 0] = self.wave_mm / np.sqrt(N_WAVES) * generator.standard_normal((3, N_WAVES))
        waves[..., 1] = generator.uniform(0.0, 2.0 * np.pi, (3, N_WAVES))
        direction = generator.standard_normal((3, N_WAVES, 3))
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        length = generator.uniform(self.shortest_wave_mm, 2.0 * self.shortest_wave_mm, (3, N_WAVES, 1))
        waves[..., 2:] = 2.0 * np.pi * direction / length
        return waves

    def to_reference(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points (..., 3) of the patient lie in the undeformed reference adult, LPS mm."""
        scaled = np.asarray(points_lps_mm) / np.asarray(self.scale_xyz)
        moved = scaled.copy()
        for axis in range(3):
            for amplitude, phase, *k in self._waves[axis]:
                moved[..., axis] += amplitude * np.sin(scaled @ np.asarray(k) + phase)
        return np.asarray(moved)

    def region_labels(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return labels of regions (1 + place in ``region_names``, 0 outside) from labels of parts."""
        order = {name: i + 1 for i, name in enumerate(self.region_names)}
        table = np.array([0, *(order[part.source_region] for part in self.parts)], dtype=np.uint8)
        return np.asarray(table[labels])

    def density_g_per_ml(self, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the density of painted labels, g/mL; air outside."""
        table = [AIR_G_PER_ML, *(TISSUES[part.tissue].density_g_per_ml for part in self.parts)]
        return np.asarray(np.array(table, dtype=np.float32)[labels])


def make_anatomy(
    *,
    seed: int,
    habitus: Habitus | None = None,
    variants: frozenset[Variant] = frozenset(),
    lesions: tuple[LesionRequest, ...] | None = None,
    is_arms_up: bool = True,
) -> VirtualAnatomy:
    """Make the anatomy of a patient; equal arguments give equal patients on every machine.

    Parameters
    ----------
    seed : int
        0 or above. Organs, lesions and deformation draw from streams of their own.
    habitus : Habitus or None
        None draws one.
    variants : frozenset of Variant
        What makes it harder.
    lesions : tuple of LesionRequest or None
        None draws 0 to 6 in liver and bone and 0 to 3 nodes, and makes those smaller that find no room.
    is_arms_up : bool
        Where the arms are.

    Returns
    -------
    VirtualAnatomy
        Parts in the order of painting.

    Raises
    ------
    InvalidInputError
        A negative seed, an impossible habitus, or a lesion that ``place_lesions`` refuses.
    """
    if seed < 0:
        raise InvalidInputError("The seed of a virtual patient is 0 or above.", code="bad_seed")
    chosen = habitus or sample_habitus(np.random.default_rng([seed, 1]))
    length = chosen.length_scale
    girth = length * (chosen.bmi / 24.0) ** GIRTH_POWER / length**0.5

    def volume_ml(name: str) -> float:
        generator = np.random.default_rng([seed, 2, *name.encode()])
        mass_g = organ_mass_g(name, habitus=chosen, generator=generator)
        # The body is scaled as a whole afterwards.
        return float(mass_g / 1.05 / (girth * girth * length))

    bodies = (
        *outline(chosen, is_arms_up=is_arms_up),
        *vessels_and_muscles(),
        *chest(volume_ml),
        *ribs(),
        *belly(volume_ml, variants),
        *kidneys(volume_ml, variants),
        *pelvis_organs(volume_ml, chosen.sex),
        *skeleton(),
        *head_glands(volume_ml),
        *(implant() if Variant.IMPLANT in variants else ()),
    )
    requests = sample_requests(np.random.default_rng([seed, 3])) if lesions is None else lesions
    scale = girth * girth * length
    placed = place_lesions(
        requests,
        parts=bodies,
        generator=np.random.default_rng([seed, 4]),
        volume_scale=scale,
        may_shrink=lesions is None,
    )
    return VirtualAnatomy(
        seed=seed,
        habitus=chosen,
        variants=variants,
        parts=(*bodies, *placed),
        scale_xyz=(girth, girth, length),
    )


def paint_labels(anatomy: VirtualAnatomy, *, grid: Grid, pose: RigidTransform | None = None) -> NDArray[np.uint8]:
    """Return which part each voxel centre lies in.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        The body.
    grid : Grid
        Voxels in the frame of the scan.
    pose : RigidTransform or None
        Maps points of the patient to the frame of the scan; None for none.

    Returns
    -------
    (n_z, n_y, n_x) uint8 array
        0 outside, else 1 + place of the part.
    """
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    back = (pose or RigidTransform.identity()).inverse()
    n_z, n_y, n_x = grid.shape_zyx
    rows = np.stack(np.meshgrid(np.arange(n_y), np.arange(n_x), indexing="ij"), axis=-1).reshape(-1, 2)
    for first in range(0, n_z, SLAB):
        slices = np.arange(first, min(first + SLAB, n_z))
        indices = np.concatenate([np.repeat(slices, len(rows))[:, None], np.tile(rows, (slices.size, 1))], axis=1)
        points = anatomy.to_reference(back.apply(grid.index_to_lps_mm(indices.astype(float))))
        flat = labels[first : first + slices.size].reshape(-1)
        for number, part in enumerate(anatomy.parts, start=1):
            paint_solid(flat, points, part.solid, number)
    return labels


def region_volumes_ml(anatomy: VirtualAnatomy, labels: NDArray[np.uint8], *, grid: Grid) -> dict[str, float]:
    """Return the painted volume of every region that is there, mL."""
    counts = np.bincount(anatomy.region_labels(labels).ravel(), minlength=len(anatomy.region_names) + 1)
    volumes = {name: float(counts[i + 1]) * grid.voxel_volume_ml for i, name in enumerate(anatomy.region_names)}
    return {name: volume for name, volume in volumes.items() if volume > 0.0}


def density_volume(anatomy: VirtualAnatomy, labels: NDArray[np.uint8], *, grid: Grid) -> Volume:
    """Return the density of painted labels as a volume, g/mL."""
    return Volume(values=anatomy.density_g_per_ml(labels), grid=grid, unit="g/mL")


__all__ = [
    "LesionRequest",
    "Variant",
    "VirtualAnatomy",
    "density_volume",
    "make_anatomy",
    "paint_labels",
    "region_volumes_ml",
]
