"""Rigid transforms between two frames of reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError

ROTATION_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RigidTransform:
    """Map points of the fixed frame to the moving frame (the direction of SimpleITK), LPS, mm.

    Parameters
    ----------
    matrix : 16 floats, row-major 4 x 4
        Rotation and translation in mm; the last row is 0 0 0 1.

    Raises
    ------
    InvalidInputError
        The matrix is not finite, not a rotation, mirrored, or has another last row.
    """

    matrix: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.matrix) != 16 or not np.all(np.isfinite(self.matrix)):
            raise InvalidInputError("A rigid transform needs 16 finite numbers.", code="bad_transform")
        matrix = self.as_array()
        rotation = matrix[:3, :3]
        is_rotation = np.allclose(rotation.T @ rotation, np.eye(3), atol=ROTATION_TOLERANCE)
        if not is_rotation or np.linalg.det(rotation) < 0.0 or not np.allclose(matrix[3], [0, 0, 0, 1]):
            raise InvalidInputError("The matrix is not a rotation and a shift.", code="bad_transform")

    @classmethod
    def identity(cls) -> "RigidTransform":
        """Return the transform that moves nothing."""
        return cls.from_array(np.eye(4))

    @classmethod
    def from_array(cls, matrix: NDArray[Any]) -> "RigidTransform":
        """Make a transform from a (4, 4) array."""
        return cls(matrix=tuple(float(value) for value in np.asarray(matrix, dtype=float).ravel()))

    @classmethod
    def from_euler(
        cls,
        *,
        angles_xyz_rad: tuple[float, float, float],
        shift_lps_mm: tuple[float, float, float],
        centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> "RigidTransform":
        """Rotate about ``centre_lps_mm`` by x, then y, then z, then shift."""
        (cx, cy, cz), (sx, sy, sz) = np.cos(angles_xyz_rad), np.sin(angles_xyz_rad)
        rotate_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        rotate_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        rotate_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        rotation = rotate_z @ rotate_y @ rotate_x
        centre = np.asarray(centre_lps_mm)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = centre + np.asarray(shift_lps_mm) - rotation @ centre
        return cls.from_array(matrix)

    def as_array(self) -> NDArray[np.float64]:
        """Return the (4, 4) matrix."""
        return np.asarray(self.matrix, dtype=np.float64).reshape(4, 4)

    def inverse(self) -> "RigidTransform":
        """Return the transform from the moving to the fixed frame."""
        matrix = self.as_array()
        inverse = np.eye(4)
        inverse[:3, :3] = matrix[:3, :3].T
        inverse[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
        return RigidTransform.from_array(inverse)

    def after(self, first: "RigidTransform") -> "RigidTransform":
        """Return the transform that applies ``first`` and then this one."""
        return RigidTransform.from_array(self.as_array() @ first.as_array())

    def apply(self, points_lps_mm: NDArray[Any]) -> NDArray[np.float64]:
        """Map (..., 3) points of the fixed frame, mm, to the moving frame."""
        matrix = self.as_array()
        return np.asarray(np.asarray(points_lps_mm, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3])

    @property
    def rotation_angle_deg(self) -> float:
        """Return the total rotation angle in degrees."""
        cosine = (np.trace(self.as_array()[:3, :3]) - 1.0) / 2.0
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
