"""Curves of dose rate: the models of activity, with the absorbed dose as the integral."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.fitting import fit_curve
from dosimetry.kinetics.points import validated_points
from dosimetry.kinetics.terms import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRateFit:
    """Hold a curve of dose rate; Gy, Gy/s, s.

    Parameters
    ----------
    curve : CurveFit
        The fit, in which every Bq reads Gy/s and every Bq s reads Gy.
    """

    curve: CurveFit

    @property
    def absorbed_dose_gy(self) -> float:
        """Absorbed dose from administration to infinity, Gy: R(0) T / ln 2 for one phase of half-life T."""
        return self.curve.time_integrated_activity_bq_s

    @property
    def absorbed_dose_standard_uncertainty_gy(self) -> float:
        """Standard uncertainty of the absorbed dose, Gy."""
        return self.curve.time_integrated_activity_standard_uncertainty_bq_s

    def dose_rate_gy_per_s(self, times_s: NDArray[Any]) -> Array:
        """Return the fitted dose rate in Gy/s at times in s after administration."""
        return self.curve.activity_bq(times_s)

    def band_gy_per_s(self, times_s: NDArray[Any]) -> Array:
        """Return the standard uncertainty of the fitted dose rate in Gy/s."""
        return self.curve.band_bq(times_s)


def fit_dose_rates(
    *,
    model: str,
    times_s: Sequence[float] | NDArray[Any],
    dose_rates_gy_per_s: Sequence[float] | NDArray[Any],
    standard_uncertainties_gy_per_s: Sequence[float] | NDArray[Any],
    nuclide_decay_constant_per_s: float,
) -> DoseRateFit:
    """Fit one model to the dose rates of a region, one value per scan.

    The dose rate at a scan is that of its own dose calculation. The region may change its mass between scans, so the
    curve of dose rate, not that of activity, then gives the dose. In a shrinking tumour it can fall more slowly
    than the nuclide decays: the curve is then held at physical decay and flagged ``at_bound``.

    Parameters
    ----------
    model : str
        Name of a model of ``dosimetry.kinetics.models``.
    times_s : (n,) array
        Mid-acquisition times after administration, s, above zero.
    dose_rates_gy_per_s, standard_uncertainties_gy_per_s : (n,) arrays
        Dose rates at those times and their standard uncertainties, Gy/s, above zero.
    nuclide_decay_constant_per_s : float
        Physical decay constant, 1/s.

    Raises
    ------
    InvalidInputError, InsufficientDataError, FitError
        As ``fit_curve``.
    """
    times, rates, u = validated_points(
        times_s, dose_rates_gy_per_s, standard_uncertainties_gy_per_s, quantity="Dose rate"
    )
    curve = fit_curve(
        model=model,
        times_s=times,
        activities_bq=rates,
        standard_uncertainties_bq=u,
        nuclide_decay_constant_per_s=nuclide_decay_constant_per_s,
    )
    return DoseRateFit(curve=curve)
