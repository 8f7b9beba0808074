"""Counts drawn again: reproducible, each acquisition on its own, stopped where it is asked to stop."""

import numpy as np
import pytest

from dosimetry.errors import CalculationCancelledError
from dosimetry.reconstruction.bootstrap import bootstrap_images, draw_counts

COUNTS = np.full((2, 8, 8), 50.0)


def drawn(counts, **options):
    return np.array(list(draw_counts(counts, **options)))


def test_draws_have_the_mean_and_the_variance_of_counts():
    values = drawn(COUNTS, n_replicates=200)
    # 25,600 draws: the mean is known to 0.1 %, the variance to 0.9 % (1 sd).
    assert values.mean() == pytest.approx(50.0, rel=0.005)
    assert values.var() == pytest.approx(50.0, rel=0.04)
    assert not drawn(np.zeros((2, 2)), n_replicates=5).any()


def test_the_same_acquisition_always_draws_the_same_and_no_two_share_their_noise():
    first = drawn(COUNTS, n_replicates=6)
    assert np.array_equal(first, drawn(COUNTS, n_replicates=6))
    assert np.array_equal(first[:5], drawn(COUNTS, n_replicates=5))
    assert not np.array_equal(first, drawn(COUNTS, n_replicates=6, seed=2))
    other = COUNTS.copy()
    other[0, 0, 0] = 51.0
    noise = (first - COUNTS).ravel(), (drawn(other, n_replicates=6) - other).ravel()
    # 768 pairs: a correlation of independent values is known to 0.036 (1 sd).
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.15


def test_images_are_made_from_the_draws_in_order_and_it_can_be_stopped():
    made = bootstrap_images(COUNTS, image_of=lambda counts, number: counts + number, n_replicates=5)
    wanted = drawn(COUNTS, n_replicates=5)
    # The voxels are kept in 16 bits.
    assert made.image(3) == pytest.approx(wanted[3] + 3.0, rel=5e-4)

    def stop(_counts, number):
        if number == 2:
            raise CalculationCancelledError("Stopped.")
        return COUNTS

    with pytest.raises(CalculationCancelledError):
        bootstrap_images(COUNTS, image_of=stop, n_replicates=5)
