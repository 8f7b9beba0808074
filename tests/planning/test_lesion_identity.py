"""A lesion keeps its number in the next cycle by organs that are accepted and whole; others shift nothing."""

from datetime import timedelta

import numpy as np
import pytest

from planning import models
from planning.computation.lesion_candidates import OTHER_CYCLE_MM, _organ_centres, known_lesions, matched_regions
from planning.models.contours import ContourState
from planning.selectors.current import current_contours
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save
from planning.services.regions import region_create
from tests.planning.worked_phantom import KIDNEY, LESION, SHAPE_ZYX

pytestmark = pytest.mark.django_db

SPLEEN, LIVER = np.s_[1:3, 7:9, 2:4], np.s_[3:5, 7:9, 6:8]
WRONG = np.s_[0:1, 0:1, 0:1]
SHIFT_VOXELS, SHIFT_MM = 2, (20.0, 0.0, 0.0)
CUT = {"code": "cut_by_image", "level": "ask", "message": "Only 40 % of the region lies inside the emission image."}
CUT_FIELD = {"code": "cut_by_field", "level": "ask", "message": "Cut by the field of view."}


def moved(part):
    z, y, x = part
    return z, y, slice(x.start + SHIFT_VOXELS, x.stop + SHIFT_VOXELS)


def middle_of(part) -> tuple[float, float, float]:
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[part] = True
    z, y, x = np.argwhere(mask).mean(axis=0)
    return 10.0 * x, 10.0 * y, 10.0 * z


def draw(worked, time_point, parts, *, state=ContourState.ACCEPTED, states=None) -> None:
    edit = contour_edit(time_point, base_number=0)
    for region, part in parts.items():
        edit.labels[region.kind][part] = region.label
        edit.changes[region.pk] = RegionChange(state=(states or {}).get(region, state))
    contours_save(actor=worked.editor, edit=edit, note="drawn")


@pytest.fixture
def organs(worked):
    """Return kidney, spleen and liver of the course."""
    names = ("Spleen", "Liver")
    added = [region_create(actor=worked.editor, course=worked.course, kind="organ", name=name) for name in names]
    return worked.kidney, *added


@pytest.fixture
def next_point(worked):
    """Return the reference of a second cycle, with an image and nothing drawn."""
    cycle = models.Cycle.objects.create(course=worked.course, number=worked.cycle.number + 1)
    time_point = models.TimePoint.objects.create(cycle=cycle, number=1, is_reference=True)
    models.Series.objects.create(
        site=worked.clinic.site,
        patient=worked.patient,
        time_point=time_point,
        kind="emission",
        modality="PT",
        series_uid="1.2.44",
        study_uid="1.4",
        acquisition_start=worked.administration.administered_at + timedelta(days=60),
        summary={"station_name": "camera 1", "nuclide": "Lu-177"},
    )
    worked.image(time_point)
    return time_point


def known_centre(time_point) -> tuple[float, float, float] | None:
    known = known_lesions(time_point)
    return known[0].centre_lps_mm if known else None


def expected() -> np.ndarray:
    return np.add(middle_of(LESION), SHIFT_MM)


def test_two_accepted_organs_lay_one_cycle_on_the_other(worked, organs, next_point):
    kidney, spleen, _ = organs
    draw(worked, worked.points[0], {kidney: KIDNEY, spleen: SPLEEN, worked.lesion: LESION})
    assert known_lesions(next_point) == []
    draw(worked, next_point, {kidney: moved(KIDNEY), spleen: moved(SPLEEN)})
    (known,) = known_lesions(next_point)
    np.testing.assert_allclose(known.centre_lps_mm, expected(), atol=1e-6)
    assert known.reach_mm == OTHER_CYCLE_MM
    row = {"centre_lps_mm": tuple(expected())}
    assert matched_regions(next_point, [row]) == (worked.lesion.pk,)


@pytest.mark.parametrize("is_earlier", [True, False], ids=["earlier", "later"])
@pytest.mark.parametrize("state", [ContourState.REJECTED, ContourState.PROPOSED, ContourState.EDITED])
def test_an_organ_that_nobody_accepted_shifts_no_lesion(worked, organs, next_point, state, is_earlier):
    kidney, spleen, liver = organs
    before, after = {kidney: KIDNEY, spleen: SPLEEN}, {kidney: moved(KIDNEY), spleen: moved(SPLEEN)}
    before[liver], after[liver] = (WRONG, moved(LIVER)) if is_earlier else (LIVER, WRONG)
    doubted = {liver: state}
    draw(worked, worked.points[0], {**before, worked.lesion: LESION}, states=doubted if is_earlier else None)
    draw(worked, next_point, after, states=None if is_earlier else doubted)
    np.testing.assert_allclose(known_centre(next_point), expected(), atol=1e-6)


@pytest.mark.parametrize("fields", [{"findings": [CUT]}, {"reasons": [CUT_FIELD]}], ids=["measured", "network"])
def test_an_organ_that_the_field_of_view_cuts_shifts_no_lesion(worked, organs, next_point, fields):
    kidney, spleen, liver = organs
    draw(worked, worked.points[0], {kidney: KIDNEY, spleen: SPLEEN, liver: LIVER, worked.lesion: LESION})
    draw(worked, next_point, {kidney: moved(KIDNEY), spleen: moved(SPLEEN), liver: WRONG})
    contours = models.RegionContour.objects.filter(revision=current_contours(next_point), region=liver)
    contours.update(**fields)
    np.testing.assert_allclose(known_centre(next_point), expected(), atol=1e-6)
    # Without a doubt it counts, and moves the match: the test above would fail without the rule.
    contours.update(findings=[], reasons=[])
    assert np.linalg.norm(np.subtract(known_centre(next_point), expected())) > 20.0


def test_one_accepted_organ_is_too_few(worked, organs, next_point):
    kidney, spleen, _ = organs
    draw(worked, worked.points[0], {kidney: KIDNEY, spleen: SPLEEN, worked.lesion: LESION})
    draw(
        worked,
        next_point,
        {kidney: moved(KIDNEY), spleen: moved(SPLEEN)},
        states={spleen: ContourState.PROPOSED},
    )
    assert known_lesions(next_point) == []


def test_organs_of_another_scan_of_the_cycle_stand_in_where_none_is_accepted(worked, organs):
    kidney, spleen, _ = organs
    first, second, third = worked.points
    for time_point in (second, third):
        worked.registration(time_point)
    draw(worked, first, {kidney: WRONG, spleen: WRONG}, state=ContourState.PROPOSED)
    draw(worked, second, {kidney: KIDNEY, spleen: SPLEEN})
    centres = _organ_centres(third)
    assert set(centres) == {kidney.pk, spleen.pk}
    np.testing.assert_allclose(centres[kidney.pk], middle_of(KIDNEY), atol=1e-6)
