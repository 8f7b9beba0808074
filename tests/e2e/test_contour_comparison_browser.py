"""The original proposal against the edited contour, in a real browser: hatched difference and numbers."""

import numpy as np
import pytest

from planning.models import User
from planning.models.contours import ContourState
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save
from tests.e2e.browser import broken_rules
from tests.e2e.test_contours_browser import proposed  # noqa: F401 - fixture
from tests.e2e.test_viewer_browser import cycle, pane, settled, viewer  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]
INK = """(pane, wanted) => { const c = pane.querySelector('canvas.outline');
  const {data} = c.getContext('2d').getImageData(0, 0, c.width, c.height); let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    const isBlue = data[i + 2] > data[i] + 60, isOrange = data[i] > data[i + 2] + 60;
    if (data[i + 3] > 200 && (wanted === 'blue' ? isBlue : isOrange)) n += 1;
  }
  return n; }"""

BONE = """(pane) => {
  const isShown = (c) => c.offsetParent !== null && c.style.display !== 'none' && c.width > 0;
  const source = [...pane.querySelectorAll('.vp canvas')].filter(isShown)[0];
  const copy = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  [copy.canvas.width, copy.canvas.height] = [source.width, source.height];
  copy.drawImage(source, 0, 0);
  const {data, width, height} = copy.getImageData(0, 0, source.width, source.height);
  const seen = source.getBoundingClientRect(), box = pane.getBoundingClientRect(), ys = [], xs = [];
  for (let i = 0; i < width * height; i += 1) {
    if (data[4 * i] > 250 && data[4 * i + 3] > 0) { xs.push(i % width); ys.push(Math.floor(i / width)); }
  }
  ys.sort((a, b) => a - b); xs.sort((a, b) => a - b);
  return [seen.left - box.left + xs[xs.length >> 1] * seen.width / width,
          seen.top - box.top + ys[0] * seen.height / height,
          [width, height, seen.width, seen.height, pane.clientWidth, pane.clientHeight].join(' ')];
}"""
"""Where the white bone block begins on the screen, in pixels of the pane: its middle column, its first row."""


@pytest.fixture
def edited(proposed):  # noqa: F811
    """Eight columns of the liver are moved from its one side to the other, in 40 slices of 40 rows."""
    edit = contour_edit(proposed, base_number=1)
    labels = edit.labels["organ"]
    labels[10:50, 40:80, 40:48] = 0
    labels[10:50, 40:80, 80:88] = 1
    region = proposed.cycle.course.regions.get()
    region.colour = "r9"  # grey: neither blue nor orange
    region.save()
    edit.changes[region.pk] = RegionChange(state=ContourState.EDITED)
    contours_save(actor=User.objects.get(), edit=edit, note="moved")
    return proposed


def test_the_difference_from_the_original_is_drawn_and_measured(edited, viewer):  # noqa: F811
    page = viewer("contours", "cpu")
    page.locator("[data-region]").first.click()
    blue = settled(page, lambda: pane(page, 0).evaluate(INK, "blue"))
    orange = settled(page, lambda: pane(page, 0).evaluate(INK, "orange"))
    page.locator("#viewer").focus()
    page.keyboard.press("y")
    page.get_by_text("Original proposal (revision 1) and now (revision 2)").wait_for()
    cells = page.locator("#comparison tbody td").all_inner_texts()
    # 40 x 40 x 40 voxels of 2.5 x 2.5 x 3 mm are 1200 mL; 8 of 40 columns left, as many joined: Dice 32 / 40.
    assert cells[:6] == ["Liver", "1200", "1200", "240", "240", "0.800"]
    assert page.get_by_text("No dose is calculated yet").count() == 1
    assert [page.get_by_text(text).count() for text in ("added since", "removed since")] == [1, 1]
    assert settled(page, lambda: pane(page, 0).evaluate(INK, "blue")) > blue + 100
    assert settled(page, lambda: pane(page, 0).evaluate(INK, "orange")) > orange + 100
    assert broken_rules(page) == []
    # What is drawn now shows at once; its numbers wait for the save.
    page.keyboard.press("j")
    page.get_by_label("Diameter").fill("60")
    page.keyboard.press("Tab")
    page.locator("#viewer").focus()
    box = pane(page, 0).bounding_box()
    page.keyboard.down("Shift")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.up("Shift")
    page.get_by_text("the panes show your strokes too").wait_for()
    page.keyboard.press("Control+s")
    page.get_by_text("Original proposal (revision 1) and now (revision 3)").wait_for()
    removed_ml = float(page.locator("#comparison tbody td").nth(4).inner_text())
    assert removed_ml == pytest.approx(240.0 + np.pi / 6.0 * 6.0**3, abs=8.0)
    page.get_by_role("button", name="Close the comparison").click()
    assert page.locator("#comparison").is_hidden()
    assert settled(page, lambda: pane(page, 0).evaluate(INK, "blue")) == pytest.approx(blue, abs=40)


def test_an_earlier_revision_is_compared_from_the_list(edited, viewer):  # noqa: F811
    page = viewer("contours", "cpu")
    button = page.get_by_role("button", name="Compare revision 1 with now")
    assert page.get_by_role("button", name="Compare revision 2 with now").count() == 0
    button.click()
    page.get_by_text("Original proposal (revision 1) and now (revision 2)").wait_for()
    row = page.locator("#comparison [data-compared]")
    row.focus()
    page.keyboard.press("Enter")
    assert row.get_attribute("aria-selected") == "true"
    page.get_by_role("button", name="Compare revision 1 with now").click()
    assert page.locator("#comparison").is_hidden()


def test_picture_and_pointer_agree_while_the_panes_change_their_size(edited, viewer):  # noqa: F811
    """What is drawn must lie where it is seen: the table of the comparison makes the panes smaller, then larger."""
    page = viewer("contours", "cpu")
    reading = pane(page, 0).locator(".o.br")

    def seen() -> tuple[list[str], str]:
        x, top, sizes = pane(page, 0).evaluate(BONE)
        box = pane(page, 0).bounding_box()
        found = []
        for below in (4, -5):
            page.mouse.move(box["x"] + x, box["y"] + top + below)
            found.append(reading.inner_text().split("   ")[0])
        return found, sizes

    def check() -> None:
        """Wait for the picture, which follows its pane by some frames; one that is stretched stays so."""
        page.wait_for_selector('#viewer[data-covered="false"]')
        for _ in range(30):
            page.wait_for_timeout(300)
            found, sizes = seen()
            if found == ["CT 800 HU", "CT 40 HU"]:
                break
        page.wait_for_timeout(300)
        found, sizes = seen()
        assert found == ["CT 800 HU", "CT 40 HU"], sizes

    check()
    page.locator("[data-region]").first.click()
    page.locator("#viewer").focus()
    for tool in ("k", "c", "q"):
        page.keyboard.press("y")
        page.get_by_text("Original proposal (revision 1)").wait_for()
        page.keyboard.press("k")
        check()
        page.keyboard.press("y")
        page.keyboard.press(tool)
        check()
