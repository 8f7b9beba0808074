"""Activity in a phantom, from its assay to the middle of its scan."""

from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.decay import decay_factor, frame_start_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomSource:
    """Hold the activity in a phantom and when it was scanned.

    Parameters
    ----------
    nuclide : Nuclide
        Its half-life is taken as exact.
    assay_activity_bq, standard_uncertainty_bq : float
        Net of the residue in the syringe, at the time of the assay, with the dose calibrator's uncertainty, Bq.
    assay_to_start_s : float
        From the assay to the start of the acquisition, s, zero or more.
    duration_s : float
        Of the whole acquisition (of the projection for a planar scan), s.
    time_standard_uncertainty_s : float
        Of ``assay_to_start_s``: clocks of the calibrator and the camera, s.

    Raises
    ------
    InvalidInputError
        A number out of range.
    """

    nuclide: Nuclide
    assay_activity_bq: float
    standard_uncertainty_bq: float
    assay_to_start_s: float
    duration_s: float
    time_standard_uncertainty_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.assay_activity_bq < np.inf:
            raise InvalidInputError("The activity of the source must be above zero Bq.", code="bad_activity")
        if not (0.0 <= self.standard_uncertainty_bq < np.inf and 0.0 <= self.time_standard_uncertainty_s < np.inf):
            raise InvalidInputError("A standard uncertainty cannot be below zero.", code="bad_uncertainty")
        if not 0.0 <= self.assay_to_start_s < np.inf:
            raise InvalidInputError(
                f"The acquisition begins {-self.assay_to_start_s:.0f} s before the assay; check both clocks, or give "
                "the activity at an earlier time.",
                code="negative_time",
            )
        if not 0.0 < self.duration_s < np.inf:
            raise InvalidInputError(
                f"The acquisition must last some time; got {self.duration_s} s.", code="no_duration"
            )

    @property
    def mean_activity_bq(self) -> float:
        """Return the mean activity during the acquisition, Bq: decay up to it and within it."""
        constant = self.nuclide.decay_constant_per_s
        at_start = self.assay_activity_bq * decay_factor(decay_constant_per_s=constant, elapsed_s=self.assay_to_start_s)
        return at_start / frame_start_factor(decay_constant_per_s=constant, duration_s=self.duration_s)

    @property
    def relative_contributions(self) -> dict[str, float]:
        """Return the relative standard uncertainties of the mean activity by name."""
        clocks = self.nuclide.decay_constant_per_s * self.time_standard_uncertainty_s
        return {"dose calibrator": self.standard_uncertainty_bq / self.assay_activity_bq, "clocks": clocks}
