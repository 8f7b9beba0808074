"""A small simulated SPECT/CT scan as real DICOM, with its truth: a body with a hot sphere."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.projections import NmProjections, read_projections
from dosimetry.dicomio.series import Series, group_series
from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.dicomio.writing_projections import OrbitFacts, write_projections
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.acquisition import Acquisition, ScanProtocol, acquire
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.volume import Volume, block_mean, coarser_grid

FINE = centred_grid(shape_zyx=(40, 64, 64), spacing_xyz_mm=(5.0, 5.0, 5.0))
PIXELS = coarser_grid(FINE, 2)
STARTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WINDOWS = ((187.2, 228.8), (166.4, 187.2), (228.8, 249.6))
PROTOCOL = ScanProtocol(
    nuclide="Lu-177",
    camera="Symbia ME",
    imaged_kev=208.4,
    windows_kev=WINDOWS,
    n_views=40,
    view_duration_s=20.0,
    scatter_histories=100_000,
)
BODY_BQ_PER_ML, SPHERE_BQ_PER_ML = 5e4, 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmallScan:
    """Truth on the fine grid, and what the camera counted."""

    activity: np.ndarray
    density: np.ndarray
    sphere: np.ndarray
    acquisition: Acquisition

    @property
    def total_bq(self) -> float:
        """Return the activity in the body, Bq."""
        return float(self.activity.sum(dtype=np.float64)) * FINE.voxel_volume_ml

    @property
    def density_volume(self) -> Volume:
        """Return the density on the pixels of the detector, g/mL."""
        return Volume(values=block_mean(self.density, 2), grid=PIXELS, unit="g/mL", frame_of_reference_uid="1.2.3.4")


@lru_cache(maxsize=2)
def small_scan(seed: int | None = 4) -> SmallScan:
    """Simulate the scan; ``seed`` None for expected counts."""
    z, y, x = np.meshgrid(*[(np.arange(n) - 0.5 * (n - 1)) * 5.0 for n in FINE.shape_zyx], indexing="ij")
    body = ((x / 130.0) ** 2 + (y / 95.0) ** 2 <= 1.0) & (np.abs(z) <= 70.0)
    sphere = (x - 40.0) ** 2 + (y - 10.0) ** 2 + z**2 <= 30.0**2
    activity = np.where(sphere, SPHERE_BQ_PER_ML, BODY_BQ_PER_ML * body).astype(np.float32)
    density = np.where(body, 1.03, 0.00121).astype(np.float32)
    return SmallScan(
        activity=activity,
        density=density,
        sphere=sphere,
        acquisition=acquire(
            activity_bq_per_ml=activity, density_g_per_ml=density, grid=FINE, protocol=PROTOCOL, seed=seed
        ),
    )


def write_small_scan(folder: Path, *, scan: SmallScan | None = None, n_heads: int = 2) -> Path:
    """Write the projections as one NM object and return its path."""
    chosen = scan or small_scan()
    orbit = chosen.acquisition.orbit
    written = write_projections(
        chosen.acquisition.counts,
        path=folder / "projections.dcm",
        orbit=OrbitFacts(
            angles_deg=orbit.angles_deg,
            radii_mm=orbit.radii_mm,
            pixel_mm=(PIXELS.spacing_xyz_mm[0], PIXELS.spacing_xyz_mm[2]),
            lowest_row_z_mm=PIXELS.origin_lps_mm[2],
            n_heads=n_heads,
        ),
        patient=PatientFacts(name="ZZPHI^Projections", patient_id="ZZPHI-9"),
        study=StudyFacts(study_uid="1.2.3", started=STARTED),
        series=SeriesFacts(series_uid="1.2.3.1", number=1, started=STARTED, seed="small"),
        acquisition=AcquisitionFacts(
            started=STARTED,
            frame_duration_s=PROTOCOL.view_duration_s * PROTOCOL.n_views / n_heads,
            corrections=(),
            energy_windows_kev=WINDOWS,
        ),
        agent=AgentFacts(name="DOTATATE", nuclide="Lu-177", half_life_s=get_nuclide("Lu-177").half_life_s),
        frame_of_reference_uid="1.2.3.4",
    )
    return written.paths[0]


def series_of(path: Path) -> Series:
    """Return the series of one file."""
    (series,) = group_series([read_header(path)], site_zone=UTC)
    return series


def read_small_scan(folder: Path, **changes) -> NmProjections:
    """Write the scan and read it again."""
    return read_projections(series_of(write_small_scan(folder, **changes)))
