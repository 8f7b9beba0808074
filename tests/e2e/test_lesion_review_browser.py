"""Lesion candidates looked at and decided on in the maximum projection, by pointer and by keyboard."""

import pytest
from playwright.sync_api import expect

from planning.computation.networks import LESIONS
from planning.models import Run
from planning.models.contours import ContourState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_contours
from planning.services.networks import network_decide
from planning.tasks import contours as contour_tasks
from planning.tasks.base import execute_run
from planning.tasks.contours import run_contour_proposal
from tests.e2e.browser import broken_rules, sign_in
from tests.planning.clinic import make_clinic
from tests.planning.lesion_scan import candidate_rows_put_in, candidates_added, hot_scan_added
from tests.planning.worked_case import make_worked_case
from tests.toy_network import toy_network  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def scanned():
    case = make_worked_case(make_clinic())
    hot_scan_added(case, case.points[0])
    return case


@pytest.fixture
def worked(scanned):
    candidates_added(scanned, scanned.points[0])
    return scanned


def states_of(worked) -> dict[str, str]:
    contours = current_contours(worked.points[0]).contours.select_related("region")
    return {contour.region.name: contour.state for contour in contours}


def likeliest_of(worked) -> str:
    return current_contours(worked.points[0]).contours.order_by("-confidence").first().region.name


def opened(page, live_server, worked):
    """Sign in, open the contours, choose the layout for lesions, and return the projection."""
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, worked.editor.username)
    page.goto(f"{live_server.url}/cycles/{worked.cycle.pk}/contours/")
    page.wait_for_selector('#page[data-ready="true"]', timeout=60_000)
    page.get_by_role("button", name="Lesions", exact=True).click()
    page.locator(".mip-chip").nth(2).wait_for()
    return page.locator(".pane.mip")


def middle_of(chip) -> tuple[float, float]:
    """Return a place inside the lesion that a number belongs to: below its lower left corner."""
    box = chip.bounding_box()
    return box["x"] - 8.0, box["y"] + box["height"] + 10.0


def test_candidates_are_pointed_at_accepted_and_taken_back(live_server, page, faults, worked):
    mip = opened(page, live_server, worked)
    name = likeliest_of(worked)
    chip = mip.locator(f'.mip-chip[aria-label^="{name},"]')
    assert chip.get_attribute("data-state") == "proposed"
    page.mouse.move(*middle_of(chip))
    tip = mip.get_by_role("tooltip")
    tip.wait_for()
    words = tip.inner_text()
    assert f"{name}, proposed" in words and "Probability 97 %" in words
    assert "mL" in words and "kBq/mL" in words and "MBq" in words and "Click accepts it" in words
    page.mouse.click(*middle_of(chip))
    page.get_by_text(f"{name} accepted").first.wait_for()
    mip.locator('.mip-chip[data-state="accepted"]').wait_for()
    assert states_of(worked)[name] == ContourState.ACCEPTED
    page.mouse.move(5, 5)
    page.mouse.click(*middle_of(chip))
    page.get_by_text(f"{name} rejected").first.wait_for()
    assert states_of(worked)[name] == ContourState.REJECTED
    assert sorted(states_of(worked).values()) == [ContourState.PROPOSED, ContourState.PROPOSED, ContourState.REJECTED]


def test_candidates_are_decided_by_keys_and_the_patient_turns(live_server, page, faults, worked):
    mip = opened(page, live_server, worked)
    heading = page.locator("#inspector h2.h3")
    first = heading.inner_text()
    page.keyboard.press(".")
    expect(heading).not_to_have_text(first)
    page.locator("#inspector").get_by_text("AI confidence").wait_for()
    name = heading.inner_text()
    page.keyboard.press("a")
    page.get_by_text(f"{name} accepted").first.wait_for()
    # The next one that waits is chosen.
    expect(heading).not_to_have_text(name)
    assert states_of(worked)[name] == ContourState.ACCEPTED
    other = heading.inner_text()
    assert other.startswith("Lesion")
    page.keyboard.press("x")
    page.get_by_text(f"{other} rejected").first.wait_for()
    expect(heading).not_to_have_text(other)
    assert states_of(worked)[other] == ContourState.REJECTED

    places = [chip.bounding_box()["x"] for chip in mip.locator(".mip-chip").all()]
    slider = mip.get_by_role("slider")
    slider.focus()
    for _ in range(6):
        slider.press("ArrowRight")
    page.wait_for_selector('.pane.mip[data-degrees="90"]')
    assert "left lateral" in mip.get_attribute("aria-label")
    turned = [chip.bounding_box()["x"] for chip in mip.locator(".mip-chip").all()]
    assert max(abs(a - b) for a, b in zip(places, turned, strict=True)) > 20.0
    button = mip.get_by_role("button", name="Turn")
    button.click()
    page.wait_for_selector('.pane.mip[data-degrees="150"]')
    mip.get_by_role("button", name="Stop").click()
    assert broken_rules(page) == []


def test_candidates_are_asked_for_and_appear(live_server, page, faults, scanned, toy_network, monkeypatch):  # noqa: F811
    """The run is worked on here, as a worker would; what the network finds is put in: it is untrained."""
    clinic = scanned.clinic
    network_decide(
        actor=clinic.users[Role.QUALITY_LEAD], site=clinic.site, name=LESIONS, enable=True, reason="For this test."
    )
    monkeypatch.setattr(contour_tasks, "candidate_rows", lambda **_given: candidate_rows_put_in())
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, scanned.editor.username)
    page.goto(f"{live_server.url}/cycles/{scanned.cycle.pk}/contours/")
    page.wait_for_selector('#page[data-ready="true"]', timeout=60_000)
    page.get_by_role("button", name="Propose contours").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_label("Lesion candidates").is_checked()
    assert dialog.get_by_label("Liver").count() == 0
    dialog.get_by_role("button", name="Propose").click()
    dialog.wait_for(state="detached")
    run = Run.objects.get(kind=TaskName.PROPOSE_CONTOURS)
    assert run.parameters["regions"] == [] and run.parameters["lesion_network"].startswith("lesions 0")
    execute_run(run_id=str(run.pk), body=run_contour_proposal)
    run.refresh_from_db()
    assert run.error_message == ""
    page.locator("[data-region]", has_text="Lesion 2").wait_for(timeout=30_000)
    page.get_by_role("button", name="Lesions", exact=True).click()
    page.locator(".mip-chip").nth(2).wait_for()
    # A lesion of the course that is not drawn here has no number in the picture.
    assert sorted(chip.inner_text() for chip in page.locator(".mip-chip").all()) == ["2", "3", "4"]
