"""Dose of other tissues in the photon fluence of a kernel."""

import numpy as np
from numpy.typing import NDArray

from dosimetry.dose.nuclide_kernel import KERNEL_MEDIUM, photon_lines_with_bremsstrahlung
from dosimetry.nuclides.emissions import Emissions
from dosimetry.physics.cross_sections import photon_table
from dosimetry.physics.materials import MATERIAL_NAMES

SOFTEST_LEAVING_KEV = 30.0
"""Softer lines hardly leave their voxel and do not count for the response of other materials."""


def photon_response_by_material(emissions: Emissions) -> NDArray[np.float64]:
    """Return m, the dose of each material over that of the kernel's soft tissue in the same photon fluence.

    mu_en/rho averaged over the emitted lines and bremsstrahlung with their energy; scattered photons are softer, so
    that bone is somewhat underrated.

    Parameters
    ----------
    emissions : Emissions
        Radiations per decay.

    Returns
    -------
    (n,) array
        By position in ``MATERIALS``.
    """
    energies, yields = photon_lines_with_bremsstrahlung(emissions)
    is_leaving = (energies > SOFTEST_LEAVING_KEV) & (yields > 0.0)
    energies, weights = energies[is_leaving], (energies * yields)[is_leaving]
    if not weights.sum() > 0.0:
        return np.ones(len(MATERIAL_NAMES))
    responses = np.array([weights @ photon_table(name).at(energies, "mu_en") for name in MATERIAL_NAMES])
    return np.asarray(responses / responses[MATERIAL_NAMES.index(KERNEL_MEDIUM)])
