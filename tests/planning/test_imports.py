"""From quarantine to a cycle: read, proposed, compared in four fields, confirmed by a person (rows 1, 2, 35)."""

from datetime import date, timedelta

import pytest
from django.http import Http404

from planning import models
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.models.uploads import UploadState
from planning.selectors.current import current_administration, reference_time_point
from planning.selectors.proposals import identity_differences, upload_proposal
from planning.services.imports import import_confirm, import_discard
from tests.phantoms import objects

pytestmark = pytest.mark.django_db
IDENTITY = {"name": "ZZPHI^Anna", "patient_id": "ZZPHI-1", "birth_date": "19600102", "sex": "F"}
RECORD = {"name": "ZZPHI^Anna", "patient_id": "ZZPHI-1", "birth_date": date(1960, 1, 2), "sex": "F"}
GIVEN = {
    "administered_activity": {"value": 7.4, "unit": "GBq"},
    "administered_at": objects.ADMINISTERED,
    "source": "image header",
}


@pytest.fixture
def upload(clinic) -> models.Upload:
    """Return an upload that was read, with two scans of one patient in quarantine."""
    upload = models.Upload.objects.create(site=clinic.site, state=UploadState.READ, n_files=2, n_bytes=100)
    for i, hours in enumerate((24, 96)):
        make_series(upload, f"1.2.{i}", hours=hours)
    return upload


def make_series(upload, uid, *, hours=24.0, identity=IDENTITY, **fields) -> models.Series:
    start = objects.ADMINISTERED + timedelta(hours=hours)
    values = {"kind": "emission", "modality": "PT", "study_uid": "1.3", "acquisition_start": start}
    return models.Series.objects.create(
        site=upload.site, upload=upload, series_uid=uid, identity=identity, **{**values, **fields}
    )


def confirmation(upload, **parts) -> dict:
    group = upload_proposal(upload)["groups"][0]
    return {
        "group": group["key"],
        "patient": group["proposed"]["patient"],
        "course": {"agent": "DOTATATE", "nuclide": "Lu-177"},
        "cycle": {"number": 1},
        "administration": GIVEN,
        "time_points": [{"series": point["series_ids"]} for point in group["proposed"]["time_points"]],
        **parts,
    }


def confirm(clinic, upload, *, role=Role.TECHNOLOGIST, **parts):
    return import_confirm(actor=clinic.users[role], upload=upload, confirmation=confirmation(upload, **parts))


def refusal(clinic, upload, error=InvalidStateError, **parts) -> str:
    with pytest.raises(error) as caught:
        confirm(clinic, upload, **parts)
    assert not models.Cycle.objects.exists()
    return caught.value.code


def test_row_01_a_series_of_another_patient_never_joins_a_time_point(clinic, upload):
    stranger = make_series(upload, "1.2.9", identity={**IDENTITY, "patient_id": "ZZPHI-9"})
    points = [*confirmation(upload)["time_points"], {"series": [str(stranger.pk)]}]
    assert refusal(clinic, upload, ConflictError, time_points=points) == "series_gone"


def test_confirming_makes_patient_course_cycle_and_numbered_time_points(clinic, upload):
    cycle, run = confirm(clinic, upload)
    assert cycle.patient.patient_id == "ZZPHI-1"
    assert cycle.patient.birth_date == date(1960, 1, 2)
    assert current_administration(cycle).administered_activity_bq == 7.4e9
    assert [point.number for point in cycle.time_points.order_by("number")] == [1, 2]
    assert reference_time_point(cycle).number == 1
    assert (run.cycle_uuid, run.state) == (cycle.pk, "queued")
    upload.refresh_from_db()
    assert upload.state == UploadState.CONFIRMED
    with pytest.raises(Http404):
        import_confirm(
            actor=clinic.users[Role.TECHNOLOGIST],
            upload=upload,
            confirmation={"group": "00000000-0000-0000-0000-000000000000"},
        )


def test_a_group_is_confirmed_once(clinic, upload):
    wanted = confirmation(upload)
    import_confirm(actor=clinic.users[Role.TECHNOLOGIST], upload=upload, confirmation=wanted)
    with pytest.raises(ConflictError) as caught:
        import_confirm(actor=clinic.users[Role.PHYSICIST], upload=upload, confirmation=wanted)
    assert caught.value.code == "already_confirmed"
    assert models.Cycle.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "ZZPHI^Berta"),
        ("patient_id", "ZZPHI-2"),
        ("birth_date", date(1960, 2, 1)),
        ("birth_date", None),
        ("sex", "M"),
        ("sex", ""),
    ],
)
def test_row_01_each_differing_field_blocks_until_it_is_reconciled(clinic, upload, field, value):
    record = models.Patient.objects.create(site=clinic.site, **{**RECORD, field: value})
    assert [item["field"] for item in identity_differences(IDENTITY, record)] == [field]
    chosen = {"id": str(record.pk)}
    assert refusal(clinic, upload, patient=chosen) == "identity_mismatch"
    assert refusal(clinic, upload, patient={**chosen, "reconcile_reason": "   "}) == "identity_mismatch"
    cycle, _ = confirm(clinic, upload, patient={**chosen, "reconcile_reason": "married, ID card seen"})
    assert cycle.patient == record
    line = models.AuditRecord.objects.get(action="identity.reconcile")
    assert "married, ID card seen" in line.payload
    # The audit names the fields, not their values.
    assert "ZZPHI" not in line.payload


@pytest.mark.parametrize("name", ["zzphi^anna", "ZZPHI Anna", "ZZPHI, Anna", "ZZPHI^Anna^^"])
def test_row_01_spelling_of_a_name_is_no_difference(clinic, name):
    record = models.Patient(site=clinic.site, **RECORD)
    assert identity_differences({**IDENTITY, "name": name}, record) == []


def test_row_01_a_patient_of_another_site_is_not_found(clinic, upload):
    foreign = models.Patient.objects.create(site=clinic.other, **RECORD)
    with pytest.raises(Http404):
        confirm(clinic, upload, patient={"id": str(foreign.pk)})
    assert upload_proposal(upload)["groups"][0]["matches"] == []


def test_row_01_a_new_record_under_a_known_id_is_refused(clinic, upload):
    models.Patient.objects.create(site=clinic.site, **RECORD)
    assert refusal(clinic, upload, ConflictError) == "patient_exists"


def test_row_02_a_scan_before_the_administration_is_refused(clinic, upload):
    late = {**GIVEN, "administered_at": objects.ADMINISTERED + timedelta(hours=30)}
    assert refusal(clinic, upload, administration=late) == "scan_before_administration"


def test_row_02_the_administration_of_a_cycle_is_needed(clinic, upload):
    assert refusal(clinic, upload, administration=None) == "administration_required"


def test_row_02_a_later_upload_finds_its_cycle_by_the_time_of_administration(clinic, upload):
    cycle, _ = confirm(clinic, upload)
    for uid, at, wanted in (
        ("1.2.10", objects.ADMINISTERED, str(cycle.pk)),
        ("1.2.11", objects.ADMINISTERED + timedelta(days=56), None),
    ):
        later = models.Upload.objects.create(site=clinic.site, state=UploadState.READ, n_files=1, n_bytes=1)
        summary = {"administered_activity_bq": 7.4e9, "administered_at": at.isoformat()}
        make_series(later, uid, hours=168, summary=summary)
        proposed = upload_proposal(later)["groups"][0]["proposed"]
        assert proposed["cycle_id"] == wanted
        assert proposed["cycle_number"] == (1 if wanted else 2)


def test_row_02_an_earlier_scan_that_comes_later_is_numbered_by_time(clinic, upload):
    cycle, _ = confirm(clinic, upload)
    later = models.Upload.objects.create(site=clinic.site, state=UploadState.READ, n_files=1, n_bytes=1)
    early = make_series(later, "1.2.10", hours=4)
    confirm(
        clinic,
        later,
        patient={"id": str(cycle.patient.pk)},
        course={"id": str(cycle.course.pk)},
        cycle={"id": str(cycle.pk)},
        administration=None,
    )
    early.refresh_from_db()
    assert early.time_point.number == 1
    assert cycle.time_points.count() == 3
    # The reference that a person may have worked with stays.
    assert reference_time_point(cycle).number == 2


def later_upload(clinic) -> models.Upload:
    return models.Upload.objects.create(site=clinic.site, state=UploadState.READ, n_files=1, n_bytes=1)


def joined(clinic, upload, cycle, point_id) -> models.Cycle:
    """Confirm an upload as one that joins a recorded time point of a cycle."""
    (group,) = upload_proposal(upload)["groups"]
    assert group["findings"] == []
    assert group["proposed"]["cycle_id"] == str(cycle.pk)
    assert {row["proposed"]["joins"] for row in group["series"]} == {str(point_id)}
    found, _ = confirm(
        clinic,
        upload,
        patient={"id": str(cycle.patient.pk)},
        course={"id": str(cycle.course.pk)},
        cycle={"id": str(cycle.pk)},
        administration=None,
        time_points=[{"id": str(point_id), "series": [row["id"] for row in group["series"]]}],
    )
    return found


def test_contours_and_a_ct_that_come_later_join_their_scan(clinic, upload):
    upload.series.update(frame_of_reference_uid="1.9")
    cycle, _ = confirm(clinic, upload)
    first, second = cycle.time_points.order_by("number")
    second.series.update(frame_of_reference_uid="1.10")
    for kind, modality, fields in (
        ("rtstruct", "RTSTRUCT", {"frame_of_reference_uid": "1.10"}),
        ("ct", "CT", {"hours": 96.2}),
        ("seg", "SEG", {"summary": {"referenced_series_uids": [second.series.first().series_uid]}}),
    ):
        late = later_upload(clinic)
        series = make_series(late, f"1.2.{kind}", kind=kind, modality=modality, **{"hours": 400.0, **fields})
        assert joined(clinic, late, cycle, second.pk) == cycle
        series.refresh_from_db()
        assert series.time_point == second and not series.is_discarded
    assert cycle.time_points.count() == 2
    assert first.series.count() == 1


def test_a_bed_that_comes_later_joins_its_scan_and_another_image_does_not(clinic, upload):
    upload.series.update(kind="projections", modality="NM", frame_of_reference_uid="1.9")
    cycle, _ = confirm(clinic, upload)
    first, _ = cycle.time_points.order_by("number")
    bed = later_upload(clinic)
    make_series(bed, "1.2.30", hours=24.4, kind="projections", modality="NM", frame_of_reference_uid="1.9")
    joined(clinic, bed, cycle, first.pk)
    assert first.series.count() == 2
    image = later_upload(clinic)
    series = make_series(image, "1.2.31", hours=24.4, frame_of_reference_uid="1.8")
    (row,) = upload_proposal(image)["groups"][0]["series"]
    assert row["proposed"] == {"use": "emission", "time_point": 1, "joins": None}
    # A person may still say so: then the camera's image is what counts, and one is enough.
    assert series.kind == "emission"


def test_a_second_image_cannot_join_and_a_time_point_of_another_cycle_is_not_found(clinic, upload):
    cycle, _ = confirm(clinic, upload)
    point = cycle.time_points.first()
    second = later_upload(clinic)
    series = make_series(second, "1.2.30", hours=24.4)
    known = {"patient": {"id": str(cycle.patient.pk)}, "course": {"id": str(cycle.course.pk)}, "administration": None}
    points = [{"id": str(point.pk), "series": [str(series.pk)]}]
    with pytest.raises(InvalidStateError) as caught:
        confirm(clinic, second, **known, cycle={"id": str(cycle.pk)}, time_points=points)
    assert caught.value.code == "emission_count"
    known["administration"] = GIVEN
    with pytest.raises(Http404):
        confirm(clinic, second, **known, cycle={"number": 2}, time_points=points)


def test_correcting_the_administration_of_a_cycle_needs_a_reason(clinic, upload):
    cycle, _ = confirm(clinic, upload)
    later = models.Upload.objects.create(site=clinic.site, state=UploadState.READ, n_files=1, n_bytes=1)
    make_series(later, "1.2.10", hours=168)
    known = {
        "patient": {"id": str(cycle.patient.pk)},
        "course": {"id": str(cycle.course.pk)},
        "cycle": {"id": str(cycle.pk)},
    }
    with pytest.raises(InvalidStateError) as caught:
        confirm(clinic, later, **known)
    assert caught.value.code == "reason_required"


def test_each_time_point_has_one_emission_series(clinic, upload):
    both = [str(series.pk) for series in upload.series.all()]
    assert refusal(clinic, upload, time_points=[{"series": both}]) == "emission_count"


def test_a_series_with_a_blocking_finding_is_refused(clinic, upload):
    finding = {"code": "missing_slices", "level": "block", "message": "A slice is missing."}
    upload.series.update(findings=[finding])
    assert refusal(clinic, upload) == "missing_slices"


def test_series_that_are_not_used_are_discarded(clinic, upload):
    first = upload.series.order_by("acquisition_start").first()
    cycle, _ = confirm(clinic, upload, time_points=[{"series": [str(first.pk)]}])
    assert cycle.time_points.count() == 1
    assert upload.series.get(is_discarded=True) != first


def test_a_ct_joins_the_scan_of_its_frame_or_time(clinic, upload):
    first, second = upload.series.order_by("acquisition_start")
    models.Series.objects.filter(pk=second.pk).update(frame_of_reference_uid="1.9")
    make_series(upload, "1.2.20", hours=24.3, kind="ct", modality="CT")
    make_series(upload, "1.2.21", hours=1.0, kind="rtstruct", modality="RTSTRUCT", frame_of_reference_uid="1.9")
    points = upload_proposal(upload)["groups"][0]["proposed"]["time_points"]
    assert [len(point["series_ids"]) for point in points] == [2, 2]
    assert [point["series_ids"][0] for point in points] == [str(first.pk), str(second.pk)]


def test_discarding_needs_the_right_and_leaves_an_audit_line(clinic, upload):
    with pytest.raises(NotAllowedError):
        import_discard(actor=clinic.users[Role.PHYSICIAN], upload=upload)
    discarded = import_discard(actor=clinic.users[Role.TECHNOLOGIST], upload=upload)
    assert discarded.state == UploadState.DISCARDED
    assert upload_proposal(upload)["groups"] == []
    with pytest.raises(InvalidStateError) as caught:
        import_confirm(actor=clinic.users[Role.TECHNOLOGIST], upload=upload, confirmation={})
    assert caught.value.code == "upload_not_read"


def test_the_api_refuses_a_new_patient_without_a_name_and_hides_other_sites(clinic, upload):
    body = confirmation(upload, patient={"patient_id": "ZZPHI-1"})
    body["administration"] = {**GIVEN, "administered_at": objects.ADMINISTERED.isoformat()}
    url = f"/api/uploads/{upload.pk}/confirm"
    answer = clinic.client(clinic.users[Role.TECHNOLOGIST]).post(url, body, format="json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "fields"}
    assert answer.json()["fields"] == {"patient": {"name": ["A new patient needs a name."]}}
    foreign = clinic.client(clinic.foreigner)
    assert foreign.post(url, body, format="json").status_code == 404
    assert foreign.get(f"/api/uploads/{upload.pk}/proposal").status_code == 404


def test_the_api_answers_an_identity_mismatch_with_409(clinic, upload):
    record = models.Patient.objects.create(site=clinic.site, **{**RECORD, "sex": "M"})
    body = confirmation(upload, patient={"id": str(record.pk)})
    body["administration"] = {**GIVEN, "administered_at": objects.ADMINISTERED.isoformat()}
    url = f"/api/uploads/{upload.pk}/confirm"
    answer = clinic.client(clinic.users[Role.TECHNOLOGIST]).post(url, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "identity_mismatch")
    assert "sex" in answer.json()["message"]
