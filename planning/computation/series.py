"""Stored series as the readers of ``dosimetry`` want them; light, so that the web process may use it."""

from zoneinfo import ZoneInfo

from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import Series as DicomSeries
from dosimetry.dicomio.series import group_series
from dosimetry.errors import InsufficientDataError
from planning import storage
from planning.models import Series


def dicom_series(series: Series) -> DicomSeries:
    """Return the stored series as its reader wants it."""
    headers = [read_header(storage.object_path(file.sha256)) for file in series.files.all()]
    groups = group_series(headers, site_zone=ZoneInfo(series.site.time_zone))
    if len(groups) != 1:
        raise InsufficientDataError("The stored series mixes several grids.", code="several_grids")
    return groups[0]
