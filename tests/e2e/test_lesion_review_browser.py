"""Lesion candidates looked at and decided on in the maximum projection, by pointer and by keyboard."""

import pytest

from planning.models.contours import ContourState
from planning.selectors.current import current_contours
from tests.e2e.browser import broken_rules, sign_in
from tests.planning.clinic import make_clinic
from tests.planning.lesion_scan import candidates_added, hot_scan_added
from tests.planning.worked_case import make_worked_case

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def worked():
    case = make_worked_case(make_clinic())
    hot_scan_added(case, case.points[0])
    candidates_added(case, case.points[0])
    return case


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
    page.screenshot(path="/tmp/h2train/shot_tip.png")
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
    page.keyboard.press(".")
    page.locator("#inspector").get_by_text("AI confidence").wait_for()
    first = page.locator("#inspector h2.h3").inner_text()
    page.keyboard.press(".")
    page.wait_for_timeout(200)
    assert page.locator("#inspector h2.h3").inner_text() != first
    name = page.locator("#inspector h2.h3").inner_text()
    page.keyboard.press("a")
    page.get_by_text(f"{name} accepted").first.wait_for()
    assert states_of(worked)[name] == ContourState.ACCEPTED
    other = page.locator("#inspector h2.h3").inner_text()
    assert other.startswith("Lesion") and other != name
    page.keyboard.press("x")
    page.get_by_text(f"{other} rejected").first.wait_for()
    assert states_of(worked)[other] == ContourState.REJECTED

    page.screenshot(path="/tmp/h2train/shot_front.png")
    places = [chip.bounding_box()["x"] for chip in mip.locator(".mip-chip").all()]
    slider = mip.get_by_role("slider")
    slider.focus()
    for _ in range(6):
        slider.press("ArrowRight")
    page.wait_for_selector('.pane.mip[data-degrees="90"]')
    assert "left lateral" in mip.get_attribute("aria-label")
    turned = [chip.bounding_box()["x"] for chip in mip.locator(".mip-chip").all()]
    assert max(abs(a - b) for a, b in zip(places, turned, strict=True)) > 20.0
    page.screenshot(path="/tmp/h2train/shot_left.png")
    button = mip.get_by_role("button", name="Turn")
    button.click()
    page.wait_for_selector('.pane.mip[data-degrees="150"]')
    mip.get_by_role("button", name="Stop").click()
    assert broken_rules(page) == []
