"""What a network sees of CT and emission."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.nn.channels import CHANNELS, emission_scale, network_input

SHAPE = (4, 5, 6)


def images():
    generator = np.random.default_rng(1)
    ct = generator.normal(40.0, 300.0, SHAPE).astype(np.float32)
    emission = generator.gamma(1.0, 2e4, SHAPE).astype(np.float32)
    return ct, emission


def test_channels_do_not_depend_on_the_unit_of_the_emission():
    ct, emission = images()
    in_bq, in_kbq = (
        network_input(ct_hu=ct, ct_is_seen=None, emission=emission * factor, emission_is_seen=None)
        for factor in (1.0, 1e-3)
    )
    np.testing.assert_allclose(in_bq, in_kbq, rtol=1e-5)
    assert in_bq.shape == (len(CHANNELS), *SHAPE)


def test_a_missing_image_leaves_its_channels_and_its_presence_empty():
    ct, emission = images()
    without_ct = network_input(ct_hu=None, ct_is_seen=None, emission=emission, emission_is_seen=None)
    without_emission = network_input(ct_hu=ct, ct_is_seen=None, emission=None, emission_is_seen=None)
    assert not without_ct[[0, 1, 3]].any() and without_ct[4].all()
    assert not without_emission[[2, 4]].any() and without_emission[3].all()


def test_what_an_image_does_not_cover_says_nothing():
    ct, emission = images()
    seen = np.ones(SHAPE, dtype=bool)
    seen[:2] = False
    hot = emission.copy()
    hot[:2] = 1e9
    found = network_input(ct_hu=ct, ct_is_seen=seen, emission=hot, emission_is_seen=seen)
    assert not found[2:, :2].any()
    np.testing.assert_array_equal(found[0, :2], -1.0)
    assert emission_scale(hot, seen) == emission_scale(emission, seen)


def test_no_image_images_on_two_grids_and_no_activity_are_refused():
    ct, emission = images()
    with pytest.raises(InvalidInputError) as none:
        network_input(ct_hu=None, ct_is_seen=None, emission=None, emission_is_seen=None)
    with pytest.raises(InvalidInputError) as two:
        network_input(ct_hu=ct[:2], ct_is_seen=None, emission=emission, emission_is_seen=None)
    with pytest.raises(InvalidInputError) as empty:
        network_input(ct_hu=ct, ct_is_seen=None, emission=np.zeros(SHAPE), emission_is_seen=None)
    assert [error.value.code for error in (none, two, empty)] == ["no_image", "other_grid", "empty_image"]
