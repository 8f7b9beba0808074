"""Contours carried to other scans, settled on what the network sees there, and proposals that begin by themselves."""

import numpy as np
import pytest

from planning import models
from planning.computation import propagation
from planning.computation.grids import grid_from_dict, label_values
from planning.computation.learned_contours import SettledRegion
from planning.models.contours import ContourState
from planning.models.imaging import SeriesKind
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.contours import time_point_contours
from planning.selectors.current import current_contours, current_image
from planning.services.contour_runs import contour_propagation_start, contour_proposal_offer
from planning.tasks.base import execute_run
from planning.tasks.contours import run_contour_propagation
from tests.planning.test_networks import enable
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML, LESION_ML
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_network")]
DOUBT = {"code": "settled_far", "level": "ask", "message": "The network sees it 14 mm away: look at both scans."}


def propagate(worked, **options) -> models.Run:
    if current_contours(worked.points[0]) is None:
        worked.draw(worked.points[0])
    worked.registration(worked.points[1])
    run = contour_propagation_start(
        actor=worked.editor, time_point=worked.points[0], targets=[worked.points[1]], **options
    )
    execute_run(run_id=str(run.pk), body=run_contour_propagation)
    run.refresh_from_db()
    assert run.state == "succeeded", run.error_message
    return run


def regions_of(worked) -> dict:
    shown = time_point_contours(worked.points[1], user=worked.editor)["regions"]
    return {region["name"]: region for region in shown}


def test_without_a_network_contours_lie_where_the_registration_puts_them(worked):
    run = propagate(worked)
    assert run.parameters["network"] is None
    kidney = regions_of(worked)[worked.kidney.name]
    assert (kidney["state"], kidney["source_detail"]) == (ContourState.PROPOSED, "from time point 1")
    assert (kidney["confidence"], kidney["contour_volume"]["value"]) == (None, KIDNEY_ML)


def test_a_scan_that_the_network_refuses_is_told_and_keeps_the_registration(worked):
    enable(worked.clinic)
    run = propagate(worked)
    assert run.parameters["network"].startswith("organs 0")
    revision = current_contours(worked.points[1])
    assert "by the registration alone, for the network refused this scan: The images share" in revision.note
    assert regions_of(worked)[worked.kidney.name]["contour_volume"]["value"] == KIDNEY_ML


def test_the_person_who_propagates_can_leave_the_network_out(worked):
    enable(worked.clinic)
    assert propagate(worked, is_settled=False).parameters["network"] is None
    assert current_contours(worked.points[1]).note == "Propagated from time point 1"


def test_an_organ_is_moved_whole_to_where_the_network_sees_it_and_lesions_stay(worked, monkeypatch):
    # The phantom is too small for any network: what one would say of its kidney is given.
    said = SettledRegion(shift_lps_mm=(10.0, 0.0, -10.0), agreement=0.91, text="moved 14 mm", reasons=[DOUBT])
    monkeypatch.setattr(propagation, "settled_regions", lambda **_given: {worked.kidney.name: said})
    enable(worked.clinic)
    propagate(worked)
    found = regions_of(worked)
    kidney, lesion = found[worked.kidney.name], found[worked.lesion.name]
    assert kidney["source_detail"] == "from time point 1, moved 14 mm"
    assert (kidney["confidence"], kidney["reasons"]) == (0.91, [DOUBT])
    assert (kidney["contour_volume"]["value"], lesion["contour_volume"]["value"]) == (KIDNEY_ML, LESION_ML)
    assert (lesion["confidence"], lesion["source_detail"]) == (None, "from time point 1")
    revision = current_contours(worked.points[1])
    moved = label_values(revision.organs, grid_from_dict(revision.image.label_grid)) == worked.kidney.label
    z, y, x = KIDNEY
    assert moved[z.start - 1 : z.stop - 1, y, x.start + 1 : x.stop + 1].all()
    assert np.count_nonzero(moved) == KIDNEY_ML


def test_proposals_begin_by_themselves_where_a_network_is_enabled_and_nothing_is_drawn(worked):
    technologist = worked.clinic.users[Role.TECHNOLOGIST]
    assert contour_proposal_offer(actor=technologist, cycle=worked.cycle) is None
    enable(worked.clinic)
    run = contour_proposal_offer(actor=technologist, cycle=worked.cycle)
    assert (run.kind, run.parameters["time_point"]) == (TaskName.PROPOSE_CONTOURS, str(worked.points[0].pk))
    worked.draw(worked.points[0])
    assert contour_proposal_offer(actor=technologist, cycle=worked.cycle) is None


def test_a_structure_set_that_came_along_goes_before_proposals(worked):
    enable(worked.clinic)
    series = worked.points[0].series.get()
    models.Series.objects.filter(pk=series.pk).update(kind=SeriesKind.RTSTRUCT)
    assert contour_proposal_offer(actor=worked.editor, cycle=worked.cycle) is None
    models.Series.objects.filter(pk=series.pk).update(is_discarded=True)
    assert current_image(worked.points[0]) is not None
    assert contour_proposal_offer(actor=worked.editor, cycle=worked.cycle) is not None
