"""What every engine returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dosimetry.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EngineResult:
    """What an engine returns.

    Parameters
    ----------
    dose : Volume
        Absorbed dose, Gy.
    relative_standard_uncertainty : Volume or None
        Statistical uncertainty of each voxel, where the engine has one.
    photon_dose : Volume or None
        The part of ``dose`` that photons brought, Gy; None for an engine that does not transport them.
    energy_balance : mapping
        emitted_j, deposited_j, masked_j.
    provenance : mapping
        Engine, nuclide data, digests of the inputs.
    warnings : tuple of str
        What the user should know.
    """

    dose: Volume
    relative_standard_uncertainty: Volume | None
    energy_balance: Mapping[str, float]
    provenance: Mapping[str, Any]
    warnings: tuple[str, ...]
    photon_dose: Volume | None = None
