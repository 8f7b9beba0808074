"""From projections to Bq/mL: each correction does its part, and what is missing is said."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dosimetry.errors import (
    CalculationCancelledError,
    GeometryMismatchError,
    InsufficientDataError,
    InvalidInputError,
)
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification import spect_job
from dosimetry.quantification.activity import to_activity_concentration
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.point_spread import FWHM_PER_SIGMA
from dosimetry.quantification.spect import reconstruct_spect
from dosimetry.quantification.spect_scatter import (
    MOST_UPDATES,
    ImagedLine,
    converged_scatter,
    dew_window_scatter,
    find_imaged_line,
)
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.volume import Grid, Volume, block_mean
from tests.phantoms.spect_scans import PIXELS, PROTOCOL, STARTED, WINDOWS, read_small_scan, small_scan

LU177 = get_nuclide("Lu-177")
CALIBRATION = CalibrationFactor(
    calibration_cps_per_bq=PROTOCOL.calibration_cps_per_bq,
    standard_uncertainty_cps_per_bq=0.0,
    camera="Symbia ME",
    nuclide="Lu-177",
    valid_from=date(2026, 1, 1),
)
QUICK = SpectSettings(camera="Symbia ME", n_iterations=5, n_subsets=8, scatter="simulated", scatter_histories=60_000)


@pytest.fixture(scope="module")
def projections(tmp_path_factory):
    return read_small_scan(tmp_path_factory.mktemp("projections"))


@pytest.fixture(scope="module")
def image(projections):
    return image_of(projections, QUICK)


def image_of(projections, settings, **changes):
    arguments = {"nuclide": LU177, "density": small_scan().density_volume, "calibration": CALIBRATION}
    return reconstruct_spect(projections, settings=settings, **{**arguments, **changes}).image


def total_bq(image) -> float:
    return float(image.volume.values.sum(dtype=np.float64)) * image.volume.grid.voxel_volume_ml


def test_total_activity_is_found(image):
    # The bar is 2 %: scatter by a shorter simulation than that of the scan, and voxels of twice the size.
    assert total_bq(image) == pytest.approx(small_scan().total_bq, rel=0.02)


def test_a_hot_sphere_is_recovered_but_for_its_rim(image):
    share = block_mean(small_scan().sphere, 2)
    found = float((image.volume.values * share).sum() / share.sum())
    true = float(small_scan().activity[small_scan().sphere].mean())
    # 113 mL in voxels of 10 mm, without partial-volume correction.
    assert 0.8 < found / true < 1.0


def test_the_image_lies_on_the_grid_of_the_scan(image):
    assert image.volume.grid.matches(PIXELS)
    assert image.volume.unit == "Bq/mL"
    assert image.volume.frame_of_reference_uid == "1.2.3.4"
    assert image.series.corrections == ("ATTN", "SCAT")
    assert image.series.decay_correction == "NONE"
    (said,) = [finding for finding in image.findings if finding.code == "reconstructed"]
    assert "208 keV" in said.message
    assert "simulated scatter" in said.message


def test_it_is_an_image_like_any_other(image):
    quantified = to_activity_concentration(
        image,
        nuclide=LU177,
        administration_time=STARTED - timedelta(hours=24),
        administered_activity_bq=7.4e9,
    )
    middle_s = 24 * 3600.0 + 0.5 * PROTOCOL.duration_s
    assert quantified.time_s == pytest.approx(middle_s)
    assert quantified.whole_image_activity_bq == pytest.approx(total_bq(image), rel=1e-5)


def test_scatter_from_windows_is_near_and_none_is_not(projections, image):
    settings = replace(QUICK, n_iterations=2)
    windows = total_bq(image_of(projections, replace(settings, scatter="windows")))
    none = total_bq(image_of(projections, replace(settings, scatter="none")))
    # Triple energy windows are within 10 % (Ogawa et al. 1991); a fifth of the counts is scatter.
    assert windows == pytest.approx(small_scan().total_bq, rel=0.10)
    assert none / small_scan().total_bq > 1.15


def test_without_attenuation_correction_much_is_lost(projections):
    settings = replace(QUICK, n_iterations=2, scatter="none", has_attenuation=False)
    assert total_bq(image_of(projections, settings, density=None)) < 0.6 * small_scan().total_bq


def test_resolution_modelling_recovers_more_of_the_sphere(projections):
    share = block_mean(small_scan().sphere, 2)
    settings = replace(QUICK, scatter="windows")
    plain, modelled = (image_of(projections, replace(settings, camera=camera)) for camera in ("", "Symbia ME"))
    assert float((plain.volume.values * share).sum()) < float((modelled.volume.values * share).sum())


def test_progress_is_told_and_can_stop(projections):
    said = []
    image_of(projections, replace(QUICK, n_iterations=1), progress=lambda share, text: said.append((share, text)))
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.99)
    assert any("Simulating" in text for _, text in said)

    def stop(share, text):
        raise CalculationCancelledError("Stopped.")

    with pytest.raises(CalculationCancelledError):
        image_of(projections, QUICK, progress=stop)


def test_a_scan_without_position_is_put_on_the_ct(projections):
    shifted = Grid(
        shape_zyx=PIXELS.shape_zyx,
        spacing_xyz_mm=PIXELS.spacing_xyz_mm,
        origin_lps_mm=(PIXELS.origin_lps_mm[0], PIXELS.origin_lps_mm[1], PIXELS.origin_lps_mm[2] + 500.0),
    )
    density = Volume(values=small_scan().density_volume.values, grid=shifted, unit="g/mL")
    floating = replace(projections, lowest_row_z_mm=None)
    image = image_of(floating, replace(QUICK, scatter="windows", n_iterations=1), density=density)
    assert image.volume.grid.origin_lps_mm[2] == pytest.approx(shifted.origin_lps_mm[2])


def elsewhere() -> Volume:
    grid = replace(PIXELS, origin_lps_mm=(PIXELS.origin_lps_mm[0], PIXELS.origin_lps_mm[1], 0.0))
    return Volume(values=small_scan().density_volume.values, grid=grid, unit="g/mL")


@pytest.mark.parametrize(
    ("settings", "changes", "error", "code"),
    [
        (QUICK, {"calibration": None}, InsufficientDataError, "no_calibration"),
        (QUICK, {"calibration": replace(CALIBRATION, nuclide="I-131")}, InvalidInputError, "calibration_nuclide"),
        (QUICK, {"density": None}, InsufficientDataError, "no_ct"),
        (QUICK, {"density": elsewhere()}, GeometryMismatchError, "ct_too_short"),
    ],
)
def test_what_is_missing_is_said(projections, settings, changes, error, code):
    with pytest.raises(error) as caught:
        image_of(projections, settings, **changes)
    assert caught.value.code == code


def test_scatter_windows_are_needed_where_they_are_used(projections):
    alone = replace(projections, counts=projections.counts[:1], windows_kev=WINDOWS[:1])
    with pytest.raises(InsufficientDataError) as caught:
        image_of(alone, replace(QUICK, scatter="windows"))
    assert caught.value.code == "no_scatter_window"
    assert total_bq(image_of(alone, QUICK)) == pytest.approx(small_scan().total_bq, rel=0.02)


DEW_WINDOWS = ((127.0, 153.0), (92.0, 125.0))
DEW_LINE = ImagedLine(energy_kev=140.5, photopeak=0, lower=1, upper=None)


def test_a_dual_energy_window_takes_the_published_share(projections):
    """Jaszczak et al. 1984: half of the counts at 92-125 keV; the smoothing keeps their sum away from the edges."""
    imagined = replace(projections, counts=projections.counts[:2], windows_kev=DEW_WINDOWS)
    assert find_imaged_line(DEW_WINDOWS, nuclide="Tc-99m").lower == 1
    scatter = dew_window_scatter(imagined, DEW_LINE, nuclide="Tc-99m", smoothing_pixels=4.0)
    assert scatter.sum() == pytest.approx(0.5 * imagined.counts[1].sum(), rel=1e-3)
    sharp = dew_window_scatter(imagined, DEW_LINE, nuclide="Tc-99m", smoothing_pixels=0.0)
    assert np.array_equal(sharp, 0.5 * imagined.counts[1])


def test_a_dual_energy_window_is_refused_where_no_ratio_is_known(projections):
    with pytest.raises(InsufficientDataError, match="known: Tc-99m") as caught:
        image_of(projections, replace(QUICK, scatter="dew"))
    assert caught.value.code == "no_dew_ratio"
    shifted = replace(projections, counts=projections.counts[:2], windows_kev=((127.0, 153.0), (110.0, 127.0)))
    with pytest.raises(InsufficientDataError, match="110-127"):
        dew_window_scatter(shifted, DEW_LINE, nuclide="Tc-99m", smoothing_pixels=4.0)
    alone = replace(projections, counts=projections.counts[:1], windows_kev=WINDOWS[:1])
    with pytest.raises(InsufficientDataError) as caught:
        image_of(alone, replace(QUICK, scatter="dew"))
    assert caught.value.code == "no_scatter_window"


@pytest.mark.parametrize("changes", [{"scatter": "guess"}, {"camera": ""}, {"has_attenuation": False}])
def test_settings_that_cannot_be_are_refused(changes):
    with pytest.raises(InvalidInputError):
        replace(QUICK, **changes)


@pytest.mark.parametrize(
    ("nuclide", "windows", "energy_kev", "numbers"),
    [
        ("Lu-177", WINDOWS, 208.4, (0, 1, 2)),
        ("Lu-177", ((101.0, 125.0), (187.2, 228.8), (125.0, 150.0)), 208.4, (1, None, None)),
        ("I-131", ((302.0, 328.0), (328.0, 400.0), (400.0, 426.0)), 364.5, (1, 0, 2)),
        ("Tc-99m", ((126.5, 154.6), (120.0, 126.5)), 140.5, (0, 1, None)),
    ],
)
def test_the_imaged_line_is_found(nuclide, windows, energy_kev, numbers):
    line = find_imaged_line(windows, nuclide=nuclide)
    assert line.energy_kev == pytest.approx(energy_kev, abs=0.2)
    assert (line.photopeak, line.lower, line.upper) == numbers


@pytest.mark.parametrize("error_left", [0.3, -0.3, -0.7, -0.9, -1.2, -1.8])
def test_scatter_settles_also_where_an_update_makes_the_error_larger(error_left):
    """Where scatter exceeds the primaries (Lu-177 at 113 keV), plain updates swing ever further."""
    true = np.full((2, 3, 4), 1000.0, dtype=np.float32)
    numbers = []

    def simulate(number, scatter):
        numbers.append(number)
        return (true + error_left * (scatter - true)).astype(np.float32)

    found = converged_scatter(0.8 * true, simulate, n_counts=3.0 * float(true.sum()))
    # Updates stop at a change of 2 %, of which the share that an update leaves remains.
    assert found.is_settled
    assert found.counts.sum() == pytest.approx(true.sum(), rel=0.04)
    assert len(numbers) <= MOST_UPDATES


@pytest.mark.parametrize("ratio", [1.1, 2.5, 5.0])
def test_scatter_above_the_primaries_settles_without_a_first_estimate(ratio):
    """Bremsstrahlung: an image that takes all counts for primaries makes more scatter than there are counts."""
    counts = np.full((2, 3, 4), 1000.0, dtype=np.float32)

    def simulate(_number, scatter):
        seen = counts if scatter is None else np.maximum(counts - scatter, 0.0)
        return (ratio * seen).astype(np.float32)

    found = converged_scatter(None, simulate, n_counts=float(counts.sum()))
    assert found.is_settled
    primaries = float((counts - found.counts).sum())
    assert primaries == pytest.approx(float(counts.sum()) / (1.0 + ratio), rel=0.02)


def test_scatter_that_never_settles_is_told(projections, image, monkeypatch):
    """A simulation that swings: the image comes with the doubt, not without it."""
    swings = iter([1.0, 2.0, 0.5, 3.0, 0.4, 4.0, 0.3])

    def simulated(job, _number, _scatter):
        return np.full_like(job.projections.counts[0], next(swings))

    monkeypatch.setattr(spect_job.SpectJob, "_simulated", simulated)
    found = image_of(projections, replace(QUICK, scatter="simulated"))
    (finding,) = [finding for finding in found.findings if finding.code == "scatter_unsettled"]
    assert finding.level == "ask" and "%" in finding.message
    assert "scatter_unsettled" not in {finding.code for finding in image.findings}


def test_activity_beside_the_field_of_the_ct_is_said(projections, image):
    whole = small_scan().density_volume
    n = whole.grid.shape_zyx[2]
    cut = slice(n // 2 - n // 10, n // 2 + n // 10)
    x, y, z = (float(v) for v in whole.grid.index_to_lps_mm(np.array([0.0, 0.0, cut.start])))
    narrow = np.ascontiguousarray(whole.values[:, :, cut])
    grid = replace(whole.grid, shape_zyx=narrow.shape, origin_lps_mm=(x, y, z))
    density = replace(whole, values=narrow, grid=grid)
    found = image_of(projections, replace(QUICK, scatter="windows", n_iterations=2), density=density)
    (finding,) = [finding for finding in found.findings if finding.code == "ct_too_narrow"]
    assert finding.level == "ask" and "%" in finding.message
    assert "ct_too_narrow" not in {finding.code for finding in image.findings}


def test_windows_of_another_nuclide_are_refused():
    with pytest.raises(InsufficientDataError, match="Tc-99m"):
        find_imaged_line(WINDOWS, nuclide="Tc-99m")


@pytest.mark.parametrize("model", ["paralysable", "non_paralysable"])
def test_counts_lost_in_dead_time_are_given_back(projections, image, model):
    tau_s = 5e-6
    rates_cps = projections.counts.sum(axis=(0, 2, 3), dtype=np.float64) / projections.view_duration_s
    boost = 20e3 / rates_cps.mean()  # a stronger source: 20,000 cps, of which a tenth is lost
    live = np.exp(-boost * rates_cps * tau_s) if model == "paralysable" else 1.0 / (1.0 + boost * rates_cps * tau_s)
    observed = projections.counts * (boost * live[:, None, None]).astype(np.float32)
    busy = replace(projections, counts=observed)
    settings = replace(QUICK, dead_time_s=tau_s, dead_time_model=model)
    found = image_of(busy, settings)
    assert total_bq(found) / boost == pytest.approx(total_bq(image), rel=2e-3)
    # Views are lost unevenly, so that the mean over them is only near to what the image lacks.
    assert total_bq(image_of(busy, QUICK)) / boost == pytest.approx(total_bq(image) * live.mean(), rel=0.02)
    assert f"Dead time took {1.0 - live.mean():.1%} of the counts" in found.findings[-1].message


def test_counts_that_crossed_septa_are_brought_back(projections, image):
    share, width_mm = 0.3, 60.0
    geometric = projections.counts[0]
    sigma_pixels = width_mm / FWHM_PER_SIGMA / PIXELS.spacing_xyz_mm[0]
    spread = gaussian_filter(geometric, (0.0, sigma_pixels, sigma_pixels), mode="constant")
    seen = projections.counts.copy()
    seen[0] = (1.0 - share) * geometric + share * spread
    blurred = replace(projections, counts=seen)
    # What is blurred more takes more updates to come back.
    modelled = image_of(blurred, replace(QUICK, n_iterations=15, penetration_share=share, penetration_fwhm_mm=width_mm))
    sphere = block_mean(small_scan().sphere, 2)

    def inside(found) -> float:
        return float((found.volume.values * sphere).sum() / (image.volume.values * sphere).sum())

    assert inside(modelled) == pytest.approx(1.0, abs=0.03)
    assert inside(image_of(blurred, QUICK)) < 0.85
    assert (
        f"septal penetration 30 % of {width_mm:g} mm"
        in replace(QUICK, penetration_share=share, penetration_fwhm_mm=width_mm).identity
    )
    assert "septal" not in QUICK.identity


@pytest.mark.parametrize(
    "changes",
    [
        {"penetration_share": 1.0, "penetration_fwhm_mm": 60.0},
        {"penetration_share": 0.3},
        {"penetration_share": 0.3, "penetration_fwhm_mm": 900.0},
        {"penetration_share": 0.3, "penetration_fwhm_mm": 60.0, "camera": "", "scatter": "none"},
    ],
)
def test_septal_penetration_without_what_it_needs_is_refused(changes):
    with pytest.raises(InvalidInputError, match=r"(?i)septa") as caught:
        replace(QUICK, **changes)
    assert caught.value.code == "bad_penetration"


@pytest.mark.parametrize("changes", [{"dead_time_s": 2.0}, {"dead_time_s": -1e-6}, {"dead_time_model": "other"}])
def test_a_dead_time_that_no_camera_has_is_refused(changes):
    with pytest.raises(InvalidInputError, match="µs"):
        replace(QUICK, **changes)
