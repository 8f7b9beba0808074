"""A voxel kernel: octants of dose per decay, and the files in which kernels are kept."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoxelKernel:
    """Hold the dose in the voxels around a source voxel, first octant (offsets 0..n on z, y, x).

    Parameters
    ----------
    name : str
        Nuclide.
    spacing_xyz_mm : (x, y, z) float
        Voxel size, mm.
    density_g_per_ml : float
        Density of the medium.
    electrons : array
        Gy/(Bq s) of beta particles, electron lines, alpha particles and recoils.
    near_photons : array
        Gy/(Bq s) of photons and bremsstrahlung near the source.
    far_photons : array
        The same far from the source, on the coarse grid: Gy/(Bq s) for a source in one voxel of the *fine* grid.
    coarsening_zyx : (z, y, x) int
        Fine voxels in one coarse voxel.
    electron_local_gy_per_bq_s : float
        Part of ``electrons`` at offset 0 that alpha particles and recoils bring.
    energies_kev : mapping
        Per decay: emitted_electrons, emitted_photons, radiated (bremsstrahlung of the electrons), local,
        deposited_electrons (with local), deposited_photons, escaped_photons (beyond the reach of photons).
    digest : str
        SHA-256 over nuclide kernel, voxel size, density and radius.
    """

    name: str
    spacing_xyz_mm: tuple[float, float, float]
    density_g_per_ml: float
    electrons: NDArray[np.float32]
    near_photons: NDArray[np.float32]
    far_photons: NDArray[np.float32]
    coarsening_zyx: tuple[int, int, int]
    electron_local_gy_per_bq_s: float
    energies_kev: dict[str, float]
    digest: str

    @property
    def voxel_mass_g(self) -> float:
        """Return the mass of a voxel, g."""
        return float(np.prod(self.spacing_xyz_mm)) * 1e-3 * self.density_g_per_ml

    @property
    def emitted_kev(self) -> float:
        """Return all energy emitted per decay, keV."""
        return (
            self.energies_kev["emitted_electrons"] + self.energies_kev["emitted_photons"] + self.energies_kev["local"]
        )


def mirrored(octant: NDArray[Any]) -> NDArray[Any]:
    """Return the whole kernel of an octant, source in the middle."""
    whole = octant
    for axis in range(3):
        inner = [slice(None)] * 3
        inner[axis] = slice(1, None)
        whole = np.concatenate([np.flip(whole[tuple(inner)], axis), whole], axis=axis)
    return whole


def octant_sum(octant: NDArray[Any]) -> float:
    """Return the sum over all mirrored octants."""
    weighted = octant.astype(np.float64)
    for axis in range(3):
        beyond = [slice(None)] * 3
        beyond[axis] = slice(1, None)
        weighted[tuple(beyond)] *= 2.0
    return float(weighted.sum())


def read_kernel(folder: Path | None, digest: str) -> VoxelKernel | None:
    """Return the kernel with this digest from a folder, or None when it is not there.

    Parameters
    ----------
    folder : Path or None
        Folder of kernels; None has none.
    digest : str
        Digest of the kernel.
    """
    path = None if folder is None else folder / f"{digest}.npz"
    if path is None or not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as archive:
        energies = dict(zip(archive["energy_names"].tolist(), archive["energies_kev"].tolist(), strict=True))
        return VoxelKernel(
            name=str(archive["name"]),
            spacing_xyz_mm=tuple(archive["spacing_xyz_mm"].tolist()),
            density_g_per_ml=float(archive["density_g_per_ml"]),
            electrons=archive["electrons"],
            near_photons=archive["near_photons"],
            far_photons=archive["far_photons"],
            coarsening_zyx=tuple(archive["coarsening_zyx"].tolist()),
            electron_local_gy_per_bq_s=float(archive["electron_local_gy_per_bq_s"]),
            energies_kev=energies,
            digest=digest,
        )


def write_kernel(folder: Path, kernel: VoxelKernel) -> None:
    """Write a kernel into a folder, under another name first: a killed run leaves no half kernel.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    kernel : VoxelKernel
        Stored under its digest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain = {field.name: getattr(kernel, field.name) for field in fields(kernel)}
    energies = plain.pop("energies_kev")
    plain |= {"energy_names": list(energies), "energies_kev": list(energies.values())}
    partial = folder / f".{kernel.digest}.partial.npz"
    np.savez(partial, **plain)
    partial.replace(folder / f"{kernel.digest}.npz")
