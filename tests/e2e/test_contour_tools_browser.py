"""The tools that draw contours, in a real browser: outline, scissors, fill, sphere, areas; undo over a save."""

import numpy as np
import pytest

from planning.computation.grids import grid_from_dict, label_values
from planning.models import User
from planning.models.contours import ContourState
from planning.selectors.current import current_contours
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contours import contours_save
from planning.services.regions import region_create
from tests.e2e.browser import broken_rules
from tests.e2e.test_contours_browser import proposed  # noqa: F401 - fixture
from tests.e2e.test_viewer_browser import cycle, mm_per_pixel, pane, viewer  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]
LIVER = 40 * 40 * 40
VOXEL_MM = 2.5
SPLEEN_ROWS = np.s_[30, 60:80, 60:80]
"""A locked spleen lies in the liver block, in the slice that is drawn on: the lower left quarter of it."""


@pytest.fixture
def locked(proposed):  # noqa: F811
    """The proposed liver with a locked spleen in a corner of its middle slice."""
    me = User.objects.get()
    spleen = region_create(actor=me, course=proposed.cycle.course, kind="organ", name="Spleen")
    edit = contour_edit(proposed, base_number=1)
    edit.labels["organ"][SPLEEN_ROWS] = spleen.label
    edit.changes[spleen.pk] = RegionChange(state=ContourState.EDITED, is_locked=True)
    contours_save(actor=me, edit=edit, note="locked")
    return proposed


def labels_of(point):
    revision = current_contours(point)
    return label_values(revision.organs, grid_from_dict(revision.image.label_grid))


def open_middle(viewer):  # noqa: F811
    """Open the page with the liver chosen; its middle slice, 30 of 60 from below, is shown."""
    page = viewer("contours", "cpu")
    page.locator("[data-region]", has_text="Liver").click()
    pane(page, 0).locator(".o.tl", has_text="slice 31 of 60").wait_for()
    return page


def at(page, x_mm: float, y_mm: float) -> tuple[float, float]:
    """Return the place on the page of a point of the axial pane, from its middle, which is the liver's."""
    box = pane(page, 0).bounding_box()
    step = mm_per_pixel(page, 0)
    return box["x"] + box["width"] / 2 + x_mm / step, box["y"] + box["height"] / 2 + y_mm / step


def drag(page, corners, *, shift: bool = False) -> None:
    """Draw along corners in millimetres from the middle of the pane."""
    places = [at(page, *corner) for corner in corners]
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


def square(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (high, low), (high, high), (low, high), (low, low)]


def saved_count(page, point, number: int) -> int:
    """Save, wait for the revision, and count the voxels of the liver in the drawn slice."""
    page.keyboard.press("Control+s")
    page.locator("#save-state", has_text="Saved").wait_for()
    page.wait_for_timeout(300)
    assert current_contours(point).number == number
    return int(np.count_nonzero(labels_of(point)[30] == 1))


def test_an_outline_adds_and_with_shift_removes_and_locked_voxels_stay(locked, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("d")
    assert page.locator('#toolbar [data-tool="draw"]').get_attribute("aria-pressed") == "true"
    # The liver is 100 mm wide around the middle: 40 x 40 voxels less the spleen's 20 x 20.
    drag(page, square(-75, 75))
    page.get_by_role("button", name="Save revision").wait_for()
    wide = saved_count(page, locked, 3)
    # 150 mm are 60 voxels; a pixel at each edge of the hand may take or leave a row.
    assert wide == pytest.approx(60 * 60 - 400, abs=250)
    assert np.count_nonzero(labels_of(locked)[SPLEEN_ROWS] == 1) == 0
    drag(page, square(-75, 75), shift=True)
    assert saved_count(page, locked, 4) == 0
    assert np.count_nonzero(labels_of(locked)[29] == 1) == 1600
    assert np.count_nonzero(labels_of(locked) == 2) == 400
    # What two saves have settled is taken back step by step, and becomes a revision of its own.
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert saved_count(page, locked, 5) == 1200
    page.keyboard.press("Control+y")
    assert saved_count(page, locked, 6) == wide


def test_what_was_locked_since_is_not_taken_back(locked, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("d")
    drag(page, square(-75, 75))
    wide = saved_count(page, locked, 3)
    page.locator("[data-region]", has_text="Liver").hover()
    page.get_by_role("button", name="Lock Liver", exact=True).click()
    page.get_by_role("button", name="Unlock Liver").wait_for()
    page.locator("#viewer").focus()
    page.keyboard.press("Control+z")
    page.get_by_text("Liver is locked: unlock it first").wait_for()
    assert np.count_nonzero(labels_of(locked)[30] == 1) == wide
    assert page.get_by_role("button", name="Save revision").count() == 0
    for key in ("d", "k", "h", "j"):
        page.keyboard.press(key)
        drag(page, square(-20, 20))
        page.get_by_text("Liver is locked", exact=True).first.wait_for()
    assert page.get_by_role("button", name="Save revision").count() == 0


def next_step(page, way: str, label: str) -> None:
    """Wait until a step is the one that would be taken back, or done again, next."""
    page.locator(f'[data-{way}][title="{way.capitalize()}: {label}"]').wait_for()


def test_what_the_server_did_is_taken_back_by_further_revisions(proposed, viewer):  # noqa: F811
    """Scissors, a margin by the server, an acceptance: back in order, and forth again."""
    page = open_middle(viewer)
    cut, margin, accepted = "Liver: scissors, inside removed", "Liver: grow or shrink by a margin", "Liver accepted"
    page.keyboard.press("k")
    drag(page, square(-25, 25))
    page.get_by_role("button", name="Margin").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Margin").fill("-5")
    dialog.get_by_role("button", name="Apply").click()
    next_step(page, "undo", margin)
    before, shrunk = (
        label_values(revision.organs, grid_from_dict(revision.image.label_grid)) == 1
        for revision in proposed.contour_revisions.filter(number__gt=1)
    )
    assert np.count_nonzero(shrunk) < np.count_nonzero(before)
    page.locator("#viewer").focus()
    page.keyboard.press("a")
    next_step(page, "undo", accepted)
    page.keyboard.press("Control+z")
    page.get_by_text(f"Taken back: {accepted}").wait_for()
    next_step(page, "undo", margin)
    assert current_contours(proposed).contours.get().state == ContourState.EDITED
    page.keyboard.press("Control+z")
    next_step(page, "undo", cut)
    next_step(page, "redo", margin)
    page.get_by_role("button", name="Accept liver").wait_for()
    np.testing.assert_array_equal(labels_of(proposed) == 1, before)
    # The scissors go back on this page alone, until the next save.
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Save revision").wait_for()
    assert page.locator("[data-undo]").is_disabled()
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+y")
    next_step(page, "undo", margin)
    np.testing.assert_array_equal(labels_of(proposed) == 1, shrunk)
    notes = [revision.note for revision in proposed.contour_revisions.all()][1:]
    back = ["as in revision 3: Liver", "as in revision 2: Liver", "Liver: drawn", "as in revision 3: Liver"]
    assert notes == ["Liver: drawn", "margin: Liver", "accepted: Liver", *back]


def test_scissors_cut_one_slice_or_all_and_keep_or_remove(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("k")
    drag(page, square(-25, 25))
    assert saved_count(page, proposed, 2) == pytest.approx(1600 - 400, abs=100)
    assert np.count_nonzero(labels_of(proposed)[29] == 1) == 1600
    page.keyboard.press("h")
    page.mouse.click(*at(page, 0, 0))
    assert saved_count(page, proposed, 3) == 1600
    page.keyboard.press("k")
    page.get_by_role("button", name="This slice").click()
    page.get_by_role("button", name="Remove inside").click()
    assert broken_rules(page) == []
    page.locator("#viewer").focus()
    drag(page, square(-25, 25))
    kept = saved_count(page, proposed, 4)
    assert kept == pytest.approx(400, abs=100)
    labels = labels_of(proposed)
    assert np.count_nonzero(labels == 1) == 40 * kept
    # Shift turns the scissors round: the inside goes as well, through every slice.
    drag(page, square(-60, 60), shift=True)
    assert saved_count(page, proposed, 5) == 0
    assert np.count_nonzero(labels_of(proposed) == 1) == 0


def test_a_hole_without_the_region_and_esc_leave_everything(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("h")
    page.mouse.click(*at(page, 0, 0))
    page.get_by_text("There is no hole of Liver here").wait_for()
    page.get_by_role("button", name="All holes of the slice").click()
    page.get_by_text("Liver has no hole in this slice").wait_for()
    page.locator("#viewer").focus()
    for key in ("d", "b"):
        page.keyboard.press(key)
        page.mouse.move(*at(page, -60, -60))
        page.mouse.down()
        page.mouse.move(*at(page, -70, -60), steps=4)
        page.mouse.move(*at(page, -70, -70), steps=4)
        page.keyboard.press("Escape")
        page.mouse.up()
        page.wait_for_timeout(200)
        assert page.locator("[data-undo]").is_disabled()


def test_a_sphere_of_a_diameter_is_placed_and_removed(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("j")
    page.get_by_label("Diameter").fill("30")
    page.keyboard.press("Tab")
    page.locator("#viewer").focus()
    page.mouse.click(*at(page, 0, 0))
    page.get_by_text("The sphere changes nothing here").wait_for()
    page.keyboard.down("Shift")
    page.mouse.click(*at(page, 0, 0))
    page.keyboard.up("Shift")
    saved_count(page, proposed, 2)
    gone_ml = (LIVER - np.count_nonzero(labels_of(proposed) == 1)) * VOXEL_MM**2 * 3.0 / 1000.0
    # 14.1 mL by the formula of the sphere; voxel centres differ from it by some of a thin shell.
    assert gone_ml == pytest.approx(np.pi / 6.0 * 3.0**3, rel=0.05)


def test_an_area_is_measured_by_the_server_and_removed_by_key(proposed, viewer):  # noqa: F811
    page = open_middle(viewer)
    page.keyboard.press("q")
    page.get_by_role("button", name="Rectangle").click()
    page.locator("#viewer").focus()
    with page.expect_response("**/area") as answered:
        drag(page, [(-21.25, -11.25), (21.25, 11.25)])
    found = answered.value.json()
    # 17 x 9 voxels of 2.5 mm on one slice of 3 mm, of soft tissue: edges lie between centres, so that a pixel of the
    # screen does not decide. The emission file of this case is empty.
    assert found["volume"]["value"] == pytest.approx(17 * 9 * 0.25**2 * 0.3)
    assert (found["ct_mean"]["value"], found["ct_standard_deviation"]["value"]) == (40.0, 0.0)
    assert (found["mean"]["value"], found["activity"]["unit"]) == (0.0, "MBq")
    yellow = """(pane) => { const c = pane.querySelector('canvas.outline');
      const {data} = c.getContext('2d').getImageData(0, 0, c.width, c.height); let n = 0;
      const isYellow = (i) => data[i + 3] > 200 && data[i] > 200 && data[i + 1] > 180 && data[i + 2] < 140;
      for (let i = 0; i < data.length; i += 4) if (isYellow(i)) n += 1;
      return n; }"""
    page.wait_for_timeout(400)
    assert pane(page, 0).evaluate(yellow) > 50
    page.keyboard.press("Backspace")
    page.wait_for_timeout(400)
    assert pane(page, 0).evaluate(yellow) == 0
