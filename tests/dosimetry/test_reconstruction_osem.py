"""Iterative reconstruction: it finds what was projected, in Bq/mL, and can be stopped and taken up again."""

from dataclasses import replace

import numpy as np
import pytest

from dosimetry.errors import CalculationCancelledError, GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.reconstruction.collimator import Collimator
from dosimetry.reconstruction.orbit import circular_orbit
from dosimetry.reconstruction.osem import OsemOptions, OsemState, post_filter, reconstruct, subset_views
from dosimetry.reconstruction.projector import Projector
from dosimetry.volume import Grid

N, SPACING_MM = 32, 8.0
ME = Collimator(name="ME", hole_diameter_mm=2.94, effective_length_mm=38.9, intrinsic_fwhm_mm=3.1)
COUNTS_PER_BQ = 10e-6 * 20.0


def body_and_sphere(n: int, spacing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    z, y, x = (np.mgrid[:n, :n, :n] - 0.5 * (n - 1)) * spacing_mm
    body = ((x / 100.0) ** 2 + (y / 80.0) ** 2 <= 1.0) & (np.abs(z) <= 90.0)
    sphere = (x - 30.0) ** 2 + (y + 10.0) ** 2 + z**2 <= 40.0**2
    return body.astype(np.float32), sphere.astype(np.float32)


def system(n: int = N, spacing_mm: float = SPACING_MM, **changes) -> Projector:
    body, _ = body_and_sphere(2 * N, SPACING_MM / 2.0)
    if n == N:
        body = body.reshape(N, 2, N, 2, N, 2).mean(axis=(1, 3, 5))
    settings = {
        "grid": Grid(shape_zyx=(n, n, n), spacing_xyz_mm=(spacing_mm,) * 3, origin_lps_mm=(0.0, 0.0, 0.0)),
        "orbit": circular_orbit(n_views=30, radius_mm=150.0),
        "collimator": ME,
        "mu_per_mm": 0.0136 * body,
        "counts_per_bq": (COUNTS_PER_BQ,) * 30,
    }
    return Projector(**{**settings, **changes})


@pytest.fixture(scope="module")
def measured() -> np.ndarray:
    """Counts simulated on voxels of half the size and binned: not the model of the reconstruction."""
    fine = system(2 * N, SPACING_MM / 2.0)
    body, sphere = body_and_sphere(2 * N, SPACING_MM / 2.0)
    counts = fine.forward(2e3 * body + 48e3 * sphere)
    return counts.reshape(30, N, 2, N, 2).sum(axis=(2, 4))


def test_activity_comes_back_in_bq_per_ml(measured):
    body, _ = body_and_sphere(N, SPACING_MM)
    result = reconstruct(measured, projector=system(), options=OsemOptions(n_iterations=8, n_subsets=6))
    image = result.activity_bq_per_ml
    fine_body, fine_sphere = body_and_sphere(2 * N, SPACING_MM / 2.0)
    true_bq = float((2e3 * fine_body + 48e3 * fine_sphere).sum()) * (SPACING_MM / 2.0) ** 3 / 1e3
    # The bar for total activity is 2 %; voxels of two sizes and the rim of the attenuation map leave this.
    assert image.sum() * SPACING_MM**3 / 1e3 == pytest.approx(true_bq, rel=0.01)
    z, y, x = (np.mgrid[:N, :N, :N] - 0.5 * (N - 1)) * SPACING_MM
    core = (x - 30.0) ** 2 + (y + 10.0) ** 2 + z**2 <= 20.0**2
    # Resolution modelling rings at the edges of a sphere of ten voxels: its core lies some per cent low.
    assert image[core].mean() == pytest.approx(50e3, rel=0.08)
    far = (body > 0) & ((x - 30.0) ** 2 + (y + 10.0) ** 2 + z**2 > 70.0**2) & (np.abs(z) < 60.0)
    assert image[far].mean() == pytest.approx(2e3, rel=0.05)
    assert result.expected_counts == pytest.approx(result.measured_counts, rel=2e-3)
    assert image.min() >= 0.0


def test_known_scatter_is_taken_out(measured):
    scatter = np.full_like(measured, 0.3 * measured.mean())
    options = OsemOptions(n_iterations=4, n_subsets=6)
    clean = reconstruct(measured, projector=system(), options=options).activity_bq_per_ml
    corrected = reconstruct(measured + scatter, projector=system(), options=options, additive_counts=scatter)
    ignored = reconstruct(measured + scatter, projector=system(), options=options).activity_bq_per_ml
    assert corrected.activity_bq_per_ml.sum() == pytest.approx(clean.sum(), rel=0.01)
    assert ignored.sum() > 1.15 * clean.sum()


def test_without_attenuation_correction_activity_is_missed(measured):
    image = reconstruct(
        measured, projector=system(mu_per_mm=None), options=OsemOptions(n_iterations=2)
    ).activity_bq_per_ml
    corrected = reconstruct(measured, projector=system(), options=OsemOptions(n_iterations=2)).activity_bq_per_ml
    assert image.sum() < 0.5 * corrected.sum()


def test_the_result_scales_with_counts_and_with_calibration(measured):
    options = OsemOptions(n_iterations=1, n_subsets=6)
    once = reconstruct(measured, projector=system(), options=options).activity_bq_per_ml
    twice = reconstruct(2.0 * measured, projector=system(), options=options).activity_bq_per_ml
    halved = reconstruct(measured, projector=system(counts_per_bq=(2.0 * COUNTS_PER_BQ,) * 30), options=options)
    assert twice == pytest.approx(2.0 * once, rel=1e-3, abs=1e-3 * float(once.max()))
    assert halved.activity_bq_per_ml == pytest.approx(0.5 * once, rel=1e-3, abs=1e-3 * float(once.max()))


def test_it_can_be_stopped_and_taken_up_again(measured):
    options = OsemOptions(n_iterations=2, n_subsets=5)
    whole = reconstruct(measured, projector=system(), options=options).unfiltered_bq_per_ml
    kept: list[OsemState] = []

    def stop_after_four(state: OsemState) -> None:
        kept.append(state)
        if state.n_updates == 4:
            raise CalculationCancelledError("Stopped.")

    with pytest.raises(CalculationCancelledError):
        reconstruct(measured, projector=system(), options=options, on_update=stop_after_four)
    numbers: list[int] = []
    again = reconstruct(
        measured,
        projector=system(),
        options=options,
        start=kept[-1],
        on_update=lambda state: numbers.append(state.n_updates),
    )
    assert numbers == [5, 6, 7, 8, 9, 10]
    # The kept image went through Bq/mL and back, in single precision.
    assert again.unfiltered_bq_per_ml == pytest.approx(whole, rel=1e-4, abs=1e-4 * float(whole.max()))


def test_the_post_filter_keeps_the_total_and_lowers_the_peak(measured):
    options = OsemOptions(n_iterations=2, n_subsets=6)
    result = reconstruct(measured, projector=system(), options=replace(options, post_filter_fwhm_mm=12.0))
    assert result.activity_bq_per_ml.sum() == pytest.approx(result.unfiltered_bq_per_ml.sum(), rel=2e-3)
    assert result.activity_bq_per_ml.max() < result.unfiltered_bq_per_ml.max()
    assert np.array_equal(post_filter(measured[0:1], fwhm_mm=0.0, spacing_xyz_mm=(1.0, 1.0, 1.0)), measured[0:1])


@pytest.mark.parametrize(("n_views", "n_subsets"), [(120, 10), (60, 6), (30, 7), (8, 8), (5, 1)])
def test_every_view_is_in_one_subset(n_views, n_subsets):
    subsets = subset_views(n_views, n_subsets)
    assert sorted(view for subset in subsets for view in subset) == list(range(n_views))
    assert len(subsets) == n_subsets


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda counts: counts[:, :-1], GeometryMismatchError),
        (lambda counts: -counts, InvalidInputError),
        (lambda counts: counts * np.nan, InvalidInputError),
        (lambda counts: counts * 0.0, InsufficientDataError),
    ],
)
def test_counts_that_cannot_be_are_refused(measured, change, error):
    with pytest.raises(error):
        reconstruct(change(measured), projector=system())


@pytest.mark.parametrize(
    "options", [{"n_iterations": 0}, {"n_subsets": 0}, {"post_filter_fwhm_mm": -1.0}, {"post_filter_fwhm_mm": np.nan}]
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(InvalidInputError):
        OsemOptions(**options)


def test_more_subsets_than_views_are_refused(measured):
    with pytest.raises(InvalidInputError, match="30 views"):
        reconstruct(measured, projector=system(), options=OsemOptions(n_subsets=31))
