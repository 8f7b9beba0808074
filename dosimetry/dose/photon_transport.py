"""Compiled Woodcock transport of photons through a grid of density and composition.

``photon_medium`` makes the medium and the tables. Places are in voxels from the corner of the grid.
"""

from typing import Any

import numpy as np

from dosimetry.physics.compiled import compile_inline, compile_kernel, seed_state, uniform
from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.photon_medium import draw_line, isotropic
from dosimetry.physics.photon_sampling import (
    COMPTON_SHARE,
    CUT_KEV,
    PHOTO_SHARE,
    RAYLEIGH_SHARE,
    TOTAL,
    TRANSFER,
    compton_energy,
    draw_angle,
    turn,
)

ABSORBED, ESCAPED, EMITTED = range(3)
"""Places of the energies in ``balance``, keV."""


@compile_inline
def _to_collision(
    medium: Any, coefficients: Any, node: float, place: Any, direction: Any, energy: float, score: Any, state: Any
) -> tuple[float, float, float, int, float]:
    """Move to the next real collision and score on the way.

    Return the place, the material (-1 outside the grid) and a number in (0, 1) left over from accepting the collision.
    """
    density, material, majorant, inverse_spacing = medium
    n_z, n_y, n_x = density.shape
    k = min(int(node), coefficients.shape[0] - 2)
    f = node - k
    largest = majorant[k] + f * (majorant[k + 1] - majorant[k])
    step = 1.0 / largest
    x, y, z = place
    step_x = direction[0] * inverse_spacing[0] * step
    step_y = direction[1] * inverse_spacing[1] * step
    step_z = direction[2] * inverse_spacing[2] * step
    energy_step = energy * step
    while True:
        path = -np.log(uniform(state))
        x += path * step_x
        y += path * step_y
        z += path * step_z
        if not (0.0 <= x < n_x and 0.0 <= y < n_y and 0.0 <= z < n_z):
            return x, y, z, -1, 0.0
        i_z, i_y, i_x = int(z), int(y), int(x)
        rho = float(density[i_z, i_y, i_x])
        m = int(material[i_z, i_y, i_x])
        low, high = coefficients[k, m], coefficients[k + 1, m]
        score[i_z, i_y, i_x] += energy_step * rho * (low[TRANSFER] + f * (high[TRANSFER] - low[TRANSFER]))
        accepted = rho * (low[TOTAL] + f * (high[TOTAL] - low[TOTAL]))
        share = uniform(state) * largest
        if share < accepted:
            return x, y, z, m, share / accepted


@compile_inline
def _interact(
    material: int, share: float, node: float, tables: Any, direction: Any, energy: float, state: Any
) -> tuple[float, float, float, float]:
    """Choose and carry out the interaction; return the new direction and energy.

    The energy is zero after absorption and negative after pair production, whose first quantum has the direction.
    """
    coefficients, compton, rayleigh, grids = tables
    u, v, w = direction
    k = min(int(node), coefficients.shape[0] - 2)
    f = node - k
    low, high = coefficients[k, material], coefficients[k + 1, material]
    if share < low[PHOTO_SHARE] + f * (high[PHOTO_SHARE] - low[PHOTO_SHARE]):
        return u, v, w, 0.0
    angle_node = node * grids[2] + grids[3]
    if share < low[COMPTON_SHARE] + f * (high[COMPTON_SHARE] - low[COMPTON_SHARE]):
        one_minus_cosine = draw_angle(compton[material], angle_node, state)
        energy = compton_energy(energy, one_minus_cosine)
    elif energy <= 2.0 * ELECTRON_MASS_KEV or (
        share < low[RAYLEIGH_SHARE] + f * (high[RAYLEIGH_SHARE] - low[RAYLEIGH_SHARE])
    ):
        one_minus_cosine = draw_angle(rayleigh[material], angle_node, state)
    else:
        u, v, w = isotropic(state)
        return u, v, w, -1.0
    u, v, w = turn(u, v, w, one_minus_cosine, state)
    return u, v, w, energy


@compile_kernel
def fly_photon(
    medium: Any, tables: Any, place: Any, direction: Any, energy: float, score: Any, balance: Any, state: Any
) -> None:
    """Follow one photon, and the annihilation quantum that it may leave, until absorbed or out of the grid.

    ``place`` (x, y, z in voxels from the corner), ``direction`` and ``energy`` (keV) are the start. ``score`` (z, y, x)
    gains keV by the collision estimator, ``balance`` gains the energies of real interactions.
    """
    coefficients, grids = tables[0], tables[3]
    x, y, z = place
    u, v, w = direction
    partner = (x, y, z, u, v, w)
    has_partner = False
    while True:
        node = (np.log(energy) - grids[0]) * grids[1]
        x, y, z, material, share = _to_collision(medium, coefficients, node, (x, y, z), (u, v, w), energy, score, state)
        if material < 0:
            balance[ESCAPED] += energy
            after = 0.0
        else:
            u, v, w, after = _interact(material, share, node, tables, (u, v, w), energy, state)
            if after < 0.0:
                energy -= 2.0 * ELECTRON_MASS_KEV
                after = ELECTRON_MASS_KEV
                partner = (x, y, z, -u, -v, -w)
                has_partner = True
                balance[ABSORBED] += energy
            else:
                balance[ABSORBED] += energy - after
                if 0.0 < after < CUT_KEV:
                    score[int(z), int(y), int(x)] += after
                    balance[ABSORBED] += after
                    after = 0.0
        energy = after
        if energy == 0.0:
            if not has_partner:
                return
            x, y, z, u, v, w = partner
            energy = ELECTRON_MASS_KEV
            has_partner = False


@compile_kernel
def run_batch(
    stream: Any, n_histories: int, source: Any, lines: Any, medium: Any, tables: Any, score: Any, balance: Any
) -> None:
    """Emit ``n_histories`` photons from the source and add keV to ``score`` and ``balance``.

    ``stream`` is (run seed, batch), ``source`` is (flat voxel numbers, cumulative weights). Histories are spread over
    the voxels systematically: each gets its expected number, rounded up or down by one common random offset, so that a
    batch is unbiased and walks through memory in order. Place in the voxel, energy and direction are independent.
    """
    state = np.zeros(4, dtype=np.uint64)
    seed_state(state, stream[0], stream[1])
    places, cumulative = source
    n_y, n_x = score.shape[1], score.shape[2]
    spacing = cumulative[-1] / n_histories
    offset = uniform(state)
    p, last = 0, places.size - 1
    for i in range(n_histories):
        wanted = (i + offset) * spacing
        while p < last and cumulative[p] < wanted:
            p += 1
        row = places[p] // n_x
        x = places[p] - row * n_x + uniform(state)
        y = row % n_y + uniform(state)
        z = row // n_y + uniform(state)
        direction = isotropic(state)
        energy = draw_line(lines, state)
        balance[EMITTED] += energy
        fly_photon(medium, tables, (x, y, z), direction, energy, score, balance, state)
