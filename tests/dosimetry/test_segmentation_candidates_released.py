"""Lesions that the shipped network finds on virtual patients it never saw."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from dosimetry.nn.cards import released
from dosimetry.nn.weights import load_network
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.training_emission import EmissionDraw, patient_emission
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.segmentation.candidates import lesion_candidates
from dosimetry.volume import Grid, Volume

BED = Grid(shape_zyx=(96, 72, 112), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-222.0, -142.0, -170.0))
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.08, noise_fwhm_mm=8.0, breathing_mm=3.0)
UNSEEN = (("DOTATATE", 6000), ("PSMA-617", 6001), ("DOTATATE", 6002), ("PSMA-617", 6003))
"""Seeds that training never reaches, others than those of the benchmark."""


@lru_cache(maxsize=1)
def network():
    weights = released("lesions")
    return load_network(weights.path, digest=weights.digest)


def test_most_lesions_above_two_millilitres_are_found_with_few_false_ones():
    n_asked = n_found = n_false = 0
    for agent, seed in UNSEEN:
        patient = make_virtual_patient(VirtualPatientRequest(agent=agent, seed=seed, scan_times_h=(24.0,)))
        generator = np.random.default_rng([seed, 10])
        image, regions = patient_emission(patient, scan=0, grid=BED, generator=generator, draw=DRAW)
        found = lesion_candidates(network=network(), onto=BED, emission=Volume(values=image, grid=BED, unit="Bq/mL"))
        covered = np.any([one.mask for one in found], axis=0) if found else np.zeros(BED.shape_zyx, dtype=bool)
        lesions = [
            regions == number
            for number, name in enumerate(patient.anatomy.region_names, start=1)
            if patient.anatomy.kinds[name] is RegionKind.LESION
        ]
        near = ndimage.binary_dilation(np.any(lesions, axis=0))
        n_false += sum(not np.any(one.mask & near) for one in found)
        asked = [own for own in lesions if np.count_nonzero(own) * BED.voxel_volume_ml >= 2.0]
        n_asked += len(asked)
        n_found += sum(np.count_nonzero(covered & own) >= 0.25 * np.count_nonzero(own) for own in asked)
    assert n_asked >= 6
    # Below the bar of the model card (0.9 at one a patient): a broken network shows, chance among few does not.
    assert n_found >= 0.75 * n_asked
    assert n_false <= 3 * len(UNSEEN)
