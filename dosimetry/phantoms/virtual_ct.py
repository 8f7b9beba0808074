"""The CT of a virtual patient: CT numbers with texture, noise, table, contrast agent and what spoils real ones."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.body_parts import TISSUES
from dosimetry.phantoms.virtual_anatomy import VirtualAnatomy
from dosimetry.phantoms.virtual_table import AIR_HU, table_hu
from dosimetry.volume import Grid, RigidTransform, Volume

DoseLevel = Literal["low_dose", "diagnostic", "none"]
NOISE_HU: dict[str, float] = {"low_dose": 24.0, "diagnostic": 9.0, "none": 0.0}
"""Standard deviation of noise in soft tissue of an average adult; grows with the girth."""
OUTSIDE_FIELD_HU = -1024.0
TISSUE_SPREAD_HU = 4.0
"""Between patients, of each soft tissue."""
TEXTURE_MM = 6.0
LOOP_MM = 11.0
"""Size of bowel loops."""
NOISE_MM = 1.6
EDGE_MM = 1.2
DISC_SPACING_MM, DISC_MM = 33.0, 6.0
DOME_MM, BREATHING_REACH_MM = 70.0, 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CtOptions:
    """How the CT is taken.

    Parameters
    ----------
    dose_level : {"low_dose", "diagnostic", "none"}
        Noise.
    has_contrast : bool
        Agent in the portal venous phase.
    has_table : bool
        Whether the table is seen.
    breathing_mm : float
        Standard deviation of the motion of the diaphragm during the scan, mm; 0 for none.
    field_of_view_mm : float
        Diameter of the reconstructed circle, mm; 0 for the whole grid.
    """

    dose_level: DoseLevel = "low_dose"
    has_contrast: bool = False
    has_table: bool = True
    breathing_mm: float = 4.0
    field_of_view_mm: float = 0.0

    def __post_init__(self) -> None:
        if self.dose_level not in NOISE_HU:
            raise InvalidInputError(f"The dose level is one of {', '.join(NOISE_HU)}.", code="bad_ct")
        if self.breathing_mm < 0.0 or self.field_of_view_mm < 0.0:
            raise InvalidInputError("Breathing and field of view are zero or more, in mm.", code="bad_ct")


def make_ct(
    anatomy: VirtualAnatomy,
    labels: NDArray[np.uint8],
    *,
    grid: Grid,
    seed: int,
    options: CtOptions = CtOptions(),
    pose: RigidTransform | None = None,
    frame_of_reference_uid: str = "",
) -> Volume:
    """Return the CT of painted labels.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        The body.
    labels : (n_z, n_y, n_x) uint8 array
        Of ``paint_labels`` on the grid of the CT.
    grid : Grid
        Voxels.
    seed : int
        Of texture and noise of this scan; tissues keep the CT numbers of the patient's own seed.
    options : CtOptions
        How it is taken.
    pose : RigidTransform or None
        With which the labels were painted; None for none. The table lies under the back in this pose.
    frame_of_reference_uid : str
        DICOM frame of reference.

    Returns
    -------
    Volume
        int16, HU.
    """
    steps_mm = np.array(grid.spacing_xyz_mm[::-1])
    numbers, texture = _tables(anatomy, has_contrast=options.has_contrast)
    generator = np.random.default_rng([seed, 51])
    hu = numbers[labels]
    hu += texture[labels] * _smooth_noise(grid, TEXTURE_MM, generator)
    _fill_bowel(hu, anatomy, labels, grid, generator)
    _add_discs(hu, anatomy, labels, grid)
    if options.has_table:
        _add_table(hu, anatomy, labels, grid, pose)
    _breathe(hu, anatomy, grid, options.breathing_mm)
    hu = ndimage.gaussian_filter(hu, EDGE_MM / steps_mm, mode="nearest")
    _add_streaks(hu, anatomy, labels, grid, generator)
    sigma = NOISE_HU[options.dose_level] * (anatomy.habitus.bmi / 24.0)
    if sigma > 0.0:
        hu += np.float32(sigma) * _smooth_noise(grid, NOISE_MM, generator)
    if options.field_of_view_mm > 0.0:
        hu[:, _radius_mm(grid) > 0.5 * options.field_of_view_mm] = OUTSIDE_FIELD_HU
    values = np.rint(np.clip(hu, OUTSIDE_FIELD_HU, 3071.0)).astype(np.int16)
    return Volume(values=values, grid=grid, unit="HU", frame_of_reference_uid=frame_of_reference_uid)


def _tables(anatomy: VirtualAnatomy, *, has_contrast: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return CT number and texture of every label."""
    spread = np.random.default_rng([anatomy.seed, 52]).standard_normal(len(TISSUES))
    own = dict(zip(TISSUES, TISSUE_SPREAD_HU * spread, strict=True))
    numbers, texture = [AIR_HU], [0.0]
    for part in anatomy.parts:
        tissue = TISSUES[part.tissue]
        value = tissue.enhanced_hu if has_contrast else tissue.hounsfield_units
        numbers.append(value + (own[part.tissue] if abs(value) < 300.0 else 0.0))
        texture.append(tissue.texture_hu)
    return np.array(numbers, dtype=np.float32), np.array(texture, dtype=np.float32)


def _smooth_noise(grid: Grid, size_mm: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return noise of unit variance that is correlated over a length."""
    noise = generator.standard_normal(grid.shape_zyx, dtype=np.float32)
    sigmas = [0.5 * size_mm / step for step in reversed(grid.spacing_xyz_mm)]
    smooth = ndimage.gaussian_filter(noise, sigmas, mode="wrap")
    return np.asarray(smooth / np.float32(max(float(smooth.std()), 1e-6)))


def _parts_named(anatomy: VirtualAnatomy, labels: NDArray[np.uint8], names: tuple[str, ...]) -> NDArray[np.bool_]:
    chosen = [number for number, part in enumerate(anatomy.parts, start=1) if part.name in names]
    return np.isin(labels, chosen)


def _fill_bowel(
    hu: NDArray[np.float32],
    anatomy: VirtualAnatomy,
    labels: NDArray[np.uint8],
    grid: Grid,
    generator: np.random.Generator,
) -> None:
    """Break the bowel into loops: walls, content, fat between them and some gas."""
    is_bowel = _parts_named(anatomy, labels, ("Bowel", "Ascending colon", "Descending colon", "Transverse colon"))
    loops = _smooth_noise(grid, LOOP_MM, generator)
    is_small = _parts_named(anatomy, labels, ("Bowel",))
    hu[is_small & (loops < -0.75)] = TISSUES["fat"].hounsfield_units
    hu[is_bowel & (loops > 2.0)] = TISSUES["gas"].hounsfield_units
    hu[is_bowel & (np.abs(loops - 0.6) < 0.12)] += 22.0


def _add_discs(hu: NDArray[np.float32], anatomy: VirtualAnatomy, labels: NDArray[np.uint8], grid: Grid) -> None:
    is_body = _parts_named(anatomy, labels, ("Spine", "Spine marrow"))
    z_mm = _slice_z_mm(grid) / anatomy.scale_xyz[2]
    is_disc = np.mod(z_mm, DISC_SPACING_MM) < DISC_MM
    hu[is_body & is_disc[:, None, None]] = TISSUES["disc"].hounsfield_units


def _add_table(
    hu: NDArray[np.float32],
    anatomy: VirtualAnatomy,
    labels: NDArray[np.uint8],
    grid: Grid,
    pose: RigidTransform | None,
) -> None:
    plate = np.broadcast_to(table_hu(anatomy, grid=grid, pose=pose)[None], hu.shape)
    is_free = (labels == 0) & (plate > AIR_HU)
    hu[is_free] = plate[is_free]


def _breathe(hu: NDArray[np.float32], anatomy: VirtualAnatomy, grid: Grid, sigma_mm: float) -> None:
    """Blur along the body round the domes of the diaphragm."""
    if sigma_mm == 0.0:
        return
    z_mm = _slice_z_mm(grid)
    share = np.exp(-(((z_mm - DOME_MM * anatomy.scale_xyz[2]) / BREATHING_REACH_MM) ** 2)).astype(np.float32)
    moved = ndimage.gaussian_filter1d(hu, sigma_mm / grid.spacing_xyz_mm[2], axis=0, mode="nearest")
    hu += share[:, None, None] * (moved - hu)


def _add_streaks(
    hu: NDArray[np.float32],
    anatomy: VirtualAnatomy,
    labels: NDArray[np.uint8],
    grid: Grid,
    generator: np.random.Generator,
) -> None:
    """Draw bright and dark rays from metal, slice by slice."""
    is_metal = _parts_named(anatomy, labels, ("Implant stem", "Implant head"))
    step_x, step_y, _ = grid.spacing_xyz_mm
    y, x = np.mgrid[: grid.shape_zyx[1], : grid.shape_zyx[2]].astype(np.float32)
    for z in np.flatnonzero(is_metal.any(axis=(1, 2))):
        rows, columns = np.nonzero(is_metal[z])
        dy, dx = (y - rows.mean()) * step_y, (x - columns.mean()) * step_x
        angle, distance = np.arctan2(dy, dx), np.hypot(dx, dy)
        rays = np.cos(2.0 * angle) + 0.6 * np.cos(14.0 * angle + generator.uniform(0.0, 2.0 * np.pi))
        hu[z] += (220.0 * rays * np.exp(-distance / 70.0) * (distance > 6.0)).astype(np.float32)


def _slice_z_mm(grid: Grid) -> NDArray[np.float64]:
    return grid.index_to_lps_mm(np.array([[z, 0, 0] for z in range(grid.shape_zyx[0])], dtype=float))[:, 2]


def _radius_mm(grid: Grid) -> NDArray[np.float64]:
    step_x, step_y, _ = grid.spacing_xyz_mm
    n_y, n_x = grid.shape_zyx[1:]
    y, x = np.mgrid[:n_y, :n_x]
    return np.asarray(np.hypot((y - 0.5 * (n_y - 1)) * step_y, (x - 0.5 * (n_x - 1)) * step_x))
