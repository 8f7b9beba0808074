"""Photon transport on tensors: a million photons move together, for a CUDA device; physics of ``photon_transport``."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import TensorBackend
from dosimetry.dose.photon_tensors import (
    DIRECTION,
    ENERGY,
    PLACE,
    SCORE_UNITS_PER_KEV,
    TensorProblem,
    TensorRun,
    add_score,
    between,
    interact,
    isotropic,
    uniform,
    voxel_numbers,
)
from dosimetry.dose.photon_transport import EMITTED, ESCAPED
from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.photon_sampling import PHOTO_SHARE, TOTAL, TRANSFER

FloatArray = NDArray[np.float64]
PHOTONS_AT_ONCE = 2**20


def tensor_batches(
    backend: TensorBackend,
    *,
    source: tuple[NDArray[Any], FloatArray],
    lines: FloatArray,
    medium: tuple[Any, ...],
    tables: tuple[Any, ...],
    seed: int,
    n_histories: int,
) -> Callable[[int], tuple[FloatArray, FloatArray]]:
    """Return the function that follows the photons of one batch on tensors.

    Positions, directions and energies are in single precision; sums are exact whole numbers, so that a run can be
    repeated on the same device to the last digit. Random numbers are those of torch's generator on the device, seeded
    by (run seed, batch).

    Parameters
    ----------
    backend : TensorBackend
        torch and its device.
    source : tuple (flat voxel numbers, cumulative weights)
        Where decays are.
    lines : (n, 3) array
        Alias table of ``line_table``.
    medium, tables : tuples
        Of ``photon_medium``.
    seed : int
        Run seed.
    n_histories : int
        Photons of one batch.

    Returns
    -------
    callable
        Batch number -> score (z, y, x) in keV, and balance as ``run_batch`` fills it.
    """
    problem = tensor_problem(backend, source=source, lines=lines, medium=medium, tables=tables)
    torch, device, shape = problem.torch, problem.device, problem.shape_zyx

    def run(batch: int) -> tuple[FloatArray, FloatArray]:
        generator = torch.Generator(device=device)
        generator.manual_seed(
            int(np.random.SeedSequence((seed, batch)).generate_state(1, np.uint64)[0] >> np.uint64(1))
        )
        state = TensorRun(
            generator=generator,
            score=torch.zeros(int(np.prod(shape)), dtype=torch.int64, device=device),
            balance=torch.zeros(3, dtype=torch.float64, device=device),
        )
        offset = uniform(problem, state, 1, 1, dtype=torch.float64)[0]
        for first in range(0, n_histories, PHOTONS_AT_ONCE):
            last = min(first + PHOTONS_AT_ONCE, n_histories)
            numbers = torch.arange(first, last, dtype=torch.float64, device=device) + offset
            photons = _emitted(problem, state, numbers / n_histories)
            while photons.shape[1]:
                photons = _step(problem, state, photons)
        score = state.score.cpu().numpy().reshape(shape) / SCORE_UNITS_PER_KEV
        return score, state.balance.cpu().numpy()

    return run


def tensor_problem(
    backend: TensorBackend,
    *,
    source: tuple[NDArray[Any], FloatArray],
    lines: FloatArray,
    medium: tuple[Any, ...],
    tables: tuple[Any, ...],
) -> TensorProblem:
    """Copy source, medium and tables to the device; arguments as in ``tensor_batches``."""
    torch = backend.torch
    density, material, majorant, inverse_spacing = medium
    coefficients, compton, rayleigh, grids = tables

    def tensor(values: Any, kind: Any = torch.float32) -> Any:
        return torch.tensor(np.ascontiguousarray(values), dtype=kind, device=backend.name)

    n_z, n_y, n_x = density.shape
    rows = coefficients.reshape(-1, coefficients.shape[2])
    return TensorProblem(
        torch=torch,
        device=backend.name,
        shape_zyx=(n_z, n_y, n_x),
        n_materials=coefficients.shape[1],
        first_node=grids[0],
        nodes_per_log=grids[1],
        angle_ratio=grids[2],
        angle_shift=grids[3],
        places=tensor(source[0], torch.int64),
        cumulative=tensor(source[1], torch.float64),
        lines=tensor(lines, torch.float64),
        has_pairs=bool(lines.size) and float(lines[:, 0].max()) > 2.0 * ELECTRON_MASS_KEV,
        density=tensor(density.ravel()),
        material=tensor(material.ravel(), torch.uint8),
        majorant=tensor(majorant),
        size=tensor([[n_x], [n_y], [n_z]]),
        inverse_spacing=tensor(inverse_spacing[:, None]),
        collisions=tensor(rows[:, [TOTAL, TRANSFER]]),
        shares=tensor(rows[:, PHOTO_SHARE:]),
        angles=tensor(np.stack([compton, rayleigh])),
    )


def _emitted(problem: TensorProblem, state: TensorRun, share: Any) -> Any:
    """Start photons at the given shares (0 to 1, rising) of the cumulative source."""
    torch = problem.torch
    n = share.shape[0]
    _, n_y, n_x = problem.shape_zyx
    found = torch.searchsorted(problem.cumulative, share * problem.cumulative[-1])
    voxel = problem.places[found.clamp(max=problem.places.shape[0] - 1)]
    corner = torch.stack([voxel % n_x, voxel // n_x % n_y, voxel // (n_x * n_y)])
    photons = torch.empty((7, n), dtype=torch.float32, device=problem.device)
    photons[PLACE] = corner + uniform(problem, state, 3, n)
    photons[DIRECTION] = isotropic(problem, state, n)
    # Double precision: a rare line has a small part of the unit interval.
    place = uniform(problem, state, n, dtype=torch.float64) * problem.lines.shape[0]
    line = place.long()
    energy, threshold, alias = problem.lines[line].unbind(1)
    photons[ENERGY] = torch.where(place - line < threshold, energy, problem.lines[alias.long(), 0])
    state.balance[EMITTED] += photons[ENERGY].sum(dtype=torch.float64)
    return photons


def _step(problem: TensorProblem, state: TensorRun, photons: Any) -> Any:
    """Move every photon to its next tentative collision, score there, and let the accepted ones interact."""
    torch = problem.torch
    node = ((photons[ENERGY].log() - problem.first_node) * problem.nodes_per_log).clamp(min=0.0)
    k = node.long().clamp(max=problem.majorant.shape[0] - 2)
    f = node - k
    low = problem.majorant[k]
    largest = low + f * (problem.majorant[k + 1] - low)
    draw = uniform(problem, state, 2, photons.shape[1])
    path = -torch.log1p(-draw[0]) / largest
    place = photons[PLACE] + photons[DIRECTION] * problem.inverse_spacing * path
    is_inside = ((place >= 0.0) & (place < problem.size)).all(0)
    state.balance[ESCAPED] += torch.where(is_inside, 0.0, photons[ENERGY]).sum(dtype=torch.float64)
    # Photons absorbed in the step before leave the list here, with one look from the host at its length.
    kept = torch.nonzero(is_inside & (photons[ENERGY] > 0.0)).squeeze(1)
    photons = torch.cat([place, photons[3:]]).index_select(1, kept)
    k, f, largest, chance = k[kept], f[kept], largest[kept], draw[1][kept]
    voxel = voxel_numbers(problem, photons)
    density = problem.density[voxel]
    row = k * problem.n_materials + problem.material[voxel]
    value = between(problem, problem.collisions, row, f) * density[:, None]
    kev = photons[ENERGY] / largest * value[:, TRANSFER]
    add_score(problem, state, voxel, kev)
    hit = torch.nonzero(chance * largest < value[:, TOTAL]).squeeze(1)
    after, partners = interact(problem, state, photons[:, hit], (row[hit], f[hit], node[kept][hit]))
    photons[:, hit] = after
    return photons if partners is None else torch.cat([photons, partners], dim=1)
