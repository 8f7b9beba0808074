"""The beds of one scan, reconstructed one after the other and joined into one image."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from dosimetry.dicomio.projections import NmProjections
from dosimetry.errors import InsufficientDataError
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.beds import join_beds
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect import ReconstructedSpect, reconstruct_spect
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.reconstruction.noise_replicates import NoiseReplicates
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
) -> ReconstructedSpect:
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
    ReconstructedSpect
        The image as ``join_beds`` returns it, and its noise replicates, joined as the image is: the first of each bed,
        the second of each bed, ...

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
    found = []
    for number, item in enumerate(projections):

        def report(share: float, text: str, number: int = number) -> None:
            bed = "" if len(projections) == 1 else f"Bed {number + 1}: "
            progress((number + share) / len(projections), bed + text)

        found.append(
            reconstruct_spect(
                item, nuclide=nuclide, density=density, calibration=calibration, settings=settings, progress=report
            )
        )
    image = join_beds([bed.image for bed in found], nuclide=nuclide)
    return ReconstructedSpect(image=image, replicates=_joined_replicates(found, nuclide))


def _joined_replicates(beds: Sequence[ReconstructedSpect], nuclide: Nuclide) -> NoiseReplicates | None:
    parts = [(bed.image, bed.replicates) for bed in beds if bed.replicates is not None]
    if len(parts) <= 1:
        return parts[0][1] if parts else None
    return NoiseReplicates.of(
        join_beds(
            [replace(image, volume=image.volume.with_values(replicates.image(number))) for image, replicates in parts],
            nuclide=nuclide,
        ).volume.values
        for number in range(len(parts[0][1]))
    )
