"""Two readers of one time point: blinded until both have submitted, then compared."""

import gzip
import hashlib

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from planning import models
from planning.computation.readings import compared_regions
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.contours import ContourSource, ContourState
from planning.models.readings import ReadingStart
from planning.models.sites import Role
from planning.selectors.current import current_contours
from planning.selectors.imaging import volumes_visible_to
from planning.selectors.readings import open_copy
from planning.services.contour_operations import contour_draft_save, contour_voxels_save
from planning.services.contour_runs import contour_import_start
from planning.services.readings import second_reading_cancel, second_reading_open, second_reading_submit
from planning.services.regions import region_create
from tests.planning.reading_steps import CV, SMALL, SMALL_ML, decided, opened, propose, read, submitted
from tests.planning.test_contours import labels_of, painted
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML, LESION

pytestmark = pytest.mark.django_db


def test_each_reader_draws_on_an_own_copy_and_the_shared_contours_stay(worked, readers):
    shared = worked.draw(worked.points[0])
    opened(worked, readers)
    first, second = (read(worked, reader, part) for reader, part in zip(readers, (KIDNEY, SMALL), strict=True))
    assert (first.number, second.number) == (2, 2)
    assert current_contours(worked.points[0]) == shared
    assert worked.points[0].contour_revisions.count() == 1
    assert [revision.contours.get().contour_volume_ml for revision in (first, second)] == [KIDNEY_ML, SMALL_ML]


def test_from_proposals_both_start_with_them_as_they_first_appeared(worked, readers):
    proposal = propose(worked)
    contour_voxels_save(
        actor=worked.editor,
        time_point=worked.points[0],
        kind="organ",
        base_number=1,
        voxels=painted(worked.kidney, SMALL),
        changed={worked.kidney.label},
        note="edited before the reading",
    )
    opened(worked, readers, start=ReadingStart.PROPOSALS)
    for reader in readers:
        revision = current_contours(worked.points[0], open_copy(worked.points[0], user=reader))
        contour = revision.contours.get()
        assert (contour.contour_volume_ml, contour.state) == (KIDNEY_ML, ContourState.PROPOSED)
        assert (contour.source, contour.proposal) == (ContourSource.MODEL, proposal)


def test_from_proposals_needs_some(worked, readers):
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        opened(worked, readers, start=ReadingStart.PROPOSALS)
    assert caught.value.code == "no_proposals"


def test_two_different_people_who_may_contour(worked, readers):
    nobody = worked.clinic.users[Role.TECHNOLOGIST]
    for pair in ((worked.editor, worked.editor), (worked.editor, nobody), (worked.editor, worked.clinic.foreigner)):
        with pytest.raises(InvalidStateError) as caught:
            opened(worked, pair)
        assert caught.value.code == "readers"
    reading = opened(worked, readers)
    with pytest.raises(IntegrityError), transaction.atomic():
        reading.copies.filter(place=1).update(reader=readers[1])


def test_one_open_reading_at_a_time(worked, readers):
    opened(worked, readers)
    with pytest.raises(InvalidStateError) as caught:
        opened(worked, readers)
    assert caught.value.code == "reading_open"


def test_only_physicists_and_physicians_open_cancel_and_decide(worked, readers):
    with pytest.raises(NotAllowedError):
        second_reading_open(
            actor=worked.editor,
            time_point=worked.points[0],
            start=ReadingStart.NOTHING,
            reader_ids=[reader.pk for reader in readers],
        )
    reading = submitted(worked, readers)
    with pytest.raises(NotAllowedError):
        decided(worked, reading, "union", actor=worked.editor)


def test_the_contour_list_shows_a_reader_the_own_copy_alone(worked, readers, clinic):
    worked.draw(worked.points[0])
    first, second = readers
    opened(worked, readers)
    read(worked, first, KIDNEY)
    url = f"/api/time-points/{worked.points[0].pk}/contours"
    own, other = clinic.client(first).get(url).json(), clinic.client(second).get(url).json()
    assert own["reading"]["place"] == 1
    assert own["number"] == 2
    assert {row["name"]: row["state"] for row in own["regions"]} == {"Kidney left": "accepted", "Lesion 1": "none"}
    # Neither the other reader's contours nor those that were shared before.
    assert (other["number"], other["revision"], other["history"]) == (0, None, [])
    assert {row["state"] for row in other["regions"]} == {"none"}
    assert clinic.client(second).get(f"{url}/revisions/1/organs").status_code == 404
    outsider = clinic.client(worked.physicist).get(url).json()
    assert (outsider["number"], outsider["reading"]) == (1, None)


def test_a_save_of_a_reader_goes_to_the_own_copy(worked, readers, clinic):
    worked.draw(worked.points[0])
    opened(worked, readers)
    read(worked, readers[0], KIDNEY)
    url = f"/api/time-points/{worked.points[0].pk}/contours"
    client = clinic.client(readers[0])
    body = {"region_id": str(worked.kidney.pk), "operation": "delete"}
    assert client.post(f"{url}/operations", body, format="json", headers={"If-Match": '"2"'}).status_code == 201
    assert np.count_nonzero(labels_of(worked.points[0]) == worked.kidney.label) == KIDNEY_ML
    body = {"region_id": str(worked.kidney.pk), "state": "rejected"}
    client.post(f"{url}/states", body, format="json", headers={"If-Match": '"3"'})
    assert worked.points[0].contour_revisions.count() == 1


def test_regions_that_another_reader_adds_are_not_told(worked, readers, clinic):
    first, second = readers
    opened(worked, readers)
    region_create(actor=first, course=worked.course, kind="lesion", name="Lesion 7")
    url = f"/api/time-points/{worked.points[0].pk}/contours"
    names = {reader: clinic.client(reader).get(url).json()["regions"] for reader in readers}
    assert "Lesion 7" in {row["name"] for row in names[first]}
    assert "Lesion 7" not in {row["name"] for row in names[second]}


def test_volumes_of_another_reader_are_not_found_until_both_submitted(worked, readers, clinic):
    first, second = readers
    reading = opened(worked, readers)
    volume = read(worked, first).organs_id
    for person in (second, worked.physicist):
        assert clinic.client(person).get(f"/api/volumes/{volume}/header").status_code == 404
        assert clinic.client(person).get(f"/api/volumes/{volume}/voxels").status_code == 404
    assert volumes_visible_to(user=first).filter(pk=volume).exists()
    second_reading_submit(actor=first, reading=reading)
    assert not volumes_visible_to(user=second).filter(pk=volume).exists()
    read(worked, second, SMALL)
    second_reading_submit(actor=second, reading=reading)
    assert volumes_visible_to(user=second).filter(pk=volume).exists()


def test_the_comparison_is_refused_until_both_submitted(worked, readers, clinic):
    reading = opened(worked, readers)
    url = f"/api/second-readings/{reading.pk}"
    read(worked, readers[0])
    second_reading_submit(actor=readers[0], reading=reading)
    for person in (*readers, worked.physicist):
        answer = clinic.client(person).get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "reading_hidden")
    with pytest.raises(InvalidStateError):
        decided(worked, reading, "union")
    assert clinic.client(clinic.foreigner).get(url).status_code == 404


def test_drafts_of_a_copy_are_apart_from_drafts_of_the_shared_contours(worked, readers, clinic):
    first = readers[0]
    fields = {"kind": "organ", "base_number": 0, "object_sha256": "0" * 64, "voxels_sha256": "0" * 64}
    contour_draft_save(actor=first, time_point=worked.points[0], **fields)
    opened(worked, readers)
    copy = open_copy(worked.points[0], user=first)
    url = f"/api/time-points/{worked.points[0].pk}/contours"
    assert clinic.client(first).get(url).json()["draft"] is None
    contour_draft_save(actor=first, time_point=worked.points[0], copy=copy, **fields)
    assert models.ContourDraft.objects.count() == 2
    assert clinic.client(worked.physicist).get(url).json()["editors"][0]["name"] == first.printed_name
    models.ContourDraft.objects.filter(copy__isnull=True).delete()
    # Nobody is told that a reader draws.
    assert clinic.client(worked.physicist).get(url).json()["editors"] == []


def test_what_is_to_be_decided_before_submitting(worked, readers):
    reading = opened(worked, readers)
    first = readers[0]
    with pytest.raises(InvalidStateError) as caught:
        second_reading_submit(actor=first, reading=reading)
    assert caught.value.code == "nothing_accepted"
    read(worked, first)
    copy = open_copy(worked.points[0], user=first)
    contour_voxels_save(
        actor=first,
        time_point=worked.points[0],
        kind="lesion",
        base_number=2,
        voxels=painted(worked.lesion, LESION),
        changed={worked.lesion.label},
        note="read",
        copy=copy,
    )
    with pytest.raises(InvalidStateError) as caught:
        second_reading_submit(actor=first, reading=reading)
    assert (caught.value.code, "Lesion 1" in str(caught.value)) == ("not_decided", True)
    contour_draft_save(
        actor=first,
        time_point=worked.points[0],
        kind="organ",
        base_number=3,
        object_sha256="0" * 64,
        voxels_sha256="0" * 64,
        copy=copy,
    )
    with pytest.raises(InvalidStateError) as caught:
        second_reading_submit(actor=first, reading=reading)
    assert caught.value.code == "draft_open"


def test_who_submitted_is_no_reader_any_more(worked, readers):
    reading = opened(worked, readers)
    read(worked, readers[0])
    second_reading_submit(actor=readers[0], reading=reading)
    assert open_copy(worked.points[0], user=readers[0]) is None
    for person in (readers[0], worked.physicist):
        with pytest.raises(InvalidStateError) as caught:
            second_reading_submit(actor=person, reading=reading)
        assert caught.value.code == "not_reading"


def test_a_reader_cannot_import_meanwhile(worked, readers):
    opened(worked, readers)
    with pytest.raises(InvalidStateError) as caught:
        contour_import_start(actor=readers[0], time_point=worked.points[0], series=worked.points[0].series.get())
    assert caught.value.code == "reading_open"


def test_a_cancelled_reading_stays_hidden_and_makes_room_for_another(worked, readers, clinic):
    reading = opened(worked, readers)
    volume = read(worked, readers[0]).organs_id
    second_reading_cancel(actor=worked.physicist, reading=reading, reason="reader is ill")
    assert open_copy(worked.points[0], user=readers[0]) is None
    assert not volumes_visible_to(user=readers[1]).filter(pk=volume).exists()
    assert clinic.client(readers[1]).get(f"/api/second-readings/{reading.pk}").status_code == 403
    assert opened(worked, readers).number == 2
    with pytest.raises(InvalidStateError):
        second_reading_cancel(actor=worked.physicist, reading=reading, reason="again")


def test_the_comparison_by_hand(worked, readers, clinic):
    reading = submitted(worked, readers)
    answer = clinic.client(readers[0]).get(f"/api/second-readings/{reading.pk}").json()
    (row,) = answer["regions"]
    assert row["region"]["name"] == "Kidney left"
    assert [reader["volume"]["value"] for reader in row["readers"]] == [KIDNEY_ML, SMALL_ML]
    assert row["dice"] == pytest.approx(2 * 48 / (64 + 48))
    # The second surface ends one slice of 10 mm earlier.
    assert row["hausdorff_95"] == {"value": 10.0, "unit": "mm", "standard_uncertainty": None}
    assert 0.0 < row["mean_distance"]["value"] < 10.0
    # Without lesion contours the kidney holds the hot voxels of both.
    first, second = (reader["activity"]["value"] for reader in row["readers"])
    assert row["activity_difference"]["value"] == pytest.approx(100 * (second - first) / (0.5 * (first + second)))
    assert row["volume_cv"]["value"] == pytest.approx(100.0 * CV)


def test_a_region_that_one_reader_left_out_is_listed_without_agreement(worked, readers):
    reading = opened(worked, readers)
    read(worked, readers[0])
    read(worked, readers[0], LESION, region=worked.lesion)
    read(worked, readers[1])
    for reader in readers:
        second_reading_submit(actor=reader, reading=reading)
    kidney, lesion = compared_regions(reading)
    assert kidney.dice == 1.0
    assert (lesion.region, lesion.contours[1], lesion.dice, lesion.volume_cv) == (worked.lesion, None, None, None)


def test_readings_over_http(worked, readers, clinic):
    url = f"/api/time-points/{worked.points[0].pk}/second-readings"
    client = clinic.client(worked.physicist)
    body = {"start": "nothing", "reader_ids": [reader.pk for reader in readers]}
    made = client.post(url, body, format="json")
    assert made.status_code == 201
    assert [reader["name"] for reader in made.json()["readers"]] == [reader.printed_name for reader in readers]
    key = made.json()["id"]
    voxels = f"/api/time-points/{worked.points[0].pk}/contours/organs/voxels"
    raw = painted(worked.kidney, KIDNEY)
    for reader in readers:
        own = clinic.client(reader)
        headers = {"If-Match": '"0"', "X-Voxels-SHA256": hashlib.sha256(raw).hexdigest()}
        headers["X-Changed-Labels"] = str(worked.kidney.label)
        sent = own.post(voxels, gzip.compress(raw), content_type="application/octet-stream", headers=headers)
        assert sent.status_code == 201
        state = {"region_id": str(worked.kidney.pk), "state": "accepted"}
        states = f"/api/time-points/{worked.points[0].pk}/contours/states"
        assert own.post(states, state, format="json", headers={"If-Match": '"1"'}).status_code == 201
        assert own.post(f"/api/second-readings/{key}/submit").status_code == 200
    assert client.get(url).json()["results"][0]["state"] == "submitted"
    choice = {"choices": [{"region_id": str(worked.kidney.pk), "take": "intersection"}]}
    done = client.post(f"/api/second-readings/{key}/adjudicate", choice, format="json", headers={"If-Match": '"0"'})
    assert (done.status_code, done.json()["number"]) == (201, 1)
    adjudicated = client.get(url).json()["results"][0]["adjudicated"]
    assert adjudicated["by"] == worked.physicist.printed_name
    assert f"decided by {worked.physicist.printed_name}: Kidney left" in adjudicated["note"]
    assert client.post(f"/api/second-readings/{key}/cancel", {"reason": "late"}, format="json").status_code == 409
