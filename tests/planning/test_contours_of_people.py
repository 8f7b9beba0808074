"""What a person drew stands: no import, proposal or propagation changes it, begun before it was drawn or after."""

import numpy as np
import pytest

from planning import models
from planning.computation.grids import grid_from_dict, label_values
from planning.computation.networks import LESIONS, ORGANS
from planning.models.contours import ContourSource, ContourState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_contours
from planning.services.contour_operations import contour_voxels_save
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_runs import contour_proposal_start
from planning.services.networks import network_decide
from planning.services.regions import region_create
from planning.tasks import contours as contour_tasks
from planning.tasks.base import execute_run
from planning.tasks.contours import run_contour_proposal
from tests.planning.worked_phantom import GRID, KIDNEY, KIDNEY_ML, LESION, SHAPE_ZYX
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_network")]

BESIDE = np.s_[1:5, 2:6, 3:8]
"""Three quarters of the kidney, and 32 voxels beside it."""
BESIDE_ML = 80.0


def mask_of(part) -> np.ndarray:
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[part] = True
    return mask


def row_of(region, part, **fields) -> dict:
    return {"region": region, "mask": mask_of(part), "source_detail": "organs 1 (01234567)", **fields}


def add(worked, *rows, source=ContourSource.MODEL, note="added") -> models.ContourRevision:
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.PROPOSE_CONTOURS),
        time_point=worked.points[0],
        rows=list(rows),
        source=source,
        region_of=lambda row: row["region"],
        note=note,
    )


def draw(worked, region, part) -> None:
    current = current_contours(worked.points[0])
    kind = region.kind
    values = np.zeros(SHAPE_ZYX, np.uint8)
    if current is not None:
        asset = current.organs if kind == "organ" else current.lesions
        values = label_values(asset, grid_from_dict(GRID)).copy()
    values[part] = region.label
    contour_voxels_save(
        actor=worked.editor,
        time_point=worked.points[0],
        kind=kind,
        base_number=current.number if current else 0,
        voxels=values.tobytes(),
        changed={region.label},
        note="by hand",
    )


def drawn(worked, region) -> np.ndarray:
    revision = current_contours(worked.points[0])
    asset = revision.organs if region.kind == "organ" else revision.lesions
    return label_values(asset, grid_from_dict(GRID)) == region.label


def contour(worked, region) -> models.RegionContour:
    return current_contours(worked.points[0]).contours.get(region=region)


def run_proposal(worked, **options) -> models.Run:
    for name in (ORGANS, LESIONS):
        lead = worked.clinic.users[Role.QUALITY_LEAD]
        network_decide(actor=lead, site=worked.clinic.site, name=name, enable=True, reason="Compared.")
    run = contour_proposal_start(actor=worked.editor, time_point=worked.points[0], **options)
    execute_run(run_id=str(run.pk), body=run_contour_proposal)
    run.refresh_from_db()
    assert run.error_message == ""
    return run


@pytest.mark.parametrize("source", [ContourSource.IMPORTED, ContourSource.PROPAGATED, ContourSource.MODEL])
def test_an_edited_region_stays_and_the_revision_says_what_was_left_out(worked, source):
    spleen = region_create(actor=worked.editor, course=worked.course, kind="organ", name="Spleen")
    draw(worked, worked.kidney, KIDNEY)
    revision = add(worked, row_of(worked.kidney, BESIDE), row_of(spleen, BESIDE), source=source)
    kept = contour(worked, worked.kidney)
    assert (kept.state, kept.source, kept.contour_volume_ml) == (
        ContourState.EDITED,
        ContourSource.MANUAL,
        KIDNEY_ML,
    )
    np.testing.assert_array_equal(drawn(worked, worked.kidney), mask_of(KIDNEY))
    assert revision.note == "added; left as a person has them (reject one to have it proposed): Kidney left"
    # A neighbour's proposal takes none of its voxels, and does not say that it did.
    added = contour(worked, spleen)
    assert (added.contour_volume_ml, added.source_detail) == (32.0, "organs 1 (01234567)")


def test_what_was_left_out_is_said_whatever_else_there_is_to_say(worked):
    draw(worked, worked.kidney, KIDNEY)
    revision = add(worked, row_of(worked.kidney, BESIDE), note="not found: " + 60 * "Organ, ")
    assert len(revision.note) == 255
    assert revision.note.endswith("(reject one to have it proposed): Kidney left")


def test_a_kidney_that_is_drawn_while_the_network_looks_stays(worked, monkeypatch):
    def looked(**_given):
        draw(worked, worked.kidney, KIDNEY)
        mask = mask_of(BESIDE)
        return [
            {
                "name": worked.kidney.name,
                "kind": "organ",
                "mask": mask,
                "source_detail": "organs 1 (01234567)",
                "confidence": 0.7,
                "reasons": [],
                "is_refused": False,
            }
        ]

    monkeypatch.setattr(contour_tasks, "learned_rows", looked)
    run_proposal(worked, regions=[worked.kidney.name])
    np.testing.assert_array_equal(drawn(worked, worked.kidney), mask_of(KIDNEY))
    assert contour(worked, worked.kidney).state == ContourState.EDITED
    assert "Kidney left" in current_contours(worked.points[0]).note


def candidate(part) -> dict:
    z, y, x = np.argwhere(mask_of(part)).mean(axis=0)
    return {
        "kind": "lesion",
        "mask": mask_of(part),
        "centre_lps_mm": (10.0 * x, 10.0 * y, 10.0 * z),
        "source_detail": "lesions 0 (01234567)",
        "confidence": 0.9,
        "reasons": [],
    }


@pytest.mark.parametrize("is_drawn_during", [False, True], ids=["before", "during"])
def test_a_candidate_in_a_lesion_that_a_person_drew_is_left_out(worked, monkeypatch, is_drawn_during):
    larger, elsewhere = np.s_[2:4, 3:5, 3:6], np.s_[0:1, 8:10, 8:10]

    def looked(**_given):
        if is_drawn_during:
            draw(worked, worked.lesion, LESION)
        return [candidate(larger), candidate(elsewhere)]

    if not is_drawn_during:
        draw(worked, worked.lesion, LESION)
    monkeypatch.setattr(contour_tasks, "candidate_rows", looked)
    run_proposal(worked, regions=[], has_lesions=True)
    revision = current_contours(worked.points[0])
    np.testing.assert_array_equal(drawn(worked, worked.lesion), mask_of(LESION))
    assert contour(worked, worked.lesion).state == ContourState.EDITED
    # One of the two is new: the other is the lesion that stands.
    (fresh,) = revision.contours.exclude(region=worked.lesion)
    assert (fresh.state, fresh.contour_volume_ml) == (ContourState.PROPOSED, 4.0)
    assert "1 that lie in lesions of a person left out" in revision.note


def test_a_refused_mask_takes_no_voxel_of_another_region(worked):
    spleen = region_create(actor=worked.editor, course=worked.course, kind="organ", name="Spleen")
    add(worked, row_of(worked.kidney, KIDNEY), source=ContourSource.IMPORTED)
    add(worked, row_of(spleen, BESIDE, is_refused=True))
    np.testing.assert_array_equal(drawn(worked, worked.kidney), mask_of(KIDNEY))
    assert contour(worked, worked.kidney).contour_volume_ml == KIDNEY_ML
    refused = contour(worked, spleen)
    assert (refused.state, refused.source_detail) == (ContourState.REJECTED, "organs 1 (01234567)")
    assert np.count_nonzero(drawn(worked, spleen)) == 32
    # What is not refused takes them, and says so: a proposal against a proposal.
    add(worked, row_of(spleen, BESIDE))
    assert contour(worked, spleen).contour_volume_ml == BESIDE_ML
    assert contour(worked, spleen).source_detail == "organs 1 (01234567); took 48.0 mL from a neighbour"
