"""Phantoms of the Cameras page: projections with the settings of their reconstruction, and what was typed."""

from datetime import UTC, datetime

import pytest

from planning.models import Membership, Run, Series, Site, User
from planning.models.sites import Role
from tests.e2e.browser import PASSWORD, broken_rules, sign_in, wait_ready

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    # pytest-base-url's own fixture, as pytest 9 sees it
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]
TYPED = {
    "assay_at": "2026-11-20T08:30:15",
    "activity_mbq": "812.5",
    "activity_standard_uncertainty_mbq": "12",
    "iterations": "4",
}


def scan(site: Site, kind: str, uid: str, hour: int) -> Series:
    summary = {"description": f"Cylinder {kind}", "manufacturer_model": "Virtual Symbia ME", "nuclide": "Lu-177"}
    return Series.objects.create(
        site=site,
        kind=kind,
        modality="CT" if kind == "ct" else "NM",
        series_uid=uid,
        study_uid="1.2",
        acquisition_start=datetime(2026, 11, 20, hour, tzinfo=UTC),
        summary=summary,
    )


@pytest.fixture
def site():
    site = Site.objects.create(name="Site A", time_zone="Europe/Berlin")
    user = User.objects.create_user(username="physicist", password=PASSWORD, full_name="Physicist A")
    Membership.objects.create(user=user, site=site, role=Role.PHYSICIST)
    for i, kind in enumerate(("emission", "projections", "ct")):
        scan(site, kind, f"1.2.{i}", hour=9 + i)
    return site


@pytest.fixture
def cameras(live_server, site, page, faults):
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, "physicist")
    page.goto(f"{live_server.url}/settings/cameras/")
    wait_ready(page)
    return page


def opened(page, name: str):
    page.get_by_role("button", name=name, exact=True).click()
    return page.get_by_role("dialog")


def test_projections_of_a_phantom_are_measured_with_the_settings_of_patients(cameras, site):
    dialog = opened(cameras, "Cylinder")
    choice = dialog.locator("[name=series]")
    assert choice.locator("option").count() == 2
    assert dialog.locator("[name=camera]").input_value() == "Symbia ME"
    assert dialog.locator("[name=scatter]").input_value() == "simulated"
    choice.select_option(label=next(text for text in choice.locator("option").all_inner_texts() if "emission" in text))
    assert dialog.locator("[name=iterations]").count() == 0
    choice.select_option(label=next(t for t in choice.locator("option").all_inner_texts() if "(projections)" in t))
    for name, value in TYPED.items():
        dialog.locator(f"[name={name}]").fill(value)
    dialog.locator("[name=attenuation]").uncheck()
    dialog.get_by_role("button", name="Measure").click()
    dialog.get_by_text("Scatter can be simulated").wait_for()
    assert not Run.objects.exists()
    # The page is loaded again: nothing has to be typed twice.
    cameras.reload()
    wait_ready(cameras)
    dialog = opened(cameras, "Cylinder")
    dialog.get_by_text("What was typed before stands here again").wait_for()
    for name, value in TYPED.items():
        assert dialog.locator(f"[name={name}]").input_value() == value
    assert not dialog.locator("[name=attenuation]").is_checked()
    assert broken_rules(cameras) == []
    dialog.locator("[name=scatter]").select_option("windows")
    dialog.get_by_role("button", name="Measure").click()
    dialog.wait_for(state="detached")
    run = Run.objects.get()
    assert run.parameters["series"] == str(Series.objects.get(kind="projections").pk)
    inputs = run.parameters["inputs"]
    assert inputs["activity_mbq"] == 812.5
    typed_ms = cameras.evaluate(f"Date.parse('{TYPED['assay_at']}')")
    assert datetime.fromisoformat(inputs["assay_at"]).timestamp() * 1000.0 == typed_ms
    assert inputs["spect"] == {
        "camera": "Symbia ME",
        "n_iterations": 4,
        "n_subsets": 15,
        "post_filter_fwhm_mm": 0.0,
        "n_replicates": 0,
        "scatter": "windows",
        "has_attenuation": False,
        "penetration_share": 0.0,
        "penetration_fwhm_mm": 0.0,
        "dead_time_s": 0.0,
        "dead_time_model": "paralysable",
    }


def test_a_form_is_emptied_only_when_asked(cameras):
    dialog = opened(cameras, "Planar source")
    dialog.locator("[name=counts]").fill("540000")
    dialog.get_by_role("button", name="Cancel").click()
    assert opened(cameras, "Sphere").locator("[name=sphere_diameter_mm]").input_value() == ""
    cameras.keyboard.press("Escape")
    cameras.reload()
    wait_ready(cameras)
    dialog = opened(cameras, "Planar source")
    assert dialog.locator("[name=counts]").input_value() == "540000"
    dialog.get_by_role("button", name="Empty the form").click()
    assert cameras.get_by_role("dialog").locator("[name=counts]").input_value() == ""
    cameras.reload()
    wait_ready(cameras)
    assert opened(cameras, "Planar source").locator("[name=counts]").input_value() == ""
