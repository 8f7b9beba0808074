"""A second reading that was adjudicated: the next shared revision, and what two readers do to the dose."""

import numpy as np
import pytest

from planning.computation.contour_actions import proposal_agreement
from planning.computation.doses import compute_dose
from planning.computation.readings import reader_volume_cvs
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.contours import ContourSource, ContourState
from planning.models.readings import ReadingStart
from planning.queue import TaskName
from planning.selectors.contour_actions import contour_acceptance
from planning.selectors.current import current_contours, reference_time_point
from planning.selectors.staleness import calculation_stale_causes
from planning.services.contour_states import contour_state_set
from planning.services.doses import dose_save
from tests.planning.reading_steps import CV, SMALL_ML, decided, opened, propose, read, submitted
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML, LESION_ML, SHAPE_ZYX, no_progress

pytestmark = pytest.mark.django_db


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


DOUBT = {"code": "low_confidence", "level": "ask", "message": "Confidence 70%: the network itself is in doubt."}


@pytest.mark.parametrize(
    ("take", "fields", "is_own"),
    [
        ("reader_1", {}, True),
        ("union", {}, True),
        ("reader_2", {}, False),
        ("intersection", {}, False),
        ("reader_1", {"edits_further": True}, False),
    ],
)
def test_what_a_network_says_holds_for_its_own_mask_alone(worked, readers, take, fields, is_own):
    """Reader 1 leaves the proposal as it is, reader 2 takes a slice off."""
    propose(worked, confidence=0.7, reasons=[DOUBT])
    reading = submitted(worked, readers, start=ReadingStart.PROPOSALS)
    contour = decided(worked, reading, take, **fields).contours.get()
    assert (contour.confidence, contour.reasons) == ((0.7, [DOUBT]) if is_own else (None, []))


def test_a_reading_from_nothing_has_no_word_of_a_network_even_on_its_mask(worked, readers):
    propose(worked, confidence=0.7, reasons=[DOUBT])
    reading = submitted(worked, readers)
    contour = decided(worked, reading, "reader_1").contours.get()
    assert (contour.source, contour.confidence, contour.reasons) == (ContourSource.MANUAL, None, [])


def test_a_decision_on_another_grid_is_not_measured_against_a_proposal_of_the_old_one(worked, readers):
    propose(worked, confidence=0.7, reasons=[DOUBT])
    contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=1, region=worked.kidney, is_locked=True
    )
    # The same shape elsewhere: voxel by voxel the masks would agree, and in the patient they do not.
    elsewhere = {**worked.points[0].images.get().label_grid, "origin_lps_mm": [5.0, 0.0, 0.0]}
    worked.image(worked.points[0], label_grid=elsewhere)
    reading = submitted(worked, readers, start=ReadingStart.NOTHING)
    revision = decided(worked, reading, "reader_1")
    contour = revision.contours.get()
    assert (contour.proposal, contour.confidence, contour.reasons) == (None, None, [])
    assert (contour.source, contour.is_locked) == (ContourSource.MANUAL, False)
    action = revision.actions.get()
    assert (action.proposal, action.dice, action.volume_before_ml, action.source) == (None, None, None, "")
    (group,) = contour_acceptance(worked.clinic.site)["groups"]
    assert (group["n_proposed"], group["n_unchanged"], group["n_edited"]) == (1, 0, 0)


def test_masks_of_two_grids_have_no_dice(worked):
    proposal = propose(worked)
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[KIDNEY] = True
    elsewhere = {**proposal.image.label_grid, "origin_lps_mm": [5.0, 0.0, 0.0]}
    other = worked.image(worked.points[0], label_grid=elsewhere)
    same, moved = (
        proposal_agreement(mask, region=worked.kidney, proposal=proposal, image=image)
        for image in (proposal.image, other)
    )
    assert (same.dice, same.volume_before_ml) == (1.0, KIDNEY_ML)
    assert (moved.dice, moved.volume_before_ml, moved.volume_after_ml) == (None, None, KIDNEY_ML)


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
