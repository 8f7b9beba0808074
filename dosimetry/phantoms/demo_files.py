"""How the demo patient is scanned, and what was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dosimetry.dicomio.writing_common import WrittenSeries
from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.patient import ADMINISTERED_ACTIVITY_BQ, DemoPatient

CALIBRATION_CPS_PER_BQ = 10.0e-6
"""Counts per second and Bq of the simulated camera, 10 cps/MBq: about that of Lu-177 at 208 keV."""

LARGEST_COARSENESS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How the demo patient is scanned and written.

    Parameters
    ----------
    patient_name, patient_id : str
        Identity.
    emission : str
        ``PT``: activity concentration (BQML, decay-corrected to the start of the scan); ``NM``: counts, to be used
        with ``CALIBRATION_CPS_PER_BQ``.
    resolution_fwhm_mm : float
        Blur of the SPECT, mm; 0 for none.
    has_noise : bool
        Whether SPECT and CT have noise.
    has_ct_at_every_scan : bool
        False writes a CT for the first scan only.
    has_seg : bool
        Whether the true regions are written as a segmentation object too.
    coarseness : int
        1 to 4. 1 is the demo; 2 has voxels of twice the length on every axis, a tenth of the bytes, for quick tests.
    cycle_number : int
        Number of the cycle.
    administered_activity_bq : float
        Net administered activity, Bq.
    uptake_scale : mapping of region name to float or None
        Factors on the activity of single regions.
    """

    patient_name: str = "DEMO^Patient 001"
    patient_id: str = "DEMO-001"
    emission: str = "PT"
    resolution_fwhm_mm: float = 6.0
    has_noise: bool = True
    has_ct_at_every_scan: bool = True
    has_seg: bool = False
    coarseness: int = 1
    cycle_number: int = 1
    administered_activity_bq: float = ADMINISTERED_ACTIVITY_BQ
    uptake_scale: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.emission not in ("PT", "NM"):
            raise InvalidInputError(f"The SPECT is written as PT or NM; got {self.emission!r}.")
        if not 1 <= self.coarseness <= LARGEST_COARSENESS:
            raise InvalidInputError(f"The coarseness is 1 to {LARGEST_COARSENESS}; got {self.coarseness}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoScan:
    """The files of one scan; ``ct`` is None when only the first scan has one."""

    number: int
    started: datetime
    emission: WrittenSeries
    ct: WrittenSeries | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFiles:
    """What was written, and the truth.

    Parameters
    ----------
    folder : Path
        Holds everything.
    patient : DemoPatient
        The truth.
    administered_at : datetime
        Time of administration.
    calibration_cps_per_bq : float
        Calibration factor of the simulated camera; needed for NM only.
    scans : tuple of DemoScan
        One for each time point.
    rtstruct_path : Path
        True contours on the CT of the first scan.
    seg_path : Path or None
        The same as a segmentation object, when wanted.
    """

    folder: Path
    patient: DemoPatient
    administered_at: datetime
    calibration_cps_per_bq: float
    scans: tuple[DemoScan, ...]
    rtstruct_path: Path
    seg_path: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return every file, in the order of writing."""
        series = [part for scan in self.scans for part in (scan.emission, scan.ct) if part is not None]
        files = [path for part in series for path in part.paths]
        return (*files, self.rtstruct_path, *([self.seg_path] if self.seg_path else []))
