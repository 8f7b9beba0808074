"""The shell, worklist, import and settings pages in a real browser, under the real security headers."""

import pytest

from planning.models import Course, Cycle, Membership, Patient, Run, Site, Upload, User
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.calibrations import PROJECTIONS_FACTOR
from planning.tasks.base import execute_run
from planning.tasks.calibrations import run_calibration
from tests.e2e.browser import PASSWORD, broken_rules, sign_in, wait_ready

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    # pytest-base-url's own fixture, as pytest 9 sees it
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]

# Nothing is painted before the body begins, and by then no deferred script has run.
THEME_WHEN_THE_BODY_BEGINS = """
new MutationObserver((_, observer) => {
  if (!document.body) return;
  window.themeOfTheFirstPaint = document.documentElement.dataset.theme;
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""


@pytest.fixture
def site():
    site = Site.objects.create(name="Site A", time_zone="Europe/Berlin")
    user = User.objects.create_user(username="physicist", password=PASSWORD, full_name="Physicist A")
    for role in (Role.PHYSICIST, Role.SITE_ADMINISTRATOR):
        Membership.objects.create(user=user, site=site, role=role)
    for i in (1, 2, 3):
        patient = Patient.objects.create(site=site, patient_id=f"RPT-{i:04d}", name=f"ZZPHI, Patient {i:03d}")
        course = Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
        Cycle.objects.create(course=course, number=1)
    return site


@pytest.fixture
def worklist(live_server, site, page, faults):
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, "physicist")
    return page


def selected(page) -> str:
    return page.locator('tr[aria-selected="true"] td').nth(1).inner_text()


def test_the_worklist_is_worked_by_keys(worklist):
    assert worklist.locator("tr[data-cycle]").count() == 3
    assert selected(worklist) == "RPT-0001"
    worklist.keyboard.press("ArrowDown")
    assert selected(worklist) == "RPT-0002"
    worklist.keyboard.press("/")
    worklist.keyboard.type("0003")
    worklist.wait_for_selector('tr[data-cycle] >> text="RPT-0003"')
    worklist.wait_for_selector('text="RPT-0001"', state="detached")
    worklist.locator("#search").fill("nobody")
    worklist.get_by_text("No cycle matches").wait_for()
    worklist.get_by_role("button", name="Clear filters").click()
    worklist.wait_for_selector('text="RPT-0001"')
    worklist.keyboard.press("Escape")
    worklist.locator("tr[data-cycle]").first.focus()
    worklist.keyboard.press("Enter")
    worklist.wait_for_url("**/import/?cycle=*")


def test_assigning_is_saved_and_kept_apart_from_an_older_copy(worklist):
    cycle = Cycle.objects.order_by("course__patient__patient_id").first()
    field = worklist.get_by_label("Assignee of RPT-0001")
    field.select_option(label="You")
    worklist.get_by_text("Assignee saved").wait_for()
    cycle.refresh_from_db()
    assert cycle.assignee.username == "physicist"
    Cycle.objects.filter(pk=cycle.pk).update(version=99)
    field.select_option(label="—")
    worklist.get_by_text("Not saved").wait_for()
    cycle.refresh_from_db()
    assert cycle.assignee is not None


def test_the_theme_is_remembered_before_the_first_paint(worklist, live_server):
    assert worklist.evaluate("document.documentElement.dataset.theme") == "dark"
    worklist.get_by_label("Account menu").click()
    worklist.get_by_role("button", name="Light theme").click()
    worklist.add_init_script(THEME_WHEN_THE_BODY_BEGINS)
    worklist.goto(f"{live_server.url}/settings/limits/")
    assert worklist.evaluate("window.themeOfTheFirstPaint") == "light"
    wait_ready(worklist)
    assert set(worklist.evaluate("Object.keys(localStorage)")) <= {"theme", "single-keys-off"}


def test_the_list_of_keys_opens_and_single_keys_can_be_off(worklist):
    worklist.keyboard.press("?")
    dialog = worklist.get_by_role("dialog")
    dialog.get_by_text("open the next step").wait_for()
    dialog.get_by_text("Turn single-letter keys off").click()
    worklist.keyboard.press("Escape")
    worklist.keyboard.press("/")
    assert worklist.evaluate("document.activeElement.id") != "search"


def test_a_folder_is_uploaded_without_clutter(worklist, live_server, tmp_path, monkeypatch):
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda *args, **options: None)
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(b"x" * 4000)  # one: the tests' database in memory refuses parallel writes
    (folder / ".DS_Store").write_bytes(b"x")
    worklist.goto(f"{live_server.url}/import/")
    wait_ready(worklist)
    worklist.set_input_files("#choose-folder", folder)
    worklist.get_by_text("Reading scans").wait_for()
    upload = Upload.objects.get()
    assert upload.n_files == 1
    assert upload.files.get().n_bytes == 4000
    assert upload.state == "complete"


def test_limits_are_written_as_a_new_version(worklist, live_server, site):
    worklist.goto(f"{live_server.url}/settings/limits/")
    wait_ready(worklist)
    worklist.get_by_role("button", name="Enter limits").click()
    worklist.get_by_label("Name of the set").fill("KID")
    for label, text in [("Region", "Kidney"), ("Limit in Gy", "23"), ("Source", "Guidance 2022")]:
        worklist.get_by_label(label, exact=True).fill(text)
    worklist.get_by_role("button", name="Save new version").click()
    worklist.get_by_text("KID, version 1: not confirmed").wait_for()
    limit = site.limit_sets.get().limits.get()
    assert (limit.region_name, limit.limit_gy, limit.source) == ("Kidney", 23.0, "Guidance 2022")


def test_a_density_curve_is_entered_by_keys_and_confirmed_by_another_person(worklist, live_server, site):
    worklist.goto(f"{live_server.url}/settings/cameras/")
    wait_ready(worklist)
    worklist.get_by_text("No scanner has a curve of its own").wait_for()
    worklist.get_by_role("button", name="New curve").focus()
    worklist.keyboard.press("Enter")
    dialog = worklist.get_by_role("dialog")
    dialog.get_by_label("Scanner").fill("CT 1")
    dialog.get_by_label("Valid from").fill("2026-01-01")
    dialog.get_by_label("Source").fill("phantom of the test")
    points = dialog.get_by_label("Points")
    assert points.input_value().startswith("-1000; 0.00121\n")
    points.fill("0; 1\nwater")
    dialog.get_by_text("Line 2 is not").wait_for()
    points.fill("0; 1\n-100; 0.9")
    dialog.get_by_role("button", name="Save draft").click()
    dialog.get_by_text("point 2 has -100 HU after 0 HU").wait_for()
    points.fill("-1000; 0,001\n0; 1\n1000; 2")
    dialog.get_by_role("button", name="Save draft").click()
    worklist.get_by_text("entered by Physicist A").wait_for()
    assert site.density_curves.get().points == [[-1000.0, 0.001], [0.0, 1.0], [1000.0, 2.0]]
    assert worklist.get_by_role("button", name="Confirm the curve").count() == 0
    lead = User.objects.create_user(username="lead", password=PASSWORD, full_name="Lead A")
    for role in (Role.QUALITY_LEAD, Role.READER):
        Membership.objects.create(user=lead, site=site, role=role)
    worklist.context.clear_cookies()
    sign_in(worklist, live_server, "lead")
    worklist.goto(f"{live_server.url}/settings/cameras/")
    wait_ready(worklist)
    worklist.get_by_role("button", name="Confirm the curve of CT 1").click()
    worklist.get_by_text("by Lead A").wait_for()
    worklist.get_by_role("button", name="Withdraw the curve of CT 1").click()
    worklist.get_by_label("Reason").fill("another phantom")
    worklist.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    worklist.get_by_text("WITHDRAWN", exact=True).wait_for()
    assert site.density_curves.get().is_withdrawn


def test_a_population_is_entered_and_confirmed_by_another_person(worklist, live_server, site):
    worklist.goto(f"{live_server.url}/settings/populations/")
    wait_ready(worklist)
    worklist.get_by_text("No population yet").wait_for()
    worklist.locator("#head").get_by_role("button", name="New population").click()
    dialog = worklist.get_by_role("dialog")
    dialog.get_by_label("Organ: a region").fill("kidney")
    dialog.get_by_label("Median effective half-life").fill("500")
    dialog.get_by_label("Spread").fill("0.2")
    dialog.get_by_label("Source").fill("own patients")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_text("The median half-life must lie between").wait_for()
    dialog.get_by_label("Median effective half-life").fill("50")
    dialog.get_by_role("button", name="Save").click()
    worklist.locator("#inspector").get_by_role("group", name="Curve of DOTATATE in kidney").wait_for()
    assert worklist.get_by_role("button", name="Confirm").count() == 0
    lead = User.objects.create_user(username="lead", password=PASSWORD, full_name="Lead A")
    for role in (Role.QUALITY_LEAD, Role.READER):
        Membership.objects.create(user=lead, site=site, role=role)
    worklist.context.clear_cookies()
    sign_in(worklist, live_server, "lead")
    worklist.goto(f"{live_server.url}/settings/populations/")
    wait_ready(worklist)
    worklist.get_by_role("button", name="Confirm").click()
    worklist.locator("#inspector").get_by_text("Lead A").wait_for()
    assert site.populations.get().confirmed_by == lead


def test_a_virtual_patient_is_asked_for_and_what_cannot_be_is_refused(worklist, live_server, site):
    worklist.goto(f"{live_server.url}/settings/virtual/")
    wait_ready(worklist)
    worklist.get_by_text("No virtual patient yet").wait_for()
    worklist.locator("#head").get_by_role("button", name="New virtual patient").click()
    dialog = worklist.get_by_role("dialog")
    dialog.get_by_label("Scans, hours").fill("96, 24")
    dialog.get_by_role("button", name="Simulate").click()
    dialog.get_by_text("rising order").wait_for()
    dialog.get_by_label("Scans, hours").fill("24, 96")
    dialog.get_by_label("Seed: equal").fill("7")
    dialog.get_by_text("ascites").click()
    dialog.get_by_label("Height").fill("160")
    dialog.get_by_role("button", name="Simulate").click()
    dialog.get_by_text("needs sex, height and mass").wait_for()
    dialog.locator("[name=sex]").select_option("female")
    dialog.get_by_label("Mass").fill("55")
    dialog.locator("[name=lesions]").select_option("asked")
    dialog.get_by_label("Own lesions").fill("liver 10 x 3")
    dialog.get_by_label("CT: noise").select_option("diagnostic")
    dialog.get_by_label("CT with contrast agent").check()
    dialog.get_by_label("CT: breathing").fill("9")
    dialog.get_by_label("Camera: dead time").fill("2.5")
    dialog.get_by_label("Counts through septa").fill("4")
    dialog.get_by_role("button", name="Simulate").click()
    dialog.get_by_text("need their width").wait_for()
    dialog.get_by_label("Their width").fill("60")
    dialog.get_by_role("button", name="Simulate").click()
    worklist.locator("#content").get_by_text("VIRTUAL-DOTATATE-7-").first.wait_for()
    worklist.locator("#inspector").get_by_text("WORKING", exact=True).wait_for()
    made = site.virtual_patients.get()
    assert made.request == {
        "agent": "DOTATATE",
        "seed": 7,
        "scan_times_h": [24.0, 96.0],
        "variants": ["ascites"],
        "body": {"sex": "female", "height_cm": 160.0, "mass_kg": 55.0},
        "lesions": [{"site": "liver", "volume_ml": 10.0, "n": 3}],
        "is_arms_up": True,
        "ct": {"dose_level": "diagnostic", "has_contrast": True, "breathing_mm": 9.0, "field_of_view_mm": 0.0},
        "faults": {
            "dead_time_s": pytest.approx(2.5e-6),
            "penetration_share": pytest.approx(0.04),
            "penetration_fwhm_mm": 60.0,
        },
    }
    assert (made.settings["images"]["penetration_fwhm_mm"], made.settings["images"]["camera"]) == (60.0, "Symbia ME")
    shown = "CT diagnostic; CT with contrast agent; CT with breathing of 9 mm; dead time 2.5 µs; 4 % through septa"
    worklist.locator("#inspector").get_by_text(shown).wait_for()
    assert made.settings["curves"]["partial_volume"] == "gtm"


def test_a_measured_factor_becomes_a_draft(worklist, live_server, site):
    """The run is worked on here, as a worker would: the page waits for it."""
    worklist.goto(f"{live_server.url}/settings/cameras/")
    wait_ready(worklist)
    worklist.get_by_role("button", name="Planar source").click()
    dialog = worklist.get_by_role("dialog")
    for name, value in {
        "activity_mbq": "100",
        "activity_standard_uncertainty_mbq": "1.5",
        "assay_to_start_min": "0",
        "duration_s": "600",
        "counts": "540000",
    }.items():
        dialog.locator(f"[name={name}]").fill(value)
    dialog.get_by_role("button", name="Measure").click()
    dialog.wait_for(state="detached")
    run = Run.objects.get(kind=TaskName.MEASURE_CALIBRATION)
    execute_run(run_id=str(run.pk), body=run_calibration)
    worklist.get_by_role("button", name="Make a factor of it").click()
    dialog = worklist.get_by_role("dialog")
    dialog.get_by_label("Camera (station").fill("NM 1")
    dialog.get_by_label("Valid from").fill("2026-11-25")
    dialog.get_by_role("button", name="Save factor").click()
    worklist.locator("#factors").get_by_text("NM 1").wait_for()
    factor = site.calibration_factors.get()
    assert factor.reconstruction == PROJECTIONS_FACTOR
    assert factor.calibration_cps_per_bq == pytest.approx(9.0e-6, rel=1e-3)
    assert not factor.confirmed_at


def test_what_was_typed_survives_a_refusal_and_a_failed_run(worklist, live_server, site):
    worklist.goto(f"{live_server.url}/settings/cameras/")
    wait_ready(worklist)
    worklist.get_by_role("button", name="Dead time").click()
    dialog = worklist.get_by_role("dialog")
    rows = dialog.locator("[name=rows]")
    dialog.locator("[name=duration_s]").fill("60")
    rows.fill("0; 1000\n1")
    dialog.get_by_role("button", name="Measure").click()
    dialog.get_by_text("Line 2 needs two numbers").wait_for()
    assert dialog.get_by_text("Not done").count() == 1
    # What was wrong can still be read while it is corrected, and is not said of what stands there now.
    rows.press("End")
    rows.press("Backspace")
    dialog.get_by_text("At the last try").wait_for()
    assert dialog.get_by_text("Not done").count() == 0
    assert dialog.get_by_text("Line 2 needs two numbers").count() == 1
    assert broken_rules(worklist) == []
    rows.fill("0; 1000\n100; 600")
    dialog.get_by_role("button", name="Measure").click()
    dialog.get_by_text("at least 3 elements").wait_for()
    assert (dialog.get_by_text("Not done").count(), dialog.get_by_text("Line 2 needs").count()) == (1, 0)
    rows.fill("0; 1000\n100; 600\n200; 0")
    dialog.get_by_role("button", name="Measure").click()
    dialog.wait_for(state="detached")
    run = Run.objects.get(kind=TaskName.MEASURE_CALIBRATION)
    execute_run(run_id=str(run.pk), body=run_calibration)
    run.refresh_from_db()
    assert run.state == "failed"
    worklist.get_by_role("button", name="Change what was typed").click()
    dialog = worklist.get_by_role("dialog")
    assert dialog.locator("[name=duration_s]").input_value() == "60"
    assert dialog.locator("[name=rows]").input_value().splitlines() == ["0; 1000", "100; 600", "200; 0"]
    true = [30e3 * 0.5 ** (hours / 159.5) for hours in range(0, 700, 50)]
    seen = "\n".join(f"{50 * i}; {rate * 2.718281828 ** (-rate * 2e-6):.1f}" for i, rate in enumerate(true))
    dialog.locator("[name=rows]").fill(seen)
    dialog.get_by_role("button", name="Measure").click()
    dialog.wait_for(state="detached")
    run = Run.objects.filter(kind=TaskName.MEASURE_CALIBRATION).latest("created_at")
    execute_run(run_id=str(run.pk), body=run_calibration)
    dialog = worklist.get_by_role("dialog")
    dialog.get_by_text("reduced χ²").wait_for()
    assert dialog.locator(".whisker").count() == len(true)
    assert dialog.locator(".band").count() == 1
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="detached")
    worklist.get_by_role("button", name="Again").click()
    assert worklist.get_by_role("dialog").locator("[name=rows]").input_value().splitlines()[0].startswith("0, 28")


def test_pages_pass_the_accessibility_rules(worklist, live_server):
    course = Course.objects.first()
    for url in (
        "/",
        "/import/",
        f"/courses/{course.pk}/",
        "/settings/limits/",
        "/settings/cameras/",
        "/settings/models/",
        "/settings/populations/",
        "/settings/virtual/",
        "/settings/users/",
        "/help/keys",
    ):
        worklist.goto(f"{live_server.url}{url}")
        wait_ready(worklist)
        assert (url, broken_rules(worklist)) == (url, [])
