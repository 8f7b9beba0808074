"""Tissues of the body: elemental composition, density, and the choice of composition from a density map."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Describe a material by its mass fractions.

    Parameters
    ----------
    name : str
        Name.
    mass_fractions : mapping
        Atomic number -> mass fraction; they sum to 1.
    density_g_per_ml : float
        Nominal density, g/mL; transport in a patient uses the density of each voxel instead.
    source : str
        Where the composition comes from.
    """

    name: str
    mass_fractions: Mapping[int, float]
    density_g_per_ml: float
    source: str

    @property
    def electrons_per_nucleon(self) -> float:
        """Return <Z/A>, mol of electrons per g."""
        return sum(fraction * z / ATOMIC_WEIGHT_G_PER_MOL[z] for z, fraction in self.mass_fractions.items())


ATOMIC_WEIGHT_G_PER_MOL: Mapping[int, float] = MappingProxyType(
    {
        1: 1.00794, 6: 12.0107, 7: 14.0067, 8: 15.9994, 11: 22.98977, 12: 24.305, 15: 30.973762,
        16: 32.065, 17: 35.453, 18: 39.948, 19: 39.0983, 20: 40.078, 26: 55.845,
    }
)  # fmt: skip
"""Standard atomic weights, g/mol (IUPAC 2005), of the elements used here."""

_ICRU44 = "ICRU Report 44 (1989), adult tissues"


def _material(name: str, *, percent: dict[int, float], density_g_per_ml: float, source: str) -> Material:
    total = sum(percent.values())
    fractions = MappingProxyType({z: value / total for z, value in percent.items()})
    return Material(name=name, mass_fractions=fractions, density_g_per_ml=density_g_per_ml, source=source)


MATERIALS: tuple[Material, ...] = (
    _material(
        "air",
        percent={6: 0.0124, 7: 75.5268, 8: 23.1781, 18: 1.2827},
        density_g_per_ml=0.001205,
        source="dry air near sea level, ICRU Report 37 (1984)",
    ),
    _material(
        "lung",
        percent={1: 10.3, 6: 10.5, 7: 3.1, 8: 74.9, 11: 0.2, 15: 0.2, 16: 0.3, 17: 0.3, 19: 0.2},
        density_g_per_ml=0.26,
        source=_ICRU44,
    ),
    _material(
        "adipose",
        percent={1: 11.4, 6: 59.8, 7: 0.7, 8: 27.8, 11: 0.1, 16: 0.1, 17: 0.1},
        density_g_per_ml=0.95,
        source=_ICRU44,
    ),
    _material(
        "soft_tissue",
        percent={1: 10.2, 6: 14.3, 7: 3.4, 8: 70.8, 11: 0.2, 15: 0.3, 16: 0.3, 17: 0.2, 19: 0.3},
        density_g_per_ml=1.06,
        source=_ICRU44 + ", male soft tissue",
    ),
    _material(
        "spongiosa",
        percent={
            1: 8.5, 6: 40.4, 7: 2.8, 8: 36.7, 11: 0.1, 12: 0.1, 15: 3.4, 16: 0.2, 17: 0.2, 19: 0.1, 20: 7.4, 26: 0.1,
        },
        density_g_per_ml=1.18,
        source="ICRU Report 46 (1992), adult spongiosa",
    ),
    _material(
        "cortical_bone",
        percent={1: 3.4, 6: 15.5, 7: 4.2, 8: 43.5, 11: 0.1, 12: 0.2, 15: 10.3, 16: 0.3, 20: 22.5},
        density_g_per_ml=1.92,
        source=_ICRU44,
    ),
    _material("water", percent={1: 11.1898, 8: 88.8102}, density_g_per_ml=1.0, source="H2O"),
)  # fmt: skip
"""All materials; the position in the tuple is the index of the material in tables and maps."""

MATERIAL_NAMES = tuple(material.name for material in MATERIALS)
COMPOSITION_LIMITS_G_PER_ML = (0.10, 0.85, 0.985, 1.12, 1.50)
"""Density below which a voxel is air, lung, adipose, soft tissue, spongiosa; above the last it is cortical bone.

Only the composition steps there: the density of a voxel stays what the CT says, so that attenuation is continuous but
for the difference of mass coefficients (below 2 % above 100 keV between neighbours).
"""


def material_number(name: str) -> int:
    """Return the index of a material.

    Raises
    ------
    InvalidInputError
        There is no such material.
    """
    if name not in MATERIAL_NAMES:
        raise InvalidInputError(f"No material {name!r}; choose one of {', '.join(MATERIAL_NAMES)}.")
    return MATERIAL_NAMES.index(name)


def material_index(density_g_per_ml: NDArray[Any]) -> NDArray[np.uint8]:
    """Choose the composition of each voxel from its density.

    Parameters
    ----------
    density_g_per_ml : array
        Density, g/mL, above zero.

    Returns
    -------
    array of uint8
        Position in ``MATERIALS``, same shape.

    Raises
    ------
    InvalidInputError
        A density that is not finite or not above zero.
    """
    density = np.asarray(density_g_per_ml)
    if not (np.all(np.isfinite(density)) and np.all(density > 0.0)):
        raise InvalidInputError("Density must be finite and above zero.", code="bad_density")
    return np.asarray(np.digitize(density, COMPOSITION_LIMITS_G_PER_ML), dtype=np.uint8)
