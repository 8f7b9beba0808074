"""One interface to all dose engines."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol, cast

from dosimetry.dose.by_radiation import local_energies
from dosimetry.dose.inputs import refuse_when_cancelled
from dosimetry.dose.local import local_dose
from dosimetry.dose.result import EngineResult
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.provenance import digest_array
from dosimetry.units import KEV_J
from dosimetry.volume import Volume

__all__ = ["ENGINES", "OPTIONS", "Engine", "EngineResult", "run_engine"]

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "progeny": "none, or in_place for all progeny where the parent decays",
        "seed": "seed of the random numbers",
        "target_relative_uncertainty": "stop when the relative standard uncertainty has come down to it",
        "max_histories": "most particles to follow",
        "device": "cpu or cuda",
        "kernel_density_g_per_ml": "medium of the kernel where density is a map",
        "kernel_cache_folder": "folder in which kernels are kept",
        "photon_radius_mm": "reach of photons in the kernel",
    }
)
"""Options by name; an engine leaves those of other engines aside."""


class Engine(Protocol):
    """Compute dose from a time-integrated activity map and a density."""

    def __call__(
        self,
        *,
        tia_bq_s: Volume,
        density_g_per_ml: Volume | float,
        nuclide: Nuclide,
        progress: Callable[[float, str], None] | None,
        options: Mapping[str, Any],
        is_cancelled: Callable[[], bool] | None,
    ) -> EngineResult:
        """Return the dose."""


def _run_local(
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Callable[[float, str], None] | None,
    options: Mapping[str, Any],
    is_cancelled: Callable[[], bool] | None,
) -> EngineResult:
    progeny = options.get("progeny", "none")
    energies = local_energies(nuclide.name, progeny=progeny)
    energy_kev = sum(member.total_kev for member in energies)
    dose, masked_energy_j, warnings = local_dose(
        tia_bq_s=tia_bq_s, density_g_per_ml=density_g_per_ml, nuclide=nuclide, progeny=progeny
    )
    emitted_j = float(tia_bq_s.values.sum(dtype="float64")) * energy_kev * KEV_J
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
            "progeny": [[member.nuclide, member.decays_per_parent_decay] for member in energies[1:]],
            "local_energy_kev": energy_kev,
            "tia_digest": digest_array(tia_bq_s.values),
            "density": density_g_per_ml
            if isinstance(density_g_per_ml, int | float)
            else digest_array(density_g_per_ml.values),
        },
        warnings=warnings,
    )


def _on_first_use(module: str, function: str) -> Engine:
    """Import an engine when it is first run: compiled kernels do not belong into a process that only reads results."""

    def run(**arguments: Any) -> EngineResult:
        return cast("EngineResult", getattr(import_module(module), function)(**arguments))

    return run


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "local": _run_local,
        "kernel": _on_first_use("dosimetry.dose.kernel_engine", "run_kernel"),
        "kernel_unscaled": _on_first_use("dosimetry.dose.kernel_engine", "run_kernel_unscaled"),
        "hybrid_mc": _on_first_use("dosimetry.dose.hybrid", "run_hybrid_mc"),
        "full_mc": _on_first_use("dosimetry.dose.full_mc", "run_full_mc"),
    }
)
"""Engines by name, from the quickest: docs/physics/engines.md says what each does and when to use it."""


def run_engine(
    engine: str,
    *,
    tia_bq_s: Volume,
    density_g_per_ml: Volume | float,
    nuclide: Nuclide,
    progress: Callable[[float, str], None] | None = None,
    options: Mapping[str, Any] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
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
    options : mapping or None
        Keys of ``OPTIONS``.
    is_cancelled : callable or None
        Asked now and then; True stops the calculation.

    Returns
    -------
    EngineResult
        Dose on the grid of ``tia_bq_s``.

    Raises
    ------
    InvalidInputError
        Unknown engine or option, wrong unit, or density not above zero.
    GeometryMismatchError
        Density on another grid.
    CalculationCancelledError
        ``is_cancelled`` answered True; there is no partial dose.
    """
    if engine not in ENGINES:
        raise InvalidInputError(f"Unknown dose engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    unknown = sorted(set(options or {}) - set(OPTIONS))
    if unknown:
        raise InvalidInputError(
            f"Unknown engine option {unknown[0]!r}; known are {', '.join(OPTIONS)}.", code="unknown_option"
        )
    refuse_when_cancelled(is_cancelled)
    return ENGINES[engine](
        tia_bq_s=tia_bq_s,
        density_g_per_ml=density_g_per_ml,
        nuclide=nuclide,
        progress=progress,
        options=options or {},
        is_cancelled=is_cancelled,
    )
