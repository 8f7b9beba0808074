"""An outline along the edges of the shown image, in a real browser: clicks around a bone block, closed by key."""

import numpy as np
import pytest

from tests.e2e.test_contour_tools_browser import at, labels_of, open_middle, saved_count
from tests.e2e.test_contours_browser import proposed  # noqa: F401 - fixture
from tests.e2e.test_viewer_browser import cycle, pane, viewer  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]
BONE_MM = (95.0, 125.0, -20.0, 20.0)
"""Left, right, front and back edge of the bone block."""


def test_clicks_near_a_bone_enclose_the_bone(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.get_by_role("button", name="Along edges").wait_for()
    left, right, front, back = BONE_MM
    for x, y in ((left, front), (right, front), (right, back), (left, back)):
        page.mouse.move(*at(page, x, y), steps=3)
        page.mouse.click(*at(page, x, y))
        page.wait_for_timeout(150)
    # A click too far is taken back, and the line does not end by it.
    page.mouse.click(*at(page, left - 40, back + 40))
    page.keyboard.press("Backspace")
    assert page.locator("[data-undo]").is_disabled()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save revision").wait_for()
    saved_count(page, proposed, 2)
    labels = labels_of(proposed)
    drawn = np.argwhere(labels[30] == 1)
    outside = drawn[(drawn[:, 1] >= 90)]
    # The block is 12 x 16 voxels of 2.5 mm; its edge lies between two voxels, the wire runs through either.
    assert len(outside) == pytest.approx(12 * 16, abs=2 * (12 + 16))
    assert outside[:, 1].min() == pytest.approx(98, abs=1) and outside[:, 1].max() == pytest.approx(109, abs=1)
    assert np.count_nonzero(labels[29] == 1) == 1600


def test_esc_and_another_tool_leave_the_line(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("d")
    page.get_by_role("button", name="Freehand").click()
    page.locator("#viewer").focus()
    for leave in ("Escape", "b"):
        for x, y in ((-60, -60), (60, -60), (60, 60)):
            page.mouse.click(*at(page, x, y))
        page.keyboard.press(leave)
        page.keyboard.press("d")
        if leave == "Escape":
            page.get_by_role("button", name="Freehand").wait_for()
            page.keyboard.press("d")
        page.keyboard.press("Enter")
        page.wait_for_timeout(200)
        assert page.locator("[data-undo]").is_disabled()


def test_clicks_of_a_smooth_curve_are_dragged_and_closed_by_a_double_click(proposed, viewer):  # noqa: F811
    """Eight points of a circle of 75 mm around the liver's middle, one of them put in its place afterwards."""
    page = open_middle(viewer)
    for _ in range(3):
        page.keyboard.press("d")
    smooth = page.get_by_role("button", name="Smooth curve")
    smooth.wait_for()
    assert smooth.get_attribute("aria-pressed") == "true"
    radius = 75.0
    circle = [(radius * np.cos(n * np.pi / 4), radius * np.sin(n * np.pi / 4)) for n in range(8)]
    for x, y in [*circle[:3], (circle[3][0] - 30, circle[3][1]), *circle[4:7]]:
        page.mouse.click(*at(page, x, y))
        page.wait_for_timeout(400)  # two clicks at once would be a double click
    page.mouse.click(*at(page, 0, 0))
    page.keyboard.press("Backspace")
    page.mouse.move(*at(page, circle[3][0] - 30, circle[3][1]))
    page.mouse.down()
    page.mouse.move(*at(page, *circle[3]), steps=4)
    page.mouse.up()
    assert page.locator("[data-undo]").is_disabled()
    page.mouse.dblclick(*at(page, *circle[7]))
    page.get_by_role("button", name="Save revision").wait_for()
    area_mm2 = saved_count(page, proposed, 2) * 2.5**2
    # A curve through eight points of a circle lacks less than one percent of it; a pixel of the hand at each point.
    assert area_mm2 == pytest.approx(np.pi * radius**2, rel=0.02)
    assert np.count_nonzero(labels_of(proposed)[29] == 1) == 1600


def test_a_smooth_curve_is_given_up_without_a_trace(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("d")
    page.get_by_role("button", name="Smooth curve").click()
    page.locator("#viewer").focus()
    for x, y in ((-60, -60), (60, -60), (60, 60)):
        page.mouse.click(*at(page, x, y))
        page.wait_for_timeout(400)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.locator("[data-undo]").is_disabled()
    assert page.get_by_role("button", name="Save revision").count() == 0
