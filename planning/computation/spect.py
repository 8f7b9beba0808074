"""From stored projections and CT to an emission image, with the settings that a person chose."""

from collections.abc import Callable, Sequence

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.projections import read_projections
from dosimetry.dicomio.series import Series as DicomSeries
from dosimetry.dose.density import DEFAULT_DENSITY_CURVE, density_from_hu
from dosimetry.nuclides.decay import Nuclide
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect import ReconstructedSpect
from dosimetry.quantification.spect_beds import reconstruct_beds
from dosimetry.quantification.spect_settings import SpectSettings
from planning.computation.densities import curve_of
from planning.models import Series
from planning.selectors.density_curves import density_curve_for


def reconstruct_stored_beds(
    beds: Sequence[DicomSeries],
    *,
    ct: tuple[Series, DicomSeries] | None,
    nuclide: Nuclide,
    calibration: CalibrationFactor | None,
    settings: SpectSettings,
    progress: Callable[[float, str], None],
) -> ReconstructedSpect:
    """Reconstruct the beds of one scan and join them; the density comes from the CT by the curve of its scanner."""
    density = None
    if ct is not None and settings.has_attenuation:
        row = density_curve_for(ct[0])
        curve = DEFAULT_DENSITY_CURVE if row is None else curve_of(row.points, source=row.source)
        density = density_from_hu(read_ct(ct[1]), curve=curve)
    return reconstruct_beds(
        [read_projections(bed) for bed in beds],
        nuclide=nuclide,
        density=density,
        calibration=calibration,
        settings=settings,
        progress=progress,
    )
