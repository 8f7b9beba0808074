"""A model whose proposals are changed more often than before is told to the quality lead."""

import numpy as np
import pytest
from scipy import stats

from planning import models
from planning.models.contours import ContourSource, ContourState
from planning.queue import TaskName
from planning.selectors.acceptance_drift import N_LATELY, chance_of_rise
from planning.selectors.contour_actions import contour_acceptance
from planning.selectors.current import current_contours
from planning.services.contour_actions import contour_actions_record
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_states import ACTION_OF
from planning.services.contours import contours_save
from tests.planning.worked_phantom import SHAPE_ZYX

MODEL = "organs 1 (12ab34cd)"


@pytest.mark.parametrize("counts", [(0, 20, 5, 20), (3, 40, 4, 20), (20, 20, 20, 20), (0, 20, 0, 20), (7, 31, 9, 20)])
def test_the_chance_is_that_of_fishers_exact_test(counts):
    k_before, n_before, k_lately, n_lately = counts
    table = [[k_lately, n_lately - k_lately], [k_before, n_before - k_before]]
    assert chance_of_rise(*counts) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)


def decide(worked, i_point: int, regions, *, n_rejected: int) -> None:
    """Propose one voxel for each region and decide on all: the first ones are rejected."""
    rows = []
    for number, region in enumerate(regions):
        mask = np.zeros(SHAPE_ZYX, dtype=bool)
        mask.flat[10 * number] = True
        rows.append({"region": region, "mask": mask, "source_detail": MODEL})
    point = worked.points[i_point]
    contour_masks_add(
        actor=None,
        run=worked.run(TaskName.PROPOSE_CONTOURS),
        time_point=point,
        rows=rows,
        source=ContourSource.MODEL,
        region_of=lambda row: row["region"],
        note="proposed",
    )
    edit = contour_edit(point, base_number=current_contours(point).number)
    states = [ContourState.REJECTED] * n_rejected + [ContourState.ACCEPTED] * (len(regions) - n_rejected)
    edit.changes = {region.pk: RegionChange(state=state) for region, state in zip(regions, states, strict=True)}
    revision = contours_save(actor=worked.editor, edit=edit, note="decided")
    actions = {region: ACTION_OF[state] for region, state in zip(regions, states, strict=True)}
    contour_actions_record(actor=worked.editor, edit=edit, revision=revision, actions=actions, hands_on_s={})


@pytest.mark.django_db
def test_a_rise_is_told_once_as_many_were_decided_before(worked):
    regions = [
        models.Region.objects.create(
            course=worked.course,
            kind="organ",
            name=f"Organ {number}",
            label=10 + number,
            colour="r4",
            tracking_uid=f"1.9.{number}",
        )
        for number in range(N_LATELY)
    ]
    site = worked.clinic.site
    decide(worked, 0, regions, n_rejected=2)
    assert contour_acceptance(site)["drifts"] == []
    decide(worked, 1, regions, n_rejected=6)
    assert contour_acceptance(site)["drifts"] == []
    decide(worked, 2, regions, n_rejected=14)
    assert contour_acceptance(site)["drifts"] == [
        {"version": MODEL, "n_before": 40, "n_changed_before": 8, "n_lately": 20, "n_changed_lately": 14}
    ]
