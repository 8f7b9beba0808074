"""Simulate and write the scans of a demo patient, one after the other."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts, WrittenSeries, make_uid
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.dicomio.writing_rtstruct import RegionToWrite, write_rtstruct
from dosimetry.dicomio.writing_seg import write_seg
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.demo_files import CALIBRATION_CPS_PER_BQ, DemoOptions, DemoScan
from dosimetry.phantoms.patient import DemoPatient
from dosimetry.phantoms.scanner import activity_volume, add_counting_noise, centred_grid, ct_volume, region_coverage
from dosimetry.volume import Grid, Volume

EMISSION_GRID = centred_grid(shape_zyx=(90, 128, 128), spacing_xyz_mm=(4.0, 4.0, 4.0))
CT_GRID = centred_grid(shape_zyx=(112, 192, 192), spacing_xyz_mm=(2.6, 2.6, 3.0))
FRAME_DURATION_S = 1200.0
ENERGY_WINDOW_KEV = (187.2, 228.8)
AGENT = "DOTATATE"
COLOURS_RGB = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (153, 153, 153),
)
INTERPRETED_TYPES = {RegionKind.ORGAN: "ORGAN", RegionKind.LESION: "GTV"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoWriter:
    """Write one scan or the regions of a patient into a folder; the names of the fields say what is used."""

    folder: Path
    patient: DemoPatient
    start: datetime
    options: DemoOptions

    @property
    def seed(self) -> str:
        """Return the text from which every identifier is made."""
        parts = (self.options.patient_id, self.patient.seed, self.options.cycle_number, self.start.isoformat())
        return "/".join(str(part) for part in ("demo", self.options.emission, *parts))

    @property
    def identity(self) -> PatientFacts:
        """Return the patient module."""
        return PatientFacts(
            name=self.options.patient_name,
            patient_id=self.options.patient_id,
            birth_date=date(1960, 1, 1),
            sex="O",
            weight_kg=75.0,
            height_m=1.75,
        )

    def scan_start(self, index: int) -> datetime:
        """Return the start of a scan: half a frame before the time of its activity."""
        return self.start + timedelta(seconds=self.patient.scan_times_s[index] - 0.5 * FRAME_DURATION_S)

    def study(self, index: int) -> StudyFacts:
        """Return the study of a scan."""
        return StudyFacts(
            study_uid=make_uid("study", index, seed=self.seed),
            started=self.scan_start(index),
            description=f"{self.patient.nuclide} SPECT/CT",
            study_id=f"C{self.options.cycle_number}S{index + 1}",
        )

    def series(self, index: int, *, kind: str, number: int, description: str, delay_s: float = 0.0) -> SeriesFacts:
        """Return a series of a scan, that starts some time after it."""
        return SeriesFacts(
            series_uid=make_uid("series", kind, index, seed=self.seed),
            number=number,
            started=self.scan_start(index) + timedelta(seconds=delay_s),
            description=description,
            seed=self.seed,
        )

    def noise(self, index: int, *, kind: int) -> np.random.Generator | None:
        """Return a generator for one kind of noise of one scan, or None."""
        if not self.options.has_noise:
            return None
        return np.random.default_rng([self.patient.seed, self.options.cycle_number, index, kind])

    def write_scan(self, index: int) -> DemoScan:
        """Write SPECT and, when wanted, CT of a scan."""
        frame_of_reference_uid = make_uid("frame", index, seed=self.seed)
        emission = self.write_emission(index, frame_of_reference_uid=frame_of_reference_uid)
        has_ct = index == 0 or self.options.has_ct_at_every_scan
        return DemoScan(
            number=index + 1,
            started=self.scan_start(index),
            emission=emission,
            ct=self.write_ct(index, frame_of_reference_uid=frame_of_reference_uid) if has_ct else None,
        )

    def write_ct(self, index: int, *, frame_of_reference_uid: str) -> WrittenSeries:
        """Write the CT of a scan."""
        volume = ct_volume(
            grid=ct_grid(self.options),
            pose=self.patient.poses[index],
            generator=self.noise(index, kind=2),
            regions=self.patient.regions,
            frame_of_reference_uid=frame_of_reference_uid,
        )
        return write_ct(
            volume,
            folder=self.folder / f"scan_{index + 1}" / "ct",
            patient=self.identity,
            study=self.study(index),
            series=self.series(index, kind="ct", number=2, description="CT low dose", delay_s=FRAME_DURATION_S + 60.0),
        )

    def counts(self, index: int, *, frame_of_reference_uid: str) -> Volume:
        """Return what the camera counts in each voxel during the frame."""
        time_s = self.patient.scan_times_s[index]
        grid = emission_grid(self.options)
        fractions = region_coverage(grid=grid, pose=self.patient.poses[index], regions=self.patient.regions)
        truth = self.patient.truth.values()
        volume = activity_volume(
            fractions=fractions,
            concentrations_bq_per_ml={region.name: region.activity_bq(time_s) / region.volume_ml for region in truth},
            grid=grid,
            resolution_fwhm_mm=self.options.resolution_fwhm_mm,
            frame_of_reference_uid=frame_of_reference_uid,
        )
        counts = add_counting_noise(
            volume, counts_per_bq_per_ml=_counts_per_bq_per_ml(grid), generator=self.noise(index, kind=1)
        )
        return volume.with_values(counts, unit="counts")

    def write_emission(self, index: int, *, frame_of_reference_uid: str) -> WrittenSeries:
        """Write the SPECT of a scan as PT or NM."""
        counts = self.counts(index, frame_of_reference_uid=frame_of_reference_uid)
        nuclide = get_nuclide(self.patient.nuclide)
        agent = AgentFacts(
            name=AGENT,
            nuclide=self.patient.nuclide,
            half_life_s=nuclide.half_life_s,
            administered_activity_bq=self.patient.administered_activity_bq,
            administered_at=self.start,
        )
        acquisition = AcquisitionFacts(
            started=self.scan_start(index),
            frame_duration_s=FRAME_DURATION_S,
            corrections=("ATTN", "SCAT"),
            energy_windows_kev=(ENERGY_WINDOW_KEV,),
        )
        folder = self.folder / f"scan_{index + 1}" / "emission"
        series = self.series(index, kind="emission", number=1, description="SPECT AC SC")
        if self.options.emission == "NM":
            return write_nm(
                counts.with_values(_whole_numbers(counts.values)),
                path=folder / "0001.dcm",
                patient=self.identity,
                study=self.study(index),
                series=series,
                acquisition=acquisition,
                agent=agent,
            )
        exponent = nuclide.decay_constant_per_s * FRAME_DURATION_S
        to_start = exponent / -np.expm1(-exponent)
        concentration = counts.values * np.float32(to_start / _counts_per_bq_per_ml(counts.grid))
        return write_pet(
            counts.with_values(concentration, unit="Bq/mL"),
            folder=folder,
            patient=self.identity,
            study=self.study(index),
            series=series,
            acquisition=acquisition,
            agent=agent,
            decay_correction="START",
        )

    def write_regions(self, scan: DemoScan) -> tuple[Path, Path | None]:
        """Write the true regions on the CT of the first scan; return structure set and segmentation."""
        image = scan.ct
        if image is None:
            raise InvalidInputError("The true contours need the CT of the first scan.")
        shown = tuple(region for region in self.patient.regions if region.kind is not RegionKind.REST)
        fractions = region_coverage(grid=ct_grid(self.options), pose=self.patient.poses[0], regions=shown)
        regions = [
            RegionToWrite(
                name=region.name,
                values=fractions[region.name],
                interpreted_type=INTERPRETED_TYPES[region.kind],
                colour_rgb=COLOURS_RGB[number % len(COLOURS_RGB)],
                description="Known truth, without lesions inside",
            )
            for number, region in enumerate(shown)
        ]
        rtstruct_path = write_rtstruct(
            regions,
            image=image,
            path=self.folder / "regions" / "rtstruct.dcm",
            patient=self.identity,
            study=self.study(0),
            series=self.series(0, kind="rtstruct", number=3, description="Known regions"),
            label="Known regions",
        )
        if not self.options.has_seg:
            return rtstruct_path, None
        seg_path = write_seg(
            regions,
            image=image,
            path=self.folder / "regions" / "seg.dcm",
            series=self.series(0, kind="seg", number=4, description="Known regions"),
        )
        return rtstruct_path, seg_path


def emission_grid(options: DemoOptions) -> Grid:
    """Return the voxels of the SPECT."""
    return _coarsened(EMISSION_GRID, factor=options.coarseness)


def ct_grid(options: DemoOptions) -> Grid:
    """Return the voxels of the CT."""
    return _coarsened(CT_GRID, factor=options.coarseness)


def _coarsened(grid: Grid, *, factor: int) -> Grid:
    """Return a centred grid of the same size with fewer, larger voxels."""
    n_z, n_y, n_x = (-(-n // factor) for n in grid.shape_zyx)
    step_x, step_y, step_z = (step * factor for step in grid.spacing_xyz_mm)
    return centred_grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=(step_x, step_y, step_z))


def _counts_per_bq_per_ml(grid: Grid) -> float:
    return CALIBRATION_CPS_PER_BQ * FRAME_DURATION_S * grid.voxel_volume_ml


def _whole_numbers(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Round so that the sum over any run of voxels keeps its value to one count.

    Rounding each voxel by itself would bias regions of equal, low counts by up to half a count in each voxel.
    """
    running = np.rint(np.cumsum(values, dtype=np.float64))
    return np.asarray(np.diff(running, prepend=0.0).reshape(values.shape))
