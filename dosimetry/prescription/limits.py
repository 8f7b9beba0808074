"""Dose limits and the dose that a region already has."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from dosimetry.errors import InvalidInputError


class LimitQuantity(StrEnum):
    """Quantity that a limit bounds."""

    ABSORBED_DOSE = "absorbed_dose"
    BED = "bed"
    EQD2 = "eqd2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Bound one quantity of one region; ``source`` says on whose word."""

    region: str
    quantity: LimitQuantity
    limit_gy: float
    source: str

    def __post_init__(self) -> None:
        if not 0.0 < self.limit_gy < inf:
            raise InvalidInputError(f"A limit must be above zero; got {self.limit_gy} Gy.", code="bad_limit")
        if not self.source.strip():
            raise InvalidInputError("A limit needs its source.", code="limit_source")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionForecast:
    """What is known of one region for the coming cycles.

    Parameters
    ----------
    region : str
        Name.
    dose_per_activity_gy_per_bq : float
        Mean over the patient's own cycles, Gy/Bq.
    dose_per_activity_cv : float
        Relative standard uncertainty of the next cycle's dose per activity, between-cycle change included.
    given_dose_gy, given_dose_standard_uncertainty_gy : float
        Absorbed dose of past cycles and of treatment elsewhere, Gy.
    given_bed_gy : float or None
        BED of the same, Gy; None when it is not known.
    g : float or None
        Dose protraction factor of a cycle.
    alpha_beta_gy : float or None
        alpha/beta, Gy.
    """

    region: str
    dose_per_activity_gy_per_bq: float
    dose_per_activity_cv: float
    given_dose_gy: float
    given_dose_standard_uncertainty_gy: float
    given_bed_gy: float | None = None
    g: float | None = None
    alpha_beta_gy: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.dose_per_activity_gy_per_bq < inf:
            raise InvalidInputError(f"{self.region} has no dose per activity.", code="no_dose_per_activity")
        given = (self.given_dose_gy, self.given_dose_standard_uncertainty_gy, self.given_bed_gy or 0.0, self.g or 0.0)
        if not all(0.0 <= value < inf for value in (self.dose_per_activity_cv, *given)):
            raise InvalidInputError("Doses and uncertainties cannot be negative and must be finite numbers.")
        if self.alpha_beta_gy is not None and not 0.0 < self.alpha_beta_gy < inf:
            raise InvalidInputError(f"alpha/beta must be above zero; got {self.alpha_beta_gy} Gy.")
