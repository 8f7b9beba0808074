"""How projections become an image; light, so that the web process may read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from dosimetry.errors import InvalidInputError
from dosimetry.reconstruction.cameras import camera_named_in
from dosimetry.reconstruction.noise_replicates import FEWEST_REPLICATES, MOST_REPLICATES
from dosimetry.units import US_S

DeadTimeModel = Literal["paralysable", "non_paralysable"]
LONGEST_DEAD_TIME_S = 1e-4
"""A hundred times that of a gamma camera: above it the unit was mistaken."""
WIDEST_PENETRATION_MM = 400.0
"""The side of a large crystal: what is wider is a constant background."""
Scatter = Literal["simulated", "windows", "dew", "none"]
SCATTER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "simulated": "simulated scatter",
        "windows": "TEW scatter",
        "dew": "DEW scatter",
        "none": "no scatter correction",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectSettings:
    """How projections become an image; all but the replicates belong to the identity of a calibration factor.

    Parameters
    ----------
    camera : str
        Name of the camera whose resolution is modelled; empty for no resolution modelling.
    penetration_share, penetration_fwhm_mm : float
        Share of the counts that crossed septa and their width on the crystal, as in ``Collimator``; a share of 0 for
        none. They belong to nuclide and collimator and are measured by the site: there is no usual value.
    n_iterations, n_subsets : int
        Of OSEM. With resolution modelling small regions deep in the body converge slowly: after 50 updates kidneys of
        virtual patients stay 6 % low that come within 2 % after 150 (docs/physics/spect.md).
    post_filter_fwhm_mm : float
        Gaussian filter after it, mm.
    has_attenuation : bool
        Whether attenuation is corrected from the CT.
    scatter : {"simulated", "windows", "dew", "none"}
        Simulated from the image in the CT, estimated from the windows beside the photopeak (TEW), as a published share
        of one window below it (DEW; only for the nuclide and windows of its source), or not corrected.
    scatter_smoothing_pixels : float
        Of ``windows`` and ``dew``: smoothing of the estimate within each view, FWHM in pixels.
    scatter_histories : int
        Of ``simulated``: photons to follow.
    dead_time_s : float
        Of one head, for the counts of all recorded windows together; 0 for none.
    dead_time_model : {"paralysable", "non_paralysable"}
        As it was fitted.
    n_replicates : int
        Images of resampled counts beside the image, from which the counting noise of any region is found; 0 for none,
        else 5 to 50. Each is a whole reconstruction. They leave the image as it is.

    Raises
    ------
    InvalidInputError
        An unknown way to correct scatter, scatter that cannot be simulated for want of a camera or a CT, septal
        penetration without a camera or a width, a dead time that no camera has, or too few or too many replicates.
    """

    camera: str = ""
    penetration_share: float = 0.0
    penetration_fwhm_mm: float = 0.0
    n_iterations: int = 10
    n_subsets: int = 15
    post_filter_fwhm_mm: float = 0.0
    has_attenuation: bool = True
    scatter: Scatter = "windows"
    scatter_smoothing_pixels: float = 4.0
    scatter_histories: int = 200_000
    dead_time_s: float = 0.0
    dead_time_model: DeadTimeModel = "paralysable"
    n_replicates: int = 0

    def __post_init__(self) -> None:
        if self.scatter not in SCATTER_WORDS:
            raise InvalidInputError(
                f"Scatter is one of {', '.join(SCATTER_WORDS)}; got {self.scatter!r}.", code="bad_scatter"
            )
        if self.scatter == "simulated" and not (self.camera and self.has_attenuation):
            raise InvalidInputError(
                "Scatter can be simulated for a known camera with attenuation from the CT only.", code="bad_scatter"
            )
        self._check_penetration()
        if not 0.0 <= self.dead_time_s < LONGEST_DEAD_TIME_S or self.dead_time_model not in get_args(DeadTimeModel):
            raise InvalidInputError(
                f"A dead time lies between 0 and {LONGEST_DEAD_TIME_S / US_S:g} µs, paralysable or non_paralysable.",
                code="bad_dead_time",
            )
        if self.n_replicates and not FEWEST_REPLICATES <= self.n_replicates <= MOST_REPLICATES:
            raise InvalidInputError(
                f"Noise replicates: 0 for none, or {FEWEST_REPLICATES} to {MOST_REPLICATES}; got {self.n_replicates}.",
                code="bad_replicate_count",
            )

    def _check_penetration(self) -> None:
        if not (0.0 <= self.penetration_share < 1.0 and 0.0 <= self.penetration_fwhm_mm <= WIDEST_PENETRATION_MM):
            raise InvalidInputError(
                "The share of the counts that cross septa lies from 0 to below 100 %, their width from 0 to "
                f"{WIDEST_PENETRATION_MM:g} mm.",
                code="bad_penetration",
            )
        if self.penetration_share and not (self.camera and self.penetration_fwhm_mm):
            raise InvalidInputError(
                "Septal penetration needs a camera whose resolution is modelled, and the width of these counts.",
                code="bad_penetration",
            )

    @property
    def chosen(self) -> dict[str, Any]:
        """Return the settings by name for a digest; without replicates nothing of them, as before there were any."""
        return {name: value for name, value in asdict(self).items() if name != "n_replicates" or value}

    @property
    def identity(self) -> str:
        """Return the settings in words; a calibration factor holds for one of these only."""
        parts = [f"OSEM {self.n_iterations} x {self.n_subsets}"]
        parts.append("CT attenuation" if self.has_attenuation else "no attenuation correction")
        parts.append(SCATTER_WORDS[self.scatter])
        parts.append(f"resolution of {self.camera}" if self.camera else "no resolution modelling")
        if self.penetration_share:
            parts.append(f"septal penetration {100 * self.penetration_share:g} % of {self.penetration_fwhm_mm:g} mm")
        parts.append(f"filter {self.post_filter_fwhm_mm:g} mm" if self.post_filter_fwhm_mm else "no filter")
        if self.dead_time_s:
            parts.append(f"{self.dead_time_model.replace('_', '-')} dead time {self.dead_time_s / US_S:g} µs")
        return ", ".join(parts)


USUAL_SETTINGS = SpectSettings()
"""What a person gets who chooses nothing."""


def settings_for_camera(chosen: Mapping[str, Any], *, camera_model: str = "", has_ct: bool = True) -> SpectSettings:
    """Return the chosen settings; where no camera is chosen, that of the header is modelled if it is known.

    Parameters
    ----------
    chosen : mapping
        Settings by name, as of ``SpectSettings``; what is missing takes its usual value.
    camera_model : str
        Model of the camera in the header of the projections.
    has_ct : bool
        Whether a CT belongs to them: then the scatter of a known camera is simulated.

    Raises
    ------
    InvalidInputError
        As ``SpectSettings``.
    """
    if "camera" in chosen:
        return SpectSettings(**chosen)
    camera = camera_named_in(camera_model)
    usual: dict[str, Any] = {"camera": camera}
    if camera and has_ct and chosen.get("has_attenuation", True):
        usual["scatter"] = "simulated"
    return SpectSettings(**{**usual, **chosen})
