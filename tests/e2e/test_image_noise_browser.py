"""Noise replicates in a real browser: asked for with their cost, and shown where the points are."""

import pytest

from planning.models.imaging import SeriesKind
from tests.e2e.browser import open_page
from tests.planning.clinic import make_clinic
from tests.planning.test_image_noise import noisy_scan
from tests.planning.worked_case import make_worked_case

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def case(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return make_worked_case(make_clinic())


def test_replicates_are_asked_for_with_what_they_cost(case, live_server, signed_in):
    for time_point in case.points:
        time_point.series.filter(kind=SeriesKind.EMISSION).update(kind=SeriesKind.PROJECTIONS)
    page = open_page(signed_in, live_server, case, "guard")
    page.locator("#inspector [data-prepare]").click()
    dialog = page.get_by_role("dialog")
    replicates = dialog.get_by_label("Noise replicates")
    assert replicates.input_value() == "0"
    dialog.get_by_text("Off: the uncertainty of a region holds no counting noise.").wait_for()
    replicates.fill("4")
    dialog.get_by_text("A spread needs 5 at least.").wait_for()
    dialog.get_by_role("button", name="Reconstruct").click()
    dialog.get_by_text("A spread needs 5 noise replicates at least; 0 for none.").wait_for()
    replicates.fill("20")
    dialog.get_by_text("about 23 min more for each bed of each scan").wait_for()
    dialog.get_by_label("Iterations").fill("5")
    dialog.get_by_text("about 11 min more for each bed of each scan").wait_for()
    # What is sent is looked at; no worker runs beside this server, so the run is not started.
    page.route("**/images/prepare", lambda route: route.abort())
    with page.expect_request("**/images/prepare") as sent:
        dialog.get_by_role("button", name="Reconstruct").click()
    assert sent.value.post_data_json["n_replicates"] == 20


def test_points_show_their_counting_noise(case, live_server, signed_in):
    for time_point in case.points:
        noisy_scan(case, time_point)
    case.contoured()
    revision = case.fit()
    page = open_page(signed_in, live_server, case, "kinetics")
    points = revision.curves.first().points
    assert all(point["noise"]["cv"] > 0.0 for point in points)
    scans = page.locator("#inspector .scan-list li")
    assert scans.count() == len(points)
    shown = scans.first.locator("[title^='Counting noise']")
    assert shown.inner_text().startswith("noise") and shown.inner_text().endswith("%")
    assert "12 replicates), contour edge" in shown.get_attribute("title")
    page.locator("#inspector").get_by_text("Noise: counting noise (k = 1) from replicates").wait_for()
    page.locator("#inspector").get_by_text("Counting noise of the activity:").wait_for()
