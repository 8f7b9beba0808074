"""A small case worked through the real services: three scans, a kidney with a lesion inside, known decay."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from dosimetry.volume import Volume
from planning import models, storage
from planning.computation.doses import compute_dose
from planning.computation.grids import grid_from_dict
from planning.computation.kinetics import compute_curves
from planning.computation.volumes import emission_asset
from planning.models.contours import ContourState
from planning.models.courses import ExternalDoseAnswer
from planning.models.registrations import Decision
from planning.models.reviews import ResultState, SignatureMeaning
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_calculation, current_contours, current_curves, current_image
from planning.selectors.digests import digest_json
from planning.selectors.findings import cycle_findings
from planning.selectors.review_page import review_detail_parts
from planning.selectors.reviews import result_content
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save
from planning.services.doses import dose_save
from planning.services.kinetics import curve_choose, curves_save
from planning.services.plans import plan_save
from planning.services.reviews import result_sign, warning_answer
from tests.factories import DIGEST, IDENTITY, PASSWORD, make_run
from tests.planning import worked_phantom as phantom


@dataclass
class WorkedCase:
    """One cycle at the clinic's site; every method takes it a step further and returns what it made."""

    clinic: Any
    patient: models.Patient
    course: models.Course
    cycle: models.Cycle
    administration: models.Administration
    points: list[models.TimePoint] = field(default_factory=list)
    kidney: models.Region | None = None
    lesion: models.Region | None = None

    @property
    def physicist(self) -> models.User:
        return self.clinic.users[Role.PHYSICIST]

    @property
    def editor(self) -> models.User:
        return self.clinic.users[Role.CONTOUR_EDITOR]

    def run(self, kind: TaskName) -> models.Run:
        return make_run(
            self.clinic.site,
            kind=kind,
            requested_by=self.physicist,
            patient_uuid=self.patient.pk,
            cycle_uuid=self.cycle.pk,
        )

    def image(self, time_point: models.TimePoint, *, scale: float = 1.0, **fields: Any) -> models.QuantifiedImage:
        """Add the next image revision of a time point."""
        newest = current_image(time_point)
        time_h = phantom.TIMES_H[time_point.number - 1]
        values = phantom.scan_values(time_h, scale=scale)
        emission = time_point.series.get(kind="emission")
        volume = Volume(values=values, grid=grid_from_dict(phantom.GRID), unit="Bq/mL", frame_of_reference_uid="1.9")
        display = models.VolumeAsset.objects.create(
            site=self.clinic.site, patient=self.patient, **emission_asset(volume, kind="spect")
        )
        number = 1 if newest is None else newest.number + 1
        chosen = {
            "emission_series": emission,
            "administration": self.administration,
            "label_grid": phantom.GRID,
            "time_s": time_h * phantom.HOUR_S,
            "inputs_digest": f"{time_point.number}{number}".ljust(64, "0"),
            "emission_sha256": storage.store_array(values),
            "emission_grid": phantom.GRID,
            "emission_display": display,
        }
        return models.QuantifiedImage.objects.create(
            time_point=time_point,
            number=number,
            mid_acquisition_at=self.administration.administered_at + timedelta(hours=time_h),
            whole_image_activity_bq=float(values.sum()),
            nuclide="Lu-177",
            steps=["Decay-corrected to mid-acquisition."],
            **(chosen | fields),
        )

    def registration(self, time_point: models.TimePoint, **fields: Any) -> models.Registration:
        """Add the next registration revision, accepted by the physicist unless said otherwise."""
        newest = time_point.registrations.order_by("-number").first()
        image = current_image(time_point)
        chosen = {"method": "automatic", "decision": Decision.ACCEPTED, "matrix": IDENTITY}
        chosen |= {"decided_by": self.physicist, "decided_at": timezone.now()}
        return models.Registration.objects.create(
            time_point=time_point,
            number=1 if newest is None else newest.number + 1,
            fixed_image=current_image(self.points[0]),
            moving_image=image,
            run=self.run(TaskName.REGISTER),
            resampled_display=image.emission_display,
            inputs_digest=DIGEST,
            **(chosen | fields),
        )

    def draw(self, time_point: models.TimePoint, *, state: str = ContourState.ACCEPTED) -> models.ContourRevision:
        """Save kidney and lesion as the next contour revision."""
        revision = current_contours(time_point)
        edit = contour_edit(time_point, base_number=revision.number if revision else 0)
        edit.labels["organ"][phantom.KIDNEY] = self.kidney.label
        edit.labels["lesion"][phantom.LESION] = self.lesion.label
        edit.changes = {region.pk: RegionChange(state=state) for region in (self.kidney, self.lesion)}
        return contours_save(actor=self.editor, edit=edit, note="drawn")

    def fit(self, **parameters: Any) -> models.CurveRevision:
        result = compute_curves(cycle=self.cycle, parameters=parameters, progress=phantom.no_progress)
        return curves_save(run=self.run(TaskName.FIT_CURVES), cycle=self.cycle, result=result)

    def accept_curves(self) -> None:
        for curve in current_curves(self.cycle).curves.all():
            curve_choose(actor=self.physicist, curve=curve, model=curve.recommended_model, is_accepted=True)

    def calculate(self) -> models.DoseCalculation:
        result = compute_dose(cycle=self.cycle, parameters={"engines": ["local"]}, progress=phantom.no_progress)
        return dose_save(run=self.run(TaskName.CALCULATE_DOSE), cycle=self.cycle, result=result)

    def contoured(self) -> "WorkedCase":
        for time_point in self.points:
            self.draw(time_point)
        return self

    def fitted(self) -> "WorkedCase":
        self.contoured()
        self.fit()
        self.accept_curves()
        return self

    def calculated(self) -> "WorkedCase":
        """Go on to a dose whose warnings are answered."""
        self.fitted()
        for time_point in self.points[1:]:
            self.registration(time_point)
        self.calculate()
        self.answer_warnings()
        return self

    def recalculate(self) -> models.DoseCalculation:
        """Fit, accept and calculate anew after an input changed."""
        self.fit()
        self.accept_curves()
        calculation = self.calculate()
        self.answer_warnings()
        return calculation

    def answer_warnings(self) -> None:
        for finding in cycle_findings(self.cycle):
            if finding.needs_answer:
                source = {"step": finding.step, "source_id": finding.source_id, "code": finding.code}
                source["region_id"] = finding.region_id
                warning_answer(actor=self.physicist, cycle=self.cycle, source=source, answer="Checked.")

    def digest(self) -> str:
        """Return the digest that the review page shows now."""
        content = review_detail_parts(self.cycle)["content"]
        return DIGEST if content is None else digest_json(content)

    def signer(self, meaning: str) -> models.User:
        usual = {"calculated": self.physicist, "reviewed": self.clinic.second, "returned": self.clinic.second}
        return usual.get(meaning, self.clinic.users[Role.PHYSICIAN])

    def sign(self, meaning: str, user: models.User | None = None, **fields: Any) -> models.Signature:
        """Sign what the page shows now, by the usual person of that meaning unless another is given."""
        actor = user or self.signer(meaning)
        chosen = {"digest": self.digest(), "password": PASSWORD}
        return result_sign(actor=actor, cycle=self.cycle, meaning=SignatureMeaning(meaning), **(chosen | fields))

    def signed(self, *meanings: str) -> models.CycleResult:
        """Write a version with these signatures straight into the tables, as if its usual people had signed."""
        calculation = current_calculation(self.cycle) or self.calculated().cycle.dose_calculations.get()
        content = result_content(self.cycle, calculation)
        self.cycle.results.filter(state=ResultState.APPROVED).update(state=ResultState.SUPERSEDED)
        result = models.CycleResult.objects.create(
            cycle=self.cycle,
            number=self.cycle.results.count() + 1,
            state=meanings[-1],
            calculation=calculation,
            content=content,
            digest=digest_json(content),
        )
        for meaning in meanings:
            person = self.signer(meaning)
            models.Signature.objects.create(
                result=result,
                meaning=meaning,
                user=person,
                role=person.memberships.get().role,
                printed_name=person.printed_name,
                digest=result.digest,
            )
        return result

    def approved(self) -> "WorkedCase":
        self.signed("calculated", "reviewed", "approved")
        return self

    def plannable(self) -> "WorkedCase":
        """Go on to everything that a prescription needs."""
        self.approved()
        limit_set = add_limits(self.clinic, limit_gy=phantom.PLAN_LIMIT_GY)
        template = models.TherapyTemplate.objects.create(
            site=self.clinic.site,
            name="Template",
            nuclide="Lu-177",
            agent="DOTATATE",
            label_activity_bq=phantom.ADMINISTERED_BQ,
            n_cycles=4,
            interval_days=56,
            radiobiology={"between_cycles": {"cv": 0.15, "source": "test"}},
            confirmed_by=limit_set.confirmed_by,
            confirmed_at=timezone.now(),
        )
        models.Course.objects.filter(pk=self.course.pk).update(
            template=template, external_dose_answer=ExternalDoseAnswer.NONE
        )
        self.course.refresh_from_db()
        models.LabResult.objects.create(
            patient=self.patient, kind="platelets", value=200.0, unit="10⁹/L", taken_at=timezone.now()
        )
        return self

    def plan(self) -> models.Plan:
        return plan_save(actor=self.physicist, course=self.course, planned_activity_bq=None, n_cycles_left=3)


def add_limits(clinic: Any, *, is_confirmed: bool = True, limit_gy: float = 23.0) -> models.LimitSet:
    """Add the next version of the site's limits."""
    newest = clinic.site.limit_sets.filter(name="Limits").order_by("-version").first()
    limit_set = models.LimitSet.objects.create(
        site=clinic.site,
        name="Limits",
        version=1 if newest is None else newest.version + 1,
        confirmed_by=clinic.users[Role.QUALITY_LEAD] if is_confirmed else None,
        confirmed_at=timezone.now() if is_confirmed else None,
    )
    models.DoseLimit.objects.create(
        limit_set=limit_set, region_name="Kidney", quantity="absorbed_dose", limit_gy=limit_gy, source="test"
    )
    return limit_set


def make_worked_case(clinic: Any) -> WorkedCase:
    """Make patient, cycle, administration, two regions and three scans with images."""
    patient = models.Patient.objects.create(site=clinic.site, patient_id="ZZPHI-1", name="ZZPHI^Anna")
    course = models.Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
    cycle = models.Cycle.objects.create(course=course, number=1)
    administration = models.Administration.objects.create(
        cycle=cycle,
        number=1,
        administered_at=timezone.now() - phantom.ADMINISTERED_AGO,
        administered_activity_bq=phantom.ADMINISTERED_BQ,
        source="typed",
    )
    worked = WorkedCase(clinic=clinic, patient=patient, course=course, cycle=cycle, administration=administration)
    worked.kidney = models.Region.objects.create(
        course=course, kind="organ", name="Kidney left", label=1, colour="r1", tracking_uid="1.4.1"
    )
    worked.lesion = models.Region.objects.create(
        course=course, kind="lesion", name="Lesion 1", label=1, colour="r6", tracking_uid="1.4.2"
    )
    for number, time_h in enumerate(phantom.TIMES_H, start=1):
        time_point = models.TimePoint.objects.create(cycle=cycle, number=number, is_reference=number == 1)
        models.Series.objects.create(
            site=clinic.site,
            patient=patient,
            time_point=time_point,
            kind="emission",
            modality="PT",
            series_uid=f"1.2.{number}",
            study_uid="1.3",
            acquisition_start=administration.administered_at + timedelta(hours=time_h),
            summary={"station_name": "camera 1", "nuclide": "Lu-177"},
        )
        worked.points.append(time_point)
        worked.image(time_point)
    return worked
