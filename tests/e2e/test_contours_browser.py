"""Contours in a real browser: decisions are timed and counted, and two readers are compared and decided between."""

import numpy as np
import pytest

from planning.models import ContourAction, ContourRevision, Cycle, Membership, SecondReading, User
from planning.models.contours import ContourSource, ContourState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_contours
from planning.selectors.readings import open_copy
from planning.services.contour_edits import RegionChange, contour_edit
from planning.services.contour_proposals import contour_masks_add
from planning.services.contours import contours_save
from planning.services.readings import second_reading_submit
from planning.services.regions import region_create
from tests.e2e.browser import PASSWORD, broken_rules, wait_ready
from tests.e2e.test_viewer_browser import cycle, viewer  # noqa: F401 - fixtures
from tests.factories import make_run

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]
MODEL = "organs 1.0 (12ab34cd)"


@pytest.fixture
def proposed(cycle: Cycle, monkeypatch):  # noqa: F811 - a fixture takes fixtures by name
    """The liver as a model proposes it: a block of 40 slices by 40 rows by 40 columns."""
    values = np.zeros((41, 61, 61), np.float32)
    monkeypatch.setattr("planning.storage.load_array", lambda _sha256: values)
    point, region = cycle.time_points.get(), cycle.course.regions.get()
    mask = np.zeros((60, 120, 120), bool)
    mask[10:50, 40:80, 40:80] = True
    contour_masks_add(
        actor=None,
        run=make_run(cycle.site, kind=TaskName.IMPORT_CONTOURS, requested_by=User.objects.get()),
        time_point=point,
        rows=[{"region": region, "mask": mask, "source_detail": MODEL}],
        source=ContourSource.MODEL,
        region_of=lambda row: row["region"],
        note="proposed",
    )
    return point


def test_accepting_by_key_is_timed_and_counted(proposed, viewer, live_server):  # noqa: F811
    page = viewer("contours", "cpu")
    page.locator("[data-region]").first.click()
    page.wait_for_timeout(1200)
    page.mouse.move(400, 400)
    page.keyboard.press("a")
    page.get_by_text("Liver accepted").wait_for()
    action = ContourAction.objects.get()
    assert (action.action, action.dice, action.source_detail) == ("accepted", 1.0, MODEL)
    assert 1.0 < action.hands_on_s < 60.0
    page.goto(f"{live_server.url}/settings/models/")
    wait_ready(page)
    row = page.locator("#acceptance tr", has_text="Liver")
    assert row.locator("td").nth(2).inner_text() == "1 100 %"
    assert page.locator("#acceptance-trend rect[data-outcome='unchanged']").count() == 1
    assert broken_rules(page) == []
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    assert MODEL in saved.value.path().read_text()
    page.get_by_label("Virtual patients").check()
    page.get_by_text("Nothing proposed in a virtual patient yet").wait_for()


def read_and_submit(point, reader: User, part) -> None:
    copy = open_copy(point, user=reader)
    edit = contour_edit(point, base_number=None, copy=copy)
    region = point.cycle.course.regions.get()
    edit.labels["organ"][:] = 0
    edit.labels["organ"][part] = region.label
    edit.changes[region.pk] = RegionChange(state=ContourState.ACCEPTED)
    contours_save(actor=reader, edit=edit, note="read")
    second_reading_submit(actor=reader, reading=copy.reading)


def test_two_readers_from_opening_to_the_decision(proposed, viewer, live_server):  # noqa: F811
    me = User.objects.get()
    other = User.objects.create_user(username="editor", password=PASSWORD, full_name="Editor B")
    Membership.objects.create(user=other, site=proposed.site, role=Role.CONTOUR_EDITOR)
    page = viewer("contours", "cpu")
    page.get_by_text("Second reading", exact=True).click()
    page.get_by_role("button", name="Open a second reading").click()
    page.get_by_label("Reader 1").select_option(label=me.printed_name)
    page.get_by_label("Reader 2").select_option(label="Editor B")
    page.get_by_role("button", name="Open reading").click()
    page.get_by_text("you draw on your own copy").wait_for()
    assert broken_rules(page) == []
    # The proposal is decided on the own copy; the shared one waits as before.
    page.keyboard.press("a")
    page.get_by_text("Liver accepted").wait_for()
    assert current_contours(proposed).contours.get().state == ContourState.PROPOSED
    page.get_by_role("button", name="Submit my reading").click()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_text("Reading submitted").wait_for()
    reading = SecondReading.objects.get()
    page.goto(f"{live_server.url}/cycles/{proposed.cycle_id}/readings/?reading={reading.pk}")
    page.get_by_text("The readings cannot be compared").wait_for()
    read_and_submit(proposed, other, np.s_[10:50, 44:80, 40:80])
    page.goto(f"{live_server.url}/cycles/{proposed.cycle_id}/readings/?reading={reading.pk}&backend=cpu")
    wait_ready(page)
    page.wait_for_selector('#viewer[data-covered="false"]')
    cells = page.locator("#table tbody td").all_inner_texts()
    # 40 x 40 x 40 against 40 x 36 x 40 voxels of 2.5 x 2.5 x 3 mm: 1200 and 1080 mL, Dice 2 x 36 / 76.
    assert cells[:3] == ["Liver", "1200", "1080"]
    assert cells[4] == "0.947"
    assert broken_rules(page) == []
    page.get_by_label("Intersection").check()
    page.get_by_role("button", name="Save 1 decision").click()
    page.get_by_text("Decided in revision 2").wait_for()
    page.get_by_text("decided by Physicist A: Liver").wait_for()
    decided = ContourRevision.objects.get(number=2)
    assert decided.contours.get().contour_volume_ml == pytest.approx(1080.0)
    assert (decided.adjudicates, decided.created_by) == (reading, me)


def test_a_rejected_region_is_reopened_and_its_original_stays_within_reach(proposed, viewer):  # noqa: F811
    page = viewer("contours", "cpu")
    page.locator("[data-region]").first.click()
    page.keyboard.press("x")
    page.get_by_text("Liver rejected").wait_for()
    page.keyboard.press("a")
    page.get_by_text("Liver is rejected: reopen it first").wait_for()
    assert page.get_by_role("button", name="Reopen liver").count() == 1
    page.keyboard.press("v")
    page.get_by_text("Liver reopened").wait_for()
    page.get_by_role("button", name="Accept liver").wait_for()
    assert current_contours(proposed).contours.get().state == ContourState.EDITED
    assert ContourAction.objects.order_by("created_at").last().action == "reopened"
    original = page.get_by_role("button", name="Show the original proposal beside")
    original.click()
    page.locator('[aria-label="Show the original proposal beside"][aria-pressed="true"]').wait_for()
    assert broken_rules(page) == []
    # Other windows may have calculated meanwhile: what an edit changes is asked for anew.
    with page.expect_request("**/contours/preview/**"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_rows_of_regions_pass_the_accessibility_rules_and_are_chosen_by_keys(proposed, viewer):  # noqa: F811
    region_create(actor=User.objects.get(), course=proposed.cycle.course, kind="organ", name="Spleen")
    page = viewer("contours", "cpu")
    liver, spleen = (page.locator("[data-region]", has_text=name) for name in ("Liver", "Spleen"))
    chosen = "[aria-current='true']"
    for row, other in ((liver, spleen), (spleen, liver)):
        row.click()
        assert (row.locator(chosen).count(), other.locator(chosen).count()) == (1, 0)
        for hovered in (row, other):
            hovered.hover()
            hovered.get_by_role("button", name="Hide").wait_for()
            assert broken_rules(page) == []
    # The list is made anew by every choice: the focus stays where it was.
    page.get_by_role("button", name="Liver", exact=True).focus()
    page.keyboard.press("Enter")
    assert liver.locator(chosen).count() == 1
    for name in ("Hide Liver", "Show Liver"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.ariaLabel") == name
        page.keyboard.press("Space")
        page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.innerText").strip() == "Liver"
    assert broken_rules(page) == []


def erase(page, at: float) -> None:
    """Erase a little of the chosen region, `at` pixels from the middle of the axial pane."""
    page.locator("[data-region]").first.click()
    page.keyboard.press("e")
    pane = page.locator("#viewer .pane").first.bounding_box()
    x, y = pane["x"] + pane["width"] / 2 + at, pane["y"] + pane["height"] / 2 + at
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 12, y)
    page.mouse.up()
    page.get_by_role("button", name="Save revision").wait_for()


def test_strokes_of_the_time_of_a_save_stay_unsaved(proposed, viewer):  # noqa: F811
    """The server's answer is held back while somebody draws on."""
    page = viewer("contours", "cpu")
    held = []

    def hold(route) -> None:
        held.append(route)

    page.route("**/contours/organs/voxels", hold)
    erase(page, 0)
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1000)
    assert len(held) == 1
    erase(page, 30)
    held[0].continue_()
    page.get_by_text("You drew on while it was saved").wait_for()
    page.unroute("**/contours/organs/voxels")
    page.keyboard.press("a")
    page.get_by_text("Liver accepted").wait_for()
    first, second, third = ContourRevision.objects.filter(number__gt=1).order_by("number")
    volumes = [revision.contours.get().contour_volume_ml for revision in (first, second, third)]
    assert 1200.0 > volumes[0] > volumes[1] == volumes[2]


def test_who_saves_second_puts_the_own_regions_on_top_and_no_other_moves(proposed, viewer):  # noqa: F811
    page = viewer("contours", "cpu")
    erase(page, 0)
    me = User.objects.get()
    spleen = region_create(actor=me, course=proposed.cycle.course, kind="organ", name="Spleen")
    edit = contour_edit(proposed, base_number=1)
    edit.labels["organ"][10:20, 10:30, 10:30] = spleen.label
    edit.changes[spleen.pk] = RegionChange(state=ContourState.ACCEPTED, source=ContourSource.MANUAL)
    contours_save(actor=me, edit=edit, note="meanwhile")
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Someone saved before you").wait_for()
    dialog.get_by_label("Save the regions that I changed").check()
    dialog.get_by_role("button", name="Continue").click()
    page.get_by_text("Your regions are saved on top of theirs").wait_for()
    found = {contour.region.name: contour for contour in current_contours(proposed).contours.select_related("region")}
    # 10 x 20 x 20 voxels of 2.5 x 2.5 x 3 mm.
    assert (found["Spleen"].state, found["Spleen"].contour_volume_ml) == (ContourState.ACCEPTED, pytest.approx(75.0))
    assert (found["Liver"].state, found["Liver"].contour_volume_ml < 1200.0) == (ContourState.EDITED, True)
    page.locator("[data-region]", has_text="Spleen").wait_for()
