"""Reading an upload: guarded, grouped by patient, duplicates recognised, all in quarantine (rows 1, 35)."""

from dataclasses import replace
from datetime import date

import pytest

from dosimetry.dicomio.writing_pet import write_pet
from planning import models, storage
from planning.errors import InvalidStateError
from planning.models.sites import Role
from planning.models.uploads import UploadFileState, UploadState
from planning.selectors.proposals import upload_proposal
from planning.services.imports import import_confirm
from planning.services.uploads import upload_complete, upload_create
from planning.tasks.base import execute_run
from planning.tasks.imports import run_import
from tests.phantoms import objects

pytestmark = pytest.mark.django_db
IDENTITY = {"name": "ZZPHI^Anna", "patient_id": "ZZPHI-1", "birth_date": "19600102", "sex": "F"}
RECORD = {"name": "ZZPHI^Anna", "patient_id": "ZZPHI-1", "birth_date": date(1960, 1, 2), "sex": "F"}
GIVEN = {
    "administered_activity": {"value": 7.4, "unit": "GBq"},
    "administered_at": objects.ADMINISTERED,
    "source": "image header",
}


def pet_files(folder, *, name, patient=objects.PATIENT, seed=3, series_facts=None):
    """Write a PET series of five slices."""
    return write_pet(
        objects.volume(unit="Bq/mL", seed=seed),
        folder=folder / name,
        patient=patient,
        study=objects.study(),
        series=series_facts or objects.series(name),
        acquisition=objects.acquisition(),
        agent=objects.agent(),
    ).paths


def read(clinic, paths) -> models.Upload:
    """Upload files and read them, as the worker does."""
    actor = clinic.users[Role.TECHNOLOGIST]
    n_bytes = sum(path.stat().st_size for path in paths)
    upload = upload_create(actor=actor, site=clinic.site, n_files=len(paths), n_bytes=n_bytes)
    models.UploadFile.objects.bulk_create(
        models.UploadFile(
            upload=upload,
            number=number,
            name=path.name,
            n_bytes=path.stat().st_size,
            sha256=storage.store_file(path),
        )
        for number, path in enumerate(paths, start=1)
    )
    upload = upload_complete(actor=actor, upload=upload)
    execute_run(run_id=str(upload.run_id), body=run_import)
    upload.refresh_from_db()
    upload.run.refresh_from_db()
    assert upload.run.error_message == ""
    return upload


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


def test_reading_quarantines_proposes_and_writes_no_patient(clinic, tmp_path):
    upload = read(clinic, pet_files(tmp_path, name="one"))
    assert upload.state == UploadState.READ
    assert set(upload.files.values_list("state", flat=True)) == {UploadFileState.ACCEPTED}
    (series,) = upload.series.all()
    assert (series.kind, series.files.count(), series.time_point) == ("emission", 5, None)
    (group,) = upload_proposal(upload)["groups"]
    assert group["identity"]["patient_id"] == "ZZPHI-7"
    assert group["matches"] == []
    proposed = group["proposed"]
    assert proposed["course"]["nuclide"] == "Lu-177"
    assert proposed["administration"]["administered_activity"]["value"] == pytest.approx(7400.0)
    assert proposed["administration"]["administered_activity"]["unit"] == "MBq"
    (point,) = proposed["time_points"]
    wanted_h = (objects.STARTED - objects.ADMINISTERED).total_seconds() / 3600.0
    assert point["hours_after_administration"] == pytest.approx(wanted_h)
    assert not models.Patient.objects.exists()


def test_row_01_two_patients_in_one_upload_are_two_groups(clinic, tmp_path):
    other = replace(objects.PATIENT, name="ZZPHI^Berta", patient_id="ZZPHI-8")
    upload = read(clinic, [*pet_files(tmp_path, name="one"), *pet_files(tmp_path, name="two", patient=other)])
    groups = upload_proposal(upload)["groups"]
    assert {group["identity"]["patient_id"] for group in groups} == {"ZZPHI-7", "ZZPHI-8"}
    assert [len(group["series"]) for group in groups] == [1, 1]
    # Confirming one patient leaves the other in quarantine.
    first = groups[0]
    import_confirm(
        actor=clinic.users[Role.TECHNOLOGIST],
        upload=upload,
        confirmation=confirmation(upload, group=first["key"], patient=first["proposed"]["patient"]),
    )
    (waiting,) = upload_proposal(upload)["groups"]
    assert waiting["key"] == groups[1]["key"]
    upload.refresh_from_db()
    assert upload.state == UploadState.READ


def test_files_that_are_stored_already_are_recognised(clinic, tmp_path):
    paths = pet_files(tmp_path, name="one")
    read(clinic, paths)
    again = read(clinic, paths)
    assert set(again.files.values_list("state", "verdict_code")) == {("duplicate", "duplicate")}
    assert not again.series.exists()


def test_row_35_another_content_under_a_known_uid_is_refused(clinic, tmp_path):
    read(clinic, pet_files(tmp_path / "a", name="one"))
    again = read(clinic, pet_files(tmp_path / "b", name="one", seed=4))
    assert set(again.files.values_list("state", "verdict_code")) == {("refused", "duplicate_uid")}
    assert not again.series.exists()


def test_row_35_two_contents_under_one_uid_in_one_upload_block_the_series(clinic, tmp_path):
    paths = [*pet_files(tmp_path / "a", name="one"), *pet_files(tmp_path / "b", name="one", seed=4)]
    upload = read(clinic, paths)
    levels = {finding["code"]: finding["level"] for series in upload.series.all() for finding in series.findings}
    assert "block" in levels.values(), levels
    with pytest.raises(InvalidStateError):
        confirm(clinic, upload)


def test_row_35_a_file_that_is_no_dicom_is_refused_and_the_others_are_read(clinic, tmp_path):
    stray = tmp_path / "letter.txt"
    stray.write_bytes(b"not an image")
    upload = read(clinic, [*pet_files(tmp_path, name="one"), stray])
    (refused,) = upload.files.filter(state=UploadFileState.REFUSED)
    assert (refused.number, refused.verdict_code) == (6, "not_dicom")
    assert refused.verdict_message
    assert upload.series.count() == 1
