"""Contour revisions: optimistic lock, locked regions, states, organ minus lesion, drafts (hazards 13, 14, 30)."""

import gzip
import hashlib
from contextlib import nullcontext

import numpy as np
import pytest

from planning import models, storage
from planning.computation.grids import grid_from_dict, label_values
from planning.errors import ConflictError, InvalidStateError, NotAllowedError
from planning.models.contours import ContourState
from planning.models.sites import Role
from planning.selectors.contours import time_point_contours
from planning.selectors.current import current_contours
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contour_operations import contour_operate, contour_voxels_save
from planning.services.contour_states import contour_state_set
from planning.services.contours import contours_save
from planning.services.regions import region_create
from tests.planning.worked_phantom import (
    GRID,
    KIDNEY,
    KIDNEY_ML,
    SHAPE_ZYX,
)

pytestmark = pytest.mark.django_db


def painted(region, *slices) -> bytes:
    values = np.zeros(SHAPE_ZYX, np.uint8)
    for part in slices:
        values[part] = region.label
    return values.tobytes()


def labels_of(time_point, kind="organs") -> np.ndarray:
    return label_values(getattr(current_contours(time_point), kind), grid_from_dict(GRID))


def contour(worked, region, i_point=0) -> models.RegionContour:
    return current_contours(worked.points[i_point]).contours.get(region=region)


def state_set(worked, region, *, base_number, **fields):
    return contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=base_number, region=region, **fields
    )


def save_voxels(worked, *, base_number, voxels=None, kind="organ", changed=None, actor=None):
    region = worked.kidney if kind == "organ" else worked.lesion
    return contour_voxels_save(
        actor=actor or worked.editor,
        time_point=worked.points[0],
        kind=kind,
        base_number=base_number,
        voxels=painted(region, KIDNEY) if voxels is None else voxels,
        changed={region.label} if changed is None else changed,
        note="by hand",
    )


def put_voxels(client, worked, *, method="post", place="voxels", voxels=None, digest=None, version='"0"', **headers):
    raw = painted(worked.kidney, KIDNEY) if voxels is None else voxels
    sent = {
        "X-Voxels-SHA256": digest or hashlib.sha256(raw).hexdigest(),
        "X-Changed-Labels": str(worked.kidney.label),
        **({"If-Match": version} if version else {}),
        **headers,
    }
    url = f"/api/time-points/{worked.points[0].pk}/contours/organs/{place}"
    body = gzip.compress(raw)
    return getattr(client, method)(url, body, content_type="application/octet-stream", headers=sent)


def test_row_30_a_parallel_save_gets_409_and_sees_who_and_when(worked, clinic):
    editor, physicist = clinic.client(worked.editor), clinic.client(worked.physicist)
    first = put_voxels(editor, worked)
    assert (first.status_code, first.headers["ETag"]) == (201, '"1"')
    second = put_voxels(physicist, worked)
    assert second.status_code == 409
    error = second.json()
    assert set(error) == {"code", "message", "fields"}
    assert error["code"] == "stale_revision"
    saved = current_contours(worked.points[0])
    assert error["fields"] == {"number": 1, "by": "Contour editor A", "at": saved.created_at.isoformat()}
    # After loading again the same save passes, on top of the colleague's.
    assert put_voxels(physicist, worked, version='"1"').json()["number"] == 2


def test_row_30_two_edits_opened_on_one_base_cannot_both_be_saved(worked):
    first, second = (contour_edit(worked.points[0], base_number=0) for _ in range(2))
    for edit in (first, second):
        edit.labels["organ"][KIDNEY] = worked.kidney.label
        edit.changes[worked.kidney.pk] = RegionChange(state=ContourState.EDITED)
    contours_save(actor=worked.editor, edit=first, note="first")
    with pytest.raises(ConflictError) as caught:
        contours_save(actor=worked.physicist, edit=second, note="second")
    assert caught.value.fields["by"] == worked.editor.printed_name
    assert worked.points[0].contour_revisions.count() == 1


@pytest.mark.parametrize(("place", "method"), [("voxels", "post"), ("draft", "put")], ids=["save", "draft"])
@pytest.mark.parametrize("version", [None, "", '"one"', "*"], ids=["missing", "empty", "word", "star"])
def test_a_write_without_a_version_is_428(worked, clinic, place, method, version):
    answer = put_voxels(clinic.client(worked.editor), worked, place=place, method=method, version=version)
    assert (answer.status_code, answer.json()["code"]) == (428, "if_match_required")
    assert current_contours(worked.points[0]) is None


def test_states_and_operations_need_a_version_too(worked, clinic):
    worked.draw(worked.points[0])
    client = clinic.client(worked.editor)
    url = f"/api/time-points/{worked.points[0].pk}/contours"
    body = {"region_id": str(worked.kidney.pk), "state": "rejected"}
    assert client.post(f"{url}/states", body, format="json").status_code == 428
    operation = {"region_id": str(worked.kidney.pk), "operation": "fill"}
    assert client.post(f"{url}/operations", operation, format="json").status_code == 428


def test_another_digest_of_the_voxels_is_422(worked, clinic):
    answer = put_voxels(clinic.client(worked.editor), worked, digest="0" * 64)
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    assert current_contours(worked.points[0]) is None


def test_a_body_that_is_not_gzip_is_400(worked, clinic):
    url = f"/api/time-points/{worked.points[0].pk}/contours/organs/voxels"
    answer = clinic.client(worked.editor).post(
        url, b"plain bytes", content_type="application/octet-stream", headers={"If-Match": '"0"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "not_gzip")


@pytest.mark.parametrize("n_bytes", [0, 599, 601])
def test_voxels_of_another_grid_are_refused(worked, clinic, n_bytes):
    answer = put_voxels(clinic.client(worked.editor), worked, voxels=bytes(n_bytes))
    assert (answer.status_code, answer.json()["code"]) == (409, "voxel_count")
    assert current_contours(worked.points[0]) is None


def test_a_label_of_no_region_is_refused(worked):
    values = np.full(SHAPE_ZYX, 9, np.uint8)
    with pytest.raises(InvalidStateError) as caught:
        save_voxels(worked, base_number=0, voxels=values.tobytes())
    assert caught.value.code == "unknown_label"


def test_only_regions_named_as_changed_may_differ(worked):
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        save_voxels(worked, base_number=1, voxels=bytes(600), changed=set())
    assert caught.value.code == "other_labels"
    assert np.count_nonzero(labels_of(worked.points[0])) == KIDNEY_ML


def test_a_locked_region_refuses_paint_and_operations_until_unlocked(worked):
    worked.draw(worked.points[0])
    state_set(worked, worked.kidney, base_number=1, is_locked=True)
    with pytest.raises(InvalidStateError) as caught:
        save_voxels(worked, base_number=2, voxels=bytes(600))
    assert caught.value.code == "locked"
    assert "Kidney left" in str(caught.value)
    with pytest.raises(InvalidStateError) as caught:
        contour_operate(
            actor=worked.editor,
            time_point=worked.points[0],
            base_number=2,
            region=worked.kidney,
            operation="delete",
            parameters={},
        )
    assert caught.value.code == "locked"
    state_set(worked, worked.kidney, base_number=2, is_locked=False)
    assert save_voxels(worked, base_number=3, voxels=bytes(600)).number == 4


@pytest.mark.parametrize(("state", "is_locked"), [("proposed", True), ("accepted", False), ("proposed", False)])
def test_an_operation_never_overwrites_a_locked_or_accepted_neighbour(worked, state, is_locked):
    worked.draw(worked.points[0], state=state)
    if is_locked:
        state_set(worked, worked.kidney, base_number=1, is_locked=True)
    spleen = region_create(actor=worked.editor, course=worked.course, kind="organ", name="Spleen")
    # The threshold finds the kidney only; a proposal of it gives way, what a person decided does not.
    is_kept = is_locked or state == "accepted"
    with pytest.raises(InvalidStateError, match="neighbours are accepted or locked") if is_kept else nullcontext():
        contour_operate(
            actor=worked.editor,
            time_point=worked.points[0],
            base_number=current_contours(worked.points[0]).number,
            region=spleen,
            operation="threshold",
            parameters={"minimum_bq_per_ml": 1e4},
        )
    labels = labels_of(worked.points[0])
    assert np.count_nonzero(labels == worked.kidney.label) == (KIDNEY_ML if is_kept else 0)
    assert np.count_nonzero(labels == spleen.label) == (0 if is_kept else KIDNEY_ML)


def test_revisions_are_never_edited(worked):
    first = worked.draw(worked.points[0])
    voxels, number = first.organs.voxels_sha256, first.number
    save_voxels(worked, base_number=1, voxels=painted(worked.kidney, np.s_[1:3, 2:6, 2:6]))
    first.refresh_from_db()
    assert (first.organs.voxels_sha256, first.number, first.contours.count()) == (voxels, number, 2)
    second = current_contours(worked.points[0])
    assert (second.number, second.base_number) == (2, 1)
    assert second.organs.voxels_sha256 != voxels
    # The layer that was not touched is the same object, stored once.
    assert second.lesions.object_sha256 == first.lesions.object_sha256


def test_a_draft_is_kept_per_person_shown_to_colleagues_and_gone_after_saving(worked, clinic):
    editor, physicist = clinic.client(worked.editor), clinic.client(worked.physicist)
    assert put_voxels(editor, worked, place="draft", method="put").status_code == 200
    raw = painted(worked.kidney, KIDNEY)
    url = f"/api/time-points/{worked.points[0].pk}/contours/organs/draft"
    answer = editor.get(url)
    assert gzip.decompress(answer.content) == raw
    assert answer.headers["X-Base-Number"] == "0"
    assert physicist.get(url).status_code == 404
    seen = physicist.get(f"/api/time-points/{worked.points[0].pk}/contours").json()
    assert [person["name"] for person in seen["editors"]] == ["Contour editor A"]
    assert current_contours(worked.points[0]) is None
    put_voxels(editor, worked)
    assert editor.get(url).status_code == 404
    assert time_point_contours(worked.points[0], user=worked.physicist)["editors"] == []


def test_a_draft_survives_the_save_of_a_colleague(worked, clinic):
    """On conflict both versions are kept: the colleague's revision and one's own draft."""
    editor = clinic.client(worked.editor)
    put_voxels(editor, worked, place="draft", method="put")
    put_voxels(clinic.client(worked.physicist), worked)
    assert put_voxels(editor, worked).status_code == 409
    draft = models.ContourDraft.objects.get(user=worked.editor)
    assert draft.base_number == 0
    assert storage.has_object(draft.object_sha256)


def test_a_technologist_does_not_draw(worked, clinic):
    with pytest.raises(NotAllowedError):
        save_voxels(worked, base_number=0, actor=clinic.users[Role.TECHNOLOGIST])
    assert put_voxels(clinic.client(clinic.foreigner), worked).status_code == 404
