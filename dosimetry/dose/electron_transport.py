"""Compiled condensed history of electrons through a grid of density and composition.

Steps are mass lengths (g/cm2): a step walks from voxel to voxel through changing density until its mass is used up, and
gives each voxel the energy of the mass that it crossed. Where the composition changes the step stops. No step is longer
than half a voxel at the density of its start. Places are in mm from the corner of the grid.
"""

from typing import Any

import numpy as np

from dosimetry.physics.compiled import compile_inline, compile_kernel, seed_state, uniform
from dosimetry.physics.electron_medium import ELASTIC, MOLLER, N_COLUMNS, RADIATION, RANGE
from dosimetry.physics.electron_tracks import (
    ENERGY,
    STACK_SIZE,
    U,
    V,
    W,
    X,
    Y,
    Z,
    draw_step,
    hard_event,
    look_up,
    step_length,
    turn,
)
from dosimetry.physics.electrons import ENERGY_LIMITS_KEV

EMITTED, DEPOSITED, RADIATED, ESCAPED = range(4)
"""Places of the energies in ``balance``, keV."""
ABSORB_KEV = 10.0
STEP_SHARE = 0.5
"""Longest step in shares of the smallest voxel side, at the density where it starts."""
CM_PER_MM = 0.1
FINISHED, OTHER_MATERIAL, OUTSIDE = range(3)
N_PHOTON_BINS = 96
PHOTON_BINS_PER_LOG = N_PHOTON_BINS / float(np.log(ENERGY_LIMITS_KEV[1] / ENERGY_LIMITS_KEV[0]))


@compile_inline
def _to_face(place: float, direction: float, cell: int, side: float) -> float:
    """Return the distance to the face of the voxel along one axis, mm."""
    if direction > 0.0:
        return max(((cell + 1) * side - place) / direction, 0.0)
    if direction < 0.0:
        return max((cell * side - place) / direction, 0.0)
    return 1e30


@compile_inline
def _to_nearest_face(e: Any, cell: Any, sides: Any) -> float:
    """Return the distance to the nearest face of the voxel in any direction, mm."""
    nearest = 1e30
    for axis in range(3):
        inside = e[X + axis] - cell[axis] * sides[axis]
        nearest = min(nearest, inside, sides[axis] - inside)
    return nearest


@compile_kernel
def _walk(grid: Any, e: Any, cell: Any, length: float, loss_per_mass: float, score: Any) -> tuple[float, int]:
    """Move an electron straight on through ``length`` (g/cm2); return what is left of it and why it stopped."""
    density, material, sides = grid
    m = material[cell[2], cell[1], cell[0]]
    left = length
    while True:
        rho = density[cell[2], cell[1], cell[0]] * CM_PER_MM
        dx = _to_face(e[X], e[U], cell[0], sides[0])
        dy = _to_face(e[Y], e[V], cell[1], sides[1])
        dz = _to_face(e[Z], e[W], cell[2], sides[2])
        distance = min(dx, dy, dz)
        mass = distance * rho
        if mass >= left:
            score[cell[2], cell[1], cell[0]] += loss_per_mass * left
            far = left / rho
            e[X] += far * e[U]
            e[Y] += far * e[V]
            e[Z] += far * e[W]
            return 0.0, FINISHED
        score[cell[2], cell[1], cell[0]] += loss_per_mass * mass
        left -= mass
        e[X] += distance * e[U]
        e[Y] += distance * e[V]
        e[Z] += distance * e[W]
        axis = 0 if dx == distance else (1 if dy == distance else 2)
        forward = e[U + axis] > 0.0
        cell[axis] += 1 if forward else -1
        e[X + axis] = (cell[axis] if forward else cell[axis] + 1) * sides[axis]
        if cell[axis] < 0 or cell[axis] >= density.shape[2 - axis]:
            return left, OUTSIDE
        if material[cell[2], cell[1], cell[0]] != m:
            return left, OTHER_MATERIAL


@compile_kernel
def _step(
    grid: Any, table: Any, stack: Any, cells: Any, top: int, work: Any, cut: float, score: Any, state: Any
) -> tuple[int, int, float]:
    """Make one step; return the height of the stack, why the step ended and the energy of a photon (keV)."""
    found, longest = work
    e, cell = stack[top - 1], cells[top - 1]
    rate = found[MOLLER] + found[RADIATION] + found[ELASTIC]
    length, is_hard = step_length(found, e[ENERGY], longest, state)
    loss, cosine = draw_step(table, found, e[ENERGY], length, state)
    hinge = length * uniform(state)
    loss_per_mass = loss / length
    left, why = _walk(grid, e, cell, hinge, loss_per_mass, score)
    done = hinge - left
    if why == FINISHED:
        turn(e, cosine, 2.0 * np.pi * uniform(state))
        left, why = _walk(grid, e, cell, length - hinge, loss_per_mass, score)
        done = length - left
    e[ENERGY] = max(e[ENERGY] - loss_per_mass * done, 0.0)
    if why != FINISHED or not is_hard or e[ENERGY] <= ABSORB_KEV:
        return top, why, 0.0
    for axis in range(3):
        cells[top, axis] = cell[axis]
    height, photon = hard_event(table, found, rate, stack, top, cut, state)
    return height, why, photon


@compile_kernel
def fly_electron(
    grid: Any, tables: Any, stack: Any, cells: Any, found: Any, cut: float, scores: Any, balance: Any, state: Any
) -> None:
    """Follow the electron at the bottom of the stack and all that it sets in motion, until they stop or leave.

    ``scores`` is (keV of each voxel, bremsstrahlung photons of each voxel, their spectrum (number, keV) by bin).
    """
    density, material, sides = grid
    score, photons, spectrum = scores
    smallest_side = min(sides[0], sides[1], sides[2])
    top = 1
    while top > 0:
        e, cell = stack[top - 1], cells[top - 1]
        m = material[cell[2], cell[1], cell[0]]
        table = tables[m]
        look_up(table, max(e[ENERGY], ENERGY_LIMITS_KEV[0]), found)
        rho = density[cell[2], cell[1], cell[0]] * CM_PER_MM
        # An electron that cannot reach a face gives all its energy to its voxel.
        if e[ENERGY] <= ABSORB_KEV or found[RANGE] < rho * _to_nearest_face(e, cell, sides):
            score[cell[2], cell[1], cell[0]] += e[ENERGY]
            balance[DEPOSITED] += e[ENERGY]
            top -= 1
            continue
        before, mine = e[ENERGY], top - 1
        top, why, photon = _step(
            grid, table, stack, cells, top, (found, STEP_SHARE * rho * smallest_side), cut, score, state
        )
        given = before - stack[mine, ENERGY] - photon
        if top > mine + 1:
            given -= stack[mine + 1, ENERGY]
        balance[DEPOSITED] += given
        if photon > 0.0:
            balance[RADIATED] += photon
            bin_number = min(int(np.log(photon / ENERGY_LIMITS_KEV[0]) * PHOTON_BINS_PER_LOG), N_PHOTON_BINS - 1)
            spectrum[bin_number, 0] += 1.0
            spectrum[bin_number, 1] += photon
            photons[cell[2], cell[1], cell[0]] += 1.0
        if why == OUTSIDE:
            balance[ESCAPED] += e[ENERGY]
            top -= 1


@compile_kernel
def run_electron_batch(
    stream: Any,
    n_histories: int,
    source: Any,
    lines: Any,
    grid: Any,
    tables: Any,
    cut: float,
    scores: Any,
    balance: Any,
) -> None:
    """Emit electrons from the source and add to ``scores`` and ``balance``.

    ``stream`` is (run seed, batch); ``source`` is (flat voxel numbers, cumulative weights); ``lines`` is (energies,
    cumulative yields from 0 to 1). Histories are spread over the voxels systematically with one common random offset;
    energy, place in the voxel and direction are independent.
    """
    state = np.zeros(4, dtype=np.uint64)
    seed_state(state, stream[0], stream[1])
    places, cumulative = source
    energies, cumulative_yields = lines
    sides = grid[2]
    n_y, n_x = grid[0].shape[1], grid[0].shape[2]
    stack = np.zeros((STACK_SIZE + 1, 7))
    cells = np.zeros((STACK_SIZE + 1, 3), dtype=np.int64)
    found = np.empty(N_COLUMNS)
    spacing = cumulative[-1] / n_histories
    offset = uniform(state)
    p, last = 0, places.size - 1
    for i in range(n_histories):
        wanted = (i + offset) * spacing
        while p < last and cumulative[p] < wanted:
            p += 1
        row = places[p] // n_x
        cells[0, 0], cells[0, 1], cells[0, 2] = places[p] - row * n_x, row % n_y, row // n_y
        for axis in range(3):
            stack[0, axis] = (cells[0, axis] + uniform(state)) * sides[axis]
        cosine, azimuth = 2.0 * uniform(state) - 1.0, 2.0 * np.pi * uniform(state)
        sine = np.sqrt(1.0 - cosine * cosine)
        stack[0, U], stack[0, V], stack[0, W] = sine * np.cos(azimuth), sine * np.sin(azimuth), cosine
        line = min(np.searchsorted(cumulative_yields, uniform(state)), energies.size - 1)
        stack[0, ENERGY] = energies[line]
        balance[EMITTED] += energies[line]
        fly_electron(grid, tables, stack, cells, found, cut, scores, balance, state)
