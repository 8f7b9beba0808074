"""Gamma cameras with public parameters: collimator, crystal, energy resolution, sensitivity."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from dosimetry.errors import InvalidInputError
from dosimetry.reconstruction.collimator import FWHM_PER_SIGMA, Collimator

REFERENCE_KEV = 140.5
"""Energy at which makers state resolution (Tc-99m)."""
HEXAGONAL_K = 0.26
"""Shape constant of hexagonal holes, Cherry et al. (2012), eq. 14-7."""
COEFFICIENTS = np.array(
    [
        (60.0, 22.8357, 0.9812, 56.973),
        (80.0, 10.4981, 0.9593, 27.462),
        (87.99, 8.1274, 0.9478, 21.684),
        (88.01, 8.1224, 0.9477, 87.187),
        (100.0, 5.7797, 0.9274, 62.978),
        (113.0, 4.1979, 0.9016, 46.279),
        (140.0, 2.4498, 0.8374, 27.128),
        (171.0, 1.5390, 0.7521, 16.556),
        (208.0, 1.0254, 0.6460, 10.329),
        (245.0, 0.7636, 0.5464, 7.085),
        (300.0, 0.5625, 0.4224, 4.576),
        (364.0, 0.4446, 0.3163, 3.128),
        (511.0, 0.3257, 0.1796, 1.773),
        (637.0, 0.2782, 0.1234, 1.311),
        (722.0, 0.2565, 0.1003, 1.127),
    ]
)
"""Energy keV; attenuation of NaI(Tl) without coherent scattering 1/cm (3.667 g/mL); share of photoelectric first
interactions; attenuation of lead 1/cm (11.35 g/mL). From xraylib 4.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A detector with its collimator.

    Parameters
    ----------
    name : str
        Name shown to the reader.
    hole_diameter_mm, hole_length_mm, septum_mm : float
        Collimator, mm.
    crystal_mm : float
        Thickness of NaI(Tl), mm.
    intrinsic_fwhm_mm : float
        Intrinsic resolution at 140 keV, mm.
    energy_resolution : float
        FWHM over energy at 140 keV.
    source : str
        Where the numbers come from.
    """

    name: str
    hole_diameter_mm: float
    hole_length_mm: float
    septum_mm: float
    crystal_mm: float
    intrinsic_fwhm_mm: float
    energy_resolution: float
    source: str

    def collimator(
        self, energy_kev: float, *, penetration_share: float = 0.0, penetration_fwhm_mm: float = 0.0
    ) -> Collimator:
        """Return the response for photons of an energy.

        Intrinsic resolution grows with 1/sqrt(E) of the light; the effective length is two mean free paths of lead
        shorter than the holes [1]_.

        References
        ----------
        .. [1] Cherry, Sorenson & Phelps, Physics in nuclear medicine, 4th ed. (2012), eq. 14-5.
        """
        return Collimator(
            name=self.name,
            hole_diameter_mm=self.hole_diameter_mm,
            effective_length_mm=self._effective_length_mm(energy_kev),
            intrinsic_fwhm_mm=self.intrinsic_fwhm_mm * float(np.sqrt(REFERENCE_KEV / energy_kev)),
            penetration_share=penetration_share,
            penetration_fwhm_mm=penetration_fwhm_mm,
        )

    def window_share(self, energies_kev: NDArray[Any] | float, window_kev: tuple[float, float]) -> NDArray[np.float64]:
        """Return the share of full-energy events of photons of these energies that fall into a window.

        The width of the photopeak grows with the square root of the energy.
        """
        energies = np.asarray(energies_kev, dtype=np.float64)
        sigma = self.energy_resolution * np.sqrt(REFERENCE_KEV * energies) / FWHM_PER_SIGMA
        low, high = ((edge - energies) / (np.sqrt(2.0) * sigma) for edge in window_kev)
        return np.asarray(0.5 * (erf(high) - erf(low)))

    def crystal_efficiency(self, energies_kev: NDArray[Any] | float) -> NDArray[np.float64]:
        """Return the share of photons that interact in the crystal, the first time by the photoelectric effect.

        A lower bound of the photopeak efficiency: photons that scatter first may still leave all their energy.
        """
        attenuation = _interpolate(energies_kev, 1)
        return np.asarray((1.0 - np.exp(-0.1 * self.crystal_mm * attenuation)) * _interpolate(energies_kev, 2))

    def sensitivity_cps_per_bq(
        self, *, energy_kev: float, photon_yield: float, window_kev: tuple[float, float]
    ) -> float:
        """Return the expected counts per second and Bq of one head in air, independent of distance.

        Geometric efficiency (K g^2 / (l (g + t)))^2 [1]_ times yield, crystal efficiency and window share. For
        simulation; a clinic measures its own.

        References
        ----------
        .. [1] Cherry, Sorenson & Phelps, Physics in nuclear medicine, 4th ed. (2012), eq. 14-7.
        """
        g, t = self.hole_diameter_mm, self.septum_mm
        geometric = (HEXAGONAL_K * g * g / (self._effective_length_mm(energy_kev) * (g + t))) ** 2
        detected = float(self.crystal_efficiency(energy_kev) * self.window_share(energy_kev, window_kev))
        return geometric * photon_yield * detected

    def _effective_length_mm(self, energy_kev: float) -> float:
        return self.hole_length_mm - 20.0 / float(_interpolate(energy_kev, 3))


def _interpolate(energies_kev: NDArray[Any] | float, column: int) -> NDArray[np.float64]:
    """Interpolate a column of ``COEFFICIENTS``, straight in log-log; the ends hold outside the table."""
    log_energy = np.log(np.asarray(energies_kev, dtype=np.float64))
    return np.asarray(np.exp(np.interp(log_energy, np.log(COEFFICIENTS[:, 0]), np.log(COEFFICIENTS[:, column]))))


_SIEMENS = "collimators and 9.5 mm crystal of Siemens Symbia in the data base of SIMIND; 3.8 mm and 9.9 % at 140 keV"
_GE = "collimators and 9.5 mm crystal of GE Infinia in the data base of SIMIND; 3.8 mm and 9.5 % at 140 keV"


def _camera(name: str, holes: tuple[float, float, float], energy_resolution: float, source: str) -> Camera:
    diameter, length, septum = holes
    return Camera(
        name=name,
        hole_diameter_mm=diameter,
        hole_length_mm=length,
        septum_mm=septum,
        crystal_mm=9.5,
        intrinsic_fwhm_mm=3.8,
        energy_resolution=energy_resolution,
        source=source,
    )


CAMERAS: Mapping[str, Camera] = MappingProxyType(
    {
        camera.name: camera
        for camera in (
            _camera("Symbia LEHR", (1.11, 24.05, 0.16), 0.099, _SIEMENS),
            _camera("Symbia ME", (2.94, 40.64, 1.14), 0.099, _SIEMENS),
            _camera("Symbia HE", (4.00, 59.70, 2.00), 0.099, _SIEMENS),
            _camera("Discovery MEGP", (3.00, 58.00, 1.05), 0.095, _GE),
            _camera("Discovery HEGP", (4.00, 66.00, 1.80), 0.095, _GE),
        )
    }
)
"""Parallel-hole cameras by name."""


def camera_named_in(model: str) -> str:
    """Return the camera whose name stands in a header's model name, as ``Virtual Symbia ME``; empty for none."""
    return next((name for name in CAMERAS if name.lower() in model.lower()), "")


def get_camera(name: str) -> Camera:
    """Return a camera.

    Raises
    ------
    InvalidInputError
        There is none of that name.
    """
    if name not in CAMERAS:
        raise InvalidInputError(f"No camera {name!r}; choose one of {', '.join(CAMERAS)}.", code="unknown_camera")
    return CAMERAS[name]
