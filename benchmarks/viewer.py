"""The viewer in a browser without a graphics card, and from a ZIP to its first image. Run: python benchmarks/viewer.py

Starts its own server on a free loopback port with its own data folder; build the front end first.
"""

import gzip
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "frontend" / "static" / "app"
REAL_SCANS = ROOT.parent / "shared" / "data" / "lu177_dotatate_patient"
CHROMIUM = "/usr/bin/chromium"
PLAIN = ["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"]
"""What a browser does without a graphics card: pages are drawn by the processor; only WebGL is emulated."""
EMULATED = [*PLAIN, "--use-gl=angle", "--use-angle=swiftshader", "--ignore-gpu-blocklist"]
"""Whole pages on an emulated graphics card, as the browser tests do it: the slowest case, and no one's desk."""
BROWSERS = (
    ("CPU backend, software browser", PLAIN, "cpu"),
    ("CPU backend, emulated graphics", EMULATED, "cpu"),
    ("software GPU", EMULATED, "gpu"),
)
N_STEPS, N_MOVES, N_OPENED = 60, 40, 3
PANE_PX, GAP_PX = 400, 2
LIMIT_MS = 90_000

SIZE = """([width, height]) => Object.assign(document.querySelector('#viewer').style,
  {width: `${width}px`, height: `${height}px`, justifySelf: 'start', alignSelf: 'start'})"""
SCROLL = """async (n) => {
  const pane = document.querySelector('.pane[data-pane="0"]'), times = [];
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const {port1, port2} = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); }));
  await painted();
  let last = performance.now();
  for (let i = 0; i < n; i += 1) {
    const deltaY = i % 40 < 20 ? -30 : 30;
    pane.dispatchEvent(new WheelEvent('wheel', {deltaY, bubbles: true, cancelable: true}));
    await painted();
    times.push(performance.now() - last);
    last = performance.now();
  }
  return times;
}"""


NEW_PASSWORDS = """
import json, secrets
from planning.models import User
found = {}
for user in User.objects.all():
    found[user.username] = secrets.token_urlsafe(12)
    user.set_password(found[user.username])
    user.save()
print(json.dumps(found))
"""


@contextmanager
def product(folder: Path, *, filled: Path | None = None) -> Iterator[tuple[str, dict[str, str]]]:
    """Run ``serve`` with the demo patient; yield its address and the passwords.

    The patient is simulated first, or comes with a copy of ``filled``, a data folder in which nobody works now.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    hidden = {"DATA_DIR", "DJANGO_SETTINGS_MODULE", "DATABASE_HOST", "BROKER_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"DATA_DIR": str(folder / "data"), "HOST": "127.0.0.1", "PORT": str(port)}
    environment |= {"DJANGO_SETTINGS_MODULE": "theranostics_web.settings.development"}
    manage = [sys.executable, str(ROOT / "manage.py")]
    if filled is not None:
        shutil.copytree(filled, folder / "data")
    passwords = folder / "passwords.json"
    for command in (["migrate", "--verbosity", "0"], ["collectstatic", "--noinput", "--verbosity", "0"]):
        subprocess.run([*manage, *command], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    if filled is None:
        command = [*manage, "demo_data", "--passwords-to", str(passwords)]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    else:
        command = [*manage, "shell", "--verbosity", "0", "-c", NEW_PASSWORDS]
        answer = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
        passwords.write_text(answer.stdout.splitlines()[-1])
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen([*manage, "serve"], env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_port(port)
            yield f"http://127.0.0.1:{port}", json.loads(passwords.read_text())
        finally:
            server.terminate()
            server.wait(60)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + LIMIT_MS / 1000
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def sign_in(browser: Browser, address: str, password: str, *, username: str = "physicist.a") -> Page:
    page = browser.new_context(viewport={"width": 1800, "height": 900}).new_page()
    page.set_default_timeout(LIMIT_MS)
    page.goto(f"{address}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    ready(page)
    return page


def ready(page: Page) -> None:
    page.wait_for_selector('#page[data-ready="true"]')


def first_cycle(page: Page, address: str) -> str:
    """Address of the demo patient's first cycle, the one with dose."""
    rows = page.request.get(f"{address}/api/worklist").json()["results"]
    return f"{address}/cycles/{next(row['cycle_id'] for row in rows if row['cycle_number'] == 1)}"


def open_images(page: Page, url: str) -> float:
    """Open a page with images; return the seconds until they are uncovered."""
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector('#viewer[data-covered="false"]')
    seconds = time.perf_counter() - started
    ready(page)
    page.wait_for_timeout(600)
    return seconds


def set_panes(page: Page, n_panes: int) -> None:
    page.evaluate(SIZE, [n_panes * PANE_PX + (n_panes - 1) * GAP_PX, PANE_PX])
    page.wait_for_timeout(600)


def scroll_ms(page: Page) -> tuple[list[float], float]:
    """Return the times from frame to frame while slices are scrolled, and the mean work of the page's thread."""
    page.evaluate(SCROLL, N_STEPS // 4)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = busy_s(session)
    times: list[float] = page.evaluate(SCROLL, N_STEPS)
    return times, 1000.0 * (busy_s(session) - before) / N_STEPS


def busy_s(session) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(item["value"] for item in metrics if item["name"] == "TaskDuration")


def brush_ms(page: Page) -> list[float]:
    """Paint a stroke over one pane and take it back; return the time of each mouse move."""
    page.locator("#viewer").focus()
    page.keyboard.press("b")
    box = page.locator('.pane[data-pane="0"]').bounding_box()
    assert box is not None
    x, y = box["x"] + 100, box["y"] + 140
    page.mouse.move(x, y)
    page.mouse.down()
    times = []
    for n in range(N_MOVES):
        started = time.perf_counter()
        page.mouse.move(x + 5 * n, y + 3 * (n % 8))
        times.append(1000.0 * (time.perf_counter() - started))
    page.mouse.up()
    page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    return times


def told(times_ms: list[float]) -> str:
    ordered = sorted(times_ms)
    ninetieth = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return f"median {statistics.median(ordered):.0f} ms, 90 % within {ninetieth:.0f} ms"


def load_text() -> str:
    return "load average " + " ".join(f"{value:.1f}" for value in os.getloadavg())


def measure_viewer(browser: Browser, address: str, password: str, *, name: str, backend: str) -> None:
    page = sign_in(browser, address, password)
    cycle = first_cycle(page, address)
    contours = f"{cycle}/contours/?backend={backend}"
    seconds = [open_images(page, contours) for _ in range(N_OPENED)]
    print(f"{name} ({load_text()})")
    print(f"  contours page to first image: {', '.join(f'{s:.1f}' for s in seconds)} s (the first loads the bundle)")
    page.click('[data-layout="1x3"]')
    set_panes(page, 3)
    times, work = scroll_ms(page)
    print(f"  scroll, CT + SPECT + outlines, 3 panes: {told(times)}; work of the page {work:.0f} ms a frame")
    strokes = brush_ms(page) + brush_ms(page)
    print(f"  brush, same scene, a mouse move: {told(strokes)}")
    page.once("dialog", lambda dialog: dialog.accept())
    open_images(page, f"{cycle}/dose/?backend={backend}")
    set_panes(page, 2)
    times, work = scroll_ms(page)
    print(
        f"  scroll, CT + dose wash + outline + isodose, 2 panes: {told(times)}; work of the page {work:.0f} ms a frame"
    )
    page.context.close()


def measure_import(browser: Browser, address: str, password: str) -> None:
    """From the ZIP in the browser to the page of questions, and from its confirmation to the first image."""
    page = sign_in(browser, address, password)
    for archive, state in (("scan_2.zip", "cold worker"), ("scan_1.zip", "warm worker")):
        page.goto(f"{address}/import/")
        ready(page)
        started = time.perf_counter()
        page.set_input_files("#choose-files", str(REAL_SCANS / archive))
        page.wait_for_url("**/import/*-*/")
        ready(page)
        print(
            f"ZIP to the confirm page, real {archive}, {state}: {time.perf_counter() - started:.1f} s ({load_text()})"
        )
    started = time.perf_counter()
    page.click("[data-confirm]")
    page.wait_for_url("**/guard/**")
    ready(page)
    n_reloads = 0
    while page.locator('#viewer[data-covered="false"]').count() == 0:
        page.wait_for_timeout(300)
        page.reload()
        ready(page)
        n_reloads += 1
    print(f"  confirmation to the first image: {time.perf_counter() - started:.1f} s, after {n_reloads} reloads")


def closure(manifest: dict, entry: str) -> set[str]:
    found, waiting = set(), [entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += manifest[name].get("imports", [])
    return found


def print_sizes() -> None:
    manifest = json.loads((APP / "manifest.json").read_text())
    for title, entry in (("viewer", "src/pages/contours.ts"), ("chart", "src/pages/kinetics.ts")):
        files = {manifest[name]["file"] for name in closure(manifest, entry)}
        size = sum(len(gzip.compress((APP / name).read_bytes())) for name in files)
        print(f"{title} page, all modules, gzip: {size / 1e6:.2f} MB")


def main() -> None:
    print(f"{datetime.now(tz=UTC):%Y-%m-%d}, {os.cpu_count()} cores, {load_text()}")
    print_sizes()
    with (
        tempfile.TemporaryDirectory(prefix="theranostics-viewer-") as folder,
        product(Path(folder)) as (address, passwords),
        sync_playwright() as driver,
    ):
        password = passwords["physicist.a"]
        for name, flags, backend in BROWSERS:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
            measure_viewer(browser, address, password, name=name, backend=backend)
            browser.close()
        if not REAL_SCANS.exists():
            print("No real scan beside the project: the import is not measured.")
            return
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=PLAIN)
        measure_import(browser, address, password)
        browser.close()


if __name__ == "__main__":
    main()
