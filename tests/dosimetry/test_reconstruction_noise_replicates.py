"""Replicates are kept small, close enough, and never read from a damaged file."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.image_noise import noise_of, region_noise
from dosimetry.reconstruction.noise_replicates import NoiseReplicates, spread

SHAPE = (4, 6, 8)


@pytest.fixture
def images():
    generator = np.random.default_rng(5)
    wide = 10.0 ** generator.uniform(0.0, 7.0, size=(6, *SHAPE))
    wide[:, 0] = 0.0
    return wide.astype(np.float32)


def test_voxels_and_regions_come_back(images):
    kept = NoiseReplicates.of(images)
    assert len(kept) == 6 and kept.shape_zyx == SHAPE
    for number, image in enumerate(images):
        # Half a step of an 11-bit significand is 0.05 %.
        assert kept.image(number) == pytest.approx(image, rel=5e-4)
    weight = np.zeros(SHAPE)
    weight[1:3, 2:5] = 0.5
    wanted = (images.astype(float) * weight).sum(axis=(1, 2, 3))
    assert kept.sums(weight) == pytest.approx(wanted, rel=5e-4)
    assert kept.times(0.5).sums(weight) == pytest.approx(0.5 * wanted, rel=5e-4)


def test_an_image_without_activity_is_kept_as_one():
    kept = NoiseReplicates.of(np.zeros((5, *SHAPE)))
    assert not kept.image(0).any()
    assert region_noise(kept, np.ones(SHAPE), image=np.zeros(SHAPE)) is None


def test_a_file_says_the_same_twice_and_is_read_again(images):
    kept = NoiseReplicates.of(images)
    content = kept.to_bytes()
    assert content == kept.to_bytes()
    again = NoiseReplicates.from_bytes(content)
    assert np.array_equal(again.values, kept.values)
    assert np.array_equal(again.scales_bq_per_ml, kept.scales_bq_per_ml)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-700] + bytes(100) + content[-600:],
        lambda content: b"something else",
    ],
)
def test_a_damaged_file_is_refused(images, spoil):
    with pytest.raises(InvalidInputError) as error:
        NoiseReplicates.from_bytes(spoil(NoiseReplicates.of(images).to_bytes()))
    assert error.value.code == "bad_replicates"


def test_values_that_are_no_numbers_and_other_grids_are_refused(images):
    images[2, 1, 1, 1] = np.nan
    with pytest.raises(InvalidInputError, match="not finite"):
        NoiseReplicates.of(images)
    kept = NoiseReplicates.of(np.ones((5, *SHAPE)))
    with pytest.raises(GeometryMismatchError):
        kept.sums(np.ones((2, 2, 2)))
    with pytest.raises(GeometryMismatchError):
        region_noise(kept, np.ones(SHAPE), image=np.ones((2, 2, 2)))


def test_a_spread_from_too_few_is_refused_and_says_how_well_it_is_known():
    with pytest.raises(InvalidInputError, match="at least 5"):
        spread(np.ones(4))
    found = noise_of(np.array([9.0, 10.0, 11.0, 10.0, 10.0]), measured=10.0)
    assert found.cv == pytest.approx(np.sqrt(0.5) / 10.0)
    assert found.own_cv == pytest.approx(1.0 / np.sqrt(8.0))
