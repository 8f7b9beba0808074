"""Sign in, upload, and go to a signed report and a plan in the browser, a colleague reviewing, with real workers."""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions
from tests.integration.servers import free_port, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
STEP_MS = 90_000


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """Run ``serve`` on a fresh data folder; yield its address, the passwords and a ZIP of scans."""
    folder = tmp_path_factory.mktemp("journey")
    port = free_port()
    hidden = {"DATA_DIR", "DJANGO_SETTINGS_MODULE", "DATABASE_HOST", "BROKER_URL"}
    environment = {
        **{name: value for name, value in os.environ.items() if name not in hidden},
        "DATA_DIR": str(folder / "data"),
        "DJANGO_SETTINGS_MODULE": "theranostics_web.settings.development",
        "PORT": str(port),
    }
    manage = [sys.executable, str(ROOT / "manage.py")]
    passwords = folder / "passwords.json"
    for command in (
        ["migrate", "--verbosity", "0"],
        ["collectstatic", "--noinput", "--verbosity", "0"],
        ["demo_data", "--no-case", "--passwords-to", str(passwords)],
    ):
        subprocess.run([*manage, *command], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    start = (datetime.now(tz=UTC) - timedelta(days=9)).replace(hour=9, minute=30, second=0, microsecond=0)
    files = write_demo_patient(folder / "scans", seed=5, start=start, options=DemoOptions(coarseness=2))
    archive = folder / "scans.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in files.paths:
            target.write(path, path.relative_to(folder / "scans"))
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen([*manage, "serve"], env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_port(port, limit_s=60)
            yield f"http://127.0.0.1:{port}", json.loads(passwords.read_text()), archive
        finally:
            server.terminate()
            server.wait(60)


@pytest.fixture(scope="module")
def chromium_of_people(playwright):
    chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
    yield chromium
    chromium.close()


def sign_in(browser, address: str, username: str, password: str) -> tuple[Page, list[str]]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{address}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    ready(page)
    return page, errors


def ready(page: Page) -> None:
    page.wait_for_selector('#page[data-ready="true"]', timeout=STEP_MS)


def open_step(page: Page, cycle: str, step: str) -> None:
    page.goto(f"{cycle}/{step}/")
    ready(page)


def step_state(page: Page, cycle: str, key: str) -> str:
    detail = page.request.get(cycle.replace("/cycles/", "/api/cycles/")).json()
    return next(step["state"] for step in detail["steps"] if step["key"] == key)


def wait_for_state(page: Page, cycle: str, key: str, *states: str) -> None:
    for _ in range(STEP_MS // 500):
        if step_state(page, cycle, key) in states:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{key} is {step_state(page, cycle, key)}, not {states}")


def sign(page: Page, cycle: str, meaning: str, password: str) -> None:
    open_step(page, cycle, "sign")
    page.click(f'[data-sign="{meaning}"]')
    page.fill('dialog input[type="password"]', password)
    page.click('dialog button[type="submit"]')
    expect(page.locator("dialog")).to_have_count(0)


def refuse_second_signature(page: Page, cycle: str, password: str) -> None:
    """The author cannot review: the server says so in the dialog."""
    open_step(page, cycle, "sign")
    page.click('[data-sign="reviewed"]')
    page.fill('dialog input[type="password"]', password)
    page.click('dialog button[type="submit"]')
    expect(page.locator("dialog .dialog-error")).to_contain_text("second person")
    page.click("dialog [data-cancel]")


def answer_warnings(page: Page, cycle: str) -> None:
    """Answer every open question through the API of the page's own session; one is typed on the page."""
    token = page.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    review = page.request.get(cycle.replace("/cycles/", "/api/cycles/") + "/review").json()
    for warning in review["warnings"]:
        if warning["level"] == "ask" and warning["answer"] is None:
            fields = {key: warning[key] for key in ("step", "source_id", "code", "region_id")}
            answer = page.request.post(
                cycle.replace("/cycles/", "/api/cycles/") + "/warning-answers",
                data={**fields, "answer": "Looked at in the journey."},
                headers={"X-CSRFToken": token, "Referer": cycle},
            )
            assert answer.status == 201, answer.text()


def test_from_upload_to_report_with_a_second_person(product, chromium_of_people, tmp_path):
    address, passwords, archive = product
    page, errors = sign_in(chromium_of_people, address, "physicist.a", passwords["physicist.a"])

    # Import: a ZIP through the browser, then the confirmation.
    page.goto(f"{address}/import/")
    ready(page)
    page.set_input_files("#choose-files", str(archive))
    page.wait_for_url("**/import/*-*/", timeout=STEP_MS)
    ready(page)
    page.click("[data-confirm]")
    page.wait_for_url("**/cycles/**", timeout=STEP_MS)
    cycle = page.url.split("/guard/")[0]
    wait_for_state(page, cycle, "guard", "done", "ask")

    # Images and registration.
    open_step(page, cycle, "guard")
    page.screenshot(path=tmp_path / "guard.png")
    open_step(page, cycle, "registration")
    page.click("[data-register-all]")
    for item in registered(page, cycle):
        accept_registration(page, cycle, item["time_point_id"])
    wait_for_state(page, cycle, "registration", "done")

    # Contours: imported on the reference, accepted by key, carried to the other scans and accepted there.
    accept_everything(page, cycle)
    wait_for_state(page, cycle, "contours", "done")

    # Curves and dose.
    open_step(page, cycle, "kinetics")
    page.click("[data-fit]")
    api = cycle.replace("/cycles/", "/api/cycles/")
    for _ in range(STEP_MS // 500):
        if page.request.get(f"{api}/curves").json()["regions"]:
            break
        page.wait_for_timeout(500)
    open_step(page, cycle, "kinetics")
    n_curves = page.locator("[data-curve]").count()
    assert n_curves == 8
    answer_warnings(page, cycle)
    open_step(page, cycle, "kinetics")
    for _ in range(n_curves + 1):
        waiting = [c for c in page.request.get(f"{api}/curves").json()["regions"] if not c["is_accepted"]]
        if not waiting:
            break
        page.click(f'[data-curve="{waiting[0]["curve_id"]}"]')
        page.wait_for_selector("[data-accept]")
        page.click("[data-accept]")
        page.wait_for_timeout(700)
    wait_for_state(page, cycle, "kinetics", "done")
    open_step(page, cycle, "dose")
    page.click("[data-start]")
    page.locator('dialog button[type="submit"]').click() if page.locator("dialog").count() else None
    wait_for_state(page, cycle, "dose", "done", "ask")
    open_step(page, cycle, "dose")
    expect(page.locator("#table").get_by_text("Kidney left")).to_be_visible()
    page.screenshot(path=tmp_path / "dose.png")
    answer_warnings(page, cycle)

    # Two other persons review and approve.
    sign(page, cycle, "calculated", passwords["physicist.a"])
    refuse_second_signature(page, cycle, passwords["physicist.a"])
    colleague, colleague_errors = sign_in(chromium_of_people, address, "physicist.b", passwords["physicist.b"])
    sign(colleague, cycle, "reviewed", passwords["physicist.b"])
    physician, _ = sign_in(chromium_of_people, address, "physician", passwords["physician"])
    sign(physician, cycle, "approved", passwords["physician"])
    wait_for_state(page, cycle, "sign", "done")

    # Plan and report.
    open_step(page, cycle, "plan")
    page.click("[data-save]")
    wait_for_state(page, cycle, "plan", "done")
    page.screenshot(path=tmp_path / "plan.png")
    open_step(page, cycle, "report")
    page.click("[data-write]")
    for _ in range(STEP_MS // 500):
        reports = page.request.get(f"{api}/reports").json()["results"]
        if reports:
            break
        page.wait_for_timeout(500)
    assert reports[0]["is_draft"] is False
    assert page.request.get(address + reports[0]["pdf_url"]).body().startswith(b"%PDF")
    assert errors == []
    assert colleague_errors == []


def registered(page: Page, cycle: str) -> list[dict]:
    """Wait until every scan has a registration."""
    for _ in range(STEP_MS // 500):
        items = page.request.get(cycle.replace("/cycles/", "/api/cycles/") + "/registrations").json()["items"]
        if items and all(item["registration"] for item in items):
            return items
        page.wait_for_timeout(500)
    raise AssertionError("registration did not end")


def accept_registration(page: Page, cycle: str, time_point: str) -> None:
    """Choose a scan and accept it; a warning asks for a remark."""
    open_step(page, cycle, "registration")
    page.locator(f'[data-time-point="{time_point}"]').first.click()
    page.wait_for_selector("[data-decide]")
    if page.locator('[data-decide="accepted"]').count():
        page.click('[data-decide="accepted"]')
    else:
        page.click('[data-decide="remark"]')
        page.fill("dialog textarea", "Outlines agree in all planes.")
        page.click('dialog button[type="submit"]')
    page.wait_for_timeout(1_500)  # the page goes on to the next scan


def accept_everything(page: Page, cycle: str) -> None:
    """Import on the reference, accept, propagate, accept on the others."""
    images = page.request.get(cycle.replace("/cycles/", "/api/cycles/") + "/images").json()["time_points"]
    reference = next(point for point in images if point["is_reference"])
    open_step(page, cycle, "contours")
    page.click("[data-import]")
    if page.locator("dialog").count():
        page.click('dialog button[type="submit"]')
    wait_for_regions(page, cycle, reference["id"])
    open_step(page, cycle, "contours")
    accept_regions(page, reference["id"], cycle)
    open_step(page, cycle, "contours")
    page.click("[data-propagate]")
    if page.locator("dialog").count():
        page.click('dialog button[type="submit"]')
    for point in images:
        wait_for_regions(page, cycle, point["id"])
    open_step(page, cycle, "contours")
    for point in images:
        if point["is_reference"]:
            continue
        page.click(f'[data-time-point="{point["id"]}"]')
        page.wait_for_timeout(1500)
        accept_regions(page, point["id"], cycle)


def contours_of(page: Page, cycle: str, time_point: str) -> list[dict]:
    address = cycle.split("/cycles/", maxsplit=1)[0]
    return page.request.get(f"{address}/api/time-points/{time_point}/contours").json()["regions"]


def wait_for_regions(page: Page, cycle: str, time_point: str) -> None:
    for _ in range(STEP_MS // 500):
        if any(region["state"] != "none" for region in contours_of(page, cycle, time_point)):
            return
        page.wait_for_timeout(500)
    raise AssertionError("no contours arrived")


def accept_regions(page: Page, time_point: str, cycle: str) -> None:
    """Accept the chosen region with its button, the others through the API of the same session."""
    if page.locator("[data-accept]").count():
        page.locator("[data-accept]").first.click()
        page.wait_for_timeout(1_000)
    address = cycle.split("/cycles/", maxsplit=1)[0]
    token = page.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    for _ in range(40):
        waiting = [r for r in contours_of(page, cycle, time_point) if r["state"] in {"proposed", "edited"}]
        if not waiting:
            return
        url = f"{address}/api/time-points/{time_point}/contours"
        number = page.request.get(url).json()["number"]
        answer = page.request.post(
            f"{url}/states",
            data={"region_id": waiting[0]["id"], "state": "accepted"},
            headers={"X-CSRFToken": token, "Referer": cycle, "If-Match": f'"{number}"'},
        )
        assert answer.status == 201, answer.text()
    raise AssertionError("some regions are not accepted")


def test_the_running_product_answers(product):
    address, _, _ = product
    with urllib.request.urlopen(f"{address}/accounts/login/", timeout=10) as answer:
        assert answer.status == 200
