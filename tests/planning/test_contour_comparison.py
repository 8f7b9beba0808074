"""An earlier revision of the contours against the newest: counted voxels, agreement, and the dose of each."""

import numpy as np
import pytest

from planning.computation.contour_comparison import compared_revisions
from planning.computation.contour_preview import contour_preview
from planning.computation.grids import grid_from_dict, label_values
from planning.models.contours import ContourSource, ContourState
from planning.models.readings import ReadingStart
from planning.models.sites import Role
from planning.selectors.current import current_calculation, current_contours
from planning.selectors.readings import open_copy
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contour_operations import contour_operate
from planning.services.contour_states import contour_state_set
from planning.services.contours import contours_save
from planning.services.readings import second_reading_open
from tests.planning.test_contour_preview import edited

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(worked):
    worked.calculated()
    return worked


def mask(revision, region):
    grid = grid_from_dict(revision.image.label_grid)
    asset = revision.organs if region.kind == "organ" else revision.lesions
    return label_values(asset, grid) == region.label, grid.voxel_volume_ml


def of(rows, region):
    (row,) = [row for row in rows if row.region == region]
    return row


def test_voxels_added_and_removed_are_counted(case):
    then = current_contours(case.points[0])
    edited(case, case.points[0])
    now = current_contours(case.points[0])
    row = of(compared_revisions(then, now), case.kidney)
    (before, voxel_ml), (after, _) = mask(then, case.kidney), mask(now, case.kidney)
    assert row.added_ml == pytest.approx(np.count_nonzero(after & ~before) * voxel_ml)
    assert row.removed_ml == 0.0
    assert row.dice == pytest.approx(2 * np.count_nonzero(after & before) / (after.sum() + before.sum()))
    back = of(compared_revisions(now, then), case.kidney)
    assert (back.added_ml, back.removed_ml) == (0.0, pytest.approx(row.added_ml))
    assert of(compared_revisions(then, now), case.lesion).dice == 1.0


@pytest.mark.parametrize("at", [0, 1])
def test_the_dose_of_each_is_what_a_calculation_on_it_gives(case, at):
    """At the reference scan a contour moves mass and activity, at another one activity alone."""
    then = current_contours(case.points[at])
    stored = current_calculation(case.cycle).regions.get(region=case.kidney).absorbed_dose_gy
    edited(case, case.points[at])
    now = current_contours(case.points[at])
    row = of(compared_revisions(then, now), case.kidney)
    assert row.doses[0].absorbed_dose_gy == stored
    preview = contour_preview(cycle=case.cycle, region=case.kidney)
    assert row.doses[1].absorbed_dose_gy == preview.after.absorbed_dose_gy != pytest.approx(stored, rel=1e-4)
    # Calculated anew on the contours of now, the doses of both stay what they were; the calculation is another one.
    case.recalculate()
    again = of(compared_revisions(then, now), case.kidney)
    assert again.doses[1].absorbed_dose_gy == pytest.approx(row.doses[1].absorbed_dose_gy, rel=1e-6)
    assert again.doses[0].absorbed_dose_gy == pytest.approx(stored, rel=1e-6)


def test_a_region_that_was_rejected_gives_no_dose_and_says_why(case):
    then = current_contours(case.points[0])
    contour_state_set(
        actor=case.editor,
        time_point=case.points[0],
        base_number=then.number,
        region=case.kidney,
        state=ContourState.REJECTED,
    )
    row = of(compared_revisions(then, current_contours(case.points[0])), case.kidney)
    assert row.doses[0].absorbed_dose_gy is not None
    assert (row.doses[1].absorbed_dose_gy, bool(row.doses[1].obstacle)) == (None, True)
    assert row.dice == 1.0


def test_a_region_of_one_revision_alone_has_no_numbers_in_the_other(case):
    then = current_contours(case.points[0])
    contour_operate(
        actor=case.editor,
        time_point=case.points[0],
        base_number=then.number,
        region=case.lesion,
        operation="delete",
        parameters={},
    )
    row = of(compared_revisions(then, current_contours(case.points[0])), case.lesion)
    assert (row.contours[0] is not None, row.contours[1]) == (True, None)
    assert (row.dice, row.added_ml, row.removed_ml > 0.0) == (0.0, 0.0, True)


def test_voxels_of_another_grid_are_not_compared(case):
    then = current_contours(case.points[0])
    edited(case, case.points[0])
    image = then.image
    image.pk, image.number, image.label_grid = None, 90, {**image.label_grid, "origin_lps_mm": [1.0, 2.0, 3.0]}
    image.save()
    then.image = image
    row = of(compared_revisions(then, current_contours(case.points[0])), case.kidney)
    assert (row.dice, row.added_ml, row.removed_ml) == (None, None, None)
    assert row.contours[0].contour_volume_ml < row.contours[1].contour_volume_ml


def test_the_page_gets_every_number_with_its_unit(case):
    number = current_contours(case.points[0]).number
    edited(case, case.points[0])
    client = case.clinic.client(case.editor)
    url = f"/api/time-points/{case.points[0].pk}/contours/compare"
    body = client.get(f"{url}/{number}").json()
    assert (body["then"]["number"], body["now"]["number"], body["is_same_grid"]) == (number, number + 2, True)
    kidney = next(row for row in body["regions"] if row["region"]["id"] == str(case.kidney.pk))
    assert [part["volume"]["unit"] for part in kidney["revisions"]] == ["mL", "mL"]
    then, now = (dose["value"] for dose in kidney["doses"])
    assert kidney["dose_change"]["value"] == pytest.approx(100.0 * (now / then - 1.0))
    assert body["calculation_number"] == 1
    assert client.get(f"{url}/{number + 9}").status_code == 404


def test_without_a_dose_the_volumes_are_compared_alone(worked):
    worked.contoured()
    number = current_contours(worked.points[0]).number
    edited(worked, worked.points[0])
    url = f"/api/time-points/{worked.points[0].pk}/contours/compare/{number}"
    body = worked.clinic.client(worked.editor).get(url).json()
    assert body["calculation_number"] is None
    assert {(row["doses"][0], row["dose_change"]) for row in body["regions"]} == {(None, None)}


def test_a_reader_compares_the_own_copy_without_doses(case):
    point = case.points[0]
    readers = [case.editor, case.clinic.users[Role.PHYSICIAN]]
    shared = current_contours(point).number
    second_reading_open(
        actor=case.physicist,
        time_point=point,
        start=ReadingStart.NOTHING,
        reader_ids=[reader.pk for reader in readers],
    )
    url = f"/api/time-points/{point.pk}/contours/compare"
    mine, theirs = case.clinic.client(case.editor), case.clinic.client(case.physicist)
    assert mine.get(f"{url}/{shared}").status_code == 404
    edit = contour_edit(point, base_number=None, copy=open_copy(point, user=case.editor))
    edit.labels["organ"][1:4, 1:4, 1:4] = case.kidney.label
    edit.changes[case.kidney.pk] = RegionChange(state=ContourState.EDITED, source=ContourSource.MANUAL)
    contours_save(actor=case.editor, edit=edit, note="read")
    answer = mine.get(f"{url}/1").json()
    assert (answer["then"]["number"], answer["now"]["number"], len(answer["regions"])) == (1, 1, 1)
    assert answer["calculation_number"] is None
    assert theirs.get(f"{url}/{shared}").json()["calculation_number"] == 1
