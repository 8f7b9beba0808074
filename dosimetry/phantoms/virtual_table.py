"""The table of the scanner under a virtual patient: one place in CT, SPECT and every bed."""

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.virtual_anatomy import AIR_G_PER_ML, VirtualAnatomy
from dosimetry.volume import Grid, RigidTransform

AIR_HU = -1000.0
TABLE_SKIN_HU, TABLE_CORE_HU = -150.0, -930.0
TABLE_MM, TABLE_SKIN_MM, TABLE_HALF_WIDTH_MM, TABLE_CURVE_PER_MM = 22.0, 2.0, 205.0, 0.0012
GAP_MM = 4.0
"""Mattress between the back and the middle of the table."""
BODY_Z_MM = (-620.0, 600.0)
"""From the ends of the modelled legs to above the head, in the reference adult."""
COLUMN_STEP_MM, SLICE_STEP_MM = 8.0, 10.0
REACH_MM = 400.0
BISECTIONS = 12
"""Of ``REACH_MM``: the surface is found within 0.1 mm."""


def back_mm(anatomy: VirtualAnatomy, *, pose: RigidTransform | None = None) -> float:
    """Return the y (LPS, mm, frame of the scan) of the deepest point of the whole body, found within 1 mm.

    It rests on the body alone, not on a grid: every bed and modality that sees the patient in a pose gets the same.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        The body.
    pose : RigidTransform or None
        Maps points of the patient to the frame of the scan; None for none.

    Raises
    ------
    InvalidInputError
        A body without skin (``no_skin``).
    """
    skin = [part.solid for part in anatomy.parts if part.tissue == "skin"]
    if not skin:
        raise InvalidInputError("A body without skin has no back to lie on.", code="no_skin")
    back = (pose or RigidTransform.identity()).inverse()
    x_mm = np.arange(-TABLE_HALF_WIDTH_MM, TABLE_HALF_WIDTH_MM, COLUMN_STEP_MM)
    z_mm = anatomy.scale_xyz[2] * np.arange(*BODY_Z_MM, SLICE_STEP_MM)
    x, z = (values.ravel() for values in np.meshgrid(x_mm, z_mm))

    def is_inside(y: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        points = anatomy.to_reference(back.apply(np.stack([x[chosen], y, z[chosen]], axis=-1)))
        return np.asarray(np.any([solid.level(points) <= 1.0 for solid in skin], axis=0))

    everywhere = np.ones(x.shape, dtype=bool)
    is_body = is_inside(np.zeros(x.shape), everywhere)
    low, high = np.zeros(int(is_body.sum())), np.full(int(is_body.sum()), REACH_MM)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        inside = is_inside(middle, is_body)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return float(low.max())


def table_hu(anatomy: VirtualAnatomy, *, grid: Grid, pose: RigidTransform | None = None) -> NDArray[np.float32]:
    """Return the CT number of the table in each column of a slice (n_y, n_x), air where there is none.

    A curved plate of carbon fibre round foam under the deepest line of the back, its middle at x = 0; it is there in
    SPECT and CT alike.

    Parameters
    ----------
    anatomy : VirtualAnatomy
        The body that lies on it.
    grid : Grid
        Voxels along the axes of the patient.
    pose : RigidTransform or None
        How the patient lies in this scan; None for none.
    """
    n_y, n_x = grid.shape_zyx[1:]
    x_mm = grid.index_to_lps_mm(np.array([[0, 0, x] for x in range(n_x)], dtype=float))[:, 0]
    y_mm = grid.index_to_lps_mm(np.array([[0, y, 0] for y in range(n_y)], dtype=float))[:, 1]
    top_mm = back_mm(anatomy, pose=pose) + GAP_MM - TABLE_CURVE_PER_MM * x_mm**2
    depth = y_mm[:, None] - top_mm[None, :]
    is_plate = (depth >= 0.0) & (depth < TABLE_MM) & (np.abs(x_mm)[None, :] < TABLE_HALF_WIDTH_MM)
    is_skin = is_plate & ((depth < TABLE_SKIN_MM) | (depth > TABLE_MM - TABLE_SKIN_MM))
    plate = np.full((n_y, n_x), AIR_HU, dtype=np.float32)
    plate[is_plate] = TABLE_CORE_HU
    plate[is_skin] = TABLE_SKIN_HU
    return plate


def table_density(anatomy: VirtualAnatomy, *, grid: Grid, pose: RigidTransform | None = None) -> NDArray[np.float32]:
    """Return the density of the table in each column of a slice (n_y, n_x), g/mL, by HU / 1000 + 1."""
    plate = table_hu(anatomy, grid=grid, pose=pose)
    return np.asarray(np.maximum(plate / 1000.0 + 1.0, AIR_G_PER_ML), dtype=np.float32)
