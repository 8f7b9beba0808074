"""Lesions, and hot places that are none, painted into the labels of a patient: what a network must tell apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.body_parts import AnatomyPart
from dosimetry.phantoms.shapes import Ellipsoid
from dosimetry.phantoms.virtual_anatomy import VirtualAnatomy
from dosimetry.units import ML_MM3

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
FociKind = Literal["lesion", "core", "urine", "bile", "bowel"]

VOLUME_RANGE_ML = (0.5, 100.0)
"""Drawn alike on a logarithmic scale: below is less than eight working voxels, above is seen without help."""
MOST_LESIONS, SHARE_WITHOUT = 12, 0.15
SITES: Mapping[str, float] = MappingProxyType({"liver": 0.35, "bone": 0.30, "node": 0.23, "soft": 0.12})
"""Share of lesions: where neuroendocrine and prostate tumours spread to, our weights."""
LARGEST_ML: Mapping[str, float] = MappingProxyType({"liver": 100.0, "bone": 40.0, "node": 25.0, "soft": 60.0})
BONES = ("Spine", "Pelvis", "Ribs", "Femur left", "Femur right")
NODE_HOSTS = ("Aorta", "Caval vein", "Psoas left", "Psoas right", "Neck muscle", "Trachea")
NODE_REACH_MM = 16.0
SOFT_PARTS = ("Belly", "Trunk muscle", "Lung left", "Lung right", "Pancreas", "Prostate", "Uterus")
UNEVEN, BUMPS = 0.22, 0.12
"""Spreads (logarithm) of the axes of a lesion and of its surface."""
SHARE_CORE, LEAST_CORE_ML, CORE_SHARE = 0.3, 12.0, 0.45
SHARE_URETER, SHARE_BOWEL, SHARE_GALLBLADDER = 0.5, 0.6, 0.6
GALLBLADDER_ML = (15.0, 60.0)
LEAST_LIVER_VOXELS = 200
LOOP_MM = 11.0
URETER_PIECE_MM = (8.0, 50.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """One painted place.

    Parameters
    ----------
    kind : {"lesion", "core", "urine", "bile", "bowel"}
        What it is; a core is the dead middle of a lesion and belongs to it.
    label : int
        Voxel value in the painted labels.
    host : int
        Label that its middle had.
    volume_ml : float
        As painted.
    """

    kind: FociKind
    label: int
    host: int
    volume_ml: float


@dataclass(kw_only=True)
class PaintedFoci:
    """A patient with foci.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        Without the lesions that it came with; the foci are its last parts.
    labels : (n_z, n_y, n_x) uint8 array
        1 + place of the part, 0 outside.
    foci : list of Focus
        In the order of painting.
    """

    anatomy: VirtualAnatomy
    labels: Labels
    foci: list[Focus] = field(default_factory=list)

    def lesion_numbers(self) -> NDArray[np.uint8]:
        """Return the number of the lesion, from 1, in each voxel; cores belong to theirs; 0 elsewhere."""
        table = np.zeros(1 + len(self.anatomy.parts), dtype=np.uint8)
        number = 0
        for focus in self.foci:
            number += focus.kind == "lesion"
            table[focus.label] = number if focus.kind in {"lesion", "core"} else 0
        return np.asarray(table[self.labels])


def paint_foci(
    anatomy: VirtualAnatomy, labels: Labels, *, spacing_mm: float, generator: np.random.Generator
) -> PaintedFoci:
    """Paint lesions and physiological foci at random into the labels of a patient without lesions.

    Lesions are uneven ellipsoids with bumps, of 0.5 to 100 mL, in the liver, in bone, along the great vessels and in
    soft tissue, some with a dead core. Foci that are no lesions: pieces of the ureters, the gallbladder, bowel loops.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        The body; its own lesions are left out.
    labels : (n_z, n_y, n_x) uint8 array
        Of its parts without lesions, on cubes.
    spacing_mm : float
        Side of a voxel, mm.
    generator : Generator
        Draws all.

    Returns
    -------
    PaintedFoci
        A copy.
    """
    bodies = tuple(part for part in anatomy.parts if part.kind is not RegionKind.LESION)
    painted = PaintedFoci(anatomy=replace(anatomy, parts=bodies), labels=labels.copy())
    _paint_bowel(painted, spacing_mm, generator)
    _paint_gallbladder(painted, spacing_mm, generator)
    for side in ("left", "right"):
        if generator.random() < SHARE_URETER:
            _paint_ureter(painted, side, spacing_mm, generator)
    if generator.random() >= SHARE_WITHOUT:
        for _ in range(int(generator.integers(1, MOST_LESIONS + 1))):
            _paint_lesion(painted, spacing_mm, generator)
    return painted


def _numbers(painted: PaintedFoci, names: tuple[str, ...]) -> list[int]:
    return [
        number
        for number, part in enumerate(painted.anatomy.parts, start=1)
        if part.name in names or part.source_region in names
    ]


def _where(painted: PaintedFoci, names: tuple[str, ...]) -> Mask:
    return np.isin(painted.labels, _numbers(painted, names))


def _add(painted: PaintedFoci, kind: FociKind, mask: Mask, *, host: int, tissue: str, spacing_mm: float) -> None:
    """Give voxels a new part; the solid only marks the place."""
    label = len(painted.anatomy.parts) + 1
    name = f"{kind.capitalize()} {label}"
    region = RegionKind.LESION if kind in {"lesion", "core"} else RegionKind.ORGAN
    solid = Ellipsoid(centre_lps_mm=(0.0, 0.0, 0.0), semi_axes_mm=(1.0, 1.0, 1.0))
    part = AnatomyPart(name=name, solid=solid, tissue=tissue, source_region=name, kind=region)
    painted.anatomy = replace(painted.anatomy, parts=(*painted.anatomy.parts, part))
    painted.labels[mask] = label
    volume_ml = float(np.count_nonzero(mask)) * spacing_mm**3 / ML_MM3
    painted.foci.append(Focus(kind=kind, label=label, host=host, volume_ml=volume_ml))


def _paint_lesion(painted: PaintedFoci, spacing_mm: float, generator: np.random.Generator) -> None:
    site = str(generator.choice(list(SITES), p=list(SITES.values())))
    low, high = np.log(VOLUME_RANGE_ML[0]), np.log(LARGEST_ML[site])
    n_voxels = int(np.ceil(np.exp(generator.uniform(low, high)) * ML_MM3 / spacing_mm**3))
    host, allowed = _site(painted, site, spacing_mm, generator)
    places = np.flatnonzero(host)
    if places.size == 0:
        return
    centre = np.array(np.unravel_index(int(generator.choice(places)), host.shape), dtype=float)
    own = painted.labels[tuple(centre.astype(int))]
    mask, level = blob(host.shape, centre, n_voxels, generator)
    lesions = [focus.label for focus in painted.foci if focus.kind in {"lesion", "core"}]
    mask &= allowed & ~np.isin(painted.labels, lesions)
    if np.count_nonzero(mask) * spacing_mm**3 < VOLUME_RANGE_ML[0] * ML_MM3:
        return
    tissue = "sclerosis" if site == "bone" else "tumour"
    _add(painted, "lesion", mask, host=int(own), tissue=tissue, spacing_mm=spacing_mm)
    if painted.foci[-1].volume_ml > LEAST_CORE_ML and generator.random() < SHARE_CORE:
        core = mask & (level <= CORE_SHARE)
        if core.any():
            _add(painted, "core", core, host=int(own), tissue="cyst", spacing_mm=spacing_mm)


def _site(painted: PaintedFoci, site: str, spacing_mm: float, generator: np.random.Generator) -> tuple[Mask, Mask]:
    """Return where the middle of a lesion may lie, and where its voxels may."""
    if site == "liver":
        host = _where(painted, ("Liver",))
        return host, ndimage.binary_dilation(host)
    if site == "bone":
        there = [mask for mask in (_where(painted, (name,)) for name in BONES) if mask.any()]
        host = there[int(generator.integers(len(there)))] if there else np.zeros(painted.labels.shape, dtype=bool)
        return host, ndimage.binary_dilation(host)
    rest = [n for n, part in enumerate(painted.anatomy.parts, start=1) if part.kind is RegionKind.REST]
    free = np.isin(painted.labels, rest)
    if site == "node":
        reach = int(np.ceil(NODE_REACH_MM / spacing_mm))
        vessels = _where(painted, NODE_HOSTS)
        return ndimage.binary_dilation(vessels, iterations=reach) & free, free
    inside = _where(painted, SOFT_PARTS)
    return inside, inside | free


def blob(
    shape: tuple[int, ...], centre: NDArray[np.float64], n_voxels: int, generator: np.random.Generator
) -> tuple[Mask, NDArray[np.float32]]:
    """Return an uneven ellipsoid with bumps, and its level: about 1 on the surface, 0 in the middle.

    Parameters
    ----------
    shape : (n_z, n_y, n_x) int
        Of the image.
    centre : (3,) array
        Voxel, z, y, x.
    n_voxels : int
        Size before the image cuts it.
    generator : Generator
        Draws axes, direction and bumps.
    """
    radius = (n_voxels * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    axes = np.exp(UNEVEN * generator.standard_normal(3))
    axes *= radius / np.prod(axes) ** (1.0 / 3.0)
    turn = Rotation.from_rotvec(np.pi * generator.standard_normal(3)).as_matrix()
    directions = generator.standard_normal((3, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = 2.0 * np.pi * directions / (generator.uniform(1.5, 3.0, (3, 1)) * max(radius, 1.5))
    phases = generator.uniform(0.0, 2.0 * np.pi, 3)
    reach = int(np.ceil(1.6 * axes.max())) + 1
    first = np.floor(centre).astype(int) - reach
    off = np.moveaxis(np.indices((2 * reach + 2,) * 3), 0, -1) + first - centre
    level = np.linalg.norm((off @ turn) / axes, axis=-1)
    level *= np.exp(BUMPS * np.cos(off @ waves.T + phases).sum(axis=-1))
    level /= max(float(np.sort(level.ravel())[n_voxels - 1]), 1e-3)
    low = np.maximum(first, 0)
    high = np.minimum(first + level.shape, shape)
    whole = np.full(shape, np.inf, dtype=np.float32)
    inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    whole[inside] = level[tuple(slice(a - f, b - f) for a, b, f in zip(low, high, first, strict=True))]
    return whole <= 1.0, whole


def _paint_bowel(painted: PaintedFoci, spacing_mm: float, generator: np.random.Generator) -> None:
    """Make some loops of the bowel a part of their own."""
    bowel = [n for n in _numbers(painted, ("Bowel",)) if painted.anatomy.parts[n - 1].tissue == "bowel"]
    is_bowel = np.isin(painted.labels, bowel)
    if generator.random() >= SHARE_BOWEL or not is_bowel.any():
        return
    noise = ndimage.gaussian_filter(generator.standard_normal(is_bowel.shape), 0.5 * LOOP_MM / spacing_mm)
    hot = is_bowel & (noise > np.quantile(noise[is_bowel], 1.0 - generator.uniform(0.05, 0.4)))
    if hot.any():
        _add(painted, "bowel", hot, host=bowel[0], tissue="bowel", spacing_mm=spacing_mm)


def _paint_gallbladder(painted: PaintedFoci, spacing_mm: float, generator: np.random.Generator) -> None:
    """Hang a gallbladder under the liver."""
    liver = _where(painted, ("Liver",))
    if generator.random() >= SHARE_GALLBLADDER or np.count_nonzero(liver) < LEAST_LIVER_VOXELS:
        return
    places = np.argwhere(liver)
    under = places[places[:, 0] <= np.quantile(places[:, 0], generator.uniform(0.05, 0.3))]
    front = under[under[:, 1] <= np.median(under[:, 1])]
    centre = front[int(generator.integers(len(front)))].astype(float)
    volume_ml = float(np.exp(generator.uniform(*np.log(GALLBLADDER_ML))))
    mask, _ = blob(liver.shape, centre, int(volume_ml * ML_MM3 / spacing_mm**3), generator)
    host = int(painted.labels[tuple(centre.astype(int))])
    _add(painted, "bile", mask & (painted.labels > 0), host=host, tissue="urine", spacing_mm=spacing_mm)


def _paint_ureter(painted: PaintedFoci, side: str, spacing_mm: float, generator: np.random.Generator) -> None:
    """Paint pieces of a ureter that hold urine just now, from the kidney to the bladder or out of the window."""
    kidney = _where(painted, (f"Kidney {side}",))
    if not kidney.any():
        return
    start = np.argwhere(kidney).mean(axis=0)
    bladder = _where(painted, ("Bladder",))
    spine = _where(painted, ("Spine",))
    middle_x = np.argwhere(spine)[:, 2].mean() if spine.any() else 0.5 * spine.shape[2]
    end = np.argwhere(bladder).mean(axis=0) if bladder.any() else np.array([-20.0, start[1], start[2]])
    inward = start[2] + 0.35 * (middle_x - start[2])
    knots = np.stack([start, [0.7 * start[0] + 0.3 * end[0], start[1] - 2.0, inward],
                      [0.3 * start[0] + 0.7 * end[0], start[1] - 1.0, inward], end])  # fmt: skip
    knots[1:3] += generator.normal(0.0, 8.0 / spacing_mm, (2, 3))
    share = np.linspace(0.0, 1.0, 600)
    path = np.stack([np.interp(share, [0.0, 0.3, 0.7, 1.0], knots[:, axis]) for axis in range(3)], axis=1)
    length_mm = spacing_mm * np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    filled = np.zeros(kidney.shape, dtype=bool)
    for _ in range(int(generator.integers(1, 4))):
        begin = generator.uniform(0.08, 0.95)
        piece = (share >= begin) & (share < begin + generator.uniform(*URETER_PIECE_MM) / max(length_mm, 1.0))
        voxels = np.rint(path[piece]).astype(int)
        voxels = voxels[np.all((voxels >= 0) & (voxels < kidney.shape), axis=1)]
        filled[tuple(voxels.T)] = True
    if generator.random() < 0.4:
        filled = ndimage.binary_dilation(filled)
    rest = [n for n, part in enumerate(painted.anatomy.parts, start=1) if part.kind is RegionKind.REST]
    filled &= np.isin(painted.labels, rest)
    if filled.any():
        _add(painted, "urine", filled, host=rest[0], tissue="urine", spacing_mm=spacing_mm)
