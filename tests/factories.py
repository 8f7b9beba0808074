"""Rows for tests: sites, people of every role, a case with a row of every kind. Identifying values carry ZZPHI."""

import gzip
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.dicomio.writing_projections import OrbitFacts, write_projections
from planning import models, storage
from planning.computation.populations import published_documents
from planning.models.contours import ContourSource, ContourState
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.queue import TaskName

PASSWORD = "a long enough password"
ADMINISTERED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GRID = {
    "shape_zyx": [2, 3, 4],
    "spacing_xyz_mm": [4.0, 4.0, 4.0],
    "origin_lps_mm": [0.0, 0.0, 0.0],
    "direction": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
}
IDENTITY = [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0]
DIGEST = "0" * 64


def make_site(name: str) -> models.Site:
    return models.Site.objects.create(name=name, time_zone="Europe/Berlin")


def make_user(username: str, *places: tuple[models.Site, Role]) -> models.User:
    user = models.User.objects.create_user(username=username, password=PASSWORD, full_name=f"Person {username}")
    models.Membership.objects.bulk_create(models.Membership(user=user, site=site, role=role) for site, role in places)
    return user


def make_people(site: models.Site, *, prefix: str = "") -> dict[Role, models.User]:
    """One person per role."""
    return {role: make_user(f"{prefix}{role.value}", (site, role)) for role in Role}


@dataclass
class Case:
    """One row of every kind; ``ids`` gives the arguments of any address of the API."""

    site: models.Site
    rows: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.rows[name]
        except KeyError:
            raise AttributeError(name) from None

    def ids(self) -> dict[str, Any]:
        named = {f"{name}_id": row.pk for name, row in self.rows.items() if hasattr(row, "pk")}
        return named | {"site_id": self.site.pk, "number": 1}


def make_case(site: models.Site) -> Case:
    """A cycle with two time points, registered, contoured, fitted, calculated, planned and reported."""
    case = Case(site=site)
    _add_treatment(case)
    _add_images(case)
    _add_contours(case)
    _add_reading(case)
    _add_results(case)
    _add_settings(case)
    _add_uploads(case)
    return case


def _add_treatment(case: Case) -> None:
    patient = models.Patient.objects.create(
        site=case.site, patient_id="ZZPHI-1", name="ZZPHI^Anna", birth_date=date(1960, 1, 2), sex="F"
    )
    course = models.Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
    cycle = models.Cycle.objects.create(course=course, number=1)
    administration = models.Administration.objects.create(
        cycle=cycle,
        number=1,
        administered_at=ADMINISTERED_AT,
        administered_activity_bq=7.4e9,
        source="typed",
    )
    points = [
        models.TimePoint.objects.create(cycle=cycle, number=number, is_reference=number == 1) for number in (1, 2)
    ]
    dose = models.ExternalDose.objects.create(
        patient=patient, region_name="Kidney", absorbed_dose_gy=5.0, modality="external beam", source="letter"
    )
    case.rows |= {
        "patient": patient,
        "course": course,
        "cycle": cycle,
        "administration": administration,
        "time_point": points[0],
        "second_time_point": points[1],
        "dose": dose,
    }


def make_volume(case: Case, kind: str) -> models.VolumeAsset:
    header = {
        "unit": "Bq/mL",
        "window": {"lower": 0.0, "upper": 1.0},
        "dimensions": [4, 3, 2],
        "spacing_mm": GRID["spacing_xyz_mm"],
        "origin_lps_mm": GRID["origin_lps_mm"],
        "direction": GRID["direction"],
    }
    return models.VolumeAsset.objects.create(
        site=case.site,
        patient=case.patient,
        kind=kind,
        header=header,
        voxels_sha256=DIGEST,
        object_sha256=storage.store_bytes(gzip.compress(bytes(24), mtime=0)),
    )


def _add_images(case: Case) -> None:
    images = []
    for i, time_point in enumerate((case.time_point, case.second_time_point)):
        hours = (24.0, 96.0)[i]
        series = models.Series.objects.create(
            site=case.site,
            patient=case.patient,
            time_point=time_point,
            kind="emission",
            modality="PT",
            preview_sha256=storage.store_bytes(b"png"),
            series_uid=f"1.2.{i}",
            study_uid="1.3",
            acquisition_start=ADMINISTERED_AT + timedelta(hours=hours),
        )
        images.append(
            models.QuantifiedImage.objects.create(
                time_point=time_point,
                number=1,
                emission_series=series,
                administration=case.administration,
                time_s=hours * 3600.0,
                mid_acquisition_at=ADMINISTERED_AT + timedelta(hours=hours),
                whole_image_activity_bq=1e9,
                nuclide="Lu-177",
                emission_sha256=storage.store_array(np.ones((2, 3, 4), np.float32)),
                emission_grid=GRID,
                emission_display=make_volume(case, "pet"),
                label_grid=GRID,
                inputs_digest=DIGEST,
            )
        )
    case.rows |= {"image": images[0], "volume": images[0].emission_display, "series": images[0].emission_series}
    case.rows["registration"] = models.Registration.objects.create(
        time_point=case.second_time_point,
        number=1,
        fixed_image=images[0],
        moving_image=images[1],
        method="automatic",
        matrix=IDENTITY,
        resampled_display=make_volume(case, "pet"),
        inputs_digest=DIGEST,
    )


def make_reconstructed(case: Case) -> None:
    """Let the case's first image be one that the product reconstructed: its series holds projections."""
    facts = {
        "patient": PatientFacts(name="ZZPHI^Anna", patient_id="ZZPHI-1"),
        "study": StudyFacts(study_uid="1.3", started=ADMINISTERED_AT),
        "series": SeriesFacts(series_uid="1.2.0", number=1, started=ADMINISTERED_AT, seed="projections"),
        "agent": AgentFacts(name="DOTATATE", nuclide="Lu-177", half_life_s=6.647 * 86400.0),
    }
    orbit = OrbitFacts(
        angles_deg=(0.0, 90.0, 180.0, 270.0), radii_mm=(200.0,) * 4, pixel_mm=(4.0, 4.0), lowest_row_z_mm=0.0
    )
    with TemporaryDirectory() as folder:
        written = write_projections(
            np.ones((1, 4, 2, 2)),
            path=Path(folder) / "nm.dcm",
            orbit=orbit,
            acquisition=AcquisitionFacts(
                started=case.series.acquisition_start, frame_duration_s=600.0, energy_windows_kev=((187.2, 228.8),)
            ),
            frame_of_reference_uid="1.5",
            **facts,
        )
        sha256 = storage.store_file(written.paths[0])
    case.series.kind = "projections"
    case.series.save()
    models.SeriesFile.objects.create(series=case.series, sop_instance_uid="1.6", sha256=sha256, n_bytes=1)
    models.QuantifiedImage.objects.filter(pk=case.image.pk).update(
        mid_acquisition_at=case.series.acquisition_start + timedelta(seconds=300)
    )


def _add_contours(case: Case) -> None:
    case.rows["region"] = models.Region.objects.create(
        course=case.course, kind="organ", name="Kidney left", label=1, colour="r1", tracking_uid="1.4"
    )
    case.rows["contours"] = models.ContourRevision.objects.create(
        time_point=case.time_point,
        number=1,
        image=case.image,
        organs=make_volume(case, "labels"),
        lesions=make_volume(case, "labels"),
        inputs_digest=DIGEST,
    )
    models.RegionContour.objects.create(
        revision=case.contours,
        region=case.region,
        state=ContourState.PROPOSED,
        source=ContourSource.MANUAL,
        contour_volume_ml=100.0,
        volume_ml=100.0,
        activity_bq=1e8,
        mean_activity_concentration_bq_per_ml=1e6,
        maximum_activity_concentration_bq_per_ml=2e6,
    )


def _add_reading(case: Case) -> None:
    """A second reading that both readers submitted, with nothing on their copies."""
    reading = models.SecondReading.objects.create(
        time_point=case.time_point, number=1, image=case.image, start="nothing", state="submitted"
    )
    for place in (1, 2):
        reader = models.User.objects.create_user(username=f"reader-{place}-{reading.pk}", full_name=f"Reader {place}")
        models.ReaderCopy.objects.create(reading=reading, reader=reader, place=place)
    case.rows["second_reading"] = reading


def make_drafts(case: Case, users: list[models.User]) -> None:
    """Everybody has begun to draw on both layers."""
    draft = {
        "base_number": 1,
        "object_sha256": storage.store_bytes(gzip.compress(bytes(24), mtime=0)),
        "voxels_sha256": DIGEST,
    }
    models.ContourDraft.objects.bulk_create(
        models.ContourDraft(time_point=case.time_point, user=user, kind=kind, **draft)
        for user in users
        for kind in ("organ", "lesion")
    )


def _add_results(case: Case) -> None:
    curves = models.CurveRevision.objects.create(
        cycle=case.cycle, number=1, administration=case.administration, inputs_digest=DIGEST
    )
    curve = models.RegionCurve.objects.create(revision=curves, region=case.region, points=[], fits=[])
    calculation = models.DoseCalculation.objects.create(
        cycle=case.cycle,
        number=1,
        curve_revision=curves,
        reference_image=case.image,
        engine="local",
        density_origin="declared",
        dose_sha256=DIGEST,
        tia_sha256=DIGEST,
        dose_display=make_volume(case, "dose"),
        inputs_digest=DIGEST,
    )
    models.EngineDose.objects.create(
        calculation=calculation,
        engine="local",
        dose_sha256=DIGEST,
        dose_display=calculation.dose_display,
        regions=[
            {
                "region_id": str(case.region.pk),
                "absorbed_dose_gy": 4.0,
                "statistical_standard_uncertainty_gy": 0.0,
                "difference": 0.0,
                "reason": "",
            }
        ],
    )
    models.RegionDose.objects.create(
        calculation=calculation,
        region=case.region,
        volume_ml=100.0,
        mass_g=105.0,
        mass_origin="volume times density",
        absorbed_dose_gy=4.0,
        absorbed_dose_standard_uncertainty_gy=0.4,
        dose_per_activity_gy_per_bq=5.4e-10,
        time_integrated_activity_bq_s=1e13,
        time_integrated_activity_standard_uncertainty_bq_s=1e12,
        dvh={"dose_gy": [0.0, 4.0, 8.0], "volume_fraction": [1.0, 0.5, 0.0]},
    )
    result = models.CycleResult.objects.create(
        cycle=case.cycle, number=1, state="calculated", calculation=calculation, digest=DIGEST
    )
    report = models.Report.objects.create(
        result=result,
        number=1,
        is_draft=True,
        pdf_sha256=storage.store_bytes(b"pdf"),
        json_sha256=storage.store_bytes(b"{}"),
        inputs_digest=DIGEST,
    )
    case.rows |= {"curves": curves, "curve": curve, "calculation": calculation, "result": result, "report": report}


def _add_settings(case: Case) -> None:
    case.rows["limit_set"] = models.LimitSet.objects.create(site=case.site, name="Limits")
    models.DoseLimit.objects.create(
        limit_set=case.limit_set, region_name="Kidney", quantity="absorbed_dose", limit_gy=23.0, source="test"
    )
    case.rows["template"] = models.TherapyTemplate.objects.create(
        site=case.site, name="Template", nuclide="Lu-177", agent="DOTATATE", n_cycles=4, interval_days=56
    )
    case.rows["calibration"] = models.CalibrationFactor.objects.create(
        site=case.site,
        camera="camera 1",
        nuclide="Lu-177",
        calibration_cps_per_bq=1e-5,
        calibration_standard_uncertainty_cps_per_bq=1e-7,
        valid_from=date(2026, 1, 1),
        source="phantom",
    )
    case.rows["density_curve"] = models.DensityCurve.objects.create(
        site=case.site,
        scanner="CT 1",
        points=[[-1000.0, 0.0012], [0.0, 1.0], [1600.0, 1.96]],
        valid_from=date(2026, 1, 1),
        source="phantom",
    )
    case.rows["calibration_measurement"] = models.CalibrationMeasurement.objects.create(
        site=case.site,
        method="recovery",
        inputs={"nuclide": "Lu-177", "reconstruction": "usual"},
        result={
            "b1_ml": 6.0,
            "b2": 1.2,
            "covariance": [[0.25, 0.01], [0.01, 0.0036]],
            "chi_square": 4.0,
            "n_degrees_of_freedom": 4,
            "volume_range_ml": [1.0, 30.0],
        },
    )
    case.rows["recovery_curve"] = models.RecoveryCurve.objects.create(
        site=case.site, measurement=case.rows["calibration_measurement"], camera="camera 1"
    )
    case.rows["virtual_patient"] = models.VirtualPatient.objects.create(
        site=case.site, patient_id="VIRTUAL-1", request={"agent": "DOTATATE", "seed": 1, "scan_times_h": [24.0]}
    )
    case.rows["population"] = models.Population.objects.create(
        site=case.site,
        agent="DOTATATE",
        organ="kidney",
        nuclide="Lu-177",
        document=next(item for item in published_documents() if item["organ"] == "kidney"),
        source="published",
    )
    case.rows["plan"] = models.Plan.objects.create(
        course=case.course,
        number=1,
        next_cycle_number=2,
        n_cycles_left=3,
        limit_set=case.limit_set,
        planned_activity_bq=7.4e9,
        label_activity_bq=7.4e9,
        result={},
        inputs_digest=DIGEST,
    )
    case.rows["prescription"] = models.Prescription.objects.create(
        plan=case.plan, number=1, activity_bq=12e9, printed_name="Person one", digest=DIGEST, needs_second=True
    )


def _add_uploads(case: Case) -> None:
    case.rows["run"] = make_run(case.site, patient_uuid=case.patient.pk, cycle_uuid=case.cycle.pk)
    case.rows["upload"] = models.Upload.objects.create(site=case.site, n_files=1, n_bytes=10**6)


def make_run(site: models.Site, *, kind: TaskName = TaskName.FIT_CURVES, **fields: Any) -> models.Run:
    return models.Run.objects.create(site=site, kind=kind, state=RunState.QUEUED, **fields)
