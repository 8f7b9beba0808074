"""Energy windows of a gamma camera, and sets of them that papers have used."""

from dataclasses import dataclass

import numpy as np

from dosimetry.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyWindow:
    """Hold the limits of one pulse-height window.

    Parameters
    ----------
    low_kev, high_kev : float
        Limits, keV; 0 <= low < high.

    Raises
    ------
    InvalidInputError
        Limits that are not finite, below zero or not in order.
    """

    low_kev: float
    high_kev: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low_kev < self.high_kev < np.inf:
            raise InvalidInputError(
                f"An energy window needs 0 <= low < high in keV; got {self.low_kev} to {self.high_kev}.",
                code="bad_window",
            )

    @property
    def width_kev(self) -> float:
        """Return the width in keV."""
        return self.high_kev - self.low_kev

    @property
    def centre_kev(self) -> float:
        """Return the middle in keV."""
        return 0.5 * (self.low_kev + self.high_kev)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSet:
    """Hold the photopeak window of one line and the scatter windows beside it.

    Parameters
    ----------
    photopeak, lower : EnergyWindow
        Main window and the one below it.
    upper : EnergyWindow or None
        The one above; None where nothing scatters down from above, as for Tc-99m alone.
    nuclide : str
        As ``Lu-177``.
    line_kev : float
        Energy of the line, keV.
    source : str
        Where the limits are from.
    is_confirmed : bool
        Whether the limits were read in the source that is named; otherwise a physicist must compare them with the
        camera's protocol before they are used.

    Raises
    ------
    InvalidInputError
        The scatter windows do not lie on their sides of the photopeak window.
    """

    photopeak: EnergyWindow
    lower: EnergyWindow
    upper: EnergyWindow | None
    nuclide: str = ""
    line_kev: float = 0.0
    source: str = ""
    is_confirmed: bool = False

    def __post_init__(self) -> None:
        if self.lower.low_kev >= self.photopeak.low_kev:
            raise InvalidInputError("The lower scatter window must lie below the photopeak window.", code="bad_window")
        if self.upper is not None and self.upper.high_kev <= self.photopeak.high_kev:
            raise InvalidInputError("The upper scatter window must lie above the photopeak window.", code="bad_window")


MRT_DOSIMETRY = "Tran-Gia et al., EJNMMI Physics 2021, 10.1186/s40658-021-00397-0, table 2"
MEDIRAD = "Taprogge et al., EJNMMI Physics 2020, 10.1186/s40658-020-00332-9, table 2"
ICHIHARA = "Ichihara et al., J Nucl Med 34:2216, 1993: main window 24 %, 3 keV on both sides"
ADJACENT = "photopeak 208 keV +- 10 %, scatter windows of half its width beside it; to be confirmed against a source"
RULE = f"rule of {ICHIHARA}, applied to this line; the paper does not give it for this nuclide"
ICHIHARA_MAIN_SHARE = 0.24
ICHIHARA_SIDE_KEV = 3.0


def window_presets(nuclide: str) -> tuple[WindowSet, ...]:
    """Return the window sets known for a nuclide, those read in their source first.

    A preset is a proposal: what counts is the window in which the camera was calibrated. The estimate subtracts what
    the windows hold, so limits that differ from the acquisition's give wrong counts without any error.

    Parameters
    ----------
    nuclide : str
        ``Lu-177``, ``I-131``, ``Tc-99m`` or ``In-111``.

    Returns
    -------
    tuple of WindowSet
        Each with its source and whether it was confirmed there.

    Raises
    ------
    InvalidInputError
        No set is known for the nuclide.
    """
    presets = _PRESETS.get(nuclide)
    if presets is None:
        known = ", ".join(sorted(_PRESETS))
        raise InvalidInputError(
            f"No energy windows are known for {nuclide!r} (known: {known}); enter those of the acquisition.",
            code="unknown_windows",
        )
    return presets


def _around(
    *, nuclide: str, line_kev: float, main_half_kev: float, sides: tuple[tuple[float, float], ...], source: str
) -> WindowSet:
    """Return a set from centres and half-widths in keV, as the multicentre protocols print them."""
    lower, upper = (EnergyWindow(low_kev=centre - half, high_kev=centre + half) for centre, half in sides)
    return WindowSet(
        photopeak=EnergyWindow(low_kev=line_kev - main_half_kev, high_kev=line_kev + main_half_kev),
        lower=lower,
        upper=upper,
        nuclide=nuclide,
        line_kev=line_kev,
        source=source,
        is_confirmed=True,
    )


def _ichihara(*, nuclide: str, line_kev: float, is_confirmed: bool) -> WindowSet:
    half = 0.5 * ICHIHARA_MAIN_SHARE * line_kev
    low, high = line_kev - half, line_kev + half
    return WindowSet(
        photopeak=EnergyWindow(low_kev=low, high_kev=high),
        lower=EnergyWindow(low_kev=low - ICHIHARA_SIDE_KEV, high_kev=low),
        upper=EnergyWindow(low_kev=high, high_kev=high + ICHIHARA_SIDE_KEV),
        nuclide=nuclide,
        line_kev=line_kev,
        source=ICHIHARA if is_confirmed else RULE,
        is_confirmed=is_confirmed,
    )


_PRESETS: dict[str, tuple[WindowSet, ...]] = {
    "Lu-177": (
        _around(
            nuclide="Lu-177",
            line_kev=208.4,
            main_half_kev=20.8,
            sides=((181.3, 6.3), (235.5, 6.3)),
            source=MRT_DOSIMETRY,
        ),
        WindowSet(
            photopeak=EnergyWindow(low_kev=187.2, high_kev=228.8),
            lower=EnergyWindow(low_kev=166.4, high_kev=187.2),
            upper=EnergyWindow(low_kev=228.8, high_kev=249.6),
            nuclide="Lu-177",
            line_kev=208.0,
            source=ADJACENT,
        ),
        _ichihara(nuclide="Lu-177", line_kev=112.95, is_confirmed=False),
    ),
    "I-131": (
        _around(
            nuclide="I-131",
            line_kev=364.0,
            main_half_kev=36.4,
            sides=((318.0, 0.03 * 318.0), (413.0, 0.03 * 413.0)),
            source=MEDIRAD,
        ),
    ),
    "Tc-99m": (_ichihara(nuclide="Tc-99m", line_kev=140.5, is_confirmed=True),),
    "In-111": (
        _ichihara(nuclide="In-111", line_kev=171.3, is_confirmed=False),
        _ichihara(nuclide="In-111", line_kev=245.4, is_confirmed=False),
    ),
}
