"""Contours in a real browser: a decision sends the seconds that it took, and the statistics show it."""

import numpy as np
import pytest

from planning.models import ContourAction, Cycle, User
from planning.models.contours import ContourSource
from planning.queue import TaskName
from planning.services.contour_proposals import contour_masks_add
from tests.e2e.browser import wait_ready
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
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    assert MODEL in saved.value.path().read_text()
    page.get_by_label("Virtual patients").check()
    page.get_by_text("Nothing proposed in a virtual patient yet").wait_for()
