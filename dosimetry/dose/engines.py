"""One interface to all dose engines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dosimetry.dose.local import local_dose
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.provenance import digest_array
from dosimetry.units import KEV_J
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


class Engine(Protocol):
    """Compute dose from a time-integrated activity map and a density."""

    def __call__(
        self,
        *,
        tia_bq_s: Volume,
        density_g_per_ml: Volume | float,
        nuclide: Nuclide,
        progress: Callable[[float, str], None] | None,
    ) -> EngineResult:
        """Return the dose."""


def _run_local(
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Callable[[float, str], None] | None,
) -> EngineResult:
    dose, masked_energy_j, warnings = local_dose(tia_bq_s=tia_bq_s, density_g_per_ml=density_g_per_ml, nuclide=nuclide)
    emitted_j = float(tia_bq_s.values.sum(dtype="float64")) * nuclide.local_energy_kev * KEV_J
    if progress is not None:
        progress(1.0, "Local deposition")
    return EngineResult(
        dose=dose,
        relative_standard_uncertainty=None,
        energy_balance={
            "emitted_j": emitted_j,
            "deposited_j": emitted_j - masked_energy_j,
            "masked_j": masked_energy_j,
            "photon_energy_not_deposited_kev": nuclide.photon_energy_kev,
        },
        provenance={
            "engine": "local",
            "nuclide": nuclide.name,
            "nuclide_data": nuclide.data_version,
            "local_energy_kev": nuclide.local_energy_kev,
            "tia_digest": digest_array(tia_bq_s.values),
            "density": density_g_per_ml
            if isinstance(density_g_per_ml, int | float)
            else digest_array(density_g_per_ml.values),
        },
        warnings=warnings,
    )


ENGINES: Mapping[str, Engine] = {"local": _run_local}
"""Engines by name; ``local`` deposits electron, alpha and recoil energy where the decay happens."""


def run_engine(
    engine: str,
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Callable[[float, str], None] | None = None,
) -> EngineResult:
    """Compute the absorbed-dose map with a named engine.

    Parameters
    ----------
    engine : str
        A key of ``ENGINES``.
    tia_bq_s : Volume
        Time-integrated activity of each voxel, Bq s.
    density_g_per_ml : Volume or float
        Density map on the same grid, or one declared density, g/mL.
    nuclide : Nuclide
        Decay data.
    progress : callable (fraction, message) or None
        Progress.

    Returns
    -------
    EngineResult
        Dose on the grid of ``tia_bq_s``.

    Raises
    ------
    InvalidInputError
        Unknown engine, wrong unit, or density not above zero.
    GeometryMismatchError
        Density on another grid.
    """
    if engine not in ENGINES:
        raise InvalidInputError(f"Unknown dose engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    return ENGINES[engine](tia_bq_s=tia_bq_s, density_g_per_ml=density_g_per_ml, nuclide=nuclide, progress=progress)
