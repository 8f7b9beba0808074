"""How the virtual scanner images each nuclide: camera, photon line and energy windows, one line at a time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dosimetry.errors import InvalidInputError
from dosimetry.quantification.energy_windows import window_presets

LINE_TOLERANCE_KEV = 2.0
PET_NUCLIDES = frozenset({"Ga-68", "F-18"})
"""Nuclides whose virtual scans are PET images; they have no line and no energy windows here."""
PET_DURATION_S = 240.0
"""Time at a bed; plausible value of ours, for noise only."""


def _of_preset(nuclide: str, line_kev: float, *, camera: str) -> dict[str, Any]:
    """Return the protocol of a line in the window set that is known for it to 0.1 keV, photopeak first."""
    (found,) = (w for w in window_presets(nuclide) if abs(w.line_kev - line_kev) < LINE_TOLERANCE_KEV)
    sides = [window for window in (found.lower, found.upper) if window is not None]
    windows = tuple((round(window.low_kev, 1), round(window.high_kev, 1)) for window in (found.photopeak, *sides))
    return {"camera": camera, "imaged_kev": found.line_kev, "windows_kev": windows}


PROTOCOLS: Mapping[tuple[str, int], Mapping[str, Any]] = MappingProxyType(
    {
        ("Lu-177", 208): {
            "camera": "Symbia ME",
            "imaged_kev": 208.4,
            "windows_kev": ((187.2, 228.8), (166.4, 187.2), (228.8, 249.6)),
        },
        ("Lu-177", 113): _of_preset("Lu-177", 112.95, camera="Symbia ME"),
        ("I-131", 364): {
            "camera": "Symbia HE",
            "imaged_kev": 364.5,
            "windows_kev": ((328.0, 400.0), (302.0, 328.0), (400.0, 426.0)),
        },
        ("Tc-99m", 140): _of_preset("Tc-99m", 140.5, camera="Symbia LEHR"),
        ("In-111", 171): _of_preset("In-111", 171.3, camera="Symbia ME"),
        ("In-111", 245): _of_preset("In-111", 245.4, camera="Symbia ME"),
        ("Y-90", 127): {"camera": "Symbia ME", "imaged_kev": 127.0, "windows_kev": ((55.0, 285.0),)},
    }
)
"""By nuclide and line in keV; the first line of a nuclide is its usual one.

Lu-177 at 208 keV: photopeak 20 % with scatter windows beside it, as in physics.md 6. The others take the windows of
``window_presets``, whose source stands there: Ichihara et al. 1993 for Tc-99m; the same rule, which the paper does not
give for them, for In-111 and Lu-177 at 113 keV. Y-90: bremsstrahlung in the window and with the collimator of Shen et
al., J Nucl Med 35:1381, 1994 (55 to 285 keV, medium energy); 127 keV is the mean of its photons there. What penetrates
the septa or scatters in collimator and crystal, much of it from above 500 keV, is left out.
"""


def get_protocol(nuclide: str, *, line_kev: float | None = None) -> Mapping[str, Any]:
    """Return camera, imaged energy and windows of a nuclide.

    Parameters
    ----------
    nuclide : str
        As ``Lu-177``.
    line_kev : float or None
        Within 2 keV of a known line; None for the usual one.

    Returns
    -------
    mapping
        Arguments of ``ScanProtocol``.

    Raises
    ------
    InvalidInputError
        No protocol for the nuclide or the line.
    """
    lines = [line for known, line in PROTOCOLS if known == nuclide]
    if not lines:
        known = ", ".join(dict.fromkeys(name for name, _ in PROTOCOLS))
        raise InvalidInputError(f"There is no SPECT protocol for {nuclide} (known: {known}).", code="no_protocol")
    if line_kev is None:
        return PROTOCOLS[nuclide, lines[0]]
    near = [line for line in lines if abs(line - line_kev) <= LINE_TOLERANCE_KEV]
    if not near:
        raise InvalidInputError(
            f"{nuclide} is imaged at {' or '.join(str(line) for line in lines)} keV; got {line_kev:g}.",
            code="no_protocol",
        )
    return PROTOCOLS[nuclide, near[0]]
