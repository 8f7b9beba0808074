"""Compiled photon histories whose every collision is offered to every view.

A history carries a weight: absorption takes its share off, the photon is never lost to it. At each collision the photon
that would fly straight to the detector of a view is scored with the density of that angle, its attenuation on the way
out and its probability of falling into each window; then the history goes on in a random direction.
"""

from typing import Any

import numpy as np

from dosimetry.physics.compiled import compile_kernel, seed_state, uniform
from dosimetry.physics.photon_medium import draw_line, isotropic
from dosimetry.physics.photon_sampling import (
    COMPTON_SHARE,
    PHOTO_SHARE,
    RAYLEIGH_SHARE,
    TOTAL,
    compton_energy,
    draw_angle,
    turn,
)

SMALLEST_WEIGHT = 0.05
"""Below it a history ends or goes on with doubled weight, by chance."""
MAX_COLLISIONS = 20


@compile_kernel
def _to_collision(medium: Any, coefficients: Any, node: float, place: Any, direction: Any, state: Any) -> Any:
    """Move to the next real collision (Woodcock); return the place and the material, -1 outside the grid."""
    density, material, majorant, inverse_spacing = medium
    n_z, n_y, n_x = density.shape
    k = min(int(node), coefficients.shape[0] - 2)
    f = node - k
    largest = majorant[k] + f * (majorant[k + 1] - majorant[k])
    x, y, z = place
    while True:
        path = -np.log(uniform(state)) / largest
        x += path * direction[0] * inverse_spacing[0]
        y += path * direction[1] * inverse_spacing[1]
        z += path * direction[2] * inverse_spacing[2]
        if not (0.0 <= x < n_x and 0.0 <= y < n_y and 0.0 <= z < n_z):
            return x, y, z, -1
        i_z, i_y, i_x = int(z), int(y), int(x)
        m = int(material[i_z, i_y, i_x])
        mu = coefficients[k, m, TOTAL] + f * (coefficients[k + 1, m, TOTAL] - coefficients[k, m, TOTAL])
        if uniform(state) * largest < density[i_z, i_y, i_x] * mu:
            return x, y, z, m


@compile_kernel
def _density_per_sr(table: Any, node: float, one_minus_cosine: float) -> float:
    """Return the angular density; ``table`` (energy, angle) has equal steps of ((1 - cos)/2)^(1/3)."""
    i = min(max(int(node + 0.5), 0), table.shape[0] - 1)
    place = (0.5 * max(one_minus_cosine, 0.0)) ** (1.0 / 3.0) * (table.shape[1] - 1)
    j = min(int(place), table.shape[1] - 2)
    return float(table[i, j] + (place - j) * (table[i, j + 1] - table[i, j]))


@compile_kernel
def _score(
    place: Any, direction: Any, energy: float, weight: float, shares: Any, node: float, views: Any, out: Any
) -> None:
    """Offer one collision to every view.

    ``shares`` are the probabilities of Compton and Rayleigh scattering of this collision; ``views`` is (axes,
    attenuation, group of each depth, densities, detection, energy grid of detection).
    """
    axes, attenuation, groups, densities, detection, detection_grid = views
    compton_density, rayleigh_density = densities
    n_views, n_depths, n_columns = attenuation.shape[:3]
    n_windows = detection.shape[1]
    x = place[0] - 0.5 * n_columns
    y = place[1] - 0.5 * attenuation.shape[1]
    z = int(place[2])
    for v in range(n_views):
        sine, cosine = axes[v, 0], axes[v, 1]
        column = int(np.floor(-x * cosine + y * sine + 0.5 * n_columns))
        depth = int(np.floor(x * sine + y * cosine + 0.5 * n_depths))
        if not (0 <= column < n_columns and 0 <= depth < n_depths):
            continue
        one_minus_cosine = 1.0 - (direction[0] * sine + direction[1] * cosine)
        way_out = weight * attenuation[v, depth, column, z]
        after = compton_energy(energy, one_minus_cosine)
        compton = shares[0] * _density_per_sr(compton_density, node, one_minus_cosine)
        rayleigh = shares[1] * _density_per_sr(rayleigh_density, node, one_minus_cosine)
        i = int((after - detection_grid[0]) * detection_grid[1] + 0.5)
        j = int((energy - detection_grid[0]) * detection_grid[1] + 0.5)
        group = groups[v, depth]
        for w in range(n_windows):
            score = 0.0
            if 0 <= i < detection.shape[0]:
                score += compton * detection[i, w]
            if 0 <= j < detection.shape[0]:
                score += rayleigh * detection[j, w]
            if score > 0.0:
                out[v, w, group, column, z] += way_out * score


@compile_kernel
def run_scatter_batch(
    stream: Any, n_histories: int, source: Any, lines: Any, medium: Any, tables: Any, views: Any, out: Any
) -> None:
    """Follow ``n_histories`` photons and add their weights to ``out`` (view, window, group, column, z).

    Weights are per emitted photon and relative to one that is emitted evenly into all directions (4 pi times the
    density), so that they may be projected like activity. ``source`` is (flat voxels, cumulative weights, shape).
    """
    state = np.zeros(4, dtype=np.uint64)
    seed_state(state, stream[0], stream[1])
    places, cumulative, shape = source
    coefficients, compton_angles, rayleigh_angles, grids = tables
    lowest_kev = views[5][0]
    spacing = cumulative[-1] / n_histories
    offset = uniform(state)
    p, last = 0, places.size - 1
    for i in range(n_histories):
        wanted = (i + offset) * spacing
        while p < last and cumulative[p] < wanted:
            p += 1
        row = places[p] // shape[2]
        x = places[p] - row * shape[2] + uniform(state)
        y = row % shape[1] + uniform(state)
        z = row // shape[1] + uniform(state)
        u, v, w = isotropic(state)
        energy = draw_line(lines, state)
        weight = 4.0 * np.pi
        for _ in range(MAX_COLLISIONS):
            node = (np.log(energy) - grids[0]) * grids[1]
            x, y, z, m = _to_collision(medium, coefficients, node, (x, y, z), (u, v, w), state)
            if m < 0:
                break
            k = min(int(node), coefficients.shape[0] - 2)
            f = node - k
            low, high = coefficients[k, m], coefficients[k + 1, m]
            photo = low[PHOTO_SHARE] + f * (high[PHOTO_SHARE] - low[PHOTO_SHARE])
            compton = low[COMPTON_SHARE] + f * (high[COMPTON_SHARE] - low[COMPTON_SHARE]) - photo
            rayleigh = low[RAYLEIGH_SHARE] + f * (high[RAYLEIGH_SHARE] - low[RAYLEIGH_SHARE]) - photo - compton
            angle_node = node * grids[2] + grids[3]
            _score((x, y, z), (u, v, w), energy, weight, (compton, rayleigh), angle_node, views, out)
            weight *= compton + rayleigh
            if weight < SMALLEST_WEIGHT * 4.0 * np.pi:
                if uniform(state) < 0.5:
                    break
                weight *= 2.0
            if uniform(state) * (compton + rayleigh) < compton:
                one_minus_cosine = draw_angle(compton_angles[m], angle_node, state)
                energy = compton_energy(energy, one_minus_cosine)
            else:
                one_minus_cosine = draw_angle(rayleigh_angles[m], angle_node, state)
            if energy < lowest_kev:
                break
            u, v, w = turn(u, v, w, one_minus_cosine, state)
