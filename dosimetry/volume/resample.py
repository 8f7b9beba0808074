"""Sample a volume at the voxel centres of another grid."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.volume.grid import Grid, Volume
from dosimetry.volume.transform import RigidTransform

ORDERS = {"nearest": 0, "linear": 1}
EDGE_TOLERANCE_VOXELS = 1e-3
"""Points this little outside the outermost voxel centres count as on them: headers and matrices carry rounding."""


def resample(
    volume: Volume,
    *,
    onto: Grid,
    transform: RigidTransform | None = None,
    interpolation: str = "linear",
    fill_value: float = 0.0,
    frame_of_reference_uid: str | None = None,
) -> Volume:
    """Interpolate a volume at the voxel centres of another grid.

    Intensive quantities only (HU, Bq/mL, Gy): interpolation does not conserve a sum.

    Parameters
    ----------
    volume : Volume
        The moving volume.
    onto : Grid
        Wanted voxel centres, in the fixed frame.
    transform : RigidTransform or None
        Maps points of the fixed frame to the frame of ``volume``; None when both share one frame.
    interpolation : str
        ``linear`` or ``nearest``.
    fill_value : float
        Value beyond the outermost voxel centres of ``volume``, in its unit.
    frame_of_reference_uid : str or None
        Frame of the result; None keeps that of ``volume`` (right only without a transform).

    Returns
    -------
    Volume
        Values on ``onto``, dtype of ``volume`` for ``nearest``, float32 for ``linear``.

    Raises
    ------
    InvalidInputError
        Unknown interpolation.
    """
    if interpolation not in ORDERS:
        raise InvalidInputError(f"Interpolation must be one of {sorted(ORDERS)}; got {interpolation!r}.")
    between = np.eye(4) if transform is None else transform.as_array()
    index_map = np.linalg.inv(volume.grid.affine) @ between @ onto.affine
    reverse = np.eye(4)[[2, 1, 0, 3]]
    zyx_map = reverse @ index_map @ reverse
    dtype = volume.values.dtype if interpolation == "nearest" else np.dtype(np.float32)
    values = ndimage.affine_transform(
        volume.values.astype(dtype, copy=False),
        zyx_map[:3, :3],
        offset=zyx_map[:3, 3],
        output_shape=onto.shape_zyx,
        output=dtype,
        order=ORDERS[interpolation],
        mode="nearest",
    )
    values[_is_outside(zyx_map, onto.shape_zyx, volume.grid.shape_zyx)] = fill_value
    frame = volume.frame_of_reference_uid if frame_of_reference_uid is None else frame_of_reference_uid
    return Volume(values=values, grid=onto, unit=volume.unit, frame_of_reference_uid=frame)


def _is_outside(
    zyx_map: NDArray[np.float64], onto_shape: tuple[int, int, int], source_shape: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """Return which voxels of the target lie beyond the outermost voxel centres of the source, slice by slice."""
    outside = np.zeros(onto_shape, dtype=bool)
    rows, columns = np.arange(onto_shape[1])[:, None], np.arange(onto_shape[2])[None, :]
    for axis, size in enumerate(source_shape):
        in_plane = zyx_map[axis, 1] * rows + zyx_map[axis, 2] * columns + zyx_map[axis, 3]
        for k in range(onto_shape[0]):
            index = in_plane + zyx_map[axis, 0] * k
            outside[k] |= (index < -EDGE_TOLERANCE_VOXELS) | (index > size - 1.0 + EDGE_TOLERANCE_VOXELS)
    return outside
