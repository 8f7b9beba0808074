"""Thresholds and growing over HTTP: each at the level that its dialog offers, and the levels that mean nothing."""

import numpy as np
import pytest

from planning.computation.grids import grid_from_dict, label_values
from planning.models.contours import ContourSource, ContourState
from planning.selectors.current import current_contours
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save
from tests.planning.worked_phantom import GRID, KIDNEY, KIDNEY_BQ_PER_ML, KIDNEY_ML, LESION, LESION_ML, SHAPE_ZYX

pytestmark = pytest.mark.django_db

IN_LESION, IN_KIDNEY = [30.0, 30.0, 20.0], [20.0, 20.0, 10.0]
"""LPS mm: a voxel of the lesion, and the corner of the kidney, 17 mm from the lesion."""
AROUND = {"centre_lps_mm": IN_LESION, "radius_mm": 20.0, "fraction": 0.41}
"""What the dialog sends unless somebody changes it."""


def operate(worked, operation, parameters):
    current = current_contours(worked.points[0])
    body = {"operation": operation, "region_id": str(worked.kidney.pk), "parameters": parameters}
    return worked.clinic.client(worked.editor).post(
        f"/api/time-points/{worked.points[0].pk}/contours/operations",
        body,
        format="json",
        headers={"If-Match": f'"{current.number if current else 0}"'},
    )


def drawn(worked) -> np.ndarray:
    values = label_values(current_contours(worked.points[0]).organs, grid_from_dict(GRID))
    return values == worked.kidney.label


def box(part) -> np.ndarray:
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[part] = True
    return mask


@pytest.mark.parametrize(
    ("operation", "parameters", "detail"),
    [
        ("grow", AROUND, "41 % of the largest voxel in 20 mm around the point"),
        ("threshold_sphere", AROUND, "41 % of the largest voxel in 20 mm around the point"),
        ("threshold", {"fraction": 0.41}, "41 % of the largest voxel in the image"),
    ],
)
def test_at_the_level_of_the_dialog_the_hot_lesion_is_found_and_not_the_image(worked, operation, parameters, detail):
    # 41 % of the lesion's 2.4 MBq/mL lies above the kidney's 0.7 MBq/mL.
    answer = operate(worked, operation, parameters)
    assert answer.status_code == 201, answer.json()
    np.testing.assert_array_equal(drawn(worked), box(LESION))
    contour = current_contours(worked.points[0]).contours.get()
    assert (contour.source, contour.source_detail, contour.state) == (
        ContourSource.THRESHOLD,
        detail,
        ContourState.EDITED,
    )


def test_the_level_of_growing_is_a_share_of_the_largest_voxel_within_the_radius(worked):
    near = operate(worked, "grow", {"centre_lps_mm": IN_KIDNEY, "radius_mm": 12.0, "fraction": 0.41})
    assert near.status_code == 201, near.json()
    # No voxel of the lesion lies within 12 mm: the kidney's level holds, and the hotter lesion is connected.
    np.testing.assert_array_equal(drawn(worked), box(KIDNEY))
    far = operate(worked, "grow", {"centre_lps_mm": IN_KIDNEY, "radius_mm": 20.0, "fraction": 0.41})
    assert (far.status_code, far.json()["code"]) == (422, "seed_outside")
    assert "lower the level" in far.json()["message"]


@pytest.mark.parametrize("operation", ["threshold", "grow", "threshold_sphere"])
def test_a_fixed_value_is_in_bq_per_ml(worked, operation):
    place = {} if operation == "threshold" else {"centre_lps_mm": IN_LESION, "radius_mm": 200.0}
    answer = operate(worked, operation, {**place, "minimum_bq_per_ml": 0.5 * KIDNEY_BQ_PER_ML})
    assert answer.status_code == 201, answer.json()
    assert np.count_nonzero(drawn(worked)) == KIDNEY_ML > LESION_ML
    assert current_contours(worked.points[0]).contours.get().source_detail == "500 kBq/mL"


@pytest.mark.parametrize("operation", ["threshold", "grow", "threshold_sphere"])
@pytest.mark.parametrize(
    ("level", "code", "words"),
    [
        ({}, "threshold_choice", "exactly one level"),
        ({"fraction": None, "minimum_bq_per_ml": None}, "threshold_choice", "exactly one level"),
        ({"fraction": 0.41, "minimum_bq_per_ml": 1e5}, "threshold_choice", "exactly one level"),
        ({"minimum_bq_per_ml": 0.0}, "threshold_range", "above zero"),
        ({"minimum_bq_per_ml": -1.0}, "threshold_range", "above zero"),
        ({"fraction": 0.0}, "threshold_range", "between 0 and 1"),
        ({"fraction": 41.0}, "threshold_range", "between 0 and 1"),
    ],
)
def test_a_level_that_means_nothing_is_refused_and_nothing_saved(worked, operation, level, code, words):
    place = {} if operation == "threshold" else {"centre_lps_mm": IN_LESION, "radius_mm": 20.0}
    answer = operate(worked, operation, {**place, **level})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert words in answer.json()["message"]
    assert current_contours(worked.points[0]) is None


def test_growing_by_a_share_needs_the_radius_that_it_is_a_share_in(worked):
    answer = operate(worked, "grow", {"centre_lps_mm": IN_LESION, "fraction": 0.41})
    assert (answer.status_code, answer.json()["code"]) == (422, "threshold_choice")
    assert "radius" in answer.json()["message"]


def test_what_changes_nothing_is_said_and_leaves_the_region_as_it_was(worked):
    worked.draw(worked.points[0], state="accepted")
    for operation, parameters in (("fill", {"by_slice": True}), ("largest", {}), ("margin", {"margin_mm": 1.0})):
        answer = operate(worked, operation, parameters)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_change")
    assert current_contours(worked.points[0]).number == 1
    assert current_contours(worked.points[0]).contours.get(region=worked.kidney).state == ContourState.ACCEPTED


def test_holes_that_a_slice_encloses_are_filled_where_they_are_open_above(worked):
    cup = box(KIDNEY)
    cup[KIDNEY[0].start : KIDNEY[0].stop - 1, 3, 3] = False
    edit = contour_edit(worked.points[0], base_number=0)
    edit.labels["organ"][cup] = worked.kidney.label
    edit.changes = {worked.kidney.pk: RegionChange(state=ContourState.EDITED)}
    contours_save(actor=worked.editor, edit=edit, note="drawn")
    assert operate(worked, "fill", {}).json()["code"] == "no_change"
    assert operate(worked, "fill", {"by_slice": True}).status_code == 201
    np.testing.assert_array_equal(drawn(worked), box(KIDNEY))
