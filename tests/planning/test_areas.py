"""An area drawn on a slice gets the numbers that a contour of the same voxels gets."""

import numpy as np
import pytest

from planning.computation.grids import grid_from_dict, label_values
from planning.models.contours import ContourState
from planning.selectors.current import current_contours, current_image
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save

pytestmark = pytest.mark.django_db


def corners(grid, low, high, k):
    """A square from half a voxel before ``low`` to half a voxel after ``high``, LPS millimetres."""
    index = np.array([[low, low, k], [high, low, k], [high, high, k], [low, high, k]], float)
    index[:, :2] += np.where(index[:, :2] == low, -0.5, 0.5)
    return (np.array(grid.origin_lps_mm) + index * np.array(grid.spacing_xyz_mm)).tolist()


def test_an_area_is_measured_as_a_contour_is(worked):
    worked.contoured()
    point = worked.points[0]
    grid = grid_from_dict(current_image(point).label_grid)
    middle = [n // 2 for n in grid.shape_zyx]
    edit = contour_edit(point, base_number=current_contours(point).number)
    for labels in edit.labels.values():
        labels[:] = 0
    edit.removed.add(worked.lesion.pk)
    k, low = middle[0], middle[1]
    edit.labels["organ"][k, low : low + 4, low : low + 4] = worked.kidney.label
    edit.changes[worked.kidney.pk] = RegionChange(state=ContourState.ACCEPTED)
    revision = contours_save(actor=worked.editor, edit=edit, note="the same voxels")
    assert np.count_nonzero(label_values(revision.organs, grid)) == 16
    contour = revision.contours.get(region=worked.kidney)
    body = {"plane": "axial", "points_lps_mm": corners(grid, low, low + 3, k)}
    url = f"/api/time-points/{point.pk}/area"
    found = worked.clinic.client(worked.physicist).post(url, body, content_type="application/json").json()
    assert found["n_voxels"] == 16
    assert found["volume"]["value"] == pytest.approx(contour.volume_ml)
    assert found["activity"]["value"] == pytest.approx(contour.activity_bq / 1e6)
    assert found["mean"]["value"] == pytest.approx(contour.mean_activity_concentration_bq_per_ml / 1e3)
    assert found["maximum"]["value"] == pytest.approx(contour.maximum_activity_concentration_bq_per_ml / 1e3)
    assert found["standard_deviation"]["unit"] == "kBq/mL"
    assert found["ct_mean"] is None


@pytest.mark.parametrize(
    ("points", "status", "code"),
    [
        ([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]], 422, "area_open"),
        ([[0.0, 0.0, 9e9], [9.0, 0.0, 9e9], [9.0, 9.0, 9e9]], 422, "area_outside"),
        ([[0.0, 0.0, float("nan")]] * 3, 400, "invalid_input"),
        ([[0.0, 0.0]] * 3, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_reason(worked, points, status, code):
    url = f"/api/time-points/{worked.points[0].pk}/area"
    answer = worked.clinic.client(worked.physicist).post(
        url, {"plane": "axial", "points_lps_mm": points}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
