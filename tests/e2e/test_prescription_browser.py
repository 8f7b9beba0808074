"""Above the hard limit of the site: one prescriber signs, another countersigns, in a real browser."""

import pytest

from planning import models
from planning.models.sites import Role
from planning.selectors.plans import prescription_in_force
from tests.e2e.browser import PASSWORD, sign_in, wait_ready
from tests.planning.clinic import make_clinic
from tests.planning.worked_case import make_worked_case

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def planned(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    case = make_worked_case(make_clinic())
    case.plannable()
    models.TherapyTemplate.objects.update(hard_limit_activity_bq=9e9)
    case.course.template.refresh_from_db()
    second = models.User.objects.create_user(username="prescriber2", password=PASSWORD, full_name="Prescriber B")
    models.Membership.objects.create(user=second, site=case.clinic.site, role=Role.PRESCRIBER)
    case.plan()
    return case


def open_plan(page, live_server, planned, username: str) -> None:
    page.context.clear_cookies()
    sign_in(page, live_server, username)
    page.goto(f"{live_server.url}/cycles/{planned.cycle.pk}/plan/")
    wait_ready(page)


def test_a_prescription_above_the_hard_limit_is_countersigned(planned, live_server, page, faults):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_plan(page, live_server, planned, "prescriber")
    page.locator("#rx").fill("9.0001")
    page.get_by_label("Unit").select_option("GBq")
    page.locator("#hard-limit").get_by_text("9 GBq").wait_for()
    page.get_by_role("combobox", name="Reason").select_option("Tumour burden")
    page.locator("#rx-text").fill("Agreed by the board.")
    page.get_by_role("button", name="Review and sign prescription").click()
    dialog = page.get_by_role("dialog")
    assert "9.0001 GBq" in dialog.inner_text()
    dialog.get_by_label("Your password").fill("not the password")
    dialog.get_by_role("button", name="Sign prescription").click()
    dialog.locator(".dialog-error").get_by_text("password").wait_for()
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign prescription").click()
    page.get_by_text("Signed once: waits for a second prescriber").wait_for()
    # Who signed first is not offered the second signature.
    assert page.get_by_role("button", name="Countersign").count() == 0
    assert prescription_in_force(planned.course) is None

    open_plan(page, live_server, planned, "prescriber2")
    page.get_by_role("button", name="Countersign").click()
    dialog = page.get_by_role("dialog")
    assert "9.0001 GBq" in dialog.inner_text()
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Countersign").click()
    page.get_by_text("Prescription countersigned").wait_for()
    signed = prescription_in_force(planned.course)
    assert signed is not None
    assert (signed.activity_bq, signed.second_printed_name) == (9.0001e9, "Prescriber B")
