"""Noise replicates of a reconstruction: the image stays, windows are resampled, simulated scatter is shared."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification import spect_job
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.image_noise import region_noise, whole_image_noise
from dosimetry.quantification.spect_beds import reconstruct_beds
from dosimetry.quantification.spect_settings import SpectSettings
from tests.phantoms.spect_scans import PROTOCOL, read_small_scan, small_scan

CALIBRATION = CalibrationFactor(
    calibration_cps_per_bq=PROTOCOL.calibration_cps_per_bq,
    standard_uncertainty_cps_per_bq=0.0,
    camera="Symbia ME",
    nuclide="Lu-177",
    valid_from=date(2026, 1, 1),
)
PLAIN = SpectSettings(n_iterations=2, n_subsets=8, scatter="windows", has_attenuation=False)
NOISY = replace(PLAIN, n_replicates=6)


@pytest.fixture(scope="module")
def projections(tmp_path_factory):
    return read_small_scan(tmp_path_factory.mktemp("projections"))


def reconstructed(beds, settings, *, progress=lambda share, text: None):
    return reconstruct_beds(
        beds,
        nuclide=get_nuclide("Lu-177"),
        density=small_scan().density_volume if settings.has_attenuation else None,
        calibration=CALIBRATION,
        settings=settings,
        progress=progress,
    )


@pytest.fixture(scope="module")
def noisy(projections):
    return reconstructed([projections], NOISY)


def test_the_image_is_the_same_with_and_without_them(projections, noisy):
    plain = reconstructed([projections], PLAIN)
    assert plain.replicates is None
    assert np.array_equal(plain.image.volume.values, noisy.image.volume.values)
    assert plain.image.findings == noisy.image.findings
    assert len(noisy.replicates) == 6
    assert noisy.replicates.shape_zyx == noisy.image.volume.values.shape
    assert NOISY.identity == PLAIN.identity
    assert "n_replicates" not in PLAIN.chosen and NOISY.chosen["n_replicates"] == 6


def test_a_run_repeats_and_each_replicate_is_another(projections, noisy):
    again = reconstructed([projections], NOISY).replicates
    assert again.to_bytes() == noisy.replicates.to_bytes()
    totals = noisy.replicates.sums(np.ones(again.shape_zyx))
    assert len(set(totals.tolist())) == 6


def test_noise_is_said_for_the_whole_image(projections, noisy):
    image = noisy.image.volume
    found = region_noise(noisy.replicates, np.ones(image.grid.shape_zyx), image=image.values)
    # Counts alone would give 1/sqrt(n); the windows that are subtracted add to it, edges and body shape change it.
    counts = float(projections.counts[0].sum(dtype=np.float64))
    assert 0.3 / np.sqrt(counts) < found.cv < 10.0 / np.sqrt(counts)
    finding = whole_image_noise(image, noisy.replicates)
    assert finding.level == "note" and "Noise replicates: 6" in finding.message


def test_windows_are_resampled_and_simulated_scatter_is_shared(projections, monkeypatch):
    seen = []
    usual = spect_job.reconstruct

    def watched(counts, *, additive_counts=None, **arguments):
        seen.append(additive_counts)
        return usual(counts, additive_counts=additive_counts, **arguments)

    monkeypatch.setattr(spect_job, "reconstruct", watched)
    reconstructed([projections], replace(NOISY, n_replicates=5))
    totals = {float(scatter.sum(dtype=np.float64)) for scatter in seen}
    assert len(seen) == 6 and len(totals) == 6

    seen.clear()
    monkeypatch.setattr(
        spect_job.SpectJob, "_simulated", lambda job, number, scatter: np.full_like(job.projections.counts[0], 2.0)
    )
    simulated = replace(NOISY, camera="Symbia ME", has_attenuation=True, scatter="simulated", n_replicates=5)
    reconstructed([projections], simulated)
    assert len(seen) == 6
    assert all(np.all(scatter == 2.0) for scatter in seen)


def test_progress_counts_them_and_stopping_leaves_nothing(projections):
    said = []
    reconstructed([projections], NOISY, progress=lambda share, text: said.append((share, text)))
    shares = [share for share, _ in said]
    assert shares == sorted(shares) and 0.99 < shares[-1] <= 1.0
    assert {text.split(",")[0] for _, text in said if text.startswith("Noise")} == {
        f"Noise replicate {number} of 6" for number in range(1, 7)
    }

    def stop(share, text):
        if text.startswith("Noise replicate 3"):
            raise CalculationCancelledError("Stopped.")

    with pytest.raises(CalculationCancelledError):
        reconstructed([projections], NOISY, progress=stop)


def test_replicates_of_two_beds_are_joined_one_by_one(projections, noisy):
    n_rows, pixel_mm = projections.counts.shape[2], projections.pixel_mm[1]
    shifted = projections.lowest_row_z_mm + (n_rows - 4) * pixel_mm
    turned = projections.counts[:, :, ::-1].copy()
    found = reconstructed([projections, replace(projections, lowest_row_z_mm=shifted, counts=turned)], NOISY)
    assert found.replicates.shape_zyx == found.image.volume.values.shape
    lower, upper = np.zeros(found.replicates.shape_zyx), np.zeros(found.replicates.shape_zyx)
    lower[: n_rows - 4], upper[n_rows:] = 1.0, 1.0
    below, above = found.replicates.sums(lower), found.replicates.sums(upper)
    alone = np.zeros(noisy.replicates.shape_zyx)
    alone[: n_rows - 4] = 1.0
    assert below == pytest.approx(noisy.replicates.sums(alone), rel=1e-3)
    alone[: n_rows - 4], alone[4:] = 0.0, 1.0
    turned_alone = reconstructed([replace(projections, counts=turned)], NOISY).replicates
    assert above == pytest.approx(turned_alone.sums(alone), rel=1e-3)


@pytest.mark.parametrize("number", [-1, 4, 51])
def test_a_number_that_says_nothing_or_takes_hours_is_refused(number):
    with pytest.raises(InvalidInputError) as error:
        replace(PLAIN, n_replicates=number)
    assert error.value.code == "bad_replicate_count"
