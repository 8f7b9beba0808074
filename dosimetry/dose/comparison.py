"""Region doses of several engines beside each other, and why they differ."""

from dataclasses import dataclass

from dosimetry.errors import InvalidInputError

NEGLIGIBLE = 0.002
"""Contributions below 0.2 % of the dose are not named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionParts:
    """Hold the mean dose of one region by one engine, split by what carried the energy.

    Parameters
    ----------
    engine : str
        Name of the engine.
    total_gy : float
        Mean absorbed dose, Gy.
    photons_gy : float
        The part that photons brought, Gy; zero for an engine that does not transport them.
    """

    engine: str
    total_gy: float
    photons_gy: float

    @property
    def electrons_gy(self) -> float:
        """Return the part of electrons, alpha particles and recoils, Gy."""
        return self.total_gy - self.photons_gy


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDifference:
    """Say how far an engine lies from another, and why.

    Parameters
    ----------
    relative : float
        Other over first, minus one.
    reason : str
        The contributions in words, largest first; empty when nothing is worth naming.
    """

    relative: float
    reason: str


def explain_difference(*, first: RegionParts, other: RegionParts) -> EngineDifference:
    """Split the difference of two engines in one region into photons and charged particles.

    Charged particles differ by their range (energy that leaves or enters at an edge) or, against the unscaled kernel,
    by the density that it leaves out; photons differ because one engine transports more of them.

    Parameters
    ----------
    first, other : RegionParts
        The engine that is compared with, and the one that is compared.

    Returns
    -------
    EngineDifference
        Relative difference; its contributions add up to it.

    Raises
    ------
    InvalidInputError
        The first dose is not above zero.
    """
    if not first.total_gy > 0.0:
        raise InvalidInputError("Engines can be compared only where the first gives a dose above zero.")
    shares = {
        "photons": (other.photons_gy - first.photons_gy) / first.total_gy,
        _electron_reason(first.engine, other.engine): (other.electrons_gy - first.electrons_gy) / first.total_gy,
    }
    named = sorted((item for item in shares.items() if abs(item[1]) >= NEGLIGIBLE), key=lambda item: -abs(item[1]))
    return EngineDifference(
        relative=other.total_gy / first.total_gy - 1.0,
        reason=", ".join(f"{name} {100.0 * share:+.1f} %" for name, share in named),
    )


def _electron_reason(first: str, other: str) -> str:
    if "kernel_unscaled" in {first, other}:
        return "density and range of electrons"
    return "range of electrons"
