"""Networks that a site enables, and what they may propose."""

import numpy as np
import pytest

from planning import models
from planning.computation.errors import ComputationError
from planning.computation.learned_contours import learned_rows
from planning.computation.networks import ORGANS, SALIVARY_REGIONS, shipped_network, usual_regions
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.contours import ContourSource, ContourState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.contours import time_point_contours
from planning.selectors.current import current_contours
from planning.selectors.findings import cycle_findings
from planning.selectors.networks import is_enabled
from planning.services import contours
from planning.services.contour_operations import contour_operate
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_runs import contour_proposal_start
from planning.services.contour_states import contour_state_set
from planning.services.networks import network_decide
from planning.services.reviews import warning_answer
from tests.planning.worked_phantom import KIDNEY, SHAPE_ZYX
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_network")]

REASON = {"code": "low_confidence", "level": "ask", "message": "Confidence 70%: the network itself is in doubt."}
WRONG_SIDE = {"code": "wrong_side", "level": "block", "message": "It lies on the other side of the spine."}


def enable(clinic, *, on=True, reason="Compared with ten of our own patients."):
    return network_decide(
        actor=clinic.users[Role.QUALITY_LEAD], site=clinic.site, name=ORGANS, enable=on, reason=reason
    )


def is_on(site) -> bool:
    return is_enabled(site, name=ORGANS, weights_sha256=shipped_network(ORGANS).weights_sha256)


def propose(worked, *, is_refused=False, mask=None):
    """Add what a network would propose for the kidney, through the service that its run uses."""
    drawn = np.zeros(SHAPE_ZYX, dtype=bool)
    drawn[KIDNEY] = True
    row = {
        "mask": drawn if mask is None else mask,
        "source_detail": "organs 1 (01234567)",
        "confidence": 0.7,
        "reasons": [WRONG_SIDE if is_refused else REASON],
        "is_refused": is_refused,
    }
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.PROPOSE_CONTOURS),
        time_point=worked.points[0],
        rows=[row],
        source=ContourSource.MODEL,
        region_of=lambda _row: worked.kidney,
        note="Proposed",
    )


def kidney_of(worked):
    return current_contours(worked.points[0]).contours.get(region=worked.kidney)


def test_a_released_network_is_told_by_its_card_and_its_weights():
    network = shipped_network(ORGANS)
    assert {"Kidney left", "Kidney right", "Liver", "Spleen"} <= set(network.regions)
    assert "Body" not in network.regions
    assert network.label == f"organs {network.version} ({network.weights_sha256[:8]})"


def test_salivary_glands_are_proposed_with_psma_ligands_alone():
    assert set(SALIVARY_REGIONS) <= set(usual_regions("PSMA-617"))
    assert not set(SALIVARY_REGIONS) & set(usual_regions("DOTATATE"))


def test_no_network_is_enabled_until_the_quality_lead_decides(worked):
    clinic = worked.clinic
    assert not is_on(clinic.site)
    with pytest.raises(InvalidStateError) as error:
        contour_proposal_start(actor=worked.editor, time_point=worked.points[0])
    assert error.value.code == "no_network"
    with pytest.raises(NotAllowedError):
        network_decide(actor=worked.physicist, site=clinic.site, name=ORGANS, enable=True, reason="I like it.")
    enable(clinic)
    assert is_on(clinic.site)
    enable(clinic, on=False, reason="Too many edits.")
    assert not is_on(clinic.site)
    assert models.NetworkDecision.objects.count() == 2
    assert models.AuditRecord.objects.filter(action__in=("network.enable", "network.disable")).count() == 2


def test_a_decision_needs_a_reason_and_changes_something(clinic):
    for given, code in (({"reason": "  "}, "reason_required"), ({"on": False}, "already_decided")):
        with pytest.raises(InvalidStateError) as error:
            enable(clinic, **given)
        assert error.value.code == code


def test_new_weights_need_a_new_decision(clinic):
    enable(clinic)
    assert not is_enabled(clinic.site, name=ORGANS, weights_sha256="0" * 64)


def test_a_region_that_the_network_does_not_know_is_refused(worked):
    enable(worked.clinic)
    with pytest.raises(InvalidStateError, match="knows no Pituitary"):
        contour_proposal_start(actor=worked.editor, time_point=worked.points[0], regions=["Pituitary", "Liver"])
    run = contour_proposal_start(actor=worked.editor, time_point=worked.points[0])
    assert run.parameters["regions"] == list(usual_regions(worked.course.agent))


def test_a_phantom_of_a_few_voxels_is_no_human_and_nothing_is_proposed(worked):
    image = worked.image(worked.points[0])
    with pytest.raises(ComputationError, match="organs need"):
        learned_rows(image=image, regions=["Liver"], progress=lambda _share: None)


def test_a_proposal_keeps_its_confidence_until_a_person_edits_it(worked):
    propose(worked)
    assert (kidney_of(worked).state, kidney_of(worked).confidence) == (ContourState.PROPOSED, 0.7)
    shown = time_point_contours(worked.points[0], user=worked.editor)["regions"]
    (row,) = [region for region in shown if region["name"] == worked.kidney.name]
    assert (row["confidence"], row["reasons"], row["source"]) == (0.7, [REASON], "model")
    # Reasons of a network ask for a look, not for a typed answer: accepting is the answer.
    assert not [finding for finding in cycle_findings(worked.cycle) if finding.code == REASON["code"]]
    contour_state_set(
        actor=worked.editor,
        time_point=worked.points[0],
        base_number=1,
        region=worked.kidney,
        state=ContourState.ACCEPTED,
    )
    assert kidney_of(worked).confidence == 0.7
    contour_operate(
        actor=worked.editor,
        time_point=worked.points[0],
        base_number=2,
        region=worked.kidney,
        operation="margin",
        parameters={"margin_mm": 10.0},
    )
    edited = kidney_of(worked)
    assert (edited.state, edited.confidence, edited.reasons) == (ContourState.EDITED, None, [])


def test_what_the_network_refuses_comes_rejected_with_its_reason_and_counts_nowhere(worked):
    propose(worked, is_refused=True)
    refused = kidney_of(worked)
    assert (refused.state, refused.volume_ml, refused.reasons) == (ContourState.REJECTED, 0.0, [WRONG_SIDE])


CUT = {"code": "cut_by_image", "level": "ask", "message": "A tenth of the region lies outside the image."}


def test_an_answer_about_a_region_outlives_the_acceptance_of_another(worked, monkeypatch):
    """Every acceptance is a revision of all regions: the answers about the others must not be asked for again."""
    measured = contours.measured_regions

    def measured_and_cut(**given):
        return {name: {**row, "findings": [dict(CUT)]} for name, row in measured(**given).items()}

    monkeypatch.setattr(contours, "measured_regions", measured_and_cut)
    propose(worked)
    raised = [
        finding for finding in cycle_findings(worked.cycle) if finding.step == "contours" and finding.needs_answer
    ]
    assert [finding.code for finding in raised] == ["cut_by_image"]
    for finding in raised:
        warning_answer(
            actor=worked.editor,
            cycle=worked.cycle,
            source={
                "step": "contours",
                "source_id": finding.source_id,
                "code": finding.code,
                "region_id": finding.region_id,
            },
            answer="Known.",
        )
    contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=1, region=worked.kidney, is_locked=True
    )
    again = [
        finding for finding in cycle_findings(worked.cycle) if finding.step == "contours" and finding.level == "ask"
    ]
    assert [finding.code for finding in again] == [finding.code for finding in raised]
    assert all(finding.answer is not None for finding in again)
    # Another number is another doubt.
    monkeypatch.setitem(CUT, "message", "A half of the region lies outside the image.")
    contour_state_set(
        actor=worked.editor, time_point=worked.points[0], base_number=2, region=worked.kidney, is_locked=False
    )
    assert any(finding.needs_answer for finding in cycle_findings(worked.cycle) if finding.step == "contours")
