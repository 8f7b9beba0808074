"""What an edit would change, against what it changes once everything is computed anew."""

import pytest

from planning.computation.contour_preview import contour_preview
from planning.computation.plans import PROBABILITIES, PlanQuestion, activity_at, compute_plan
from planning.models.contours import ContourState
from planning.models.readings import ReadingStart
from planning.models.sites import Role
from planning.selectors.current import current_calculation, current_contours, current_limit_set
from planning.services.contour_operations import contour_operate
from planning.services.contour_states import contour_state_set
from planning.services.readings import second_reading_open
from tests.planning.worked_case import add_limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(worked):
    worked.calculated()
    add_limits(worked.clinic)
    return worked


def edited(case, *points, margin_mm=10.0):
    """Grow the kidney by a voxel at some time points, and accept it again."""
    for time_point in points:
        for change in ("operate", "accept"):
            known = {"actor": case.editor, "time_point": time_point, "region": case.kidney}
            known["base_number"] = current_contours(time_point).number
            if change == "operate":
                contour_operate(**known, operation="margin", parameters={"margin_mm": margin_mm})
            else:
                contour_state_set(**known, state=ContourState.ACCEPTED)


def next_activity_bq(case):
    question = PlanQuestion(course=case.course, planned_activity_bq=None, n_cycles_left=None)
    answer = compute_plan(question=question, limit_set=current_limit_set(case.clinic.site))
    (limit,) = [limit for limit in answer.limits if limit.region == case.kidney.name]
    return activity_at(answer=answer, limit=limit, probability=PROBABILITIES[0]).activity_bq


def test_without_a_dose_there_is_nothing_to_change(worked):
    worked.fitted()
    assert contour_preview(cycle=worked.cycle, region=worked.kidney) is None


def test_an_unchanged_contour_changes_nothing(case):
    preview = contour_preview(cycle=case.cycle, region=case.kidney)
    assert not preview.is_changed
    assert preview.after == preview.before
    row = current_calculation(case.cycle).regions.get(region=case.kidney)
    assert preview.before.absorbed_dose_gy == row.absorbed_dose_gy
    assert preview.before.next_activity_bq == pytest.approx(next_activity_bq(case))


@pytest.mark.parametrize("n_edited", [1, 3])
def test_the_preview_is_what_a_new_calculation_finds(case, n_edited):
    edited(case, *case.points[:n_edited])
    preview = contour_preview(cycle=case.cycle, region=case.kidney)
    assert preview.is_changed and preview.obstacle == ""
    row = case.recalculate().regions.get(region=case.kidney)
    after = preview.after
    # The engine is local: dose is time-integrated activity over mass, exactly.
    assert after.time_integrated_activity_bq_s == pytest.approx(row.time_integrated_activity_bq_s, rel=1e-6)
    assert after.effective_half_life_s == pytest.approx(row.effective_half_life_s, rel=1e-6)
    assert after.mass_g == pytest.approx(row.mass_g, rel=1e-6)
    assert after.absorbed_dose_gy == pytest.approx(row.absorbed_dose_gy, rel=1e-6)
    assert after.absorbed_dose_gy != pytest.approx(preview.before.absorbed_dose_gy, rel=1e-3)
    assert after.absorbed_dose_standard_uncertainty_gy == pytest.approx(
        row.absorbed_dose_standard_uncertainty_gy, rel=1e-6
    )
    assert after.next_activity_bq == pytest.approx(next_activity_bq(case), rel=1e-6)


def test_a_contour_that_is_gone_gives_no_curve_and_says_so(case):
    for time_point in case.points:
        contour_operate(
            actor=case.editor,
            time_point=time_point,
            base_number=current_contours(time_point).number,
            region=case.kidney,
            operation="delete",
            parameters={},
        )
    preview = contour_preview(cycle=case.cycle, region=case.kidney)
    assert preview.is_changed and preview.after is None and preview.obstacle


def test_the_page_gets_before_and_after_with_units(case):
    edited(case, case.points[0])
    client = case.clinic.client(case.editor)
    url = f"/api/time-points/{case.points[0].pk}/contours/preview/{case.kidney.pk}"
    body = client.get(url).json()["preview"]
    rows = {row["name"]: row for row in body["rows"]}
    dose = rows["Absorbed dose"]
    assert dose["before"]["unit"] == dose["after"]["unit"] == "Gy"
    change = 100.0 * (dose["after"]["value"] / dose["before"]["value"] - 1.0)
    assert dose["change_percent"] == pytest.approx(change)
    assert body["activity"]["unit"] == "MBq"
    assert client.get(f"/api/time-points/{case.points[0].pk}/contours/preview/{case.course.pk}").status_code == 404


def test_a_reader_sees_no_consequence_of_the_shared_contours(case):
    readers = [case.editor, case.clinic.users[Role.PHYSICIAN]]
    second_reading_open(
        actor=case.physicist,
        time_point=case.points[0],
        start=ReadingStart.NOTHING,
        reader_ids=[reader.pk for reader in readers],
    )
    url = f"/api/time-points/{case.points[0].pk}/contours/preview/{case.kidney.pk}"
    assert case.clinic.client(case.editor).get(url).json() == {"preview": None}
    assert case.clinic.client(case.physicist).get(url).json()["preview"] is not None
