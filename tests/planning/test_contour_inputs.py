"""A contour run saves on the images, the registration and the contours that it was started on, or not at all."""

import numpy as np
import pytest

from planning import models
from planning.computation.networks import LESIONS, ORGANS
from planning.models.contours import ContourState
from planning.models.imaging import SeriesKind
from planning.models.sites import Role
from planning.selectors.current import current_contours, current_image
from planning.services.contour_runs import (
    contour_import_start,
    contour_propagation_start,
    contour_proposal_offer,
    contour_proposal_start,
)
from planning.services.networks import network_decide
from planning.tasks import contours as contour_tasks
from planning.tasks.base import execute_run
from planning.tasks.contours import run_contour_import, run_contour_propagation, run_contour_proposal
from tests.factories import IDENTITY
from tests.planning.worked_phantom import GRID, KIDNEY, SHAPE_ZYX
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_network")]
MOVED = {**GRID, "origin_lps_mm": [50.0, 0.0, 0.0]}
"""The same shape elsewhere: voxels would fit, and every contour would lie 50 mm beside."""


def enable(worked) -> None:
    lead = worked.clinic.users[Role.QUALITY_LEAD]
    for name in (ORGANS, LESIONS):
        network_decide(actor=lead, site=worked.clinic.site, name=name, enable=True, reason="Compared.")


def found(worked) -> list[dict]:
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[KIDNEY] = True
    return [
        {
            "name": worked.kidney.name,
            "kind": "organ",
            "tracking_uid": "",
            "mask": mask,
            "source_detail": "organs 1 (01234567)",
            "confidence": 0.7,
            "reasons": [],
            "is_refused": False,
        }
    ]


def ended(run, body) -> models.Run:
    execute_run(run_id=str(run.pk), body=body)
    run.refresh_from_db()
    return run


def refused(run, words: str) -> None:
    assert (run.state, run.error_code) == ("failed", "inputs_changed"), run.error_message
    assert words in run.error_message and "start again" in run.error_message


def proposal(worked) -> models.Run:
    return contour_proposal_start(actor=worked.editor, time_point=worked.points[0], regions=[worked.kidney.name])


def structures(worked) -> models.Series:
    found, _ = models.Series.objects.get_or_create(
        site=worked.clinic.site,
        patient=worked.patient,
        time_point=worked.points[0],
        kind=SeriesKind.RTSTRUCT,
        modality="RTSTRUCT",
        series_uid="1.2.77",
        study_uid="1.3",
    )
    return found


def importing(worked) -> models.Run:
    return contour_import_start(actor=worked.editor, time_point=worked.points[0], series=structures(worked))


RUNS = {
    "propose": (proposal, "learned_rows", run_contour_proposal),
    "import": (importing, "imported_masks", run_contour_import),
}


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("when", ["never", "before", "during"])
def test_a_new_image_stops_a_run_that_was_started_on_another(worked, monkeypatch, kind, when):
    start, reads, body = RUNS[kind]

    def looked(**_given):
        if when == "during":
            worked.image(worked.points[0], label_grid=MOVED)
        return found(worked)

    enable(worked)
    monkeypatch.setattr(contour_tasks, reads, looked)
    run = start(worked)
    image = current_image(worked.points[0])
    assert run.parameters["inputs"]["images"] == {str(worked.points[0].pk): str(image.pk)}
    if when == "before":
        worked.image(worked.points[0], label_grid=MOVED)
    run = ended(run, body)
    if when == "never":
        assert (run.state, current_contours(worked.points[0]).image) == ("succeeded", image)
        return
    refused(run, "The image of time point 1 changed")
    assert current_contours(worked.points[0]) is None
    when = "never"
    assert ended(start(worked), body).state == "succeeded"
    assert current_contours(worked.points[0]).image == current_image(worked.points[0]) != image


def propagation(worked) -> models.Run:
    worked.draw(worked.points[0])
    worked.registration(worked.points[1])
    return contour_propagation_start(actor=worked.editor, time_point=worked.points[0], targets=[worked.points[1]])


def new_image(worked) -> None:
    worked.image(worked.points[1], label_grid=MOVED)


def new_registration(worked) -> None:
    moved = list(IDENTITY)
    moved[3] = 50.0
    worked.registration(worked.points[1], matrix=moved)


def new_contours(worked) -> None:
    worked.draw(worked.points[0], state=ContourState.EDITED)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (new_image, "The image of time point 2 changed"),
        (new_registration, "The registration of time point 2 changed"),
        (new_contours, "The contours of time point 1 changed"),
    ],
)
@pytest.mark.parametrize("when", ["before", "during"])
def test_propagation_rests_on_image_registration_and_contours(worked, monkeypatch, change, words, when):
    run = propagation(worked)
    if when == "before":
        change(worked)
    else:
        rows_of = contour_tasks.propagated_rows

        def carried(*given, **named):
            change(worked)
            return rows_of(*given, **named)

        monkeypatch.setattr(contour_tasks, "propagated_rows", carried)
    refused(ended(run, run_contour_propagation), words)
    assert current_contours(worked.points[1]) is None


def test_propagation_of_unchanged_inputs_succeeds(worked):
    assert ended(propagation(worked), run_contour_propagation).state == "succeeded"
    assert current_contours(worked.points[1]).image == current_image(worked.points[1])


def test_proposals_that_begin_by_themselves_name_their_image_too(worked):
    enable(worked)
    run = contour_proposal_offer(actor=None, cycle=worked.cycle)
    worked.image(worked.points[0], label_grid=MOVED)
    refused(ended(run, run_contour_proposal), "The image of time point 1 changed")


def test_a_run_that_names_no_image_is_started_again(worked):
    enable(worked)
    run = proposal(worked)
    del run.parameters["inputs"]
    run.save(update_fields=["parameters"])
    refused(ended(run, run_contour_proposal), "does not name the images")
