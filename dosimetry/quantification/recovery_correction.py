"""Activity of a region corrected with a recovery curve, and what is uncertain about it."""

from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.recovery import RecoveryCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCorrection:
    """Hold the correction of one region in one scan.

    Parameters
    ----------
    recovery_coefficient : float
        RC at the region's volume.
    fit_cv : float
        u(RC)/RC from the covariance of the curve, common to all scans and regions of the reconstruction.
    recovery_slope : float
        b = d ln RC / d ln v.
    counts_slope : float
        p = d ln C / d ln v.
    is_extrapolated : bool
        The region is larger than the largest sphere: RC then lies between that of the sphere and 1.
    """

    recovery_coefficient: float
    fit_cv: float
    recovery_slope: float
    counts_slope: float
    is_extrapolated: bool

    @property
    def factor(self) -> float:
        """Return corrected over measured activity, 1 / RC."""
        return 1.0 / self.recovery_coefficient

    def activity_cv(self, *, volume_cv: float, counts_cv: float = 0.0) -> float:
        """Return the relative standard uncertainty of the corrected activity.

        u^2(ln A) = u^2(C) + (p - b)^2 u^2(ln v) + u^2(RC fit): a contour drawn too wide takes in more counts and
        takes a larger recovery coefficient, so that its error cancels in part.

        Parameters
        ----------
        volume_cv, counts_cv : float
            Relative standard uncertainties of the volume, and of the counts inside a given contour.

        Raises
        ------
        InvalidInputError
            An uncertainty below zero or not finite.
        """
        if not (0.0 <= volume_cv < np.inf and 0.0 <= counts_cv < np.inf):
            raise InvalidInputError("Relative uncertainties must be finite and not below zero.", code="bad_uncertainty")
        volume = (self.counts_slope - self.recovery_slope) * volume_cv
        return float(np.sqrt(counts_cv**2 + volume**2 + self.fit_cv**2))


def recovery_correction(curve: RecoveryCurve, *, volume_ml: float, counts_slope: float) -> RecoveryCorrection:
    """Return the correction of a region by its volume: A = C / RC(v).

    One number for each region: spill between regions is not undone, and activity around the region counts as its own.
    The curve holds for hot regions in surroundings as cold against them as those of the phantom; beside warm organs
    the transfer matrix is better. A region that is larger than the largest sphere takes the curve's own way to 1.

    Parameters
    ----------
    curve : RecoveryCurve
        Of the same camera, nuclide and reconstruction as the image.
    volume_ml : float
        Of the region, mL, not below the smallest sphere of the curve.
    counts_slope : float
        p = d ln C / d ln v, 0 or more: concentration at the contour's edge over the mean inside; 0 where the edge
        lies in the cold.

    Returns
    -------
    RecoveryCorrection
        Coefficient and sensitivities.

    Raises
    ------
    InvalidInputError
        A volume not above zero or below the smallest sphere (``recovery_extrapolated``): there nothing was measured
        and the coefficient falls steeply. A slope below zero or not finite.

    References
    ----------
    .. [1] Gear et al., EANM practical guidance on uncertainty analysis for molecular radiotherapy absorbed dose
       calculations, Eur J Nucl Med Mol Imaging 45:2456, 2018, 10.1007/s00259-018-4136-7.
    """
    if not 0.0 <= counts_slope < np.inf:
        raise InvalidInputError(f"The counts' slope is 0 or more; got {counts_slope}.", code="bad_slope")
    is_extrapolated = volume_ml > curve.volume_range_ml[1]
    return RecoveryCorrection(
        recovery_coefficient=float(curve.coefficient(volume_ml, is_extrapolated=is_extrapolated)),
        fit_cv=curve.relative_fit_uncertainty(volume_ml, is_extrapolated=is_extrapolated),
        recovery_slope=float(curve.log_slope(volume_ml, is_extrapolated=is_extrapolated)),
        counts_slope=counts_slope,
        is_extrapolated=is_extrapolated,
    )


def counts_slope_at_edge(*, activity_cv_from_edge: float, volume_cv_from_edge: float) -> float:
    """Return p = d ln C / d ln v from what the same shift of a contour's edge does to activity and volume.

    Parameters
    ----------
    activity_cv_from_edge, volume_cv_from_edge : float
        Relative changes of activity and volume, the first 0 or more, the second above zero.

    Returns
    -------
    float
        Concentration at the edge over the mean inside. For a uniform sphere of radius r blurred by a Gaussian of
        standard deviation s it is phi / (2 RC) [1]_,
        phi = erf(2r/(s sqrt 2)) - 2s/(r sqrt(2 pi)) (1 - exp(-2 r^2/s^2)).

    Raises
    ------
    InvalidInputError
        Numbers out of range.

    References
    ----------
    .. [1] Gear et al., Eur J Nucl Med Mol Imaging 45:2456, 2018, 10.1007/s00259-018-4136-7, counts and recovery.
    """
    if not (0.0 <= activity_cv_from_edge < np.inf and 0.0 < volume_cv_from_edge < np.inf):
        raise InvalidInputError("The edge must move the volume, and no number may be below zero.", code="bad_edge")
    return activity_cv_from_edge / volume_cv_from_edge
