"""Write a virtual patient as real DICOM with the truth of every step."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.projections import read_projections
from dosimetry.dicomio.series import group_series
from dosimetry.dicomio.writing_common import PatientFacts, WrittenSeries
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.dicomio.writing_emission import AcquisitionFacts
from dosimetry.dicomio.writing_nm import write_nm
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.dicomio.writing_projections import OrbitFacts, write_projections
from dosimetry.dicomio.writing_rtdose import write_rtdose
from dosimetry.dose.density import density_from_hu
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.acquisition import acquire
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.phantoms.virtual_anatomy import paint_labels
from dosimetry.phantoms.virtual_ct import CtOptions, make_ct
from dosimetry.phantoms.virtual_headers import VirtualHeaders
from dosimetry.phantoms.virtual_patient import BED_MM, VirtualPatient
from dosimetry.phantoms.virtual_pet import pet_image
from dosimetry.phantoms.virtual_regions import write_true_regions
from dosimetry.phantoms.virtual_table import table_density
from dosimetry.phantoms.virtual_truth import Truth, truth_as_dict
from dosimetry.quantification.beds import join_beds
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.decay import decay_factor
from dosimetry.quantification.spect import reconstruct_spect
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.units import MBQ_BQ
from dosimetry.volume import Grid, RigidTransform, Volume

Log = Callable[[str], None]
CT_MARGIN_MM = 40.0
"""The CT reaches beyond the SPECT at both ends, so that attenuation is known to its border."""
CT_SPACING_XYZ_MM = (2.0, 2.0, 3.0)
CT_COLUMNS = 256
FORMAT = "theranostics-case-1"
EmissionKind = Literal["PT", "NM"]
EMISSION_KINDS: tuple[EmissionKind, ...] = ("PT", "NM")
"""As which object a reconstructed image is written; both hold Bq/mL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualScan:
    """What was written of one scan."""

    number: int
    started: datetime
    ct: WrittenSeries
    projections: tuple[WrittenSeries, ...]
    emission: WrittenSeries | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualFiles:
    """What was written of a patient; ``truth_path`` holds every true number. A PET has no sensitivity of a head."""

    folder: Path
    scans: tuple[VirtualScan, ...]
    rtstruct_path: Path
    seg_path: Path
    rtdose_path: Path
    truth_path: Path
    calibration_cps_per_bq: float | None


@dataclass(frozen=True, kw_only=True)
class VirtualWriter:
    """Simulate and write a patient.

    Parameters
    ----------
    folder : Path
        Made when absent.
    patient : VirtualPatient
        Who.
    start : datetime
        Administration, with time zone.
    ct_options : CtOptions
        How the CTs are taken.
    settings : SpectSettings
        How projections are reconstructed.
    is_reconstructed : bool
        False writes projections and CT only, for the product to reconstruct.
    log : callable
        Gets a line for each step.
    identity : PatientFacts or None
        Name and number; None names the patient by what was asked for, as ``VirtualHeaders``.
    emission_kind : {"PT", "NM"}
        As what a reconstructed image is written: a PET Image series, or one NM object with a real world value map.

    Raises
    ------
    InvalidInputError
        Another kind of emission image.
    """

    folder: Path
    patient: VirtualPatient
    start: datetime
    ct_options: CtOptions
    settings: SpectSettings
    is_reconstructed: bool
    log: Log
    identity: PatientFacts | None = None
    emission_kind: EmissionKind = "PT"

    def __post_init__(self) -> None:
        if self.emission_kind not in EMISSION_KINDS:
            raise InvalidInputError(
                f"Emission images are written as {' or '.join(EMISSION_KINDS)}; got {self.emission_kind!r}.",
                code="bad_emission_kind",
            )

    def write(self, truth: Truth) -> VirtualFiles:
        """Write everything; ``truth`` holds the doses on the grid of the first scan."""
        scans = self.write_scans()
        rtstruct_path, seg_path = self.write_regions(scans[0])
        frame = scans[0].ct.frame_of_reference_uid
        dose = Volume(values=truth.dose.values, grid=truth.dose.grid, unit="Gy", frame_of_reference_uid=frame)
        rtdose = write_rtdose(
            dose,
            path=self.folder / "truth" / "rtdose.dcm",
            patient=self.headers.patient,
            study=self.headers.study(0),
            series=self.headers.series(0, f"rtdose {truth.engine}", 9, "True absorbed dose"),
            comment=truth.engine,
        )
        truth_path = self.folder / "truth.json"
        facts = truth_as_dict(self.patient, truth)
        calibration_cps_per_bq = None if self.patient.is_pet else self.patient.protocol.calibration_cps_per_bq
        if calibration_cps_per_bq is not None:
            facts["calibration_cps_per_mbq_of_one_head"] = calibration_cps_per_bq * 1e6
        facts["patient_id"] = self.headers.patient.patient_id
        facts["administered_at"] = self.start.isoformat()
        if self.patient.request.line_kev is not None:
            facts["imaged_kev"] = self.patient.protocol.imaged_kev
        truth_path.write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n")
        if self.is_reconstructed or self.patient.is_pet:
            (self.folder / "case.json").write_text(json.dumps(self.case(), indent=2) + "\n")
        return VirtualFiles(
            folder=self.folder,
            scans=scans,
            rtstruct_path=rtstruct_path,
            seg_path=seg_path,
            rtdose_path=rtdose.paths[0],
            truth_path=truth_path,
            calibration_cps_per_bq=calibration_cps_per_bq,
        )

    def write_scans(self) -> tuple[VirtualScan, ...]:
        """Write CT and projections of every scan, with the reconstructed image where one is wanted."""
        return tuple(self._write_scan(index) for index in range(len(self.patient.poses)))

    def case(self) -> dict[str, Any]:
        """Return the case file with which ``python -m dosimetry analyse`` runs on this folder."""
        hours = self.patient.request.scan_times_h
        points: list[dict[str, str]] = [
            {"label": f"{hour:g} h", "images": f"scan_{number}"} for number, hour in enumerate(hours, start=1)
        ]
        points[0]["structures"] = "truth/rtstruct.dcm"
        return {
            "format": FORMAT,
            "nuclide": self.patient.nuclide,
            "agent": self.patient.request.agent,
            "patient_id": self.headers.patient.patient_id,
            "time_zone": "UTC",
            "administration": {
                "administered_activity_mbq": self.patient.biokinetics.administered_activity_bq / MBQ_BQ,
                "administered_at": self.start.isoformat(),
            },
            "time_points": points,
            "reference": points[0]["label"],
            "contours": "propagate",
            "engines": ["kernel"],
        }

    @property
    def headers(self) -> VirtualHeaders:
        """Return what the headers of its objects say."""
        return VirtualHeaders(
            virtual=self.patient,
            start=self.start,
            ct_options=self.ct_options,
            settings=self.settings,
            identity=self.identity,
        )

    def write_regions(self, scan: VirtualScan) -> tuple[Path, Path]:
        """Write true contours on the CT of the first scan, as structure set and as segmentation."""
        return write_true_regions(headers=self.headers, ct=scan.ct, grid=self._ct_grid(), folder=self.folder / "truth")

    def _noise_seed(self, index: int) -> int:
        request = self.patient.request
        return 1000 * request.seed + 100 * (request.cycle_number - 1) + index

    def _ct_grid(self) -> Grid:
        first, last = self.patient.spect_grid(0), self.patient.spect_grid(self.patient.request.n_beds - 1)
        low = first.origin_lps_mm[2] - CT_MARGIN_MM
        high = last.origin_lps_mm[2] + BED_MM + CT_MARGIN_MM
        n_z = round((high - low) / CT_SPACING_XYZ_MM[2])
        grid = centred_grid(shape_zyx=(n_z, CT_COLUMNS, CT_COLUMNS), spacing_xyz_mm=CT_SPACING_XYZ_MM)
        x, y, _ = grid.origin_lps_mm
        return Grid(shape_zyx=grid.shape_zyx, spacing_xyz_mm=grid.spacing_xyz_mm, origin_lps_mm=(x, y, low))

    def _write_scan(self, index: int) -> VirtualScan:
        frame = self.headers.frame_of_reference_uid(index)
        folder = self.folder / f"scan_{index + 1}"
        ct_grid = self._ct_grid()
        pose = self.patient.poses[index]
        labels = paint_labels(self.patient.anatomy, grid=ct_grid, pose=pose)
        seed = self._noise_seed(index)
        hu = make_ct(
            self.patient.anatomy,
            labels,
            grid=ct_grid,
            seed=seed,
            options=self.ct_options,
            pose=pose,
            frame_of_reference_uid=frame,
        )
        ct = write_ct(
            hu,
            folder=folder / "ct",
            patient=self.headers.patient,
            study=self.headers.study(index),
            series=self.headers.series(
                index, "ct", 2, f"CT {self.ct_options.dose_level.replace('_', ' ')}", delay_s=900.0
            ),
        )
        self.log(f"Scan {index + 1}: CT written")
        n_beds = 0 if self.patient.is_pet else self.patient.request.n_beds
        beds = [self._write_bed(index, bed, frame, hu) for bed in range(n_beds)]
        images = [image for _, image in beds if image is not None]
        emission = self._write_emission(index, images, frame) if images else None
        if self.patient.is_pet:
            emission = self._write_pet(index, frame)
        return VirtualScan(
            number=index + 1,
            started=self.headers.scan_start(index),
            ct=ct,
            projections=tuple(written for written, _ in beds),
            emission=emission,
        )

    def _write_bed(self, index: int, bed: int, frame: str, hu: Volume) -> tuple[WrittenSeries, EmissionImage | None]:
        patient, protocol = self.patient, self.patient.protocol
        fine, pixels = patient.fine_grid(bed), patient.spect_grid(bed)
        labels = paint_labels(patient.anatomy, grid=fine, pose=patient.poses[index])
        # Later beds see what decay left since the first; what biology moves in these minutes is left out.
        decay_constant = get_nuclide(patient.nuclide).decay_constant_per_s
        left = decay_factor(decay_constant_per_s=decay_constant, elapsed_s=bed * protocol.duration_s)
        acquisition = acquire(
            activity_bq_per_ml=np.float32(left) * patient.activity_map(labels, scan=index),
            density_g_per_ml=self._density(labels, fine, patient.poses[index]),
            grid=fine,
            protocol=protocol,
            seed=100_000 * (bed + 1) + self._noise_seed(index),
        )
        written = write_projections(
            acquisition.counts,
            path=self.folder / f"scan_{index + 1}" / f"projections_{bed + 1}.dcm",
            orbit=OrbitFacts(
                angles_deg=acquisition.orbit.angles_deg,
                radii_mm=acquisition.orbit.radii_mm,
                pixel_mm=(pixels.spacing_xyz_mm[0], pixels.spacing_xyz_mm[2]),
                lowest_row_z_mm=pixels.origin_lps_mm[2],
                n_heads=protocol.n_heads,
            ),
            patient=self.headers.patient,
            study=self.headers.study(index),
            series=self.headers.series(index, "projections", 10 + bed, f"Projections bed {bed + 1}"),
            acquisition=AcquisitionFacts(
                started=self.headers.scan_start(index, bed),
                frame_duration_s=protocol.duration_s,
                corrections=(),
                energy_windows_kev=protocol.windows_kev,
                camera=self.headers.camera,
            ),
            agent=self.headers.agent,
            frame_of_reference_uid=frame,
        )
        millions = float(acquisition.counts[0].sum()) / 1e6
        self.log(f"Scan {index + 1}, bed {bed + 1}: {millions:.2f} million counts in the photopeak")
        return written, self._reconstructed(written, hu) if self.is_reconstructed else None

    def _density(self, labels: NDArray[np.uint8], grid: Grid, pose: RigidTransform) -> NDArray[np.float32]:
        """Return the density of body and table."""
        density = self.patient.anatomy.density_g_per_ml(labels)
        if self.ct_options.has_table:
            table = table_density(self.patient.anatomy, grid=grid, pose=pose)[None]
            density = np.where(labels == 0, np.maximum(density, table), density)
        return density

    def _reconstructed(self, written: WrittenSeries, hu: Volume) -> EmissionImage:
        """Reconstruct from the files that were written, as a reader of them would."""
        zone = self.start.tzinfo or UTC
        (series,) = group_series([read_header(written.paths[0])], site_zone=zone)
        calibration = CalibrationFactor(
            calibration_cps_per_bq=self.patient.protocol.calibration_cps_per_bq,
            standard_uncertainty_cps_per_bq=0.0,
            camera=self.patient.protocol.camera,
            nuclide=self.patient.nuclide,
            valid_from=self.start.date(),
        )
        return reconstruct_spect(
            read_projections(series),
            nuclide=get_nuclide(self.patient.nuclide),
            density=density_from_hu(hu),
            calibration=calibration,
            settings=self.settings,
        ).image

    def _write_emission(self, index: int, images: list[EmissionImage], frame: str) -> WrittenSeries:
        image = join_beds(images, nuclide=get_nuclide(self.patient.nuclide))
        volume = Volume(values=image.volume.values, grid=image.volume.grid, unit="Bq/mL", frame_of_reference_uid=frame)
        self.log(f"Scan {index + 1}: reconstructed")
        folder = self.folder / f"scan_{index + 1}" / "emission"
        facts: dict[str, Any] = {
            "patient": self.headers.patient,
            "study": self.headers.study(index),
            "series": self.headers.series(
                index,
                "emission" if self.emission_kind == "PT" else "emission NM",
                1,
                f"SPECT {self.settings.identity}"[:64],
            ),
            "acquisition": AcquisitionFacts(
                started=self.headers.scan_start(index),
                frame_duration_s=self.patient.protocol.duration_s,
                corrections=image.series.corrections,
                energy_windows_kev=self.patient.protocol.windows_kev[:1],
                reconstruction=self.settings.identity[:64],
            ),
            "agent": self.headers.agent,
        }
        if self.emission_kind == "NM":
            return write_nm(volume, path=folder / "0001.dcm", n_projections=self.patient.protocol.n_views, **facts)
        return write_pet(volume, folder=folder, decay_correction="NONE", **facts)

    def _write_pet(self, index: int, frame: str) -> WrittenSeries:
        """Write the PET image of a scan as scanners do: corrected for decay to its start."""
        patient = self.patient
        image = pet_image(patient, scan=index, seed=self._noise_seed(index), frame_of_reference_uid=frame)
        decay_constant = get_nuclide(patient.nuclide).decay_constant_per_s
        left = decay_factor(decay_constant_per_s=decay_constant, elapsed_s=0.5 * patient.scan_duration_s)
        self.log(f"Scan {index + 1}: PET image made")
        return write_pet(
            image.with_values(image.values / np.float32(left), unit="Bq/mL"),
            folder=self.folder / f"scan_{index + 1}" / "emission",
            patient=self.headers.patient,
            study=self.headers.study(index),
            series=self.headers.series(index, "emission", 1, "PET, simulated resolution and noise"),
            acquisition=AcquisitionFacts(
                started=self.headers.scan_start(index),
                frame_duration_s=patient.scan_duration_s,
                corrections=("ATTN", "SCAT", "RAN", "DTIM", "NORM", "DECY"),
                camera=self.headers.camera,
            ),
            agent=self.headers.agent,
            decay_correction="START",
        )
