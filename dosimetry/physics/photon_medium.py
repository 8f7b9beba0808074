"""The medium and the source of photon transport as the compiled functions take them.

A medium is the tuple (density g/mL, material, majorant 1/mm, inverse spacing 1/mm); tables are (coefficients, compton,
rayleigh, grids).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compiled import compile_kernel, uniform
from dosimetry.physics.materials import MATERIAL_NAMES
from dosimetry.physics.photon_sampling import TOTAL, SamplingTables


def photon_medium(
    *,
    density_g_per_ml: NDArray[np.float32],
    material: NDArray[np.uint8],
    spacing_xyz_mm: tuple[float, float, float],
    tables: SamplingTables,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the medium and the tables as the compiled functions take them.

    Parameters
    ----------
    density_g_per_ml, material : (z, y, x) arrays, float32 and uint8
        Density and position in ``MATERIALS`` of each voxel.
    spacing_xyz_mm : (x, y, z) float
        Voxel size, mm.
    tables : SamplingTables
        Cross-sections and angles.

    Returns
    -------
    tuple of two tuples
        Medium with the largest attenuation of the grid at every energy node, and tables.
    """
    majorant = np.zeros(tables.coefficients.shape[0])
    for m in range(len(MATERIAL_NAMES)):
        inside = density_g_per_ml[material == m]
        if inside.size:
            attenuation = tables.coefficients[:, m, TOTAL].astype(np.float64)
            majorant = np.maximum(majorant, float(inside.max()) * attenuation)
    ratio = tables.angle_nodes_per_log / tables.nodes_per_log
    shift = (tables.log_first_energy - tables.log_first_angle_energy) * tables.angle_nodes_per_log
    grids = (tables.log_first_energy, tables.nodes_per_log, ratio, shift)
    medium = (density_g_per_ml, material, majorant, 1.0 / np.asarray(spacing_xyz_mm, dtype=np.float64))
    return medium, (tables.coefficients, tables.compton, tables.rayleigh, grids)


def line_table(energies_kev: NDArray[np.float64], yields: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows (energy, threshold, alias) from which one random number draws a line (Walker)."""
    n = energies_kev.size
    table = np.column_stack([energies_kev, np.ones(n), np.arange(n, dtype=np.float64)])
    if n == 0:
        return table
    scaled = yields / yields.sum() * n
    small = [i for i in range(n) if scaled[i] < 1.0]
    large = [i for i in range(n) if scaled[i] >= 1.0]
    while small and large:
        low, high = small.pop(), large.pop()
        table[low, 1], table[low, 2] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        (small if scaled[high] < 1.0 else large).append(high)
    return table


@compile_kernel
def isotropic(state: Any) -> tuple[float, float, float]:
    """Draw a unit vector (Marsaglia)."""
    a, b, s = 1.0, 0.0, 2.0
    while s >= 1.0:
        a = 2.0 * uniform(state) - 1.0
        b = 2.0 * uniform(state) - 1.0
        s = a * a + b * b
    root = 2.0 * np.sqrt(1.0 - s)
    return a * root, b * root, 1.0 - 2.0 * s


@compile_kernel
def draw_line(lines: Any, state: Any) -> float:
    """Draw an energy from the alias table ``lines`` (energy, threshold, alias)."""
    place = uniform(state) * lines.shape[0]
    i = int(place)
    return float(lines[i, 0] if place - i < lines[i, 1] else lines[int(lines[i, 2]), 0])
