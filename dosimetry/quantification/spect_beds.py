"""The beds of one scan, reconstructed one after the other and joined into one image."""

from collections.abc import Callable, Sequence

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.projections import NmProjections
from dosimetry.errors import InsufficientDataError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.beds import join_beds
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect import reconstruct_spect
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.volume import Volume

RECONSTRUCTION_CODES = ("reconstructed", "beds_joined")
"""Codes of the findings that tell how projections became an image."""


def reconstruct_beds(
    projections: Sequence[NmProjections],
    *,
    nuclide: Nuclide,
    density: Volume | None,
    calibration: CalibrationFactor | None,
    settings: SpectSettings,
    progress: Callable[[float, str], None],
) -> EmissionImage:
    """Reconstruct the beds of one scan and join them.

    Parameters
    ----------
    projections : sequence of NmProjections
        One acquisition for each bed.
    nuclide, density, calibration, settings : Nuclide, Volume or None, CalibrationFactor or None, SpectSettings
        As ``reconstruct_spect`` takes them.
    progress : callable
        Gets a share from 0 to 1 and a text that names the bed; it may raise to stop.

    Returns
    -------
    EmissionImage
        As ``join_beds`` returns it.

    Raises
    ------
    InsufficientDataError
        Several acquisitions at one place, or without a place; or as ``reconstruct_spect``.
    """
    places = [item.lowest_row_z_mm for item in projections]
    if len(set(places)) < len(places):
        raise InsufficientDataError(
            f"{len(places)} SPECT acquisitions lie at one place or state none; choose one.", code="emission_count"
        )
    images = []
    for number, item in enumerate(projections):

        def report(share: float, text: str, number: int = number) -> None:
            bed = "" if len(projections) == 1 else f"Bed {number + 1}: "
            progress((number + share) / len(projections), bed + text)

        images.append(
            reconstruct_spect(
                item, nuclide=nuclide, density=density, calibration=calibration, settings=settings, progress=report
            )
        )
    return join_beds(images, nuclide=nuclide)
