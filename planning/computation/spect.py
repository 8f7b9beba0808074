"""From stored projections and CT to an emission image, with the settings that a person chose."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.projections import read_projections
from dosimetry.dicomio.series import Series as DicomSeries
from dosimetry.dose.density import DEFAULT_DENSITY_CURVE, density_from_hu
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect import SCATTER_WORDS, SpectSettings, reconstruct_spect
from dosimetry.reconstruction.cameras import CAMERAS
from planning.computation.densities import curve_of
from planning.models import Series
from planning.selectors.density_curves import density_curve_for

CAMERA_NAMES = tuple(CAMERAS)
SCATTER_CHOICES = tuple(SCATTER_WORDS)
SETTING_NAMES = ("camera", "n_iterations", "n_subsets", "post_filter_fwhm_mm", "scatter", "has_attenuation")
"""What a person chooses; the rest are the settings' own defaults."""


def spect_settings(parameters: Mapping[str, Any]) -> SpectSettings:
    """Return the settings among the parameters of a run; impossible ones raise with what to change."""
    known = {field.name for field in fields(SpectSettings)}
    return SpectSettings(**{name: value for name, value in parameters.items() if name in known})


def settings_as_dict(settings: SpectSettings) -> dict[str, Any]:
    """Return every setting, for the digest of a revision and for the dialog."""
    return asdict(settings)


def reconstruct_series(
    projections: DicomSeries,
    *,
    ct: tuple[Series, DicomSeries] | None,
    nuclide: Nuclide,
    calibration: CalibrationFactor | None,
    settings: SpectSettings,
    progress: Callable[[float, str], None],
) -> EmissionImage:
    """Reconstruct one acquisition; the density comes from the CT by the curve of its scanner."""
    density = None
    if ct is not None and settings.has_attenuation:
        row = density_curve_for(ct[0])
        curve = DEFAULT_DENSITY_CURVE if row is None else curve_of(row.points, source=row.source)
        density = density_from_hu(read_ct(ct[1]), curve=curve)
    return reconstruct_spect(
        read_projections(projections),
        nuclide=nuclide,
        density=density,
        calibration=calibration,
        settings=settings,
        progress=progress,
    )
