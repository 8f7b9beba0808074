"""Compiled projection of one view and its exact transpose.

Images are (voxel, z) with voxel = y * n_x + x, projections (column, z), both float32: the innermost loop runs along z,
where neighbours lie side by side in memory. A response is (weights_u, radii_u, weights_z, radii_z), one row per depth.
"""

from typing import Any

import numpy as np

from dosimetry.physics.compiled import compile_kernel


@compile_kernel
def turn_plane(image: Any, starts: Any, voxels: Any, shares: Any, first: int, plane: Any) -> bool:
    """Fill ``plane`` (column, z) with the cells of one depth, from ``first`` on; tell whether a voxel lies there."""
    n_columns, n_z = plane.shape
    is_any = False
    for c in range(n_columns):
        row = plane[c]
        row[:] = 0.0
        for e in range(starts[first + c], starts[first + c + 1]):
            share = shares[e]
            source = image[voxels[e]]
            for z in range(n_z):
                row[z] += share * source[z]
            is_any = True
    return is_any


@compile_kernel
def attenuation_of_view(mu: Any, starts: Any, voxels: Any, shares: Any, n_depths: int, n_columns: int) -> Any:
    """Return (depth, column, z): exp(-path) from the middle of each cell to the detector; ``mu`` is per cell size."""
    n_z = mu.shape[1]
    factors = np.empty((n_depths, n_columns, n_z), dtype=np.float32)
    path = np.zeros((n_columns, n_z), dtype=np.float32)
    plane = np.empty((n_columns, n_z), dtype=np.float32)
    half = np.float32(0.5)
    for k in range(n_depths - 1, -1, -1):
        turn_plane(mu, starts, voxels, shares, k * n_columns, plane)
        for c in range(n_columns):
            for z in range(n_z):
                factors[k, c, z] = np.exp(-(path[c, z] + half * plane[c, z]))
                path[c, z] += plane[c, z]
    return factors


@compile_kernel
def blur_z(source: Any, weights: Any, radius: int, out: Any) -> None:
    """Blur each row along z with a symmetric kernel; nothing comes in from outside."""
    n_columns, n_z = source.shape
    for c in range(n_columns):
        row, target = source[c], out[c]
        for z in range(n_z):
            target[z] = weights[0] * row[z]
        for o in range(1, radius + 1):
            w = weights[o]
            for z in range(n_z - o):
                target[z] += w * row[z + o]
                target[z + o] += w * row[z]


@compile_kernel
def add_blurred_columns(source: Any, weights: Any, radius: int, out: Any) -> None:
    """Add the blur along columns with a symmetric kernel to ``out``."""
    n_columns, n_z = source.shape
    for c in range(n_columns):
        target = out[c]
        for o in range(-radius, radius + 1):
            i = c + o
            if 0 <= i < n_columns:
                w = weights[abs(o)]
                row = source[i]
                for z in range(n_z):
                    target[z] += w * row[z]


@compile_kernel
def project_view(
    image: Any, starts: Any, voxels: Any, shares: Any, attenuation: Any, response: Any, projection: Any
) -> None:
    """Add the view of an image to ``projection`` (column, z); ``attenuation`` has no depths where there is none."""
    weights_u, radii_u, weights_z, radii_z = response
    n_columns, n_z = projection.shape
    n_depths = (starts.size - 1) // n_columns
    has_attenuation = attenuation.shape[0] > 0
    plane = np.empty((n_columns, n_z), dtype=np.float32)
    blurred = np.empty((n_columns, n_z), dtype=np.float32)
    for k in range(n_depths):
        if not turn_plane(image, starts, voxels, shares, k * n_columns, plane):
            continue
        if has_attenuation:
            for c in range(n_columns):
                for z in range(n_z):
                    plane[c, z] *= attenuation[k, c, z]
        blur_z(plane, weights_z[k], radii_z[k], blurred)
        add_blurred_columns(blurred, weights_u[k], radii_u[k], projection)


@compile_kernel
def back_project_view(
    projection: Any, starts: Any, voxels: Any, shares: Any, attenuation: Any, response: Any, image: Any
) -> None:
    """Add the transpose of ``project_view`` to ``image``."""
    weights_u, radii_u, weights_z, radii_z = response
    n_columns, n_z = projection.shape
    n_depths = (starts.size - 1) // n_columns
    has_attenuation = attenuation.shape[0] > 0
    blurred = np.empty((n_columns, n_z), dtype=np.float32)
    plane = np.empty((n_columns, n_z), dtype=np.float32)
    for k in range(n_depths):
        first = k * n_columns
        if starts[first] == starts[first + n_columns]:
            continue
        blur_z(projection, weights_z[k], radii_z[k], blurred)
        plane[:] = 0.0
        add_blurred_columns(blurred, weights_u[k], radii_u[k], plane)
        for c in range(n_columns):
            if has_attenuation:
                for z in range(n_z):
                    plane[c, z] *= attenuation[k, c, z]
            row = plane[c]
            for e in range(starts[first + c], starts[first + c + 1]):
                share = shares[e]
                target = image[voxels[e]]
                for z in range(n_z):
                    target[z] += share * row[z]
