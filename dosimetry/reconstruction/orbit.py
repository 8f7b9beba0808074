"""Where the detector stood at each view."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InsufficientDataError, InvalidInputError

FloatArray = NDArray[np.float64]
LARGEST_GAP_STEPS = 2.5
"""A gap of more than this many angular steps is missing views, not uneven steps."""
SMALLEST_ARC_DEG = 180.0
LARGEST_RADIUS_MM = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """Angle and radius of the collimator's face at each view.

    The angle is that of DICOM's Start Angle (0054,0200) for a patient lying head first and supine: zero with the
    detector at the patient's back, 90 degrees at the patient's left side. In LPS the detector looks from
    n = (sin a, cos a) times its radius; columns of a projection run along u = (-cos a, sin a), so that an anterior view
    shows the patient's right side on the left.

    Parameters
    ----------
    angles_deg : floats
        One per view, degrees.
    radii_mm : floats
        Distance from the axis of rotation to the face of the collimator, mm; one per view.

    Raises
    ------
    InsufficientDataError
        No view, or no radius (code ``no_orbit``).
    InvalidInputError
        Unequal numbers, a radius that cannot be, a gap between the angles or an arc below 180 degrees.
    """

    angles_deg: tuple[float, ...]
    radii_mm: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.angles_deg or not self.radii_mm:
            raise InsufficientDataError(
                "The projections state no orbit (angles and radii of the detector); resolution and attenuation cannot "
                "be modelled without it. Send them as the camera stored them.",
                code="no_orbit",
            )
        if len(self.angles_deg) != len(self.radii_mm):
            raise InvalidInputError(
                f"{len(self.angles_deg)} angles but {len(self.radii_mm)} radii of the detector.", code="bad_orbit"
            )
        if not np.all(np.isfinite(self.angles_deg)) or not np.all(np.isfinite(self.radii_mm)):
            raise InvalidInputError("The orbit holds a value that is not a finite number.", code="bad_orbit")
        if not 0.0 < min(self.radii_mm) <= max(self.radii_mm) <= LARGEST_RADIUS_MM:
            text = f"Detector radii of {min(self.radii_mm):g} to {max(self.radii_mm):g} mm cannot be; are they in mm?"
            raise InvalidInputError(text, code="bad_orbit")
        self._check_gaps()

    def _check_gaps(self) -> None:
        angles = np.unique(np.round(np.mod(self.angles_deg, 360.0), 3))
        if angles.size < 2:
            raise InvalidInputError("One view is no tomography; use it as a planar image.", code="angular_gap")
        steps = np.append(np.diff(angles), angles[0] + 360.0 - angles[-1])
        step = float(np.median(steps))
        gaps = steps[steps > LARGEST_GAP_STEPS * step]
        arc = 360.0 - float(gaps.sum()) if gaps.size else 360.0
        if gaps.size > 1 or arc < SMALLEST_ARC_DEG - step:
            where = angles[int(np.argmax(steps))]
            raise InvalidInputError(
                f"Views are missing: a gap of {steps.max():.0f} degrees after {where:.0f} degrees where steps are "
                f"{step:.1f} degrees. An image from these would hold streaks; send every view.",
                code="angular_gap",
            )

    @property
    def n_views(self) -> int:
        """Return the number of views."""
        return len(self.angles_deg)

    def view_axes(self, view: int) -> tuple[FloatArray, FloatArray]:
        """Return the unit vectors (x, y) in LPS of the columns and towards the detector."""
        angle = np.radians(self.angles_deg[view])
        return np.array([-np.cos(angle), np.sin(angle)]), np.array([np.sin(angle), np.cos(angle)])


def circular_orbit(*, n_views: int, radius_mm: float, start_deg: float = 0.0, arc_deg: float = 360.0) -> Orbit:
    """Return equal angular steps at one radius.

    Parameters
    ----------
    n_views : int
        Views, 2 or more.
    radius_mm : float
        Axis to collimator, mm.
    start_deg, arc_deg : float
        First angle and the whole arc, degrees.
    """
    if n_views < 2:
        raise InvalidInputError(f"An orbit has at least two views; got {n_views}.", code="bad_orbit")
    angles = start_deg + arc_deg / n_views * np.arange(n_views)
    return Orbit(angles_deg=tuple(float(a) for a in angles), radii_mm=(float(radius_mm),) * n_views)


def body_contour_orbit(
    body: NDArray[Any],
    *,
    spacing_mm: float,
    n_views: int,
    clearance_mm: float,
    start_deg: float = 0.0,
) -> Orbit:
    """Return the orbit of a detector that follows the body at a distance.

    Parameters
    ----------
    body : (n_z, n_y, n_x) array of bool
        What the detector must not touch; the axis of rotation is the middle of the grid.
    spacing_mm : float
        Size of a voxel in x and y, mm.
    n_views : int
        Views over 360 degrees.
    clearance_mm : float
        Air between body and collimator, mm, zero or more.
    start_deg : float
        First angle, degrees.

    Raises
    ------
    InvalidInputError
        An empty body, or a clearance below zero.
    """
    if clearance_mm < 0.0:
        raise InvalidInputError(f"The clearance is zero or more; got {clearance_mm} mm.", code="bad_orbit")
    rows, columns = np.nonzero(np.any(np.asarray(body, dtype=bool), axis=0))
    if rows.size == 0:
        raise InvalidInputError("The body is empty; there is nothing to turn round.", code="empty_body")
    n_y, n_x = body.shape[1:]
    y = (rows - 0.5 * (n_y - 1)) * spacing_mm
    x = (columns - 0.5 * (n_x - 1)) * spacing_mm
    angles = start_deg + 360.0 / n_views * np.arange(n_views)
    turned = np.outer(np.sin(np.radians(angles)), x) + np.outer(np.cos(np.radians(angles)), y)
    radii = turned.max(axis=1) + spacing_mm + clearance_mm
    return Orbit(angles_deg=tuple(float(a) for a in angles), radii_mm=tuple(float(r) for r in radii))
