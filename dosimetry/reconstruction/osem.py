"""Ordered-subset expectation maximisation in physical units."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.compute import Device, choose_device, tensor_backend
from dosimetry.errors import GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.reconstruction.collimator import FWHM_PER_SIGMA
from dosimetry.reconstruction.projector import Projector, from_columns, to_columns
from dosimetry.reconstruction.tensors import (
    SMALLEST_EXPECTED_SHARE,
    SMALLEST_SENSITIVITY_SHARE,
    TensorProjector,
    TensorUpdates,
)

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class OsemOptions:
    """How far to iterate, and the filter afterwards.

    Parameters
    ----------
    n_iterations, n_subsets : int
        Passes over all views, and updates in each.
    post_filter_fwhm_mm : float
        Gaussian filter of the result, mm; 0 for none.

    Raises
    ------
    InvalidInputError
        A number below 1, or a width below zero.
    """

    n_iterations: int = 5
    n_subsets: int = 10
    post_filter_fwhm_mm: float = 0.0

    def __post_init__(self) -> None:
        if self.n_iterations < 1 or self.n_subsets < 1:
            text = f"OSEM needs at least 1 iteration and 1 subset; got {self.n_iterations} and {self.n_subsets}."
            raise InvalidInputError(text, code="bad_osem")
        if not np.isfinite(self.post_filter_fwhm_mm) or self.post_filter_fwhm_mm < 0.0:
            raise InvalidInputError("The width of the post-filter is zero or more, in mm.", code="bad_osem")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OsemState:
    """Where a reconstruction stands; enough to go on from.

    Parameters
    ----------
    n_updates : int
        Updates done.
    image : (n_z, n_y, n_x) float32 array
        Activity concentration without post-filter, Bq/mL.
    """

    n_updates: int
    image: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OsemResult:
    """A reconstructed image.

    Parameters
    ----------
    activity_bq_per_ml : (n_z, n_y, n_x) float32 array
        After the post-filter, Bq/mL (or counts per mL of a projector without calibration).
    unfiltered_bq_per_ml : (n_z, n_y, n_x) float32 array
        Before it.
    n_updates : int
        Iterations times subsets.
    expected_counts : float
        Sum of the projected image and the additive counts, to compare with ``measured_counts``.
    measured_counts : float
        Sum of the projections.
    """

    activity_bq_per_ml: Float32Array
    unfiltered_bq_per_ml: Float32Array
    n_updates: int
    expected_counts: float
    measured_counts: float


def reconstruct(
    projections: NDArray[Any],
    *,
    projector: Projector,
    options: OsemOptions = OsemOptions(),
    additive_counts: NDArray[Any] | None = None,
    start: OsemState | None = None,
    on_update: Callable[[OsemState], None] | None = None,
    device: Device | None = None,
) -> OsemResult:
    """Reconstruct activity concentration from projections.

    x <- x / (P_b^T 1) * P_b^T [ y_b / (P_b x + s_b) ] for each subset b, from a uniform image. Scatter enters as the
    additive counts s, never by subtraction, so that the data stay Poisson.

    Parameters
    ----------
    projections : (n_views, n_z, n_columns) array
        Measured counts, zero or more.
    projector : Projector
        The system; its ``counts_per_bq`` make the result Bq/mL.
    options : OsemOptions
        Iterations and filter.
    additive_counts : (n_views, n_z, n_columns) array or None
        Expected scatter in the window; None for none.
    start : OsemState or None
        Go on from there, with the same subsets; None begins anew.
    on_update : callable or None
        Called after each update, for progress and for keeping the state; it may raise to stop.
    device : {"cpu", "cuda", "torch_cpu"} or None
        ``cpu``: compiled code on threads; ``cuda``: tensors on the card; ``torch_cpu``: the code of ``cuda`` without
        the card, for tests; None: CUDA when there is a card, else the CPU. They agree to single precision.

    Returns
    -------
    OsemResult
        Image and balance of counts.

    Raises
    ------
    GeometryMismatchError
        Shapes that do not belong together.
    InsufficientDataError
        No counts at all.
    InvalidInputError
        Counts below zero or not finite; fewer views than subsets.

    References
    ----------
    .. [1] Hudson & Larkin, IEEE Trans. Med. Imaging 13 (1994) 601-609, doi 10.1109/42.363108.
    """
    counts = _checked(projections, projector, "projections")
    if float(counts.sum(dtype=np.float64)) <= 0.0:
        raise InsufficientDataError("The projections hold no counts.", code="no_counts")
    scatter = np.zeros_like(counts) if additive_counts is None else _checked(additive_counts, projector, "scatter")
    subsets = subset_views(projector.orbit.n_views, options.n_subsets)
    run = _Run(projector=projector, counts=_by_columns(counts), scatter=_by_columns(scatter), subsets=subsets)
    # Inside the loop an image holds Bq in each voxel.
    voxel_ml = np.float32(projector.grid.voxel_volume_ml)
    backend = tensor_backend(choose_device(device))
    updates: _Run | TensorUpdates = run
    if backend is not None:
        system = TensorProjector(projector=projector, backend=backend)
        updates = TensorUpdates(system=system, counts=run.counts, scatter=run.scatter, subsets=subsets)
    image = run.uniform_start() if start is None else to_columns(start.image * voxel_ml)
    first = 0 if start is None else start.n_updates
    n_updates = options.n_iterations * options.n_subsets
    for number in range(first, n_updates):
        image = updates.update(image, number % options.n_subsets)
        if on_update is not None:
            concentration = from_columns(image, projector.grid.shape_zyx) / voxel_ml
            on_update(OsemState(n_updates=number + 1, image=concentration))
    unfiltered = from_columns(image, projector.grid.shape_zyx) / voxel_ml
    expected = float(projector.forward(unfiltered).sum(dtype=np.float64)) + float(scatter.sum(dtype=np.float64))
    return OsemResult(
        activity_bq_per_ml=post_filter(
            unfiltered, fwhm_mm=options.post_filter_fwhm_mm, spacing_xyz_mm=projector.grid.spacing_xyz_mm
        ),
        unfiltered_bq_per_ml=unfiltered,
        n_updates=n_updates,
        expected_counts=expected,
        measured_counts=float(counts.sum(dtype=np.float64)),
    )


def subset_views(n_views: int, n_subsets: int) -> tuple[tuple[int, ...], ...]:
    """Return the views of each subset, interleaved, in an order that keeps successive subsets far apart.

    Raises
    ------
    InvalidInputError
        More subsets than views.
    """
    if n_subsets > n_views:
        raise InvalidInputError(f"{n_views} views cannot make {n_subsets} subsets.", code="bad_osem")
    order = [0]
    left = set(range(1, n_subsets))
    while left:
        # The next subset is the one whose nearest recent neighbour, round the circle of offsets, is farthest.
        recent = order[-3:]
        best = max(left, key=lambda s: (min(min((s - r) % n_subsets, (r - s) % n_subsets) for r in recent), -s))
        order.append(best)
        left.remove(best)
    return tuple(tuple(range(offset, n_views, n_subsets)) for offset in order)


def post_filter(image: NDArray[Any], *, fwhm_mm: float, spacing_xyz_mm: tuple[float, float, float]) -> Float32Array:
    """Return an image blurred by a Gaussian of a width in mm; a width of zero leaves it as it is."""
    if fwhm_mm == 0.0:
        return np.asarray(image, dtype=np.float32)
    sigmas = [fwhm_mm / FWHM_PER_SIGMA / step for step in reversed(spacing_xyz_mm)]
    return np.asarray(ndimage.gaussian_filter(np.asarray(image, dtype=np.float32), sigmas, mode="nearest"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Run:
    """Counts and scatter as (view, column, z), and the update of one subset."""

    projector: Projector
    counts: Float32Array
    scatter: Float32Array
    subsets: tuple[tuple[int, ...], ...]

    def uniform_start(self) -> Float32Array:
        """Return a uniform image inside the cylinder that every view sees, with about the measured counts."""
        n_z, n_y, n_x = self.projector.grid.shape_zyx
        y, x = np.mgrid[:n_y, :n_x]
        inside = np.hypot(y - 0.5 * (n_y - 1), x - 0.5 * (n_x - 1)) <= 0.5 * min(n_y, n_x)
        flat = np.repeat(inside.reshape(-1, 1), n_z, axis=1).astype(np.float32)
        view = self.subsets[0][0]
        once = float(self.projector.forward_view(flat, view).sum(dtype=np.float64))
        primary = float(np.maximum(self.counts[view] - self.scatter[view], 0.0).sum(dtype=np.float64))
        wanted = primary if primary > 0.0 else float(self.counts.mean()) * self.counts[view].size
        return flat * np.float32(wanted / once)

    def update(self, image: Float32Array, subset: int) -> Float32Array:
        """Return the image after the views of one subset."""
        views = self.subsets[subset]

        def ratios(numbers: Any) -> Float32Array:
            both = np.zeros((2, *image.shape), dtype=np.float32)
            for i in numbers:
                self._add_view(views[i], image, both)
            return both

        correction, sensitivity = self.projector.sum_of_parts(ratios, len(views))
        is_seen = sensitivity > SMALLEST_SENSITIVITY_SHARE * sensitivity.max()
        factor = np.divide(correction, sensitivity, out=np.zeros_like(correction), where=is_seen)
        return np.asarray(image * factor, dtype=np.float32)

    def _add_view(self, view: int, image: Float32Array, both: Float32Array) -> None:
        expected = self.projector.forward_view(image, view) + self.scatter[view]
        floor = np.float32(SMALLEST_EXPECTED_SHARE * max(float(expected.mean()), 1e-30))
        ratio = np.divide(self.counts[view], expected, out=np.zeros_like(expected), where=expected > floor)
        self.projector.back_view(ratio, view, both[0])
        self.projector.back_view(np.ones_like(ratio), view, both[1])


def _checked(values: NDArray[Any], projector: Projector, what: str) -> Float32Array:
    array = np.asarray(values, dtype=np.float32)
    if array.shape != projector.projections_shape:
        raise GeometryMismatchError(f"The {what} are {array.shape}, the system expects {projector.projections_shape}.")
    if not np.all(np.isfinite(array)) or array.min() < 0.0:
        raise InvalidInputError(f"The {what} hold a count below zero or one that is not finite.", code="bad_counts")
    return array


def _by_columns(projections: Float32Array) -> Float32Array:
    return np.ascontiguousarray(np.swapaxes(projections, 1, 2))
