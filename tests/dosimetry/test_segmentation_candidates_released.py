"""Lesions that the shipped network finds on virtual patients it never saw; waits for a release."""

from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from dosimetry.nn.cards import RELEASED, released
from dosimetry.nn.weights import load_network
from dosimetry.phantoms.lesion_samples import lesion_sample
from dosimetry.segmentation.candidates import lesion_candidates
from dosimetry.volume import Grid, Volume

pytestmark = pytest.mark.skipif("lesions" not in RELEASED, reason="no weights for lesions are released yet")
UNSEEN_NUMBERS = (4_000_100, 4_000_102, 4_000_104, 4_000_106)
"""Patients and a seed that training never reaches, others than those of the benchmark."""


@lru_cache(maxsize=1)
def network():
    weights = released("lesions")
    return load_network(weights.path, digest=weights.digest)


def test_most_lesions_above_two_millilitres_are_found_with_few_false_ones():
    n_asked = n_found = n_false = 0
    for number in UNSEEN_NUMBERS:
        sample = lesion_sample(seed=2, number=number, n_slices=96)
        n_z, n_y, n_x = sample.classes.shape
        grid = Grid(shape_zyx=(n_z, n_y, n_x), spacing_xyz_mm=(4.0,) * 3, origin_lps_mm=(0.0, 0.0, 0.0))
        emission = Volume(values=np.sinh(sample.channels[2]), grid=grid, unit="Bq/mL")
        found = lesion_candidates(network=network(), onto=grid, emission=emission)
        covered = np.any([one.mask for one in found], axis=0) if found else np.zeros(grid.shape_zyx, dtype=bool)
        near = ndimage.binary_dilation(sample.numbers > 0)
        n_false += sum(not np.any(one.mask & near) for one in found if one.probability >= 0.8)
        for label in range(1, int(sample.numbers.max()) + 1):
            own = sample.numbers == label
            if np.any(sample.classes[own] == 1) and np.count_nonzero(own) * grid.voxel_volume_ml >= 2.0:
                n_asked += 1
                n_found += np.count_nonzero(covered & own) >= 0.25 * np.count_nonzero(own)
    # Far below the bar of the model card (0.9 at one a patient): a broken network shows, chance among few does not.
    assert n_found >= 0.6 * n_asked
    assert n_false <= 3 * len(UNSEEN_NUMBERS)
