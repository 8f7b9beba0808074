"""Whether a series can become a volume, told from its headers before anybody confirms its use."""

from dosimetry.dicomio.emission import UNIT_OF
from dosimetry.dicomio.findings import Finding
from dosimetry.dicomio.geometry import order_slices
from dosimetry.dicomio.headers import CT_CLASSES, PT_CLASS, numbers_of
from dosimetry.dicomio.scaling import real_world_scale
from dosimetry.dicomio.series import Series
from dosimetry.errors import InvalidInputError


def readiness_findings(series: Series) -> tuple[Finding, ...]:
    """Return what will keep the reader from making a volume of a CT or PT series: geometry and unit.

    Pixels are not read. NM and enhanced objects carry their geometry inside and are judged when they are read.

    Parameters
    ----------
    series : Series
        Any kind.

    Returns
    -------
    tuple of Finding
        Level ``block``, with the reader's code and message.
    """
    findings = []
    if series.sop_class_uid in CT_CLASSES | {PT_CLASS} and series.kind in {"ct", "emission"}:
        findings += _geometry_findings(series)
    has_unit = series.units in UNIT_OF or real_world_scale(series.headers[0].dataset) is not None
    if series.sop_class_uid == PT_CLASS and not has_unit:
        text = f"PET units {series.units or 'missing'} are not read; export the series in Bq/mL (BQML)."
        findings.append(Finding(code="units", level="block", message=text))
    return tuple(findings)


def _geometry_findings(series: Series) -> list[Finding]:
    if len(series.headers) == 1:
        return []
    orientation = numbers_of(series.headers[0].dataset, "ImageOrientationPatient", 6)
    spacing = numbers_of(series.headers[0].dataset, "PixelSpacing", 2)
    positions = [numbers_of(header.dataset, "ImagePositionPatient", 3) for header in series.headers]
    known = [position for position in positions if position is not None]
    if orientation is None or spacing is None or len(known) != len(positions):
        text = "The series states no position, orientation or spacing."
        return [Finding(code="no_geometry", level="block", message=text)]
    try:
        order_slices(positions_lps_mm=known, orientation=orientation)
    except InvalidInputError as error:
        return [Finding(code=error.code, level="block", message=str(error))]
    return []
