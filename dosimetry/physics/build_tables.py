"""Build the committed photon tables from xraylib. Run: python -m dosimetry.physics.build_tables

xraylib is a development dependency; nothing imports this module at run time. xraylib stops at 800 keV: above, the
photoelectric and Rayleigh coefficients go on as power laws, and incoherent scattering is Klein-Nishina times Z/A,
joined at 800 keV. ``CS_Energy`` of xraylib is wrong below 150 keV and is not used: mu_en is made here.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compton import (
    AVOGADRO_PER_BARN_CM2,
    ELECTRON_MASS_KEV,
    klein_nishina_barn,
    klein_nishina_barn_per_cosine,
    momentum_transfer_per_angstrom,
    pair_barn_per_z2,
    scattered_fraction,
)
from dosimetry.physics.materials import ATOMIC_WEIGHT_G_PER_MOL, MATERIALS, Material
from dosimetry.physics.table_files import TABLE_FOLDER, write_table

FloatArray = NDArray[np.float64]
TABLE_NAME = "photon_cross_sections"
ENERGIES_KEV = np.geomspace(1.0, 3000.0, 601)
MOMENTUM_TRANSFER_PER_ANGSTROM = np.concatenate([[0.0], np.geomspace(0.002, 260.0, 400)])
XRAYLIB_MAX_KEV = 800.0


def build(folder: Path = TABLE_FOLDER) -> Path:
    """Write the table of cross-sections, form factors and incoherent functions of all materials into a folder."""
    import xraylib

    rows: dict[str, list[FloatArray]] = {}
    for material in MATERIALS:
        for key, values in _material_rows(xraylib, material).items():
            rows.setdefault(key, []).append(values)
    meta = {
        "source": "xraylib (cross-sections to 800 keV, form factors, incoherent functions); Klein-Nishina x Z/A and "
        "power laws above; pair production: Maximon's series of Bethe-Heitler; mu_en = photo + incoherent <T>/E + "
        "pair (1 - 1022 keV/E), radiative losses and fluorescence escape neglected",
        "xraylib": xraylib.__version__,
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "materials": [material.name for material in MATERIALS],
    }
    arrays = {"energies_kev": ENERGIES_KEV, "momentum_transfer_per_angstrom": MOMENTUM_TRANSFER_PER_ANGSTROM}
    arrays |= {key: np.array(values) for key, values in rows.items()}
    return write_table(TABLE_NAME, arrays=arrays, meta=meta, folder=folder)


def _material_rows(xraylib: Any, material: Material) -> dict[str, FloatArray]:
    fractions = material.mass_fractions
    z2_per_g = sum(f * z * z / ATOMIC_WEIGHT_G_PER_MOL[z] for z, f in fractions.items())
    photo = _mixed(xraylib.CS_Photo, fractions)
    rayleigh = _mixed(xraylib.CS_Rayl, fractions)
    incoherent = _mixed(xraylib.CS_Compt, fractions)
    is_high = ENERGIES_KEV > XRAYLIB_MAX_KEV
    klein_nishina = material.electrons_per_nucleon * AVOGADRO_PER_BARN_CM2 * klein_nishina_barn(ENERGIES_KEV)
    join = np.searchsorted(ENERGIES_KEV, XRAYLIB_MAX_KEV) - 1
    incoherent[is_high] = klein_nishina[is_high] * incoherent[join] / klein_nishina[join]
    x = MOMENTUM_TRANSFER_PER_ANGSTROM
    incoherent_function = _electron_sum(lambda z: _incoherent_function(xraylib, z, x), fractions)
    form_factor_squared = _electron_sum(lambda z: _form_factor(xraylib, z, x) ** 2, fractions)
    transfer = _mean_transfer_fraction(x, incoherent_function)
    pair = z2_per_g * AVOGADRO_PER_BARN_CM2 * pair_barn_per_z2(ENERGIES_KEV)
    pair_kinetic = np.maximum(1.0 - 2.0 * ELECTRON_MASS_KEV / ENERGIES_KEV, 0.0)
    return {
        "photo_cm2_per_g": photo,
        "incoherent_cm2_per_g": incoherent,
        "rayleigh_cm2_per_g": rayleigh,
        "pair_cm2_per_g": pair,
        "compton_transfer_fraction": transfer,
        "mu_en_cm2_per_g": photo + incoherent * transfer + pair * pair_kinetic,
        "incoherent_function_per_g": incoherent_function,
        "form_factor_squared_per_g": form_factor_squared,
    }


def _mixed(cross_section: Any, fractions: Any) -> FloatArray:
    """Sum elements to 800 keV; above, continue each as the power law of the last 300 keV."""
    energies = np.minimum(ENERGIES_KEV, XRAYLIB_MAX_KEV)
    low, high = 500.0, XRAYLIB_MAX_KEV
    total = np.zeros(ENERGIES_KEV.size)
    for z, fraction in fractions.items():
        values = np.array([cross_section(z, float(energy)) for energy in energies])
        slope = np.log(cross_section(z, high) / cross_section(z, low)) / np.log(high / low)
        total += fraction * values * (ENERGIES_KEV / energies) ** slope
    return total


def _electron_sum(function: Any, fractions: Any) -> FloatArray:
    """Sum a function of the atom over the atoms of one gram, in mol."""
    rows = [fraction / ATOMIC_WEIGHT_G_PER_MOL[z] * function(z) for z, fraction in fractions.items()]
    return np.asarray(np.sum(rows, axis=0))


def _incoherent_function(xraylib: Any, z: int, x: FloatArray) -> FloatArray:
    return np.array([0.0 if value == 0.0 else min(max(xraylib.SF_Compt(z, float(value)), 0.0), z) for value in x])


def _form_factor(xraylib: Any, z: int, x: FloatArray) -> FloatArray:
    """Return F(x, Z); where the spline of the data wiggles (far out) it is held from rising again."""
    values = np.array([max(xraylib.FF_Rayl(z, float(value)), 0.0) for value in x])
    return np.asarray(np.minimum.accumulate(values))


def _mean_transfer_fraction(x: FloatArray, incoherent_function: FloatArray) -> FloatArray:
    """Return <T>/E of Compton electrons, Klein-Nishina weighted with S(x)."""
    # Nodes crowd in the forward direction, where S changes.
    u = np.linspace(0.0, 1.0, 4001)
    cosine = 1.0 - 2.0 * u**2
    jacobian = 4.0 * u
    fractions = np.empty(ENERGIES_KEV.size)
    for i, energy in enumerate(ENERGIES_KEV):
        s = np.interp(momentum_transfer_per_angstrom(energy, cosine), x, incoherent_function)
        weight = klein_nishina_barn_per_cosine(energy, cosine) * s * jacobian
        transfer = 1.0 - scattered_fraction(energy, cosine)
        fractions[i] = np.trapezoid(weight * transfer, u) / np.trapezoid(weight, u)
    return fractions


if __name__ == "__main__":
    build()
