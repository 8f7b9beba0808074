"""The kinetics and dose pages of a worked case in a real browser: options, advice, keys, uncertainty."""

import pytest

from tests.e2e.browser import open_page
from tests.planning.clinic import make_clinic
from tests.planning.worked_case import make_worked_case

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def case(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    case = make_worked_case(make_clinic())
    case.contoured()
    case.fit(wanted_cv_percent=50.0)
    case.accept_curves()
    return case


def test_advice_and_options_of_a_fit(case, live_server, signed_in):
    page = open_page(signed_in, live_server, case, "kinetics")
    page.locator("#inspector").get_by_text("Enough:").wait_for()
    page.get_by_role("group", name="Expected uncertainty of TIA").wait_for()
    first = page.locator('.tile[aria-selected="true"]').inner_text()
    page.keyboard.press(".")
    assert page.locator('.tile[aria-selected="true"]').inner_text() != first
    page.locator("#toolbar [data-fit]").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_label("Wanted uncertainty").input_value() == "50"
    dialog.get_by_label("Effective half-life (h)").fill("50")
    dialog.get_by_role("button", name="Fit curves").click()
    dialog.get_by_text("Give half-life, its uncertainty and its source together.").wait_for()
    dialog.get_by_label("Standard uncertainty (h)").fill("5")
    dialog.get_by_label("Source").fill("protocol")
    dialog.get_by_label("Clearance and retention").check()
    dialog.get_by_label("Use the site's populations").check()
    # What is sent is looked at; no worker runs beside this server, so the run is not started.
    page.route("**/curves/start", lambda route: route.abort())
    with page.expect_request("**/curves/start") as sent:
        dialog.get_by_role("button", name="Fit curves").click()
    parameters = sent.value.post_data_json
    assert parameters["use_populations"] is True
    assert "clearance_retention" in parameters["models"]
    assert parameters["effective_half_life_source"] == "protocol"
    page.get_by_text("The fit could not start").wait_for()


def test_the_dose_page_shows_what_dominates_and_what_is_missing(case, live_server, signed_in):
    for time_point in case.points[1:]:
        case.registration(time_point)
    case.calculate()
    page = open_page(signed_in, live_server, case, "dose")
    inspector = page.locator("#inspector")
    inspector.get_by_text("dominates").wait_for()
    inspector.get_by_text("Dose, 95 %").wait_for()
    inspector.get_by_text("Not stated, so missing: calibration factor").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Uncertainty on").first.wait_for()
    page.keyboard.press("u")
    page.get_by_text("Dose on").first.wait_for()
