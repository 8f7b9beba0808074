"""Phantoms, point sources and noise are refused before a network sees them; patients are not."""

import numpy as np
import pytest
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import released
from dosimetry.nn.weights import load_network
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.phantoms.training_emission import EmissionDraw, patient_emission
from dosimetry.phantoms.virtual_anatomy import paint_labels
from dosimetry.phantoms.virtual_ct import make_ct
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.segmentation.candidates import lesion_candidates
from dosimetry.segmentation.human import require_human_images
from dosimetry.segmentation.learned import learned_contours
from dosimetry.segmentation.working_images import around_body, averaged_onto
from dosimetry.volume import Grid, Volume
from tests.phantoms.liquid_phantoms import GRID, liquid_phantom

BED = Grid(shape_zyx=(96, 72, 112), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-222.0, -142.0, -170.0))
DRAW = EmissionDraw(fwhm_mm=9.0, overshoot=0.3, noise=0.08, noise_fwhm_mm=8.0, breathing_mm=3.0)
PHANTOMS = (
    ("cylinder", 1.0),
    ("jaszczak", 10.0),
    ("jaszczak", 1e4),
    ("iec", 4.0),
    ("iec", 1e4),
    ("vial", 1e4),
)
"""With the ratio of spheres to background; 10,000 is cold background."""


def checked(*, emission: Volume | None = None, ct: Volume | None = None) -> None:
    grid = (emission or ct).grid
    _, ct_seen, emission_seen = around_body(grid, averaged_onto(ct, grid), averaged_onto(emission, grid))
    require_human_images(ct_seen, emission_seen, spacing_mm=grid.spacing_xyz_mm[0])


def refusal(**images) -> str:
    with pytest.raises(InvalidInputError) as error:
        checked(**images)
    assert error.value.code == "out_of_domain"
    return str(error.value)


@pytest.mark.parametrize(("name", "ratio"), PHANTOMS)
def test_a_phantom_is_refused_with_and_without_its_ct(name, ratio):
    emission, ct = liquid_phantom(name, ratio=ratio)
    refusal(emission=emission, ct=ct)
    refusal(emission=emission)
    refusal(ct=ct)


def test_noise_is_refused_raw_and_smoothed():
    generator = np.random.default_rng(1)
    raw = generator.gamma(1.0, 1.0, GRID.shape_zyx).astype(np.float32)
    smooth = ndimage.gaussian_filter(generator.standard_normal(GRID.shape_zyx), 1.0)
    smooth = np.maximum(smooth / smooth.std() + 1.0, 0.0).astype(np.float32)
    for values in (raw, smooth):
        refusal(emission=Volume(values=values, grid=GRID, unit="Bq/mL"))
    # In a narrow image only its evenness tells.
    narrow = centred_grid(shape_zyx=(60, 60, 60), spacing_xyz_mm=(4.0, 4.0, 4.0))
    assert "even" in refusal(emission=Volume(values=raw[:60, :60, :60], grid=narrow, unit="Bq/mL"))


@pytest.mark.parametrize(("agent", "seed", "hours"), [("DOTATATE", 6000, 24.0), ("PSMA-617", 6001, 168.0)])
def test_a_patient_is_not_refused(agent, seed, hours):
    patient = make_virtual_patient(VirtualPatientRequest(agent=agent, seed=seed, scan_times_h=(hours,)))
    values, _ = patient_emission(patient, scan=0, grid=BED, generator=np.random.default_rng(seed), draw=DRAW)
    emission = Volume(values=values, grid=BED, unit="Bq/mL")
    labels = paint_labels(patient.anatomy, grid=BED, pose=patient.poses[0])
    ct = make_ct(patient.anatomy, labels, grid=BED, seed=seed)
    checked(emission=emission, ct=ct)
    checked(emission=emission)
    checked(ct=ct)


def test_an_obese_patient_who_fills_the_field_is_not_refused_and_blotchy_noise_is():
    patient = make_virtual_patient(VirtualPatientRequest(agent="DOTATATE", seed=5078, scan_times_h=(24.0,)))
    assert patient.anatomy.habitus.bmi > 39.0
    values, regions = patient_emission(patient, scan=0, grid=BED, generator=np.random.default_rng(1), draw=DRAW)
    assert np.mean(regions > 0) > 0.93
    checked(emission=Volume(values=values, grid=BED, unit="Bq/mL"))
    blotches = ndimage.gaussian_filter(np.random.default_rng(2).standard_normal(BED.shape_zyx), 2.0)
    blotches = np.maximum(blotches / blotches.std() + 2.0, 0.0).astype(np.float32)
    assert "everywhere" in refusal(emission=Volume(values=blotches, grid=BED, unit="Bq/mL"))


def test_a_ct_without_fat_or_without_bone_is_of_no_body():
    hu = np.full(BED.shape_zyx, 40.0, dtype=np.float32)
    fatty, bony = hu.copy(), hu.copy()
    fatty[:, :20], bony[:, :20] = -100.0, 300.0
    both = fatty.copy()
    both[:, -20:] = 300.0
    checked(ct=Volume(values=both, grid=BED, unit="HU"))
    for values in (hu, fatty, bony):
        assert "fat" in refusal(ct=Volume(values=values, grid=BED, unit="HU"))


def test_neither_network_draws_on_a_phantom():
    emission, ct = liquid_phantom("iec", ratio=10.0)
    for name, draw in (("lesions", lesion_candidates), ("organs", learned_contours)):
        network = load_network(released(name).path)
        for shown in (None, ct):
            with pytest.raises(InvalidInputError) as error:
                draw(network=network, onto=GRID, emission=emission, ct=shown)
            assert error.value.code == "out_of_domain"
