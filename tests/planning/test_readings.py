"""Two readers of one time point: blinded until both have submitted, compared, adjudicated, and felt by the dose."""

import gzip
import hashlib

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from planning import models
from planning.computation.doses import compute_dose
from planning.computation.readings import compared_regions, reader_volume_cvs
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.contours import ContourSource, ContourState
from planning.models.readings import ReadingStart
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.contour_actions import contour_acceptance
from planning.selectors.current import current_contours, reference_time_point
from planning.selectors.imaging import volumes_visible_to
from planning.selectors.readings import open_copy
from planning.selectors.staleness import calculation_stale_causes
from planning.services.contour_operations import contour_draft_save, contour_voxels_save
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_runs import contour_import_start
from planning.services.contour_states import contour_state_set
from planning.services.doses import dose_save
from planning.services.reading_adjudications import Choice, second_reading_adjudicate
from planning.services.readings import second_reading_cancel, second_reading_open, second_reading_submit
from planning.services.regions import region_create
from tests.planning.test_contours import labels_of, painted
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML, LESION, LESION_ML, SHAPE_ZYX, no_progress

pytestmark = pytest.mark.django_db
SMALL = np.s_[1:4, 2:6, 2:6]
"""Three of the kidney's four slices: 48 of 64 voxels of 1 mL."""
SMALL_ML = 48.0
CV = (KIDNEY_ML - SMALL_ML) / (np.sqrt(2.0) * 56.0)


@pytest.fixture
def readers(worked):
    return worked.editor, worked.clinic.second


def opened(worked, readers, *, start=ReadingStart.NOTHING, i_point=0):
    return second_reading_open(
        actor=worked.physicist,
        time_point=worked.points[i_point],
        start=start,
        reader_ids=[reader.pk for reader in readers],
    )


def read(worked, reader, part=KIDNEY, *, region=None, i_point=0):
    """Draw one region on the reader's own copy and accept it."""
    point, region = worked.points[i_point], region or worked.kidney
    copy = open_copy(point, user=reader)
    base = current_contours(point, copy)
    saved = contour_voxels_save(
        actor=reader,
        time_point=point,
        kind=region.kind,
        base_number=base.number if base else 0,
        voxels=painted(region, part),
        changed={region.label},
        note="read",
        copy=copy,
    )
    return contour_state_set(
        actor=reader, time_point=point, base_number=saved.number, region=region, state="accepted", copy=copy
    )


def submitted(worked, readers, *, parts=(KIDNEY, SMALL), i_point=0, **fields):
    reading = opened(worked, readers, i_point=i_point, **fields)
    for reader, part in zip(readers, parts, strict=True):
        read(worked, reader, part, i_point=i_point)
        second_reading_submit(actor=reader, reading=reading)
    reading.refresh_from_db()
    return reading


def propose(worked, part=KIDNEY):
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[part] = True
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.IMPORT_CONTOURS),
        time_point=worked.points[0],
        rows=[{"region": worked.kidney, "mask": mask, "source_detail": "organs 1.0 (12ab34cd)"}],
        source=ContourSource.MODEL,
        region_of=lambda row: row["region"],
        note="proposed",
    )


def decided(worked, reading, take, *, actor=None, region=None, **fields):
    current = current_contours(worked.points[0])
    return second_reading_adjudicate(
        actor=actor or worked.physicist,
        reading=reading,
        base_number=current.number if current else 0,
        choices=[Choice(region=region or worked.kidney, take=take, **fields)],
    )


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


@pytest.mark.parametrize(
    ("take", "ml"),
    [("reader_1", KIDNEY_ML), ("reader_2", SMALL_ML), ("union", KIDNEY_ML), ("intersection", SMALL_ML)],
)
def test_the_decision_becomes_the_next_shared_revision(worked, readers, take, ml):
    worked.draw(worked.points[0])
    reading = submitted(worked, readers)
    revision = decided(worked, reading, take)
    assert (revision.number, revision.adjudicates, current_contours(worked.points[0])) == (2, reading, revision)
    contour = revision.contours.get(region=worked.kidney)
    assert (contour.contour_volume_ml, contour.state) == (ml, ContourState.ACCEPTED)
    for words in ("Second reading 1", *(reader.printed_name for reader in readers), worked.physicist.printed_name):
        assert words in revision.note
    # What was not chosen stays as it was.
    assert revision.contours.get(region=worked.lesion).contour_volume_ml == LESION_ML


def test_to_edit_further_leaves_the_region_open(worked, readers):
    reading = submitted(worked, readers)
    contour = decided(worked, reading, "union", edits_further=True).contours.get()
    assert (contour.state, contour.source) == (ContourState.EDITED, ContourSource.MANUAL)
    assert "union" in contour.source_detail


def test_a_decision_on_proposals_keeps_the_name_of_the_model(worked, readers):
    propose(worked)
    reading = submitted(worked, readers, start=ReadingStart.PROPOSALS)
    for take in ("union", "reader_2"):
        contour = decided(worked, reading, take).contours.get()
        assert contour.source == ContourSource.MODEL
    # The word of the decision before is replaced, not added to.
    assert contour.source_detail == "organs 1.0 (12ab34cd); second reading 1: reader 2"


def test_a_reading_whose_image_changed_says_who_ends_it(worked, readers):
    opened(worked, readers)
    read(worked, readers[0])
    finer = {**worked.points[0].images.get().label_grid, "shape_zyx": [12, 10, 10], "spacing_xyz_mm": [10.0, 10.0, 5.0]}
    worked.image(worked.points[0], label_grid=finer)
    with pytest.raises(InvalidStateError, match="cancels it and opens another"):
        read(worked, readers[0])


def test_a_decision_needs_the_current_revision_a_contour_and_no_lock(worked, readers, clinic):
    worked.draw(worked.points[0])
    reading = submitted(worked, readers)
    with pytest.raises(InvalidStateError) as caught:
        decided(worked, reading, "reader_1", region=worked.lesion)
    assert caught.value.code == "no_contour"
    contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=1, region=worked.kidney, is_locked=True
    )
    with pytest.raises(InvalidStateError) as caught:
        decided(worked, reading, "union")
    assert caught.value.code == "locked"
    url = f"/api/second-readings/{reading.pk}/adjudicate"
    body = {"choices": [{"region_id": str(worked.kidney.pk), "take": "union"}]}
    client = clinic.client(worked.physicist)
    assert client.post(url, body, format="json", headers={"If-Match": '"1"'}).status_code == 409
    assert client.post(url, body, format="json").status_code == 428
    twice = {"choices": body["choices"] * 2}
    assert client.post(url, twice, format="json", headers={"If-Match": '"2"'}).status_code == 400


def test_readings_on_another_grid_are_not_decided(worked, readers):
    reading = submitted(worked, readers)
    finer = {**reading.image.label_grid, "shape_zyx": [12, 10, 10], "spacing_xyz_mm": [10.0, 10.0, 5.0]}
    worked.image(worked.points[0], label_grid=finer)
    with pytest.raises(InvalidStateError) as caught:
        decided(worked, reading, "union")
    assert caught.value.code == "other_grid"


def test_acceptance_counts_the_decision_and_not_the_copies(worked, readers):
    propose(worked)
    reading = submitted(worked, readers, start=ReadingStart.PROPOSALS)
    (group,) = contour_acceptance(worked.clinic.site)["groups"]
    assert (group["n_proposed"], group["n_unchanged"], group["n_edited"]) == (1, 0, 0)
    decided(worked, reading, "reader_2")
    (group,) = contour_acceptance(worked.clinic.site)["groups"]
    assert (group["n_proposed"], group["n_edited"]) == (1, 1)
    assert group["dice"]["median"] == pytest.approx(2 * 48 / (64 + 48))


def test_readers_whose_contours_were_taken_do_not_review(worked, readers):
    reading = submitted(worked, readers)
    decided(worked, reading, "reader_2")
    worked.contoured()
    worked.calculated()
    worked.sign("calculated")
    with pytest.raises(NotAllowedError) as caught:
        worked.sign("reviewed", readers[1])
    assert caught.value.code == "second_person_required"


def dose_with(worked, **parameters):
    result = compute_dose(cycle=worked.cycle, parameters={"engines": ["local"], **parameters}, progress=no_progress)
    calculation = dose_save(run=worked.run(TaskName.CALCULATE_DOSE), cycle=worked.cycle, result=result)
    return calculation, calculation.regions.get(region=worked.kidney)


def percent_of(row, component):
    return next((item["percent"] for item in row.uncertainty_budget if item["component"] == component), None)


def test_two_readers_widen_the_volume_term_where_they_are_switched_on(worked, readers):
    worked.fitted()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    # From the whole kidney to its half: 47 %, above the edge of voxels of 10 mm.
    submitted(worked, readers, parts=(KIDNEY, np.s_[1:2, 2:6, 2:6]))
    cv = 48.0 / (np.sqrt(2.0) * 40.0)
    assert reader_volume_cvs(reference_time_point(worked.cycle))[worked.kidney.pk][0] == pytest.approx(cv)
    _, without = dose_with(worked)
    assert percent_of(without, "Two readers") is None
    calculation, row = dose_with(worked, reader_variation=True)
    assert percent_of(row, "Two readers") == pytest.approx(100.0 * cv)
    assert percent_of(row, "Contour edge") is None
    assert row.uncertainty_chain["reader_volume_cv"] == pytest.approx(cv)
    assert row.absorbed_dose_standard_uncertainty_gy > without.absorbed_dose_standard_uncertainty_gy
    # The lesion has one reading only: its edge counts.
    assert percent_of(calculation.regions.get(region=worked.lesion), "Two readers") is None


def test_readers_that_agree_leave_the_edge_of_the_contour(worked, readers):
    worked.fitted()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    submitted(worked, readers, parts=(KIDNEY, KIDNEY))
    _, row = dose_with(worked, reader_variation=True)
    assert percent_of(row, "Two readers") is None
    assert percent_of(row, "Contour edge") > 0.0


def test_a_later_reading_makes_a_dose_that_counts_readers_stale(worked, readers):
    worked.fitted()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    submitted(worked, readers)
    calculation, _ = dose_with(worked, reader_variation=True)
    assert calculation_stale_causes(calculation) == []
    submitted(worked, readers)
    assert calculation_stale_causes(calculation) == ["a second reading was submitted since"]


def test_the_dose_page_says_for_which_regions_two_readers_are_known(worked, readers, clinic):
    submitted(worked, readers)
    answer = clinic.client(worked.physicist).get(f"/api/cycles/{worked.cycle.pk}/dose").json()["reader_variation"]
    assert answer["is_used"] is False
    (row,) = answer["regions"]
    assert (row["name"], row["volume_cv"]["value"]) == ("Kidney left", pytest.approx(100.0 * CV))


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
    assert client.get(url).json()["results"][0]["adjudicated"]["by"] == worked.physicist.printed_name
    assert client.post(f"/api/second-readings/{key}/cancel", {"reason": "late"}, format="json").status_code == 409
