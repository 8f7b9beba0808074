"""Beds of one scan become one image without a seam."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from dosimetry.dicomio.emission import EmissionImage
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import group_series
from dosimetry.errors import GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.beds import join_beds
from dosimetry.volume import Grid, Volume
from tests.phantoms.spect_scans import STARTED, write_small_scan

LU177 = get_nuclide("Lu-177")


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """Header facts of a scan, as a reconstruction leaves them."""
    (series,) = group_series([read_header(write_small_scan(tmp_path_factory.mktemp("beds")))], site_zone=STARTED.tzinfo)
    return replace(series, kind="emission", units="BQML", decay_correction="NONE", frame_duration_s=600.0)


def bed(facts, *, z_mm: float, delay_min: float = 0.0, n_z: int = 20, values=None) -> EmissionImage:
    """Activity of 1 kBq/mL at the time of the first bed, decayed until this one."""
    grid = Grid(shape_zyx=(n_z, 6, 6), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-10.0, -10.0, z_mm))
    decayed = np.exp(-LU177.decay_constant_per_s * 60.0 * delay_min)
    filled = np.full(grid.shape_zyx, 1e3) if values is None else values
    return EmissionImage(
        volume=Volume(
            values=(filled * decayed).astype(np.float32), grid=grid, unit="Bq/mL", frame_of_reference_uid="1"
        ),
        series=replace(facts, acquisition_start=STARTED + timedelta(minutes=delay_min)),
        half_life_header_s=None,
        findings=(),
    )


@pytest.mark.parametrize("shift_mm", [72.0, 70.0, 80.0])
def test_uniform_activity_shows_no_seam_and_no_decay(facts, shift_mm):
    joined = join_beds([bed(facts, z_mm=0.0), bed(facts, z_mm=shift_mm, delay_min=600.0)], nuclide=LU177)
    assert joined.volume.values == pytest.approx(1e3, rel=1e-5)
    assert joined.volume.grid.origin_lps_mm[2] == 0.0
    assert joined.volume.grid.shape_zyx[0] == 1 + int((shift_mm + 76.0) / 4.0)
    assert joined.series.acquisition_start == STARTED
    assert "2 beds joined" in joined.findings[-1].message


def test_the_total_is_that_of_the_whole(facts):
    whole = np.random.default_rng(1).uniform(0.0, 1e3, (36, 6, 6))
    parts = [bed(facts, z_mm=0.0, values=whole[:20]), bed(facts, z_mm=64.0, values=whole[16:])]
    joined = join_beds(parts[::-1], nuclide=LU177)
    assert joined.volume.values == pytest.approx(whole.astype(np.float32), rel=1e-5)


def test_where_beds_meet_one_goes_over_into_the_other(facts):
    low = bed(facts, z_mm=0.0)
    high = bed(facts, z_mm=60.0, values=np.full((20, 6, 6), 2e3))
    profile = join_beds([low, high], nuclide=LU177).volume.values[:, 3, 3]
    assert np.all(np.diff(profile) >= -1e-3)
    steps = np.diff(profile[15:20])
    assert steps == pytest.approx(steps[0], rel=1e-3)
    assert (profile[14], profile[20]) == (pytest.approx(1e3), pytest.approx(2e3))


def test_one_bed_is_left_alone_and_none_is_refused(facts):
    only = bed(facts, z_mm=0.0)
    assert join_beds([only], nuclide=LU177) is only
    with pytest.raises(InsufficientDataError):
        join_beds([], nuclide=LU177)


@pytest.mark.parametrize(
    ("second", "error", "code"),
    [
        ({"z_mm": 100.0}, GeometryMismatchError, "bed_gap"),
        ({"z_mm": 0.0}, InvalidInputError, "same_place"),
        ({"z_mm": 20.0, "n_z": 10}, InvalidInputError, "same_place"),
    ],
)
def test_beds_that_do_not_fit_are_named(facts, second, error, code):
    with pytest.raises(error) as caught:
        join_beds([bed(facts, z_mm=0.0), bed(facts, **second)], nuclide=LU177)
    assert caught.value.code == code


def test_beds_of_another_frame_or_corrected_for_decay_are_refused(facts):
    first, second = bed(facts, z_mm=0.0), bed(facts, z_mm=72.0)
    moved = replace(second, volume=replace(second.volume, frame_of_reference_uid="2"))
    with pytest.raises(GeometryMismatchError, match="frame"):
        join_beds([first, moved], nuclide=LU177)
    corrected = replace(second, series=replace(second.series, decay_correction="START"))
    with pytest.raises(InvalidInputError, match="decay"):
        join_beds([first, corrected], nuclide=LU177)
