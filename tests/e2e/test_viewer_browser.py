"""The image viewer in a real browser, on both of its drawing paths: geometry, wash edge, probe, brush, undo."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dosimetry.volume import Grid, Volume
from planning.computation.grids import grid_to_dict
from planning.computation.volumes import ct_asset, emission_asset
from planning.models import (
    Administration,
    Course,
    Cycle,
    Membership,
    Patient,
    QuantifiedImage,
    Region,
    Series,
    Site,
    TimePoint,
    User,
    VolumeAsset,
)
from planning.models.sites import Role
from tests.e2e.browser import PASSWORD, sign_in

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]
FRAME = "1.2.826.0.1.3680043.8.498.7"
PEAK_BQ_PER_ML, SLOPE_BQ_PER_ML_MM = 1.0e6, 1.0e4
"""The cone falls by 10 kBq/mL per mm from the origin: the edge of a wash from 300 kBq/mL is a circle of 70 mm."""

COLOURED_WIDTHS = """(pane) => {
  const isShown = (canvas) => canvas.offsetParent !== null && canvas.style.display !== 'none' && canvas.width > 0;
  const shown = [...pane.querySelectorAll('.vp canvas')].filter(isShown);
  const copy = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  let widest = 0;
  for (const source of shown) {
    const scale = pane.clientWidth / source.width;
    copy.canvas.width = source.width; copy.canvas.height = source.height;
    copy.drawImage(source, 0, 0);
    const {data, width, height} = copy.getImageData(0, 0, source.width, source.height);
    for (let y = 0; y < height; y += 1) {
      let first = -1, last = -1;
      for (let x = 0; x < width; x += 1) {
        const at = 4 * (y * width + x);
        const rgb = [data[at], data[at + 1], data[at + 2]];
        if (Math.max(...rgb) - Math.min(...rgb) > 10) { if (first < 0) first = x; last = x; }
      }
      if (first >= 0) widest = Math.max(widest, (last - first + 1) * scale);
    }
  }
  return widest;
}"""


BODY_SIZE = """(pane) => {
  const isShown = (canvas) => canvas.offsetParent !== null && canvas.style.display !== 'none' && canvas.width > 0;
  const source = [...pane.querySelectorAll('.vp canvas')].filter(isShown)[0];
  const copy = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  [copy.canvas.width, copy.canvas.height] = [source.width, source.height];
  copy.drawImage(source, 0, 0);
  const {data, width, height} = copy.getImageData(0, 0, source.width, source.height);
  const seen = source.getBoundingClientRect();
  const count = (n, at) => Array.from({length: n}, (_, i) => data[4 * at(i)]).filter((value) => value > 60).length;
  const row = Math.floor(height / 2), column = Math.floor(width / 2);
  return [count(width, (i) => row * width + i) * seen.width / width,
          count(height, (i) => i * width + column) * seen.height / height];
}"""
"""Width and height on the screen, in pixels, of what is brighter than air along the middle row and column."""


def centred(shape_zyx, spacing_xyz_mm) -> Grid:
    origin = [-(n - 1) * step / 2.0 for n, step in zip(shape_zyx[::-1], spacing_xyz_mm, strict=True)]
    return Grid(shape_zyx=shape_zyx, spacing_xyz_mm=spacing_xyz_mm, origin_lps_mm=tuple(origin))


def points_mm(grid: Grid):
    x, y, z = (
        origin + step * np.arange(n)
        for origin, step, n in zip(grid.origin_lps_mm, grid.spacing_xyz_mm, grid.shape_zyx[::-1], strict=True)
    )
    return x[None, None, :], y[None, :, None], z[:, None, None]


@pytest.fixture
def cycle(db):
    """One time point: a CT block whose left side alone carries bone, and an activity cone at the origin."""
    site = Site.objects.create(name="Site A", time_zone="Europe/Berlin")
    user = User.objects.create_user(username="physicist", password=PASSWORD, full_name="Physicist A")
    for role in (Role.PHYSICIST, Role.CONTOUR_EDITOR):
        Membership.objects.create(user=user, site=site, role=role)
    patient = Patient.objects.create(site=site, patient_id="RPT-0001", name="ZZPHI, Patient 001")
    course = Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
    cycle = Cycle.objects.create(course=course, number=1)
    start = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    given = Administration.objects.create(
        cycle=cycle, number=1, administered_at=start, administered_activity_bq=7.4e9, source="typed"
    )
    point = TimePoint.objects.create(cycle=cycle, number=1, is_reference=True)
    series = Series.objects.create(
        site=site, patient=patient, time_point=point, kind="emission", modality="PT", series_uid="1.2", study_uid="1.1"
    )
    ct_grid, emission_grid = centred((60, 120, 120), (2.5, 2.5, 3.0)), centred((41, 61, 61), (4.0, 4.0, 4.0))
    x, y, z = points_mm(ct_grid)
    hu = np.where((np.abs(x) < 130) & (np.abs(y) < 100) & (np.abs(z) < 80), 40.0, -1000.0)
    hu[np.broadcast_to((np.abs(x - 110) < 15) & (np.abs(y) < 20), hu.shape) & (hu > 0)] = 800.0
    x, y, z = points_mm(emission_grid)
    cone = np.maximum(PEAK_BQ_PER_ML - SLOPE_BQ_PER_ML_MM * np.sqrt(x**2 + y**2 + z**2), 0.0)
    assets = {
        "ct_display": ct_asset(Volume(values=hu, grid=ct_grid, unit="HU", frame_of_reference_uid=FRAME)),
        "emission_display": emission_asset(
            Volume(values=cone, grid=emission_grid, unit="Bq/mL", frame_of_reference_uid=FRAME), kind="spect"
        ),
    }
    shown = {name: VolumeAsset.objects.create(site=site, patient=patient, **fields) for name, fields in assets.items()}
    QuantifiedImage.objects.create(
        time_point=point,
        number=1,
        emission_series=series,
        ct_series=series,
        administration=given,
        time_s=86400.0,
        mid_acquisition_at=start + timedelta(days=1),
        whole_image_activity_bq=1e9,
        nuclide="Lu-177",
        emission_sha256="0" * 64,
        emission_grid=grid_to_dict(emission_grid),
        frame_of_reference_uid=FRAME,
        ct_sha256="0" * 64,
        ct_grid=grid_to_dict(ct_grid),
        label_grid=grid_to_dict(ct_grid),
        inputs_digest="0" * 64,
        **shown,
    )
    Region.objects.create(course=course, kind="organ", name="Liver", label=1, colour="r3", tracking_uid="1.3")
    return cycle


@pytest.fixture
def viewer(live_server, cycle, page, faults):
    """Return a function that opens a viewer page on one of its drawing paths."""
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, "physicist")

    def open_page(name: str, backend: str):
        page.goto(f"{live_server.url}/cycles/{cycle.pk}/{name}/?backend={backend}")
        page.wait_for_selector('#page[data-ready="true"]', timeout=60_000)
        page.wait_for_selector('#viewer[data-covered="false"]')
        page.wait_for_timeout(600)  # the software path sharpens its picture after 80 ms
        return page

    return open_page


def settled(page, measure) -> int:
    """Return a measure of the picture once two readings agree: drawing follows the hand by a frame or more."""
    last = measure()
    for _ in range(20):
        page.wait_for_timeout(300)
        now = measure()
        if now == last:
            return now
        last = now
    return last


def pane(page, index: int):
    return page.locator(f'.pane[data-pane="{index}"]')


def mm_per_pixel(page, index: int) -> float:
    width = pane(page, index).locator(".scale").evaluate("(bar) => parseFloat(bar.style.width)")
    text = pane(page, index).locator(".o.bl").inner_text().split()
    return float(text[0]) * (10.0 if text[1] == "cm" else 1.0) / width


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_the_edge_of_a_wash_lies_at_its_threshold(viewer, backend):
    page = viewer("guard", backend)
    page.locator('input[name="em-threshold"]').fill("300")
    page.keyboard.press("Tab")
    page.wait_for_timeout(600)
    assert "shown above 300 kBq/mL" in pane(page, 1).inner_text()
    width_mm = pane(page, 1).evaluate(COLOURED_WIDTHS) * mm_per_pixel(page, 1)
    # One pixel at each edge for rasterisation, and one for the colour steps of the software path.
    assert width_mm == pytest.approx(140.0, abs=4.0 * mm_per_pixel(page, 1))


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_the_left_of_the_patient_is_on_the_right_of_axial_panes(viewer, backend):
    page = viewer("guard", backend)
    assert pane(page, 0).locator(".cL").inner_text() == "R"
    assert pane(page, 0).locator(".cR").inner_text() == "L"
    box = pane(page, 0).bounding_box()
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    offset = 110.0 / mm_per_pixel(page, 0)
    page.mouse.move(centre[0] + offset, centre[1])
    assert "CT 800 HU" in pane(page, 0).locator(".o.br").inner_text()
    page.mouse.move(centre[0] - offset, centre[1])
    assert "CT 40 HU" in pane(page, 0).locator(".o.br").inner_text()


def test_the_probe_reads_the_nearest_voxels_and_a_dash_outside(viewer):
    page = viewer("guard", "cpu")
    box = pane(page, 0).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    reading = pane(page, 0).locator(".o.br")
    assert "SPECT 1000 kBq/mL" in reading.inner_text()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    assert reading.inner_text().split() == ["CT", "—", "SPECT", "—"]


def test_keys_move_slices_and_a_click_in_the_projection_jumps(viewer):
    page = viewer("guard", "cpu")
    title = pane(page, 0).locator(".o.tl")
    before = title.inner_text()
    page.locator("#viewer").focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(200)
    assert title.inner_text() != before
    page.keyboard.press("Home")
    page.wait_for_timeout(200)
    assert "slice 1 of 60" in title.inner_text()
    box = pane(page, 3).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(200)
    assert "slice 1 of 60" not in title.inner_text()


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_a_stroke_is_drawn_taken_back_and_kept_as_a_draft(viewer, cycle, backend):
    page = viewer("contours", backend)
    ink = """(pane) => { const c = pane.querySelector('canvas.outline');
      const {data} = c.getContext('2d').getImageData(0, 0, c.width, c.height); let n = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && data[at] > data[at + 2] + 40) n += 1;
      return n; }"""
    page.locator("[data-region]").first.click()
    assert pane(page, 0).evaluate(ink) == 0
    page.keyboard.press("b")
    box = pane(page, 0).bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 210, box["y"] + 160, steps=6)
    page.mouse.up()
    drawn = settled(page, lambda: pane(page, 0).evaluate(ink))
    assert drawn > 50
    page.keyboard.press("Control+z")
    assert settled(page, lambda: pane(page, 0).evaluate(ink)) == 0
    page.keyboard.press("Control+y")
    # After some readings the browser rasterises the canvas in software, whose soft edges count differently.
    assert settled(page, lambda: pane(page, 0).evaluate(ink)) == pytest.approx(drawn, rel=0.2)
    page.locator("#save-state", has_text="Draft saved").wait_for(timeout=15_000)
    assert cycle.time_points.get().contour_drafts.count() == 1


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_a_voxel_stays_square_while_panes_change_their_size(viewer, backend):
    """The body is 260 mm wide and 200 mm deep, by the scale that the pane prints, at every size of window and pane."""
    page = viewer("guard", backend)

    def measured() -> tuple[float, float]:
        width, height = pane(page, 0).evaluate(BODY_SIZE)
        return width * mm_per_pixel(page, 0), height * mm_per_pixel(page, 0)

    # The soft edge of the body takes half a voxel of 2.5 mm on each side, a pixel of the screen some more.
    body_mm = (pytest.approx(260, abs=4), pytest.approx(200, abs=4))

    def check(what: str) -> float:
        """Wait for the picture, which follows its pane by some frames; one that is stretched stays so."""
        for _ in range(30):
            page.wait_for_timeout(300)
            if measured() == body_mm:
                break
        page.wait_for_timeout(300)
        assert measured() == body_mm, what
        return pane(page, 0).bounding_box()["width"]

    first = check("first")
    # Larger, smaller, and back to the size of the beginning, which Cornerstone takes for the one that it has.
    for width, height in ((1800, 1100), (1100, 700), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        check(f"{width} x {height}")
    pane(page, 0).dblclick()
    assert check("enlarged") > 1.5 * first
    pane(page, 0).dblclick()
    assert check("among the others again") == first


def test_a_reconstructed_image_is_offered_as_dicom_and_says_why_it_is_stale(viewer, cycle):
    """The image rests on projections; a second bed came in after it."""
    first = Series.objects.get()
    first.kind, first.frame_of_reference_uid = "projections", FRAME
    first.save()
    image = QuantifiedImage.objects.get()
    page = viewer("guard", "cpu")
    link = page.get_by_role("link", name="DICOM (NM, Bq/mL)")
    assert link.get_attribute("href") == f"/api/images/{image.pk}/dicom"
    assert page.get_by_text("This image is stale").count() == 0
    Series.objects.create(
        site=first.site,
        patient=first.patient,
        time_point=first.time_point,
        kind="projections",
        modality="NM",
        series_uid="1.9",
        study_uid="1.1",
        frame_of_reference_uid=FRAME,
    )
    page = viewer("guard", "cpu")
    page.locator("#inspector").get_by_text("a bed of the scan was added; prepare the images again").wait_for()
