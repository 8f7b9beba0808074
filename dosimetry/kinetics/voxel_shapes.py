"""What a voxel of a region may do: the region's accepted curve with freedom that the scans can carry.

A curve of exponentials is split into its clearance P(t) = sum a_i exp(-l_i t), a_i > 0, and its uptake N(t), the
negative terms. Two kinds of freedom, each exact for a voxel that follows its region:

- *clearance*: f = A (exp(-d t) P(t) - N(t)). One amplitude, and d makes the whole clearance faster or slower.
- *mixture*: f = A (exp(-d t) p1(t) - N(t)) + B (p2(t) - N(t)), p1 the slowest term, p2 the others in the region's
  ratio, P, p1 and p2 scaled to one at administration. Both amplitudes are at least zero; d moves the slowest constant.

d never takes the slowest constant below the physical one, and f is nowhere negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.voxel_kernels import SMALLEST_WEIGHT_SHARE
from dosimetry.kinetics.voxelwise import fastest_decay_per_s

Array = NDArray[np.float64]

LARGEST_AMPLIFICATION = 5.0
"""Relative uncertainty of a voxel's integral over that of its largest scan: a voxel of 10 % noise then stays below the
50 % at which the curve of a region is flagged (own choice, to be confirmed)."""

SAME_CONSTANT = 1e-9
LARGEST_CONDITION = 1e12
NEGLIGIBLE_DIP = 1e-9
"""A curve may be negative by this share of its maximum: rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """One amplitude's curve: exp(-d t) sum a_i exp(-l_i t) - N(t).

    Parameters
    ----------
    amplitudes, decays_per_s : (n,) arrays
        Falling terms, a_i > 0 without unit, l_i in 1/s.
    uptake_amplitudes, uptake_decays_per_s : (m,) arrays
        N(t), amplitudes above zero.
    """

    amplitudes: Array
    decays_per_s: Array
    uptake_amplitudes: Array
    uptake_decays_per_s: Array

    def falling(self, times_s: Array) -> Array:
        """Return sum a_i exp(-l_i t) at times in s."""
        return np.asarray(np.exp(-np.outer(times_s, self.decays_per_s)) @ self.amplitudes)

    def uptake(self, times_s: Array) -> Array:
        """Return N(t) at times in s."""
        return np.asarray(np.exp(-np.outer(times_s, self.uptake_decays_per_s)) @ self.uptake_amplitudes)

    def uptake_integral_s(self) -> float:
        """Return the integral of N, s."""
        return float(np.sum(self.uptake_amplitudes / self.uptake_decays_per_s))

    def integral_s(self, shift_per_s: float = 0.0) -> float:
        """Return the integral from administration to infinity, s."""
        return float(np.sum(self.amplitudes / (self.decays_per_s + shift_per_s))) - self.uptake_integral_s()

    def is_admissible(self, shift_per_s: float) -> bool:
        """Return whether the curve is nowhere negative and has an integral."""
        slowest = float(self.decays_per_s.min()) + shift_per_s
        times = np.concatenate([[0.0], np.geomspace(1e-4, 20.0, 200) / slowest])
        values = np.exp(-shift_per_s * times) * self.falling(times) - self.uptake(times)
        return bool(values.min() >= -NEGLIGIBLE_DIP * values.max() and self.integral_s(shift_per_s) > 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelShape:
    """The curve of a region's voxels.

    Parameters
    ----------
    first, second : Basis, Basis or None
        Curve of each amplitude; without a second one the amplitude is one.
    shift_bounds_per_s : tuple of float
        Smallest and largest d, 1/s; equal when d is fixed.
    amplification : float
        Relative uncertainty of the integral of a voxel that follows its region, over that of its largest scan.
    """

    first: Basis
    second: Basis | None
    shift_bounds_per_s: tuple[float, float]
    amplification: float

    @property
    def n_parameters(self) -> int:
        """Return the number of free parameters of one voxel."""
        return 1 + (self.second is not None) + (self.shift_bounds_per_s[0] < self.shift_bounds_per_s[1])

    @property
    def freedom(self) -> str:
        """Return in words what a voxel may do."""
        moves = self.shift_bounds_per_s[0] < self.shift_bounds_per_s[1]
        if self.second is None:
            return "its own amplitude and speed of clearance" if moves else "its own amplitude"
        return "its own mixture of phases and slowest constant" if moves else "its own mixture of phases"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One freedom; ``share`` is that of the first basis in the region's own curve."""

    first: Basis
    second: Basis | None
    bounds: tuple[float, float]
    share: float

    def amplification(self, times: Array) -> float:
        """Return u(TIA)/TIA over the noise of the largest scan at the region's own curve, first order."""
        moves = self.bounds[0] < self.bounds[1]
        falling = self.first.falling(times)
        columns, integrals = [falling - self.first.uptake(times)], [self.first.integral_s()]
        total, tia = self.share * columns[0], self.share * integrals[0]
        if self.second is not None:
            columns.append(self.second.falling(times) - self.second.uptake(times))
            integrals.append(self.second.integral_s())
            total, tia = total + (1.0 - self.share) * columns[1], tia + (1.0 - self.share) * integrals[1]
        if moves:
            columns.append(-self.share * times * falling)
            integrals.append(-self.share * float(np.sum(self.first.amplitudes / self.first.decays_per_s**2)))
        n_needed = len(columns) + (self.second is not None)
        if times.size < n_needed:
            return np.inf
        return _relative_u(np.column_stack(columns), np.array(integrals), total) / tia


def _relative_u(jacobian: Array, gradient: Array, curve: Array) -> float:
    """Return u of the integral for unit noise of the largest scan; infinite where the scans leave a parameter open."""
    scale = np.linalg.norm(jacobian, axis=0)
    top = float(curve.max())
    if top <= 0.0 or np.any(scale == 0.0):
        return np.inf
    weighted = jacobian / scale / np.sqrt(np.maximum(curve, SMALLEST_WEIGHT_SHARE * top) * top)[:, None]
    normal = weighted.T @ weighted
    if np.linalg.cond(normal) > LARGEST_CONDITION:
        return np.inf
    return float(np.sqrt((gradient / scale) @ np.linalg.solve(normal, gradient / scale)))


def voxel_shape(
    *,
    model: str,
    amplitudes_bq: Sequence[float],
    decays_per_s: Sequence[float],
    times_s: NDArray[Any],
    decay_constant_per_s: float,
) -> VoxelShape:
    """Choose the richest freedom that the scans can carry for the voxels of a region.

    Tried in order: mixture with d (four scans: one more than parameters), mixture (three), clearance with d (two),
    amplitude alone. The first one is taken whose noise amplification, for a voxel that follows its region, is at most
    ``LARGEST_AMPLIFICATION``; the last one always. A slowest constant that is the physical one is an assumption of the
    curve and does not move in a mixture; after ``physical_decay`` nothing moves.

    Parameters
    ----------
    model : str
        Name of the accepted curve; a name that is not known is read by its terms.
    amplitudes_bq, decays_per_s : sequences of float
        Exponential terms of the accepted curve, Bq and 1/s; negative amplitudes are uptake.
    times_s : (n_t,) array
        Times of the scans of the map, s.
    decay_constant_per_s : float
        Physical decay constant, 1/s.

    Returns
    -------
    VoxelShape
        The choice.

    Raises
    ------
    InvalidInputError
        The terms are no curve above zero that falls in the end.
    """
    whole = _whole(np.asarray(amplitudes_bq, dtype=float), np.asarray(decays_per_s, dtype=float))
    times = np.asarray(times_s, dtype=float)
    slowest = float(whole.decays_per_s.min())
    is_held = slowest <= decay_constant_per_s * (1.0 + 1e-6)
    floor = min(decay_constant_per_s, slowest) - slowest
    limit = fastest_decay_per_s(times, decay_constant_per_s)
    candidates = []
    mixture = _mixture(whole)
    if mixture is not None:
        first, second = mixture
        share = float(whole.amplitudes[0])
        if not is_held:
            ceiling = float(np.sqrt(slowest * second.decays_per_s.min())) - slowest
            bounds = (floor, _ceiling(first, min(ceiling, limit - slowest)))
            candidates.append(_Candidate(first, second, bounds, share))
        candidates.append(_Candidate(first, second, (0.0, 0.0), share))
    if model != "physical_decay":
        bounds = (floor, _ceiling(whole, _clearance_ceiling(whole, limit)))
        candidates.append(_Candidate(whole, None, bounds, 1.0))
    amount = _Candidate(whole, None, (0.0, 0.0), 1.0)
    admissible = [item for item in candidates if item.amplification(times) <= LARGEST_AMPLIFICATION]
    chosen = next(iter(admissible), amount)
    return VoxelShape(
        first=chosen.first,
        second=chosen.second,
        shift_bounds_per_s=chosen.bounds,
        amplification=chosen.amplification(times),
    )


def _whole(amplitudes: Array, decays: Array) -> Basis:
    """Merge equal constants, split into clearance and uptake, scale the clearance to one at administration."""
    if not (amplitudes.size == decays.size > 0 and np.all(np.isfinite(amplitudes)) and np.all(decays > 0.0)):
        raise InvalidInputError("The terms of the accepted curve are not numbers above zero.", code="bad_curve")
    order = np.argsort(decays)
    merged_a, merged_l = [float(amplitudes[order[0]])], [float(decays[order[0]])]
    for amplitude, decay in zip(amplitudes[order[1:]], decays[order[1:]], strict=True):
        if decay <= merged_l[-1] * (1.0 + SAME_CONSTANT):
            merged_a[-1] += float(amplitude)
        else:
            merged_a.append(float(amplitude))
            merged_l.append(float(decay))
    a, constants = np.array(merged_a), np.array(merged_l)
    if not np.any(a > 0.0):
        raise InvalidInputError("The accepted curve holds no activity above zero.", code="bad_curve")
    scale = a[a > 0.0].sum()
    whole = Basis(
        amplitudes=a[a > 0.0] / scale,
        decays_per_s=constants[a > 0.0],
        uptake_amplitudes=-a[a < 0.0] / scale,
        uptake_decays_per_s=constants[a < 0.0],
    )
    if not whole.is_admissible(0.0):
        raise InvalidInputError("The accepted curve is negative at some time.", code="bad_curve")
    return whole


def _mixture(whole: Basis) -> tuple[Basis, Basis] | None:
    """Split the slowest term from the others; None when a part alone would be negative somewhere."""
    if whole.amplitudes.size < 2:
        return None
    parts = []
    for part in (slice(0, 1), slice(1, None)):
        share = float(whole.amplitudes[part].sum())
        parts.append(
            Basis(
                amplitudes=whole.amplitudes[part] / share,
                decays_per_s=whole.decays_per_s[part],
                uptake_amplitudes=whole.uptake_amplitudes,
                uptake_decays_per_s=whole.uptake_decays_per_s,
            )
        )
    first, second = parts
    return (first, second) if first.is_admissible(0.0) and second.is_admissible(0.0) else None


def _clearance_ceiling(whole: Basis, limit: float) -> float:
    """Return the largest d: no term beyond ``limit``; the slowest stays nearer to its own constant than to uptake."""
    slowest, fastest = float(whole.decays_per_s.min()), float(whole.decays_per_s.max())
    ceiling = limit - slowest
    if whole.uptake_decays_per_s.size:
        ceiling = min(ceiling, float(np.sqrt(fastest * whole.uptake_decays_per_s.min())) - fastest)
    return ceiling


def _ceiling(basis: Basis, wanted: float) -> float:
    """Return the largest d up to ``wanted`` that leaves the curve above zero, at least zero."""
    shift = max(wanted, 0.0)
    while shift > 0.0 and not basis.is_admissible(shift):
        shift = 0.5 * shift if shift > 1e-6 * basis.decays_per_s.min() else 0.0
    return shift
