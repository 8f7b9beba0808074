"""Interactions of many photons at a time on tensors: choice, angle, energy and score."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dosimetry.dose.photon_transport import ABSORBED
from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.photon_sampling import CUT_KEV

SCORE_UNITS_PER_KEV = 2**20
"""Scores are whole numbers of this unit: their sum does not depend on the order in which a card adds them."""
PLACE, DIRECTION, ENERGY = slice(0, 3), slice(3, 6), 6
"""Rows of the photons: x, y, z in voxels from the corner of the grid, unit vector, keV (zero: absorbed)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorProblem:
    """Medium, source and tables as tensors; rows of ``collisions`` and ``shares`` are node x materials + material."""

    torch: Any
    device: str
    shape_zyx: tuple[int, int, int]
    n_materials: int
    first_node: float
    nodes_per_log: float
    angle_ratio: float
    angle_shift: float
    places: Any
    cumulative: Any
    lines: Any
    has_pairs: bool
    density: Any
    material: Any
    majorant: Any
    size: Any
    inverse_spacing: Any
    collisions: Any
    shares: Any
    angles: Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorRun:
    """Random numbers and sums of one batch."""

    generator: Any
    score: Any
    balance: Any


def uniform(problem: TensorProblem, state: TensorRun, *shape: int, dtype: Any = None) -> Any:
    """Draw random numbers, 0 included and 1 not."""
    torch = problem.torch
    kind = dtype or torch.float32
    return torch.rand(shape, generator=state.generator, device=problem.device, dtype=kind)


def isotropic(problem: TensorProblem, state: TensorRun, n: int) -> Any:
    """Draw n unit vectors."""
    torch = problem.torch
    draw = uniform(problem, state, 2, n)
    cosine = 2.0 * draw[0] - 1.0
    sine = (1.0 - cosine * cosine).clamp(min=0.0).sqrt()
    azimuth = (2.0 * np.pi) * draw[1]
    return torch.stack([sine * azimuth.cos(), sine * azimuth.sin(), cosine])


def between(problem: TensorProblem, table: Any, row: Any, f: Any) -> Any:
    """Interpolate the columns of a table between two nodes of energy."""
    low = table[row]
    return low + f[:, None] * (table[row + problem.n_materials] - low)


def voxel_numbers(problem: TensorProblem, photons: Any) -> Any:
    """Return the flat numbers of the voxels in which photons are."""
    x, y, z = photons[PLACE].long().unbind(0)
    return (z * problem.shape_zyx[1] + y) * problem.shape_zyx[2] + x


def add_score(problem: TensorProblem, state: TensorRun, voxel: Any, kev: Any) -> None:
    """Add energies, keV, to the score of voxels."""
    # Double precision: single holds 24 bits, fewer than the units of a hard photon.
    units = (kev.double() * SCORE_UNITS_PER_KEV).round().long()
    state.score.index_add_(0, voxel, units)


def interact(problem: TensorProblem, state: TensorRun, photons: Any, at: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    """Choose and carry out interactions; return the photons after them and second annihilation quanta (None: none).

    ``at`` is the row of the lower node of energy, the part of the way to the next, and the fractional node.
    """
    torch = problem.torch
    row, f, node = at
    energy = photons[ENERGY]
    draw = uniform(problem, state, 4, photons.shape[1])
    photo, compton, rayleigh = between(problem, problem.shares, row, f).unbind(1)
    is_absorbed = draw[0] < photo
    is_compton = ~is_absorbed & (draw[0] < compton)
    is_pair = (energy > 2.0 * ELECTRON_MASS_KEV) & (draw[0] >= rayleigh) & ~is_absorbed & ~is_compton
    one_minus_cosine = _angle(problem, (~is_compton).long(), row % problem.n_materials, node, draw)
    scattered = energy / (1.0 + energy * one_minus_cosine * (1.0 / ELECTRON_MASS_KEV))
    after = torch.where(is_compton, scattered, energy)
    is_soft = after < CUT_KEV
    add_score(problem, state, voxel_numbers(problem, photons), torch.where(is_soft & ~is_absorbed, after, 0.0))
    after = torch.where(is_absorbed | is_soft, 0.0, after)
    turned = torch.empty_like(photons)
    turned[PLACE] = photons[PLACE]
    turned[DIRECTION] = _turned(problem, photons[DIRECTION], one_minus_cosine, draw[3])
    turned[ENERGY] = after
    partners = _annihilation(problem, state, turned, is_pair) if problem.has_pairs else None
    left = turned[ENERGY].sum(dtype=torch.float64)
    left = left if partners is None else left + partners[ENERGY].sum(dtype=torch.float64)
    state.balance[ABSORBED] += energy.sum(dtype=torch.float64) - left
    return turned, partners


def _angle(problem: TensorProblem, kind: Any, material: Any, node: Any, draw: Any) -> Any:
    """Return 1 - cos theta of Compton (kind 0) or Rayleigh (1) scattering, from one of the two nearest energies."""
    n_energies, n_edges = problem.angles.shape[2:]
    angle_node = (node * problem.angle_ratio + problem.angle_shift).clamp(min=0.0, max=n_energies - 1)
    i = angle_node.long()
    i = (i + (angle_node - i > draw[1]).long()).clamp(max=n_energies - 1)
    place = (1.0 - draw[2].sqrt()) * (n_edges - 1)
    j = place.long().clamp(max=n_edges - 2)
    flat = problem.angles.view(-1)
    first = ((kind * problem.n_materials + material) * n_energies + i) * n_edges + j
    low = flat[first]
    return low + (place - j) * (flat[first + 1] - low)


def _turned(problem: TensorProblem, direction: Any, one_minus_cosine: Any, share: Any) -> Any:
    """Rotate unit vectors by the polar angle and the azimuth 2 pi share."""
    torch = problem.torch
    u, v, w = direction.unbind(0)
    cosine = 1.0 - one_minus_cosine
    sine = (one_minus_cosine * (2.0 - one_minus_cosine)).clamp(min=0.0).sqrt()
    azimuth = (2.0 * np.pi) * share
    across, along = sine * azimuth.cos(), sine * azimuth.sin()
    t2 = u * u + v * v
    is_along_axis = t2 < 1e-10
    t = torch.where(is_along_axis, 1.0, t2).sqrt()
    sign = torch.where(w > 0.0, 1.0, -1.0)
    return torch.stack(
        [
            torch.where(is_along_axis, across, u * cosine + (u * w * across - v * along) / t),
            torch.where(is_along_axis, along * sign, v * cosine + (v * w * across + u * along) / t),
            torch.where(is_along_axis, cosine * sign, w * cosine - t * across),
        ]
    )


def _annihilation(problem: TensorProblem, state: TensorRun, photons: Any, is_pair: Any) -> Any:
    """Turn the photons that made a pair into one annihilation quantum each, and return the opposite ones."""
    torch = problem.torch
    pairs = torch.nonzero(is_pair).squeeze(1)
    quanta = photons[:, pairs]
    quanta[DIRECTION] = isotropic(problem, state, pairs.shape[0])
    quanta[ENERGY] = ELECTRON_MASS_KEV
    photons[:, pairs] = quanta
    partners = quanta.clone()
    partners[DIRECTION] = -quanta[DIRECTION]
    return partners
