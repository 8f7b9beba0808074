"""Build the committed table of elastic electron scattering. Run: python -m dosimetry.physics.build_electron_tables

xraylib (a development dependency, never loaded at run time) gives the atomic form factors.
"""

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.physics.compton import AVOGADRO_PER_BARN_CM2, CLASSICAL_RADIUS_SQUARED_BARN
from dosimetry.physics.electron_scattering import (
    HARD_T,
    N_QUANTILES,
    TABLE_NAME,
    AtomicElastic,
    scatter_elastically,
)
from dosimetry.physics.electrons import ENERGY_LIMITS_KEV
from dosimetry.physics.materials import ATOMIC_WEIGHT_G_PER_MOL, MATERIALS, Material
from dosimetry.physics.table_files import write_table

FloatArray = NDArray[np.float64]
ENERGIES_KEV = np.geomspace(*ENERGY_LIMITS_KEV, 81)
MOMENTUM_TRANSFER_PER_ANGSTROM = np.concatenate([[0.0], np.geomspace(1e-3, 300.0, 600)])


def main() -> None:
    """Write soft coefficients and hard deflections of elastic scattering of all materials."""
    import xraylib

    elements = sorted({z for material in MATERIALS for z in material.mass_fractions})
    atoms = {z: _atom(xraylib, z) for z in elements}
    rows: dict[str, list[FloatArray]] = {}
    for material in MATERIALS:
        for key, values in _material_rows(material, atoms).items():
            rows.setdefault(key, []).append(values)
    meta = {
        "source": "screened Rutherford (Hartree-Fock form factors of xraylib) x Mott spin factor (McKinley-Feshbach)",
        "xraylib": xraylib.__version__,
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "hard_t": HARD_T,
        "materials": [material.name for material in MATERIALS],
    }
    arrays = {"energies_kev": ENERGIES_KEV} | {key: np.array(values) for key, values in rows.items()}
    write_table(TABLE_NAME, arrays=arrays, meta=meta)


def _atom(xraylib: Any, z: int) -> list[AtomicElastic]:
    x = MOMENTUM_TRANSFER_PER_ANGSTROM
    form_factor = np.array([max(xraylib.FF_Rayl(z, float(value)), 0.0) for value in x])
    # Far out the spline of the data wiggles; there F is far below Z.
    form_factor = np.minimum.accumulate(form_factor)
    return [
        scatter_elastically(z, float(energy), momentum_transfer_per_angstrom=x, form_factor=form_factor)
        for energy in ENERGIES_KEV
    ]


def _material_rows(material: Material, atoms: dict[int, list[AtomicElastic]]) -> dict[str, FloatArray]:
    per_g = AVOGADRO_PER_BARN_CM2 * CLASSICAL_RADIUS_SQUARED_BARN
    shares = {z: per_g * w / ATOMIC_WEIGHT_G_PER_MOL[z] for z, w in material.mass_fractions.items()}
    first = [sum(share * atoms[z][i].soft_first for z, share in shares.items()) for i in range(ENERGIES_KEV.size)]
    second = [sum(share * atoms[z][i].soft_second for z, share in shares.items()) for i in range(ENERGIES_KEV.size)]
    events, inverse_t = [], []
    for i in range(ENERGIES_KEV.size):
        t = atoms[next(iter(shares))][i].hard_t
        density = np.sum([share * atoms[z][i].hard_density for z, share in shares.items()], axis=0)
        cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(t))])
        events.append(cumulative[-1])
        quantiles = np.linspace(0.0, 1.0, N_QUANTILES) * cumulative[-1]
        inverse_t.append(np.interp(quantiles, cumulative, 1.0 / t))
    return {
        "soft_first_cm2_per_g": np.array(first),
        "soft_second_cm2_per_g": np.array(second),
        "hard_cm2_per_g": np.array(events),
        "hard_inverse_t": np.array(inverse_t),
    }


if __name__ == "__main__":
    main()
