"""Haynor & Woods, IEEE Trans. Med. Imaging 8 (1989) 337-343: resampled events tell the spread of repeated scans.

The bootstrap is taken from one scan; the truth is the spread over independent scans of the same phantom.
"""

import numpy as np
import pytest

from dosimetry.quantification.image_noise import noise_of, region_noise, transferred_means
from dosimetry.quantification.region_fractions import partition
from dosimetry.reconstruction.bootstrap import bootstrap_images
from dosimetry.reconstruction.orbit import circular_orbit
from dosimetry.reconstruction.osem import OsemOptions, reconstruct
from dosimetry.reconstruction.projector import Projector
from dosimetry.volume import Grid

N, VIEWS = 16, 16
N_SCANS, N_REPLICATES = 60, 40
OPTIONS = OsemOptions(n_iterations=2, n_subsets=4)
BOX = (slice(0, N), slice(0, N), slice(0, N))
# Each standard deviation of n draws is uncertain by 1/sqrt(2 (n - 1)): 9 % and 11 %, together 15 %; three of these.
SAMPLING = 3.0 * np.hypot(1.0 / np.sqrt(2.0 * (N_SCANS - 1)), 1.0 / np.sqrt(2.0 * (N_REPLICATES - 1)))


class Phantom:
    """Two balls in a body, the scans of it, and one scan with its replicates."""

    def __init__(self) -> None:
        z, y, x = np.mgrid[:N, :N, :N] - 0.5 * (N - 1)
        body = (x**2 + y**2 <= 49.0) & (np.abs(z) < 6.0)
        left = (x - 3.0) ** 2 + y**2 + z**2 <= 6.0
        right = (x + 3.0) ** 2 + y**2 + z**2 <= 6.0
        self.regions = {"left": left, "right": right, "body": body & ~left & ~right}
        self.projector = Projector(
            grid=Grid(shape_zyx=(N, N, N), spacing_xyz_mm=(10.0,) * 3, origin_lps_mm=(0.0, 0.0, 0.0)),
            orbit=circular_orbit(n_views=VIEWS, radius_mm=120.0),
            counts_per_bq=(2e-5,) * VIEWS,
        )
        self.expected = self.projector.forward(1e5 * body + 1e6 * left + 5e5 * right)
        generator = np.random.default_rng(3)
        self.scans = [self.image(generator.poisson(self.expected)) for _ in range(N_SCANS)]
        counts = generator.poisson(self.expected)
        self.measured = self.image(counts)
        self.replicates = bootstrap_images(
            counts, image_of=lambda drawn, _number: self.image(drawn), n_replicates=N_REPLICATES
        )

    def image(self, counts):
        return reconstruct(counts, projector=self.projector, options=OPTIONS).activity_bq_per_ml


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return Phantom()


@pytest.mark.parametrize("name", ["left", "right", "body"])
def test_the_noise_of_a_region_from_one_scan_is_that_over_independent_scans(phantom, name):
    region = phantom.regions[name]
    means = [float(image[region].mean(dtype=np.float64)) for image in phantom.scans]
    repeated = np.std(means, ddof=1) / np.mean(means)
    found = region_noise(phantom.replicates, region.astype(float), image=phantom.measured)
    assert found.n_replicates == N_REPLICATES
    assert found.cv == pytest.approx(repeated, rel=SAMPLING)


def test_noise_that_neighbours_share_is_not_that_of_independent_voxels(phantom):
    region = phantom.regions["body"]
    images = np.array([phantom.replicates.image(i)[region] for i in range(N_REPLICATES)], dtype=float)
    independent = np.sqrt(images.var(axis=0, ddof=1).sum()) / phantom.measured[region].sum()
    found = region_noise(phantom.replicates, region.astype(float), image=phantom.measured)
    # Both come from the same replicates; three standard errors of the larger one.
    assert found.cv > (1.0 + 3.0 * found.own_cv) * independent


def test_a_fainter_region_and_fewer_counts_are_noisier(phantom):
    cv = {
        name: region_noise(phantom.replicates, region.astype(float), image=phantom.measured).cv
        for name, region in phantom.regions.items()
    }
    assert cv["right"] > cv["left"] > cv["body"]
    many = phantom.expected * 100.0
    replicates = bootstrap_images(many, image_of=lambda drawn, _number: phantom.image(drawn), n_replicates=N_REPLICATES)
    region = phantom.regions["left"].astype(float)
    found = region_noise(replicates, region, image=phantom.image(many))
    assert 10.0 * found.cv == pytest.approx(cv["left"], rel=SAMPLING)


@pytest.mark.parametrize("name", ["left", "right"])
def test_the_transfer_matrix_amplifies_the_noise_of_replicates_as_that_of_scans(phantom, name):
    regions = partition({key: share.astype(float) for key, share in phantom.regions.items()}, shape_zyx=(N, N, N))
    arguments = {"box": BOX, "spacing_xyz_mm": (10.0,) * 3, "fwhm_mm": 20.0}
    from_replicates = transferred_means(phantom.replicates, regions, **arguments)
    as_replicates = type(phantom.replicates).of(phantom.scans)
    from_scans = transferred_means(as_replicates, regions, **arguments)
    column = regions.names.index(name)
    repeated = from_scans[:, column].std(ddof=1) / from_scans[:, column].mean()
    measured = transferred_means(type(phantom.replicates).of([phantom.measured]), regions, **arguments)[0, column]
    found = noise_of(from_replicates[:, column], measured=float(measured))
    assert found.cv == pytest.approx(repeated, rel=SAMPLING)
    region = phantom.regions[name]
    raw = phantom.replicates.sums(region / region.sum()).std(ddof=1)
    # What the matrix takes out of the neighbours it adds to the noise.
    assert from_replicates[:, column].std(ddof=1) > 1.2 * raw
