"""States of contours, organ minus lesion, and what imports may change (rows 13, 14)."""

import numpy as np
import pytest

from planning import models
from planning.computation.grids import grid_from_dict, label_masks, label_values
from planning.errors import InvalidStateError
from planning.models.contours import ContourSource, ContourState
from planning.queue import TaskName
from planning.selectors.contours import time_point_contours
from planning.selectors.current import current_contours
from planning.services.contour_operations import contour_voxels_save
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_runs import contour_import_start, contour_propagation_start
from planning.services.contour_states import contour_state_set
from planning.services.regions import region_create
from tests.planning.reading_steps import opened
from tests.planning.worked_phantom import (
    GRID,
    KIDNEY,
    KIDNEY_BQ_PER_ML,
    KIDNEY_HALF_LIFE_H,
    KIDNEY_ML,
    LESION,
    LESION_ML,
    SHAPE_ZYX,
    TIMES_H,
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


def test_every_change_is_a_state_that_a_person_gave(worked):
    save_voxels(worked, base_number=0)
    assert contour(worked, worked.kidney).state == ContourState.EDITED
    state_set(worked, worked.kidney, base_number=1, state=ContourState.ACCEPTED)
    assert contour(worked, worked.kidney).state == ContourState.ACCEPTED
    save_voxels(worked, base_number=2, voxels=painted(worked.kidney, np.s_[1:3, 2:6, 2:6]))
    # An accepted contour that is painted on waits for acceptance again.
    assert contour(worked, worked.kidney).state == ContourState.EDITED
    state_set(worked, worked.kidney, base_number=3, state=ContourState.REJECTED)
    rejected = contour(worked, worked.kidney)
    assert (rejected.state, rejected.volume_ml, rejected.activity_bq) == (ContourState.REJECTED, 0.0, 0.0)
    assert np.count_nonzero(labels_of(worked.points[0])) == 32


def test_an_empty_contour_cannot_be_accepted(worked):
    save_voxels(worked, base_number=0, voxels=bytes(600))
    with pytest.raises(InvalidStateError):
        state_set(worked, worked.kidney, base_number=1, state=ContourState.ACCEPTED)


def test_row_14_organ_minus_lesion_with_both_volumes_and_the_statement(worked):
    worked.draw(worked.points[0])
    kidney, lesion = contour(worked, worked.kidney), contour(worked, worked.lesion)
    assert (kidney.contour_volume_ml, kidney.volume_ml) == (KIDNEY_ML, KIDNEY_ML - LESION_ML)
    assert (lesion.contour_volume_ml, lesion.volume_ml) == (LESION_ML, LESION_ML)
    # The lesion's hotter voxels do not count for the kidney; float32 voxels round at 1e-7.
    concentration = KIDNEY_BQ_PER_ML * 0.5 ** (TIMES_H[0] / KIDNEY_HALF_LIFE_H)
    assert kidney.activity_bq == pytest.approx((KIDNEY_ML - LESION_ML) * concentration, rel=1e-6)
    (statement,) = kidney.statements
    assert "Kidney left" in statement
    assert "Lesion 1" in statement
    assert str(worked.lesion.pk) not in statement


def test_row_14_a_rejected_lesion_is_not_subtracted(worked):
    worked.draw(worked.points[0])
    state_set(worked, worked.lesion, base_number=1, state=ContourState.REJECTED)
    assert contour(worked, worked.kidney).volume_ml == KIDNEY_ML
    assert contour(worked, worked.kidney).statements == []


@pytest.mark.parametrize("source", [ContourSource.PROPAGATED, ContourSource.IMPORTED, ContourSource.MODEL])
def test_row_14_a_lesion_takes_from_organs_once_accepted_wherever_it_comes_from(worked, source):
    """The activity that the curve rests on and the mask that the dose rests on are of the same voxels."""
    save_voxels(worked, base_number=0)
    state_set(worked, worked.kidney, base_number=1, state=ContourState.ACCEPTED)
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[LESION] = True
    contour_masks_add(
        actor=worked.editor,
        run=worked.run(TaskName.PROPAGATE_CONTOURS),
        time_point=worked.points[0],
        rows=[{"region": worked.lesion, "mask": mask}],
        source=source,
        region_of=lambda row: row["region"],
        note="carried",
    )
    whole_bq = contour(worked, worked.kidney).activity_bq

    def measured_as_dosed(expected_ml: float) -> None:
        kidney = contour(worked, worked.kidney)
        mask = label_masks(current_contours(worked.points[0]))[worked.kidney.pk]
        assert kidney.volume_ml == np.count_nonzero(mask) == expected_ml

    measured_as_dosed(KIDNEY_ML)
    state_set(worked, worked.lesion, base_number=3, state=ContourState.ACCEPTED)
    measured_as_dosed(KIDNEY_ML - LESION_ML)
    lesion = contour(worked, worked.lesion)
    assert contour(worked, worked.kidney).activity_bq == pytest.approx(whole_bq - lesion.activity_bq, rel=1e-6)
    # Reopened by a person's edit, it waits again.
    state_set(worked, worked.lesion, base_number=4, state=ContourState.EDITED)
    measured_as_dosed(KIDNEY_ML)
    assert contour(worked, worked.kidney).activity_bq == pytest.approx(whole_bq, rel=1e-6)


def test_row_13_proposals_never_replace_what_a_person_accepted(worked):
    """An import or a propagation may add, but what is accepted or locked keeps every voxel."""
    worked.draw(worked.points[0])
    spleen = region_create(actor=worked.editor, course=worked.course, kind="organ", name="Spleen")
    mask = np.ones(SHAPE_ZYX, bool)
    contour_masks_add(
        actor=worked.editor,
        run=worked.run(TaskName.IMPORT_CONTOURS),
        time_point=worked.points[0],
        rows=[{"region": worked.kidney, "mask": mask}, {"region": spleen, "mask": mask}],
        source=ContourSource.IMPORTED,
        region_of=lambda row: row["region"],
        note="imported",
    )
    assert np.count_nonzero(labels_of(worked.points[0]) == worked.kidney.label) == KIDNEY_ML
    assert contour(worked, worked.kidney).state == ContourState.ACCEPTED
    added = contour(worked, spleen)
    assert (added.state, added.source) == (ContourState.PROPOSED, ContourSource.IMPORTED)
    assert added.contour_volume_ml == 600.0 - KIDNEY_ML


def test_row_13_what_an_import_takes_from_a_proposal_is_said(worked):
    worked.draw(worked.points[0], state=ContourState.PROPOSED)
    spleen = region_create(actor=worked.editor, course=worked.course, kind="organ", name="Spleen")
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[1:3, 2:6, 2:6] = True
    contour_masks_add(
        actor=worked.editor,
        run=worked.run(TaskName.IMPORT_CONTOURS),
        time_point=worked.points[0],
        rows=[{"region": spleen, "mask": mask}],
        source=ContourSource.IMPORTED,
        region_of=lambda row: row["region"],
        note="imported",
    )
    assert "took 32.0 mL from a neighbour" in contour(worked, spleen).source_detail


def test_contours_of_another_grid_are_left_behind_by_an_import(worked):
    """A CT came later, so the display grid changed: drawing is refused, importing starts anew."""
    worked.draw(worked.points[0])
    finer = {**GRID, "shape_zyx": [12, 10, 10], "spacing_xyz_mm": [10.0, 10.0, 5.0]}
    worked.image(worked.points[0], label_grid=finer)
    with pytest.raises(InvalidStateError) as caught:
        save_voxels(worked, base_number=1)
    assert caught.value.code == "other_grid"
    mask = np.zeros((12, 10, 10), bool)
    mask[2:10, 2:6, 2:6] = True
    revision = contour_masks_add(
        actor=worked.editor,
        run=worked.run(TaskName.IMPORT_CONTOURS),
        time_point=worked.points[0],
        rows=[{"region": worked.kidney, "mask": mask}],
        source=ContourSource.IMPORTED,
        region_of=lambda row: row["region"],
        note="imported again",
    )
    (only,) = revision.contours.all()
    assert (only.region, only.state, only.contour_volume_ml) == (worked.kidney, ContourState.PROPOSED, KIDNEY_ML)


def test_propagation_starts_from_the_reference_onto_registered_scans_only(worked):
    worked.draw(worked.points[0])
    with pytest.raises(InvalidStateError) as caught:
        contour_propagation_start(actor=worked.editor, time_point=worked.points[1], targets=[worked.points[2]])
    assert caught.value.code == "not_reference"
    with pytest.raises(InvalidStateError) as caught:
        contour_propagation_start(actor=worked.editor, time_point=worked.points[0], targets=[worked.points[1]])
    assert caught.value.code == "not_registered"
    worked.registration(worked.points[1])
    run = contour_propagation_start(actor=worked.editor, time_point=worked.points[0], targets=[worked.points[1]])
    assert run.parameters["targets"] == [str(worked.points[1].pk)]


def test_only_structures_are_imported_as_contours(worked):
    with pytest.raises(InvalidStateError) as caught:
        contour_import_start(actor=worked.editor, time_point=worked.points[0], series=worked.points[0].series.get())
    assert caught.value.code == "not_structures"


def test_a_lesion_that_every_scan_rejects_is_told_where_it_is_not_drawn(worked, readers):
    first, second = worked.points[:2]

    def told(user=worked.editor) -> dict[str, bool]:
        shown = time_point_contours(second, user=user)["regions"]
        return {region["name"]: region["is_rejected_elsewhere"] for region in shown}

    worked.draw(first)
    assert not any(told().values())
    state_set(worked, worked.lesion, base_number=1, state=ContourState.REJECTED)
    assert told() == {worked.kidney.name: False, worked.lesion.name: True}
    here = time_point_contours(first, user=worked.editor)["regions"]
    assert not any(region["is_rejected_elsewhere"] for region in here)
    # A reader who is blinded learns nothing of what others decided.
    opened(worked, readers, i_point=1)
    assert not any(told(readers[0]).values())
    state_set(worked, worked.lesion, base_number=2, state=ContourState.EDITED)
    assert not any(told(worked.physicist).values())
