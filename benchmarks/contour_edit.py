"""From an edit of a contour to the screen, and to what it changes downstream. Run: python benchmarks/contour_edit.py

The browser draws in software, on the demo patient's cycle with a dose; build the front end first. It starts its own
server, as ``viewer.py`` does; ``--data FOLDER`` works on a copy of a data folder that already holds the demo patient.
"""

import argparse
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, Request, sync_playwright
from viewer import CHROMIUM, PLAIN, first_cycle, load_text, open_images, product, sign_in, told

N_MOVES, N_SHAPES, N_SAVES = 40, 9, 7
SHAPE_PX = 60
HALF_STROKE_PX = 12

MOVES = """async ([n, x, y]) => {
  const pane = document.querySelector('.pane[data-pane="0"]'), times = [];
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const {port1, port2} = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); }));
  for (let i = 0; i < n; i += 1) {
    const begun = performance.now();
    const at = {clientX: x + 2 * (i % 20), clientY: y + 2 * Math.floor(i / 20), pointerId: 1, bubbles: true};
    pane.dispatchEvent(new PointerEvent('pointermove', at));
    await painted();
    times.push(performance.now() - begun);
  }
  return times;
}"""
"""Each move of a button that is down, to the end of the frame that shows it."""
FILLED = """(pane) => {
  const canvas = pane.querySelector('canvas.outline'), box = pane.getBoundingClientRect();
  const {data, width, height} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let n = 0, x = 0, y = 0;
  for (let i = 0; i < width * height; i += 1) {
    if (data[4 * i + 3] < 20 || data[4 * i + 3] > 60) continue;
    n += 1; x += i % width; y += Math.floor(i / width);
  }
  if (n < 100) throw new Error('The chosen region is not in the slice.');
  return [box.left + x / n * box.width / width, box.top + y / n * box.height / height];
}"""
"""The chosen region is filled at 12 %."""
RELEASE = """async () => {
  const pane = document.querySelector('.pane[data-pane="0"]');
  const begun = performance.now();
  pane.dispatchEvent(new PointerEvent('pointerup', {pointerId: 1, bubbles: true}));
  await new Promise((done) => requestAnimationFrame(() => {
    const {port1, port2} = new MessageChannel(); port1.onmessage = done; port2.postMessage(0); }));
  return performance.now() - begun;
}"""
"""A release that closes a line, to the end of the frame that shows what became of it."""


def middle(page: Page) -> tuple[float, float]:
    """Return the middle of what is filled of the chosen region in the first pane."""
    x, y = page.locator('.pane[data-pane="0"]').evaluate(FILLED)
    return float(x), float(y)


def choose_tool(page: Page, key: str) -> None:
    page.locator("#viewer").focus()
    page.keyboard.press(key)


def n_renders(page: Page) -> int:
    return int(page.locator("#viewer").get_attribute("data-renders") or 0)


def brush_ms(page: Page) -> list[float]:
    """Paint over the chosen region; the stroke is taken back."""
    choose_tool(page, "b")
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    n_before = n_renders(page)
    times: list[float] = page.evaluate(MOVES, [N_MOVES, x, y])
    if n_renders(page) < n_before + N_MOVES:
        raise RuntimeError("Not every move was drawn: the times are of something else.")
    page.mouse.up()
    page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    return times


def shape_ms(page: Page, key: str, *, is_opposite: bool = False) -> list[float]:
    """Close a line around the middle of the region again and again; each is taken back."""
    choose_tool(page, key)
    x, y = middle(page)
    times = []
    for _ in range(N_SHAPES):
        if is_opposite:
            page.keyboard.down("Shift")
        page.mouse.move(x - SHAPE_PX, y - SHAPE_PX)
        page.mouse.down()
        for dx, dy in ((1, -1), (1, 1), (-1, 1)):
            page.mouse.move(x + dx * SHAPE_PX, y + dy * SHAPE_PX, steps=5)
        times.append(float(page.evaluate(RELEASE)))
        page.mouse.up()
        if is_opposite:
            page.keyboard.up("Shift")
        page.keyboard.press("Control+z")
        page.wait_for_timeout(200)
    return times


def preview_s(page: Page, at: int) -> float:
    """Erase a little, save, and wait for the numbers of the preview; return the seconds from the save."""
    choose_tool(page, "e")
    x, y = middle(page)
    shift = 6 * (at - N_SAVES // 2)
    page.mouse.move(x - HALF_STROKE_PX, y + shift)
    page.mouse.down()
    page.mouse.move(x + HALF_STROKE_PX, y + shift, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Save revision").wait_for()
    begun = time.perf_counter()
    with page.expect_response("**/contours/preview/**"):
        page.keyboard.press("Control+s")
    page.locator("#consequences li").first.wait_for()
    return time.perf_counter() - begun


def keep_share(shares: dict[str, list[float]], request: Request) -> None:
    """Note how long the server took with each request of a save."""
    names = {"voxels": "the save", "contours": "the new numbers"}
    last = request.url.rstrip("/").rsplit("/", 1)[-1]
    name = "the preview" if "/contours/preview/" in request.url else names.get(last)
    if name is not None:
        shares.setdefault(name, []).append(request.timing["responseEnd"] / 1000.0)


def grid_text(page: Page, cycle: str) -> str:
    """Say on which grid contours are drawn."""
    cycle_id = cycle.rsplit("/", 1)[-1]
    origin = cycle.split("/cycles/", 1)[0]
    points = page.request.get(f"{origin}/api/cycles/{cycle_id}/images").json()["time_points"]
    point = next(item for item in points if item["is_reference"])
    grid = page.request.get(f"{origin}/api/time-points/{point['id']}/contours").json()["grid"]
    size = " x ".join(str(n) for n in grid["dimensions"])
    return f"{size} voxels of {' x '.join(f'{step:.3g}' for step in grid['spacing_mm'])} mm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a data folder with the demo patient, in which nobody works now")
    arguments = parser.parse_args()
    print(f"{datetime.now(tz=UTC):%Y-%m-%d}, {os.cpu_count()} cores, {load_text()}")
    with (
        tempfile.TemporaryDirectory(prefix="theranostics-edit-") as folder,
        product(Path(folder), filled=arguments.data) as (address, passwords),
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=PLAIN)
        page = sign_in(browser, address, passwords["editor"], username="editor")
        cycle = first_cycle(page, address)
        open_images(page, f"{cycle}/contours/?backend=cpu")
        print(f"contours on {grid_text(page, cycle)}, three panes and a projection ({load_text()})")
        page.locator("[data-region]", has_text="Liver").first.click()
        page.locator("#consequences .sect").wait_for()
        print(f"  brush, a move to the screen: {told(brush_ms(page) + brush_ms(page))}")
        page.get_by_role("button", name="Compare").first.click()
        page.locator("#comparison tbody tr").first.wait_for()
        page.wait_for_timeout(600)
        print(f"  the same with the difference from a revision shown: {told(brush_ms(page) + brush_ms(page))}")
        page.get_by_role("button", name="Close the comparison").click()
        print(f"  outline closed, removing, to the screen: {told(shape_ms(page, 'd', is_opposite=True))}")
        choose_tool(page, "k")
        page.get_by_role("button", name="This slice").click()
        print(f"  scissors through all slices, to the screen: {told(shape_ms(page, 'k'))}")
        shares: dict[str, list[float]] = {}
        page.on("requestfinished", lambda request: keep_share(shares, request))
        seconds = [preview_s(page, at) for at in range(N_SAVES)]
        times = ", ".join(f"{s:.2f}" for s in seconds)
        print(f"save to the preview of its consequences: median {statistics.median(seconds):.2f} s ({times})")
        for name, found in shares.items():
            print(f"  of it {name}: median {statistics.median(found):.2f} s")
        print(load_text())
        browser.close()


if __name__ == "__main__":
    main()
