"""Mean of a radial energy density over a uniform source point and a uniform target point of two voxels.

The distance vector of two such points has the density of a product of triangles, T(u) = prod max(0, 1 - |u_i|/s_i).
So the energy share of the voxel at offset n is the integral of e(|u|) T(u - n s): every shell is sown over directions
and each point shared between its eight neighbours with trilinear weights. Weights of all voxels add up to one at every
point, so that energy closes by construction.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compiled import compile_kernel

FloatArray = NDArray[np.float64]

SOWN_VOXELS = 1
"""Voxels up to this offset touch the source voxel and are sown: there the density is singular."""
FINE_VOXELS = 3
"""Voxels up to this offset are integrated with many nodes; beyond, the density varies little over a voxel."""
FINE_SHARE = 3.0
"""An axis is long when three of its voxels exceed the distance."""
N_GAUSS, MAX_GAUSS = 6, 40
"""Nodes on each half of the triangle for the shortest axis (more for longer axes), and the most."""
N_ANGLES = 64
"""Polar and azimuthal steps over one octant, even in solid angle."""
GOLDEN = 0.6180339887498949
"""Its multiples spread evenly between 0 and 1: the places of the directions within their shell."""
PLASTIC = 0.7548776662466927
"""Root of x^3 + x^2 = 1: its multiples and those of its square shift the directions from shell to shell, evenly in two
dimensions; with fixed directions the voxels on the polar axis would be seen by few of them."""


@compile_kernel
def _sow(edges_mm: Any, energy: Any, spacing_zyx_mm: Any, n_angles: int, octant: Any) -> None:
    """Share the energy of each shell between the voxels of one octant; ``octant`` covers offsets 0..n on each axis."""
    n_z, n_y, n_x = octant.shape
    for shell in range(energy.size):
        weight = energy[shell] / (n_angles * n_angles)
        if weight == 0.0:
            continue
        polar, azimuth = (shell * PLASTIC) % 1.0, (shell * PLASTIC**2) % 1.0
        for k in range(n_angles * n_angles):
            place = (k * GOLDEN) % 1.0
            radius = edges_mm[shell] + place * (edges_mm[shell + 1] - edges_mm[shell])
            cosine = (k // n_angles + polar) / n_angles
            angle = 0.5 * np.pi * (k % n_angles + azimuth) / n_angles
            in_plane = radius * np.sqrt(1.0 - cosine * cosine)
            z = radius * cosine / spacing_zyx_mm[0]
            y = in_plane * np.sin(angle) / spacing_zyx_mm[1]
            x = in_plane * np.cos(angle) / spacing_zyx_mm[2]
            i, j, l = int(z), int(y), int(x)  # noqa: E741 - indices of an inner loop
            if i >= n_z or j >= n_y or l >= n_x:
                continue
            fz, fy, fx = z - i, y - j, x - l
            for dz in range(2):
                for dy in range(2):
                    for dx in range(2):
                        if i + dz < n_z and j + dy < n_y and l + dx < n_x:
                            share = (fz if dz else 1.0 - fz) * (fy if dy else 1.0 - fy) * (fx if dx else 1.0 - fx)
                            octant[i + dz, j + dy, l + dx] += weight * share


@compile_kernel
def _density(table: Any, step_mm: float, squared_mm2: float) -> float:
    """Interpolate an energy density tabulated at equal steps of radius; zero beyond."""
    position = np.sqrt(squared_mm2) / step_mm
    i = int(position)
    if i + 1 >= table.size:
        return 0.0
    return float(table[i] + (position - i) * (table[i + 1] - table[i]))


@compile_kernel
def _quadrature(table: Any, step_mm: float, spacing_zyx_mm: Any, rules: Any, octant: Any) -> None:
    """Fill offsets beyond ``SOWN_VOXELS`` with the mean over both voxels; ``rules`` are (nodes, weights, counts)."""
    nodes, weights, counts = rules
    volume = spacing_zyx_mm[0] * spacing_zyx_mm[1] * spacing_zyx_mm[2]
    reach2 = (step_mm * table.size) ** 2
    kind = np.empty(3, dtype=np.int64)
    for i in range(octant.shape[0]):
        for j in range(octant.shape[1]):
            for k in range(octant.shape[2]):
                if max(i, j, k) <= SOWN_VOXELS:
                    continue
                near = (
                    (max(i - 1, 0) * spacing_zyx_mm[0]) ** 2
                    + (max(j - 1, 0) * spacing_zyx_mm[1]) ** 2
                    + (max(k - 1, 0) * spacing_zyx_mm[2]) ** 2
                )
                if near > reach2:
                    continue
                distance2 = (i * spacing_zyx_mm[0]) ** 2 + (j * spacing_zyx_mm[1]) ** 2 + (k * spacing_zyx_mm[2]) ** 2
                for axis in range(3):
                    is_long = (FINE_SHARE * spacing_zyx_mm[axis]) ** 2 > distance2
                    kind[axis] = 1 if is_long or max(i, j, k) <= FINE_VOXELS else 0
                total = 0.0
                for a in range(counts[0, kind[0]]):
                    z2 = ((i + nodes[0, kind[0], a]) * spacing_zyx_mm[0]) ** 2
                    for b in range(counts[1, kind[1]]):
                        y2 = z2 + ((j + nodes[1, kind[1], b]) * spacing_zyx_mm[1]) ** 2
                        zy_weight = weights[0, kind[0], a] * weights[1, kind[1], b]
                        for c in range(counts[2, kind[2]]):
                            x2 = ((k + nodes[2, kind[2], c]) * spacing_zyx_mm[2]) ** 2
                            total += zy_weight * weights[2, kind[2], c] * _density(table, step_mm, y2 + x2)
                octant[i, j, k] = total * volume


@compile_kernel
def _sharpened_points(table: Any, step_mm: float, spacing_zyx_mm: Any, variance_mm2: Any, octant: Any) -> None:
    """Fill an octant with point values of the density plus half ``variance_mm2`` times its second derivatives."""
    volume = spacing_zyx_mm[0] * spacing_zyx_mm[1] * spacing_zyx_mm[2]
    for i in range(octant.shape[0]):
        for j in range(octant.shape[1]):
            for k in range(octant.shape[2]):
                place = np.array([i * spacing_zyx_mm[0], j * spacing_zyx_mm[1], k * spacing_zyx_mm[2]])
                squared = place[0] ** 2 + place[1] ** 2 + place[2] ** 2
                middle = _density(table, step_mm, squared)
                total = middle
                for axis in range(3):
                    delta = 0.5 * spacing_zyx_mm[axis]
                    rest = squared - place[axis] ** 2
                    above = _density(table, step_mm, rest + (place[axis] + delta) ** 2)
                    below = _density(table, step_mm, rest + (place[axis] - delta) ** 2)
                    total += 0.5 * variance_mm2[axis] * (above + below - 2.0 * middle) / delta**2
                octant[i, j, k] = total * volume


def sown_octant(
    edges_mm: FloatArray, energy: FloatArray, *, spacing_zyx_mm: FloatArray, n_offsets: tuple[int, int, int]
) -> FloatArray:
    """Return the energy of each voxel at offsets 0..n (first octant), by sowing shells over directions.

    Parameters
    ----------
    edges_mm : (n + 1,) array
        Edges of shells in the medium, mm.
    energy : (n,) array
        Energy in each shell, any unit.
    spacing_zyx_mm : (3,) array
        Voxel size, mm.
    n_offsets : (z, y, x) int
        Largest offsets.

    Returns
    -------
    (n_z + 1, n_y + 1, n_x + 1) array
        Energy in the voxel at each offset. A voxel on a coordinate plane belongs to several octants: its value is
        that of the whole voxel, so that the sum over mirrored octants closes.
    """
    octant = np.zeros(tuple(n + 1 for n in n_offsets))
    _sow(edges_mm, energy, spacing_zyx_mm, N_ANGLES, octant)
    octant /= 8.0
    for axis in range(3):
        # Both sides of the plane sow into it.
        plane = [slice(None)] * 3
        plane[axis] = slice(0, 1)
        octant[tuple(plane)] *= 2.0
    return octant


def quadrature_beyond(octant: FloatArray, table: FloatArray, *, step_mm: float, spacing_zyx_mm: FloatArray) -> None:
    """Fill the voxels of an octant beyond ``SOWN_VOXELS`` on any axis, in place.

    Up to ``FINE_VOXELS``, and along an axis whose voxels are long against the distance, by Gauss points on both halves
    of the triangle; beyond, three nodes carry its second and fourth moment, s^2/6 and s^4/15.

    Parameters
    ----------
    octant : array
        Energy at offsets 0..n.
    table : (n,) array
        Energy density per mm3 at radii 0, step, 2 step ...; zero beyond.
    step_mm : float
        Step of the table, mm.
    spacing_zyx_mm : (3,) array
        Voxel size, mm.
    """
    _quadrature(table, step_mm, spacing_zyx_mm, _rules(spacing_zyx_mm), octant)


def _rules(spacing_zyx_mm: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return nodes and weights on each axis for the few-node rule (0) and the many-node rule (1), and their counts."""
    halves = np.minimum(N_GAUSS * np.ceil(spacing_zyx_mm / spacing_zyx_mm.min()), MAX_GAUSS).astype(np.int64)
    nodes, weights = np.zeros((2, 3, 2, 2 * int(halves.max())))
    counts = np.full((3, 2), 3, dtype=np.int64)
    for axis, half in enumerate(halves):
        x, w = np.polynomial.legendre.leggauss(int(half))
        x, w = 0.5 * (x + 1.0), 0.5 * w
        nodes[axis, 0, :3] = np.sqrt(0.4) * np.array([-1.0, 0.0, 1.0])
        weights[axis, 0, :3] = np.array([5.0, 14.0, 5.0]) / 24.0
        nodes[axis, 1, : 2 * half] = np.concatenate([-x, x])
        weights[axis, 1, : 2 * half] = np.concatenate([w * (1.0 - x)] * 2)
        counts[axis, 1] = 2 * half
    return nodes, weights, counts


def coarse_octant(
    table: FloatArray,
    *,
    step_mm: float,
    spacing_zyx_mm: FloatArray,
    variance_mm2: FloatArray,
    n_offsets: tuple[int, int, int],
) -> FloatArray:
    """Return the kernel of a coarse grid between which and the fine grid values are shared by nearness.

    Sharing smooths by a known variance; what the wanted voxel means have less than that is taken off by second
    derivatives (``variance_mm2`` is negative then).

    Parameters
    ----------
    table : (n,) array
        Energy density per mm3 at equal steps of radius.
    step_mm : float
        Step of the table, mm.
    spacing_zyx_mm : (3,) array
        Coarse voxel size, mm.
    variance_mm2 : (3,) array
        Wanted variance minus that of the sharing, mm2.
    n_offsets : (z, y, x) int
        Largest offsets.
    """
    octant = np.zeros(tuple(n + 1 for n in n_offsets))
    _sharpened_points(table, step_mm, spacing_zyx_mm, variance_mm2, octant)
    return octant
