"""Recovery coefficient against volume, fitted to spheres of a phantom scan."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from dosimetry.errors import FitError, InsufficientDataError, InvalidInputError

FloatArray = NDArray[np.float64]
N_PARAMETERS = 2
START_LIMITS = (0.02, 0.98)
"""Recoveries for the starting line only; measured ones above 1 (ringing) have no logit."""
VOLUME_TOLERANCE = 1e-9
NORMAL_95 = float(stats.norm.ppf(0.975))
"""Half width of the 95 % interval of a normal deviate: uncertainties are taken as stated."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecoveryCurve:
    """Hold RC(v) = 1 - 1 / (1 + (v / b1)^b2) of one reconstruction.

    Parameters
    ----------
    b1_ml : float
        Volume of half recovery, mL.
    b2 : float
        Steepness.
    covariance : (2, 2) array
        Of (b1, b2), in mL^2, mL and 1.
    chi_square : float
        Sum of squared residuals over their variances; expect about ``n_degrees_of_freedom``.
    n_degrees_of_freedom : int
        Spheres less two.
    residuals : tuple of float
        Measured less fitted recovery, in the order of the spheres.
    volume_range_ml : (float, float)
        Smallest and largest measured volume, mL.
    reconstruction_id : str
        What the curve belongs to: camera, collimator, window, reconstruction, iterations, filter.
    """

    b1_ml: float
    b2: float
    covariance: FloatArray
    chi_square: float
    n_degrees_of_freedom: int
    residuals: tuple[float, ...]
    volume_range_ml: tuple[float, float]
    reconstruction_id: str

    @property
    def reduced_chi_square(self) -> float:
        """Return the chi-square for each degree of freedom; expect about 1."""
        return self.chi_square / self.n_degrees_of_freedom

    @property
    def p_value(self) -> float:
        """Return how often a chi-square as large as this one comes by chance; small: the form does not fit."""
        return float(stats.chi2.sf(self.chi_square, self.n_degrees_of_freedom))

    def coefficient(self, volume_ml: ArrayLike, *, is_extrapolated: bool = False) -> FloatArray:
        """Return RC at volumes in mL.

        Raises
        ------
        InvalidInputError
            A volume not above zero, or outside the measured range unless ``is_extrapolated`` says so.
        """
        return np.asarray(special.expit(self._exponent(volume_ml, is_extrapolated)), dtype=np.float64)

    def standard_uncertainty(self, volume_ml: ArrayLike, *, is_extrapolated: bool = False) -> FloatArray:
        """Return that of RC from the covariance of (b1, b2), the volume itself taken as exact."""
        exponent = self._exponent(volume_ml, is_extrapolated)
        gradient = _gradient(np.asarray(volume_ml, dtype=np.float64), exponent, b1_ml=self.b1_ml, b2=self.b2)
        variance = np.einsum("i...,ij,j...->...", gradient, self.covariance, gradient)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)

    def interval_95(self, volume_ml: ArrayLike, *, is_extrapolated: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return the 95 % limits of RC at volumes in mL.

        First order in the exponent b2 ln(v / b1), which is normal sooner than RC itself and keeps the limits between
        0 and 1.
        """
        exponent = self._exponent(volume_ml, is_extrapolated)
        slope = special.expit(exponent) * special.expit(-exponent)
        spread = NORMAL_95 * self.standard_uncertainty(volume_ml, is_extrapolated=is_extrapolated) / slope
        low, high = special.expit(exponent - spread), special.expit(exponent + spread)
        return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)

    def relative_fit_uncertainty(self, volume_ml: float, *, is_extrapolated: bool = False) -> float:
        """Return u(RC)/RC from the fit alone, as the chain of uncertainties takes it."""
        uncertainty = self.standard_uncertainty(volume_ml, is_extrapolated=is_extrapolated)
        return float(uncertainty / self.coefficient(volume_ml, is_extrapolated=is_extrapolated))

    def log_slope(self, volume_ml: ArrayLike, *, is_extrapolated: bool = False) -> FloatArray:
        """Return d ln RC / d ln v = b2 (1 - RC): how an error of the volume moves the coefficient."""
        exponent = self._exponent(volume_ml, is_extrapolated)
        return np.asarray(self.b2 * special.expit(-exponent), dtype=np.float64)

    def applies_to(self, reconstruction_id: str) -> bool:
        """Tell whether an image of this reconstruction may be corrected with the curve."""
        return _normalised(reconstruction_id) == _normalised(self.reconstruction_id)

    def _exponent(self, volume_ml: ArrayLike, is_extrapolated: bool) -> FloatArray:
        volumes = np.asarray(volume_ml, dtype=np.float64)
        if not np.all((volumes > 0.0) & np.isfinite(volumes)):
            raise InvalidInputError(f"A volume must be above zero; got {volumes} mL.", code="bad_volume")
        low, high = self.volume_range_ml
        slack = 1.0 + VOLUME_TOLERANCE
        if not is_extrapolated and np.any((volumes * slack < low) | (volumes > high * slack)):
            raise InvalidInputError(
                f"The recovery curve was measured from {low:.3g} to {high:.3g} mL, not at {volumes} mL; measure "
                "such a sphere, or ask for extrapolation and say so in the report.",
                code="recovery_extrapolated",
            )
        return np.asarray(self.b2 * np.log(volumes / self.b1_ml), dtype=np.float64)


def recovery_function(volume_ml: ArrayLike, *, b1_ml: float, b2: float) -> FloatArray:
    """Return 1 - 1 / (1 + (v / b1)^b2) for volumes in mL."""
    volumes = np.asarray(volume_ml, dtype=np.float64)
    return np.asarray(special.expit(b2 * np.log(volumes / b1_ml)), dtype=np.float64)


def fit_recovery(
    volumes_ml: Sequence[float],
    recovery: Sequence[float],
    standard_uncertainties: Sequence[float],
    *,
    reconstruction_id: str,
) -> RecoveryCurve:
    """Fit the recovery curve to measured spheres by weighted least squares.

    Uncertainties are taken as stated: the covariance is not scaled with the residuals, so look at the p-value. Errors
    that all spheres share (dose calibrator, calibration factor) do not belong here, but in the factor's uncertainty.

    Parameters
    ----------
    volumes_ml : sequence of float
        Of at least three spheres, two of them different, mL.
    recovery : sequence of float
        Measured over true concentration, above zero; above 1 is accepted (ringing), though the curve never is.
    standard_uncertainties : sequence of float
        Of the recoveries, independent, above zero.
    reconstruction_id : str
        Camera, collimator, window, reconstruction, iterations and filter in one text; not empty.

    Returns
    -------
    RecoveryCurve
        With the full covariance of (b1, b2).

    Raises
    ------
    InsufficientDataError
        Fewer than three spheres, or all of one volume.
    InvalidInputError
        Lengths differ, a number is out of range, or the reconstruction is not named.
    FitError
        Recovery does not rise with volume.

    References
    ----------
    .. [1] Gear et al., EANM practical guidance on uncertainty analysis for molecular radiotherapy absorbed dose
       calculations, Eur J Nucl Med Mol Imaging 45:2456, 2018, 10.1007/s00259-018-4136-7.
    """
    volumes, measured, deviations = _checked(volumes_ml, recovery, standard_uncertainties)
    if not reconstruction_id.strip():
        raise InvalidInputError(
            "Name the reconstruction that the recovery belongs to (camera, collimator, window, iterations, filter).",
            code="no_reconstruction",
        )
    log_volumes = np.log(volumes)
    # A straight line of logit RC against ln v is the curve itself: b2 and -b2 ln b1.
    slope, intercept = np.polyfit(log_volumes, special.logit(np.clip(measured, *START_LIMITS)), 1)
    if slope <= 0.0:
        raise FitError("Recovery does not rise with volume; check volumes and measured values.", code="recovery_falls")

    def residuals(parameters: FloatArray) -> FloatArray:
        exponent = np.exp(parameters[1]) * (log_volumes - parameters[0])
        return np.asarray((measured - special.expit(exponent)) / deviations, dtype=np.float64)

    fit = optimize.least_squares(residuals, [-intercept / slope, np.log(slope)], xtol=1e-12, ftol=1e-12, gtol=1e-12)
    b1_ml, b2 = (float(value) for value in np.exp(fit.x))
    exponent = b2 * (log_volumes - fit.x[0])
    jacobian = (_gradient(volumes, exponent, b1_ml=b1_ml, b2=b2) / deviations).T
    normal = jacobian.T @ jacobian
    if not fit.success or not np.linalg.cond(normal / np.sqrt(np.outer(np.diag(normal), np.diag(normal)))) < 1e12:
        raise FitError("The spheres do not determine the recovery curve; add volumes.", code="recovery_fit")
    return RecoveryCurve(
        b1_ml=b1_ml,
        b2=b2,
        covariance=np.asarray(np.linalg.inv(normal), dtype=np.float64),
        chi_square=float(2.0 * fit.cost),
        n_degrees_of_freedom=volumes.size - N_PARAMETERS,
        residuals=tuple(float(value) for value in measured - special.expit(exponent)),
        volume_range_ml=(float(volumes.min()), float(volumes.max())),
        reconstruction_id=reconstruction_id,
    )


def _gradient(volumes: FloatArray, exponent: FloatArray, *, b1_ml: float, b2: float) -> FloatArray:
    """Return dRC/db1 and dRC/db2, (2, ...)."""
    slope = special.expit(exponent) * special.expit(-exponent)
    return np.stack([-slope * b2 / b1_ml, slope * np.log(volumes / b1_ml)])


def _checked(
    volumes_ml: Sequence[float], recovery: Sequence[float], standard_uncertainties: Sequence[float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    arrays = [np.asarray(values, dtype=np.float64) for values in (volumes_ml, recovery, standard_uncertainties)]
    if any(values.ndim != 1 or values.size != arrays[0].size for values in arrays):
        raise InvalidInputError("Each sphere needs a volume, a recovery and its uncertainty.", code="bad_recovery")
    for values, what in zip(arrays, ("volume", "recovery", "standard uncertainty"), strict=True):
        if not np.all((values > 0.0) & np.isfinite(values)):
            raise InvalidInputError(f"Every {what} must be above zero.", code="bad_recovery")
    if arrays[0].size <= N_PARAMETERS:
        raise InsufficientDataError(
            f"A recovery curve needs at least three spheres; got {arrays[0].size}.", code="few_spheres"
        )
    if np.ptp(arrays[0]) == 0.0:
        raise InsufficientDataError("All spheres have one volume; a curve needs several.", code="few_spheres")
    return arrays[0], arrays[1], arrays[2]


def _normalised(reconstruction_id: str) -> str:
    return " ".join(reconstruction_id.split()).casefold()
