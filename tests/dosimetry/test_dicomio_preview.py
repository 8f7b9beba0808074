"""Small pictures of series: geometry, window, and what has none."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.preview import LONGEST_SIDE_PX, series_preview
from dosimetry.dicomio.series import group_series
from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.demo import write_demo_patient
from dosimetry.phantoms.demo_files import DemoOptions


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preview")
    options = DemoOptions(coarseness=4, has_noise=False, patient_name="ZZPHI^A", patient_id="ZZPHI-1")
    files = write_demo_patient(folder, seed=3, start=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), options=options)
    groups = group_series([read_header(path) for path in files.paths], site_zone=ZoneInfo("UTC"))
    return {kind: next(item for item in groups if item.kind == kind) for kind in ("emission", "ct", "rtstruct")}


def test_projection_shows_activity_dark_with_square_pixels(series):
    picture = series_preview(series["emission"])
    assert picture.dtype == np.uint8
    assert max(picture.shape) == LONGEST_SIDE_PX
    # 90 slices and 128 columns of 4 mm, coarsened alike: the picture keeps their ratio within a pixel.
    assert picture.shape[0] / picture.shape[1] == pytest.approx(23 / 32, abs=0.02)
    assert picture.min() < 40
    assert picture.max() == 255


def test_liver_lies_at_the_left_of_the_picture_and_above_the_kidneys(series):
    """The patient's right is at the left, head up: the largest dark organ lies there."""
    dark = 255.0 - series_preview(series["emission"]).astype(float)
    columns = np.arange(dark.shape[1])
    liver_band = dark[: dark.shape[0] // 2]
    assert (liver_band.sum(axis=0) * columns).sum() / liver_band.sum() < 0.5 * dark.shape[1]


def test_middle_slice_of_a_ct_in_soft_tissue_window(series):
    picture = series_preview(series["ct"])
    assert picture.shape[0] == picture.shape[1]
    assert picture[0, 0] == 0
    assert picture.max() == 255


def test_contours_have_no_picture(series):
    with pytest.raises(InvalidInputError) as caught:
        series_preview(series["rtstruct"])
    assert caught.value.code == "no_preview"
