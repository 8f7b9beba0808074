"""The SPECT system: expected counts of every view from an activity image, and the exact transpose."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import n_cpu_workers
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.reconstruction.collimator import FWHM_PER_SIGMA, Collimator, gaussian_kernels
from dosimetry.reconstruction.orbit import Orbit
from dosimetry.reconstruction.rotation import RotationWeights, rotation_weights
from dosimetry.reconstruction.view_kernels import (
    add_blurred_columns,
    attenuation_of_view,
    back_project_view,
    blur_z,
    project_view,
)
from dosimetry.volume import Grid

Float32Array = NDArray[np.float32]
SQUARE_TOLERANCE = 1e-3
N_PARTIAL_SUMS = 4
"""Views are summed in this many groups whatever the number of threads, so that results do not depend on it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projector:
    """Project activity concentration into counts.

    y = P x: each slice is turned towards the detector by exact overlap, multiplied with exp(-line integral of mu to the
    detector), blurred at each depth with the collimator's Gaussian, and summed along the depth. ``back_project`` is the
    transpose of the same arithmetic.

    Parameters
    ----------
    grid : Grid
        Voxels of the image: axis-aligned, square in x and y; the axis of rotation is the middle of a slice, along z.
        A projection has n_x columns and n_z rows of the same size.
    orbit : Orbit
        Angles and radii.
    collimator : Collimator or None
        Resolution; None for an ideal one.
    mu_per_mm : (n_z, n_y, n_x) array or None
        Linear attenuation at the photon energy, 1/mm; None for none.
    counts_per_bq : floats or None
        For each view the expected counts per Bq without attenuation: calibration factor times duration times decay
        since the reference time. None is 1 for every view.
    keeps_attenuation : bool
        Keep the attenuation of every view in memory: n_views times the image, in float32. Faster in iterations.

    Raises
    ------
    InvalidInputError
        Voxels that are not square or a grid that is not aligned with LPS, negative attenuation.
    GeometryMismatchError
        A map of another shape, or another number of views.
    """

    grid: Grid
    orbit: Orbit
    collimator: Collimator | None = None
    mu_per_mm: NDArray[Any] | None = None
    counts_per_bq: tuple[float, ...] | None = None
    keeps_attenuation: bool = False
    _attenuation: dict[int, Float32Array] = field(default_factory=dict)
    _rotation: dict[int, RotationWeights] = field(default_factory=dict)
    _mu: list[Float32Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        x, y, _ = self.grid.spacing_xyz_mm
        if not self.grid.is_axis_aligned or abs(x / y - 1.0) > SQUARE_TOLERANCE:
            raise InvalidInputError(
                "Projections need a grid along the patient's axes with square voxels in x and y; resample the image.",
                code="grid_not_square",
            )
        if self.mu_per_mm is not None:
            mu = np.asarray(self.mu_per_mm)
            if mu.shape != self.grid.shape_zyx:
                raise GeometryMismatchError(f"The attenuation map is {mu.shape}, the image {self.grid.shape_zyx}.")
            if not np.all(np.isfinite(mu)) or mu.min() < 0.0:
                raise InvalidInputError("The attenuation map must be finite and zero or more, in 1/mm.", code="bad_mu")
            self._mu.append(to_columns(mu * x))
        if self.counts_per_bq is not None and len(self.counts_per_bq) != self.orbit.n_views:
            raise GeometryMismatchError(f"{len(self.counts_per_bq)} factors for {self.orbit.n_views} views.")

    @property
    def n_columns(self) -> int:
        """Return the columns of a projection."""
        return self.grid.shape_zyx[2]

    @property
    def n_depths(self) -> int:
        """Return the depths of the turned grid."""
        return max(self.grid.shape_zyx[1:])

    @property
    def projections_shape(self) -> tuple[int, int, int]:
        """Return (n_views, n_z, n_columns)."""
        return self.orbit.n_views, self.grid.shape_zyx[0], self.n_columns

    def forward(self, image: NDArray[Any], *, views: Sequence[int] | None = None) -> Float32Array:
        """Return the expected counts of views.

        Parameters
        ----------
        image : (n_z, n_y, n_x) array
            Activity concentration, Bq/mL, zero or more where it means activity.
        views : sequence of int or None
            Which views; None for all.

        Returns
        -------
        (n_views, n_z, n_columns) float32 array
            Counts (or Bq, without ``counts_per_bq``).
        """
        if image.shape != self.grid.shape_zyx:
            raise GeometryMismatchError(f"The image is {image.shape}, the projector's grid {self.grid.shape_zyx}.")
        chosen = range(self.orbit.n_views) if views is None else views
        columns = to_columns(np.asarray(image) * self.grid.voxel_volume_ml)
        with ThreadPoolExecutor(max_workers=n_cpu_workers()) as pool:
            rows = list(pool.map(lambda view: self.forward_view(columns, view), chosen))
        return np.ascontiguousarray(np.swapaxes(np.array(rows, dtype=np.float32), 1, 2))

    def back_project(self, projections: NDArray[Any], *, views: Sequence[int] | None = None) -> Float32Array:
        """Return the transpose of ``forward`` applied to projections: a (n_z, n_y, n_x) float32 array."""
        chosen = list(range(self.orbit.n_views) if views is None else views)
        expected = (len(chosen), *self.projections_shape[1:])
        if projections.shape != expected:
            raise GeometryMismatchError(f"The projections are {projections.shape}, the projector's {expected}.")
        rows = np.ascontiguousarray(np.swapaxes(np.asarray(projections, dtype=np.float32), 1, 2))

        def part(numbers: Sequence[int]) -> Float32Array:
            image = self.empty_columns()
            for i in numbers:
                self.back_view(rows[i], chosen[i], image)
            return image

        total = self.sum_of_parts(part, len(chosen))
        return from_columns(total, self.grid.shape_zyx) * np.float32(self.grid.voxel_volume_ml)

    def sum_of_parts(self, part: Any, n_views: int) -> Float32Array:
        """Return the sum of ``part(numbers)`` over interleaved groups of view numbers, on threads, in fixed order."""
        groups = [range(start, n_views, N_PARTIAL_SUMS) for start in range(min(N_PARTIAL_SUMS, n_views))]
        with ThreadPoolExecutor(max_workers=n_cpu_workers()) as pool:
            parts = list(pool.map(part, groups))
        total: Float32Array = parts[0]
        for other in parts[1:]:
            total += other
        return total

    def empty_columns(self) -> Float32Array:
        """Return an image of zeros in the order of the kernels, (y * n_x + x, z)."""
        n_z, n_y, n_x = self.grid.shape_zyx
        return np.zeros((n_y * n_x, n_z), dtype=np.float32)

    def forward_view(self, columns: Float32Array, view: int) -> Float32Array:
        """Return one view (column, z) of an image in the order of the kernels, in Bq."""
        turned = self.view_weights(view)
        geometric = np.zeros((self.n_columns, self.grid.shape_zyx[0]), dtype=np.float32)
        attenuation = self.view_attenuation(view)
        project_view(
            columns, turned.starts, turned.voxels, turned.shares, attenuation, self.view_response(view), geometric
        )
        return self._with_penetration(geometric) * np.float32(self.view_scale(view))

    def back_view(self, projection: Float32Array, view: int, columns: Float32Array) -> None:
        """Add the transpose of ``forward_view`` to an image in the order of the kernels."""
        turned = self.view_weights(view)
        scaled = self._with_penetration(projection) * np.float32(self.view_scale(view))
        attenuation = self.view_attenuation(view)
        back_project_view(
            scaled, turned.starts, turned.voxels, turned.shares, attenuation, self.view_response(view), columns
        )

    def prepare(self) -> None:
        """Compute what every view needs before the first pass, on threads."""
        with ThreadPoolExecutor(max_workers=n_cpu_workers()) as pool:
            list(pool.map(self.view_attenuation, range(self.orbit.n_views)))

    def view_scale(self, view: int) -> float:
        """Return the counts per Bq of a view."""
        return 1.0 if self.counts_per_bq is None else self.counts_per_bq[view]

    def view_weights(self, view: int) -> RotationWeights:
        """Return the overlap of voxels and turned cells of a view."""
        found = self._rotation.get(view)
        if found is None:
            found = rotation_weights(
                shape_yx=self.grid.shape_zyx[1:],
                n_depths=self.n_depths,
                n_columns=self.n_columns,
                angle_deg=self.orbit.angles_deg[view],
            )
            self._rotation[view] = found
        return found

    def view_attenuation(self, view: int) -> Float32Array:
        """Return (depth, column, z) factors of a view; no depths without an attenuation map."""
        turned = self.view_weights(view)
        if not self._mu:
            return np.empty((0, 1, 1), dtype=np.float32)
        found = self._attenuation.get(view)
        if found is None:
            found = attenuation_of_view(
                self._mu[0], turned.starts, turned.voxels, turned.shares, self.n_depths, self.n_columns
            )
            if self.keeps_attenuation:
                self._attenuation[view] = found
        return found

    def view_response(self, view: int) -> tuple[Any, Any, Any, Any]:
        """Return the kernels of every depth: columns, then z."""
        x, _, z = self.grid.spacing_xyz_mm
        sigmas_mm = np.zeros(self.n_depths)
        if self.collimator is not None:
            depths_mm = (np.arange(self.n_depths) - 0.5 * (self.n_depths - 1)) * x
            sigmas_mm = self.collimator.fwhm_mm(self.orbit.radii_mm[view] - depths_mm) / FWHM_PER_SIGMA
        return (*gaussian_kernels(sigmas_mm / x), *gaussian_kernels(sigmas_mm / z))

    def penetration_kernels(self) -> tuple[float, Float32Array, Float32Array] | None:
        """Return the share of septal penetration and its kernels (1, r + 1) along columns and z; None without any."""
        collimator = self.collimator
        if collimator is None or collimator.penetration_share == 0.0:
            return None
        x, _, z = self.grid.spacing_xyz_mm
        sigma_mm = collimator.penetration_fwhm_mm / FWHM_PER_SIGMA
        weights_u, weights_z = (gaussian_kernels(np.array([sigma_mm / step]))[0] for step in (x, z))
        return collimator.penetration_share, weights_u, weights_z

    def _with_penetration(self, projection: Float32Array) -> Float32Array:
        """Mix in the wide part of the response; symmetric, so the same in both directions."""
        kernels = self.penetration_kernels()
        if kernels is None:
            return projection
        share, weights_u, weights_z = np.float32(kernels[0]), kernels[1], kernels[2]
        n_columns, n_z = projection.shape
        rows = np.empty_like(projection)
        wide = np.zeros_like(projection)
        blur_z(projection, weights_z[0], min(weights_z.shape[1], n_z) - 1, rows)
        add_blurred_columns(rows, weights_u[0], min(weights_u.shape[1], n_columns) - 1, wide)
        return np.asarray((np.float32(1.0) - share) * projection + share * wide, dtype=np.float32)


def to_columns(image: NDArray[Any]) -> Float32Array:
    """Return an (n_z, n_y, n_x) image as (y * n_x + x, z), float32."""
    n_z = image.shape[0]
    return np.ascontiguousarray(np.asarray(image, dtype=np.float32).reshape(n_z, -1).T)


def from_columns(columns: Float32Array, shape_zyx: tuple[int, int, int]) -> Float32Array:
    """Return the (n_z, n_y, n_x) image of ``to_columns``."""
    return np.ascontiguousarray(columns.T).reshape(shape_zyx)
