"""A reconstructed image as a DICOM file; light, so that the web process may write it on demand."""

from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from dosimetry.dicomio.writing_reconstruction import ReconstructionFacts, write_reconstruction
from dosimetry.errors import InsufficientDataError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.volume import Volume
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.computation.series import dicom_series
from planning.models import QuantifiedImage
from planning.selectors.imaging import image_corrections


def reconstruction_as_nm(image: QuantifiedImage) -> bytes:
    """Return the NM object of an image that was reconstructed from projections: equal bytes at every call."""
    others = image.beds.exclude(pk=image.emission_series_id)
    source, *more = (dicom_series(row) for row in (image.emission_series, *others))
    if source.acquisition_start is None:
        raise InsufficientDataError("The projections state no acquisition time; bring them in again.", code="no_time")
    half_duration = image.mid_acquisition_at - source.acquisition_start
    volume = Volume(
        values=storage.load_array(image.emission_sha256),
        grid=grid_from_dict(image.emission_grid),
        unit="Bq/mL",
        frame_of_reference_uid=image.frame_of_reference_uid,
    )
    facts = ReconstructionFacts(
        nuclide=get_nuclide(image.nuclide),
        frame_duration_s=2.0 * half_duration.total_seconds(),
        corrections=tuple(image_corrections(image)),
        description=" ".join(image.steps),
    )
    with TemporaryDirectory(prefix="theranostics-nm-") as folder:
        written = write_reconstruction(
            volume,
            folder=Path(folder),
            beds=(source, *more),
            facts=facts,
            site_zone=ZoneInfo(image.emission_series.site.time_zone),
            seed=str(image.pk),
        )
        return written.paths[0].read_bytes()
