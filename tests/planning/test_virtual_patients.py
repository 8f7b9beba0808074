"""Virtual patients: queued, compared with their truth, kept apart from people; and the steps that need nobody."""

import pytest
from django.utils import timezone

from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.protocols import PET_NUCLIDES
from dosimetry.phantoms.virtual_patient import make_virtual_patient
from planning import models
from planning.computation import virtual_patients
from planning.computation.spect_settings import spect_settings
from planning.computation.virtual_comparison import compared_with_truth
from planning.computation.virtual_patients import virtual_request
from planning.computation.virtual_settings import AGENT_NUCLIDES, wanted_ct
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.contours import ContourState
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.models.uploads import UploadState
from planning.queue import TaskName
from planning.selectors.current import (
    current_calculation,
    current_contours,
    current_curves,
    current_registration,
)
from planning.selectors.populations import accepted_curves_of
from planning.selectors.virtual_patients import virtual_patient_summary
from planning.services.automatic import REMARK, Chain, next_step
from planning.services.virtual_patients import (
    virtual_patient_go_on,
    virtual_patient_of,
    virtual_patient_save,
    virtual_patient_start,
)
from tests.factories import make_run
from tests.planning import worked_phantom as phantom

pytestmark = pytest.mark.django_db

REQUEST = {"agent": "DOTATATE", "seed": 7, "scan_times_h": [24.0, 96.0, 168.0]}


def chain_of(worked, **parameters) -> Chain:
    return Chain(cycle=worked.cycle, physicist=worked.physicist, editor=worked.editor, **parameters)


def virtual_of(worked, **fields) -> models.VirtualPatient:
    """Say that the worked case is a virtual patient's cycle."""
    upload = models.Upload.objects.create(
        site=worked.clinic.site, n_files=1, n_bytes=1, state=UploadState.CONFIRMED, created_by=worked.physicist
    )
    chosen = {"patient_id": "VIRTUAL-1", "request": REQUEST, "upload": upload, "cycle": worked.cycle}
    return models.VirtualPatient.objects.create(
        site=worked.clinic.site, created_by=worked.physicist, **(chosen | fields)
    )


def truth_row(name: str, kind: str, volume_ml: float, half_life_h: float, bq_per_ml: float) -> dict:
    activities = [bq_per_ml * volume_ml * 0.5 ** (hours / half_life_h) for hours in phantom.TIMES_H]
    tia = bq_per_ml * volume_ml * half_life_h * phantom.HOUR_S / 0.6931471805599453
    return {
        "name": name,
        "kind": kind,
        "volume_ml": volume_ml,
        "activities_bq": activities,
        "time_integrated_activity_bq_s": tia,
        "absorbed_dose_gy": 10.0,
    }


def test_a_simulation_is_queued_with_a_name_of_its_own(clinic):
    physicist = clinic.users[Role.PHYSICIST]
    first, second = (virtual_patient_start(actor=physicist, site=clinic.site, request=REQUEST) for _ in range(2))
    assert first.patient_id != second.patient_id
    assert first.patient_id.startswith("VIRTUAL-DOTATATE-7-")
    assert first.run.kind == TaskName.MAKE_VIRTUAL_PATIENT
    assert virtual_patient_of(first.run) == first
    assert virtual_patient_summary(first)["state"] == "working"


def test_a_reader_may_not_start_one(clinic):
    with pytest.raises(NotAllowedError):
        virtual_patient_start(actor=clinic.users[Role.READER], site=clinic.site, request=REQUEST)


@pytest.mark.parametrize(
    "changes",
    [
        {"scan_times_h": [96.0, 24.0]},
        {"scan_times_h": []},
        {"agent": "water"},
        {"seed": -1},
        {"variants": ["wings"]},
        {"body": {"sex": "female", "height_cm": 160.0, "mass_kg": 200.0}},
        {"body": {"sex": "female", "height_cm": 160.0}},
        {"lesions": [{"site": "brain", "volume_ml": 2.0}]},
        {"lesions": [{"site": "liver", "volume_ml": 0.0}]},
        {"ct": {"breathing_mm": -1.0}},
        {"ct": {"dose_level": "brilliant"}},
        {"faults": {"dead_time_us": 120.0}},
        {"faults": {"penetration_share": 0.3}},
        {"faults": {"penetration_share": 0.3, "penetration_fwhm_mm": 900.0}},
    ],
)
def test_what_cannot_be_simulated_is_refused(client, clinic, changes):
    client.force_login(clinic.users[Role.PHYSICIST])
    answer = client.post(f"/api/sites/{clinic.site.pk}/virtual-patients", {**REQUEST, **changes}, "application/json")
    assert answer.status_code == 400
    assert not models.VirtualPatient.objects.exists()


def test_body_and_lesions_may_be_asked_for(client, clinic):
    client.force_login(clinic.users[Role.PHYSICIST])
    asked = {
        "body": {"sex": "female", "height_cm": 160.0, "mass_kg": 55.0},
        "lesions": [{"site": "liver", "volume_ml": 10.0, "n": 2}, {"site": "bone", "volume_ml": 3.0}],
        "is_arms_up": False,
    }
    answer = client.post(f"/api/sites/{clinic.site.pk}/virtual-patients", {**REQUEST, **asked}, "application/json")
    assert answer.status_code == 201
    patient = make_virtual_patient(virtual_request(models.VirtualPatient.objects.get().request))
    habitus = patient.anatomy.habitus
    assert (habitus.sex, habitus.height_cm, habitus.mass_kg) == ("female", 160.0, 55.0)
    lesions = [name for name, kind in patient.anatomy.kinds.items() if kind is RegionKind.LESION]
    assert lesions == ["Liver lesion 1", "Liver lesion 2", "Bone lesion 1"]
    assert patient.volumes_ml["Liver lesion 1"] == pytest.approx(10.0, rel=0.05)
    assert patient.request.is_arms_up is False


def test_ct_and_faults_of_the_camera_may_be_asked_for_and_the_reconstruction_is_told(client, clinic):
    client.force_login(clinic.users[Role.PHYSICIST])
    asked = {
        "ct": {"dose_level": "diagnostic", "has_contrast": True, "breathing_mm": 9.0, "field_of_view_mm": 500.0},
        "faults": {"dead_time_us": 2.5, "penetration_share": 0.04, "penetration_fwhm_mm": 60.0},
    }
    address = f"/api/sites/{clinic.site.pk}/virtual-patients"
    assert client.post(address, {**REQUEST, **asked}, "application/json").status_code == 201
    virtual = models.VirtualPatient.objects.get()
    ct = wanted_ct(virtual.request)
    assert (ct.breathing_mm, ct.field_of_view_mm, ct.dose_level, ct.has_contrast) == (9.0, 500.0, "diagnostic", True)
    faults = virtual_request(virtual.request).faults
    told = spect_settings(virtual.settings["images"], camera_model="Virtual Symbia ME")
    for found in (faults, told):
        assert found.dead_time_s == pytest.approx(2.5e-6)
        assert (found.penetration_share, found.penetration_fwhm_mm) == (0.04, 60.0)
    # The rest is what this camera's projections with a CT would take by themselves.
    assert (told.camera, told.scatter) == ("Symbia ME", "simulated")
    assert client.post(address, {**REQUEST, **asked, "is_corrected": False}, "application/json").status_code == 201
    assert "images" not in models.VirtualPatient.objects.latest("created_at").settings


def test_the_ct_that_was_asked_for_is_simulated(monkeypatch):
    made = {}

    class Writer:
        def __init__(self, **fields):
            made.update(fields)
            raise KeyboardInterrupt

    monkeypatch.setattr(virtual_patients, "VirtualWriter", Writer)
    monkeypatch.setattr(virtual_patients, "compute_truth", lambda patient, **_: None)
    request = {**REQUEST, "ct": {"breathing_mm": 9.0}, "faults": {"dead_time_s": 2e-6}}
    facts = {"patient_id": "V", "name": "V", "start": timezone.now(), "progress": phantom.no_progress}
    with pytest.raises(KeyboardInterrupt):
        virtual_patients.compute_virtual_patient(request=request, **facts)
    assert (made["ct_options"].breathing_mm, made["ct_options"].field_of_view_mm) == (9.0, 0.0)
    assert made["patient"].protocol.dead_time_s == 2e-6


def test_a_resolution_without_source_is_refused_here_too(client, clinic):
    client.force_login(clinic.users[Role.PHYSICIST])
    body = {**REQUEST, "curves": {"partial_volume": "gtm", "resolution_fwhm_mm": 5.0}}
    answer = client.post(f"/api/sites/{clinic.site.pk}/virtual-patients", body, "application/json")
    assert answer.status_code == 400


def test_what_was_simulated_becomes_an_upload_and_the_cameras_true_factor_once(clinic):
    physicist = clinic.users[Role.PHYSICIST]
    for _ in range(2):
        virtual = virtual_patient_start(actor=physicist, site=clinic.site, request=REQUEST)
        result = {
            "files": [{"name": "1.dcm", "n_bytes": 10, "sha256": "0" * 64}],
            "truth": {"regions": []},
            "camera": "Virtual Symbia ME",
            "nuclide": "Lu-177",
            "imaged_kev": 208.0,
            "calibration_cps_per_bq": 8.9e-6,
        }
        virtual_patient_save(run=virtual.run, virtual=virtual, result=result)
        assert virtual.upload.files.get().name == "1.dcm"
        assert virtual_patient_of(virtual.upload.run) == virtual
    factor = clinic.site.calibration_factors.get(camera="Virtual Symbia ME")
    assert factor.calibration_cps_per_bq == 8.9e-6
    assert factor.confirmed_at is not None


def test_a_chain_goes_from_registration_to_dose_without_a_person(worked):
    for time_point in worked.points:
        worked.draw(time_point, state=ContourState.PROPOSED)
    for time_point in worked.points[1:]:
        worked.registration(time_point, decision="pending", decided_by=None, decided_at=None)
    chain = chain_of(worked)
    while not models.Run.objects.filter(kind=TaskName.FIT_CURVES, state=RunState.QUEUED).exists():
        assert next_step(chain)
    assert all(current_registration(point).remark == REMARK for point in worked.points[1:])
    states = {contour.state for point in worked.points for contour in current_contours(point).contours.all()}
    assert states == {ContourState.ACCEPTED}
    worked.fit()
    while not models.Run.objects.filter(kind=TaskName.CALCULATE_DOSE, state=RunState.QUEUED).exists():
        assert next_step(chain)
    worked.calculate()
    assert not next_step(chain)


def test_a_region_that_the_image_cuts_is_rejected(worked):
    for time_point in worked.points:
        revision = worked.draw(time_point, state=ContourState.PROPOSED)
        contour = revision.contours.get(region=worked.lesion)
        contour.findings = [{"code": "cut_by_image", "level": "ask", "message": "cut"}]
        contour.save()
        worked.registration(time_point) if time_point != worked.points[0] else None
    next_step(chain_of(worked))
    for time_point in worked.points:
        found = {c.region: c.state for c in current_contours(time_point).contours.select_related("region")}
        assert found == {worked.kidney: ContourState.ACCEPTED, worked.lesion: ContourState.REJECTED}


def test_a_region_without_a_curve_loses_its_contours_and_the_others_go_on(worked):
    worked.contoured()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    worked.fit()
    current_curves(worked.cycle).curves.filter(region=worked.lesion).update(fits=[], recommended_model="")
    chain = chain_of(worked)
    assert next_step(chain)
    assert {c.state for c in current_contours(worked.points[0]).contours.filter(region=worked.lesion)} == {"rejected"}
    assert next_step(chain)
    assert models.Run.objects.filter(kind=TaskName.FIT_CURVES, state=RunState.QUEUED).exists()


def test_a_chain_that_turns_in_circles_stops(worked):
    for _ in range(31):
        make_run(worked.clinic.site, cycle_uuid=worked.cycle.pk)
    with pytest.raises(InvalidStateError, match="circles"):
        next_step(chain_of(worked))


def test_what_stops_the_chain_is_kept_and_shown(worked):
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    models.Run.objects.update(state=RunState.SUCCEEDED)
    virtual = virtual_of(worked)
    virtual_patient_go_on(virtual)
    virtual.refresh_from_db()
    assert "structure set" in virtual.error_message
    shown = virtual_patient_summary(virtual)
    assert (shown["state"], shown["error_message"]) == ("stopped", virtual.error_message)


def test_a_cycle_for_people_is_finished_with_its_images(worked):
    virtual = virtual_of(worked, is_automatic=False)
    virtual_patient_go_on(virtual)
    virtual.refresh_from_db()
    assert virtual.is_finished
    assert not models.Registration.objects.exists()


def test_found_is_compared_with_true(worked):
    worked.calculated()
    kidney_ml = phantom.KIDNEY_ML - phantom.LESION_ML
    truth = {
        "regions": [
            truth_row("Kidney left", "organ", kidney_ml, phantom.KIDNEY_HALF_LIFE_H, 1.25 * phantom.KIDNEY_BQ_PER_ML),
            truth_row("Not drawn", "organ", 10.0, 50.0, 1e6),
            truth_row("Lesion 1", "lesion", phantom.LESION_ML, phantom.LESION_HALF_LIFE_H, phantom.LESION_BQ_PER_ML),
        ]
    }
    found = compared_with_truth(virtual_of(worked, truth=truth))
    kidney, lesion = found["regions"]
    assert (kidney["name"], lesion["name"]) == ("Kidney left", "Lesion 1")
    assert kidney["activity_ratios"] == pytest.approx([0.8] * 3, rel=1e-3)
    assert (kidney["tia_ratio"], lesion["tia_ratio"]) == (pytest.approx(0.8, rel=0.01), pytest.approx(1.0, rel=0.01))
    dose = current_calculation(worked.cycle).regions.get(region=worked.lesion)
    assert lesion["dose_ratio"] == pytest.approx(dose.absorbed_dose_gy / 10.0)
    assert lesion["z"] == pytest.approx((dose.absorbed_dose_gy - 10.0) / dose.absorbed_dose_standard_uncertainty_gy)
    lesions = found["groups"][1]
    assert (lesions["n"], lesions["is_within"]) == (1, abs(dose.absorbed_dose_gy / 10.0 - 1.0) <= 0.10)


def test_scans_are_paired_by_time_and_not_by_number(worked):
    """The first of four true scans is not in the case: its scans 1 to 3 are the true ones 2 to 4."""
    worked.calculated()
    row = truth_row("Lesion 1", "lesion", phantom.LESION_ML, 80.0, phantom.LESION_BQ_PER_ML)
    row["activities_bq"] = [5.0 * row["activities_bq"][0], *row["activities_bq"]]
    request = {**REQUEST, "scan_times_h": [4.0, *phantom.TIMES_H]}
    (lesion,) = compared_with_truth(virtual_of(worked, truth={"regions": [row]}, request=request))["regions"]
    missing, *analysed = lesion["activity_ratios"]
    assert missing is None
    assert analysed == pytest.approx([1.0] * 3, rel=1e-3)


def test_times_that_do_not_fit_are_said_and_nothing_is_compared(client, worked):
    worked.calculated()
    truth = {"regions": [truth_row("Lesion 1", "lesion", phantom.LESION_ML, 80.0, phantom.LESION_BQ_PER_ML)]}
    request = {**REQUEST, "scan_times_h": [24.0, 96.0, 170.0]}
    virtual = virtual_of(worked, truth=truth, request=request)
    client.force_login(worked.physicist)
    shown = client.get(f"/api/virtual-patients/{virtual.pk}").json()
    assert (shown["regions"], shown["groups"]) == ([], [])
    assert "scan at 168 h, the truth has none then" in shown["refusal"]
    assert "Correct the administration" in shown["refusal"]
    listed = client.get(f"/api/sites/{worked.clinic.site.pk}/virtual-patients").json()["results"]
    assert listed[0]["groups"] == []


def test_a_virtual_patient_teaches_no_population(worked):
    worked.fitted()
    arguments = {"site": worked.clinic.site, "agent": worked.course.agent, "nuclide": worked.course.nuclide}
    assert accepted_curves_of(**arguments)
    virtual_of(worked)
    assert not accepted_curves_of(**arguments)


def test_the_page_offers_agents_of_therapies_with_a_line_alone():
    others = {name for name, agent in AGENTS.items() if agent.nuclide in PET_NUCLIDES or agent.nuclide == "Y-90"}
    assert others
    assert set(AGENT_NUCLIDES) == set(AGENTS) - others
