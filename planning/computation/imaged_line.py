"""The photon line that a scan images, by which calibration factors of one nuclide are told apart."""

from dosimetry.dicomio.headers import items_of, number_of
from dosimetry.dicomio.series import Series
from dosimetry.errors import DosimetryError


def imaged_kev(series: Series) -> float | None:
    """Return the line (keV) of the photopeak window of an NM series; None where the header does not tell."""
    from dosimetry.quantification.spect_scatter import find_imaged_line

    if series.modality != "NM" or series.nuclide is None:
        return None
    windows = []
    for item in items_of(series.headers[0].dataset, "EnergyWindowInformationSequence"):
        for limits in items_of(item, "EnergyWindowRangeSequence"):
            low, high = (number_of(limits, f"EnergyWindow{side}Limit") for side in ("Lower", "Upper"))
            if low is not None and high is not None:
                windows.append((low, high))
    try:
        return find_imaged_line(tuple(windows), nuclide=series.nuclide).energy_kev if windows else None
    except DosimetryError:
        return None
