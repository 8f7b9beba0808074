"""Contours that a network proposes, from the button to accepted regions, by keyboard."""

import pytest

from dosimetry.nn.cards import read_card, released
from planning.computation.networks import ORGANS
from planning.models import Run
from planning.models.contours import ContourState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_contours
from planning.services.networks import network_decide
from planning.tasks.base import execute_run
from planning.tasks.contours import run_contour_proposal
from tests.e2e.browser import sign_in
from tests.planning.clinic import make_clinic
from tests.planning.virtual_scan import scan_added
from tests.planning.worked_case import make_worked_case

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def worked():
    clinic = make_clinic()
    case = make_worked_case(clinic)
    for point in case.points:
        scan_added(case, point)
    network_decide(
        actor=clinic.users[Role.QUALITY_LEAD], site=clinic.site, name=ORGANS, enable=True, reason="For this test."
    )
    return case


def test_organs_are_proposed_looked_at_and_accepted_by_keys(live_server, page, faults, worked):
    """The run is worked on here, as a worker would: the page waits for it."""
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, worked.editor.username)
    page.goto(f"{live_server.url}/cycles/{worked.cycle.pk}/contours/")
    page.wait_for_selector('#page[data-ready="true"]', timeout=60_000)
    page.get_by_role("button", name="Propose contours").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_label("Liver").is_checked() and not dialog.get_by_label("Heart").is_checked()
    dialog.get_by_role("button", name="Propose").click()
    dialog.wait_for(state="detached")
    run = Run.objects.get(kind=TaskName.PROPOSE_CONTOURS)
    execute_run(run_id=str(run.pk), body=run_contour_proposal)
    run.refresh_from_db()
    assert run.error_message == ""
    page.locator("[data-region]", has_text="Liver").click(timeout=30_000)
    inspector = page.locator("#inspector")
    inspector.get_by_text("AI confidence").wait_for()
    inspector.get_by_text("AI model").wait_for()
    assert f"organs {read_card(released(ORGANS).path).version} (" in inspector.inner_text()
    # Faster than the server: each key acts on what was chosen when it was pressed.
    page.keyboard.press("a")
    page.locator("[data-region]", has_text="Spleen").click()
    page.keyboard.press("x")
    page.get_by_text("Spleen rejected").first.wait_for()
    contours = current_contours(worked.points[0]).contours
    assert contours.get(region__name="Liver").state == ContourState.ACCEPTED
    assert contours.get(region__name="Spleen").state == ContourState.REJECTED
    others = contours.exclude(region__name__in=("Liver", "Spleen")).filter(source="model", reasons=[])
    assert set(others.values_list("state", flat=True)) <= {ContourState.PROPOSED}


def test_without_an_enabled_network_the_page_offers_to_draw(live_server, page, faults):
    clinic = make_clinic()
    case = make_worked_case(clinic)
    scan_added(case, case.points[0])
    sign_in(page, live_server, case.editor.username)
    page.goto(f"{live_server.url}/cycles/{case.cycle.pk}/contours/")
    page.wait_for_selector('#page[data-ready="true"]', timeout=60_000)
    page.get_by_role("button", name="Import contours").wait_for()
    assert page.get_by_role("button", name="Propose contours").count() == 0
