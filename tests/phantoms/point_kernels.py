"""Analytic stand-ins for the committed point-kernel tables, so that tests of kernels know the exact answer."""

import numpy as np

from dosimetry.dose.point_kernels import ElectronPointKernel, PhotonPointKernel

ELECTRON_ENERGIES_KEV = np.geomspace(10.0, 2400.0, 34)
PHOTON_ENERGIES_KEV = np.geomspace(6.0, 2800.0, 36)
PHOTON_EDGES_MM = np.concatenate([[0.0], np.geomspace(0.02, 500.0, 90)])
BREMSSTRAHLUNG_AT_1_MEV = 0.005


def electron_table() -> ElectronPointKernel:
    """Energy spread evenly over 0.9 R along the radius, R = 4.4 mm (E / MeV)^1.4; radiative loss as E."""
    edges = np.linspace(0.0, 1.3, 131)
    radiated = BREMSSTRAHLUNG_AT_1_MEV * ELECTRON_ENERGIES_KEV / 1e3
    within = np.minimum(edges / 0.9, 1.0)
    return ElectronPointKernel(
        energies_kev=ELECTRON_ENERGIES_KEV,
        csda_range_mm=4.4 * (ELECTRON_ENERGIES_KEV / 1e3) ** 1.4,
        scaled_edges=edges,
        deposited_fraction=np.diff(within)[None, :] * (1.0 - radiated)[:, None],
        bremsstrahlung_fraction=radiated,
        sha256="stand-in electrons",
    )


def attenuation_per_mm(energy_kev):
    """Return a coefficient like that of water: 30 keV and softer photoelectric, flat above."""
    return 3e-3 + 1.2e-2 * (30.0 / np.asarray(energy_kev)) ** 3


def photon_table() -> PhotonPointKernel:
    """Energy falls as exp(-mu r), with no build-up."""
    mu = attenuation_per_mm(PHOTON_ENERGIES_KEV)[:, None]
    left = np.exp(-mu * PHOTON_EDGES_MM)
    return PhotonPointKernel(
        energies_kev=PHOTON_ENERGIES_KEV,
        edges_mm=PHOTON_EDGES_MM,
        deposited_fraction=-np.diff(left, axis=1),
        escaped_fraction=left[:, -1],
        sha256="stand-in photons",
    )
