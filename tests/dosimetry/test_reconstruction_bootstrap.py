"""Bootstrap of a reconstruction: its spread is that of repeated measurements."""

import numpy as np
import pytest

from dosimetry.errors import CalculationCancelledError, GeometryMismatchError, InvalidInputError
from dosimetry.reconstruction.bootstrap import bootstrap_reconstruction
from dosimetry.reconstruction.orbit import circular_orbit
from dosimetry.reconstruction.osem import OsemOptions, reconstruct
from dosimetry.reconstruction.projector import Projector
from dosimetry.volume import Grid

N, VIEWS = 16, 16
OPTIONS = OsemOptions(n_iterations=2, n_subsets=4)


@pytest.fixture(scope="module")
def scan():
    """Expected counts of two balls in a body, and which voxels are whose."""
    z, y, x = np.mgrid[:N, :N, :N] - 0.5 * (N - 1)
    body = (x**2 + y**2 <= 49.0) & (np.abs(z) < 6.0)
    left = (x - 3.0) ** 2 + y**2 + z**2 <= 6.0
    right = (x + 3.0) ** 2 + y**2 + z**2 <= 6.0
    projector = Projector(
        grid=Grid(shape_zyx=(N, N, N), spacing_xyz_mm=(10.0,) * 3, origin_lps_mm=(0.0, 0.0, 0.0)),
        orbit=circular_orbit(n_views=VIEWS, radius_mm=120.0),
        counts_per_bq=(2e-5,) * VIEWS,
    )
    expected = projector.forward(1e5 * body + 1e6 * left + 5e5 * right)
    return projector, expected, {"left": left, "right": right}


def test_the_spread_is_that_of_repeated_scans(scan):
    projector, expected, regions = scan
    generator = np.random.default_rng(3)
    means = []
    for _ in range(40):
        image = reconstruct(generator.poisson(expected), projector=projector, options=OPTIONS).activity_bq_per_ml
        means.append(image[regions["left"]].mean())
    repeated = np.std(means, ddof=1) / np.mean(means)
    counts = generator.poisson(expected)
    found = bootstrap_reconstruction(
        counts, projector=projector, regions=regions, options=OPTIONS, n_replicates=40, seed=5
    )
    # Two standard deviations from 40 draws each: 11 % (1 sd) apiece.
    assert found.region_cv["left"] == pytest.approx(repeated, rel=0.4)
    assert found.region_cv["right"] > found.region_cv["left"]
    assert found.standard_uncertainty_bq_per_ml[regions["left"]].mean() > 0.0
    # Noise of neighbouring voxels is correlated: a region is worse known than independent voxels would make it.
    inside = regions["left"]
    independent = np.sqrt((found.standard_uncertainty_bq_per_ml[inside] ** 2).sum()) / inside.sum()
    assert found.region_cv["left"] * np.mean(means) != pytest.approx(independent, rel=0.05)
    assert found.region_correlation.shape == (2, 2)
    assert np.diag(found.region_correlation) == pytest.approx(1.0)


def test_seeds_repeat_and_more_counts_are_better(scan):
    projector, expected, regions = scan

    def cv(counts, seed=1):
        return bootstrap_reconstruction(
            counts, projector=projector, regions=regions, options=OPTIONS, n_replicates=12, seed=seed
        ).region_cv

    assert cv(expected) == cv(expected)
    assert cv(expected, seed=2) != cv(expected)
    # A hundred times the counts: a tenth of the spread, each known to 21 % (1 sd).
    assert cv(100.0 * expected)["left"] == pytest.approx(0.1 * cv(expected)["left"], rel=0.7)


def test_it_can_be_stopped_and_says_what_is_wrong(scan):
    projector, expected, regions = scan

    def stop(number):
        if number == 2:
            raise CalculationCancelledError("Stopped.")

    arguments = {"projector": projector, "options": OPTIONS}
    with pytest.raises(CalculationCancelledError):
        bootstrap_reconstruction(expected, regions=regions, on_replicate=stop, **arguments)
    with pytest.raises(InvalidInputError, match="5 replicates"):
        bootstrap_reconstruction(expected, regions=regions, n_replicates=2, **arguments)
    with pytest.raises(InvalidInputError, match="empty"):
        bootstrap_reconstruction(expected, regions={"none": np.zeros((N, N, N))}, **arguments)
    with pytest.raises(GeometryMismatchError):
        bootstrap_reconstruction(expected, regions={"other": np.ones((2, N, N))}, **arguments)
