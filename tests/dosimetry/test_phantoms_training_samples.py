"""Training samples from virtual patients: the same everywhere, and unlike each other."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from dosimetry.phantoms import training_samples
from dosimetry.phantoms.posed import SPREADS, posed_anatomy
from dosimetry.phantoms.training_emission import EmissionDraw, draw_emission, emission_image, part_concentrations
from dosimetry.phantoms.training_samples import ORGAN_CLASSES, PATCH_ZYX, UNSEEN, class_table, training_sample
from dosimetry.phantoms.virtual_anatomy import make_anatomy, paint_labels
from dosimetry.segmentation.agreement import dice
from dosimetry.volume import Grid

BELLY = Grid(shape_zyx=(70, 48, 64), spacing_xyz_mm=(6.0, 6.0, 6.0), origin_lps_mm=(-189.0, -141.0, -180.0))


def centre_of(anatomy, name):
    labels = anatomy.region_labels(paint_labels(anatomy, grid=BELLY))
    where = np.argwhere(labels == 1 + anatomy.region_names.index(name))
    return BELLY.index_to_lps_mm(where).mean(axis=0), len(where)


def test_organs_move_each_by_itself_and_keep_their_parts_together():
    anatomy = make_anatomy(seed=11)
    moved = posed_anatomy(anatomy, generator=np.random.default_rng(2))
    shifts = []
    for name in ("Kidney left", "Kidney right", "Liver", "Spleen"):
        before, n_before = centre_of(anatomy, name)
        after, n_after = centre_of(moved, name)
        shifts.append(after - before)
        assert 0.5 < n_after / n_before < 2.0
    spread = np.std(shifts, axis=0)
    assert np.all(spread > 1.0), "organs moved as one"
    by_name = {part.name: part.solid for part in moved.parts}
    cortex, medulla = by_name["Kidney left cortex"], by_name["Kidney left medulla"]
    np.testing.assert_allclose(cortex.centre_lps_mm, medulla.centre_lps_mm, atol=1e-6)
    assert np.all(cortex.half_size_lps_mm > medulla.half_size_lps_mm)


def test_a_moved_solid_holds_the_moved_points():
    anatomy = make_anatomy(seed=11)
    moved = posed_anatomy(anatomy, generator=np.random.default_rng(2))
    for before, after in zip(anatomy.parts, moved.parts, strict=True):
        if before.solid is after.solid:
            continue
        posed = after.solid
        centre = np.asarray(before.solid.centre_lps_mm)
        points = centre + np.random.default_rng(1).normal(0.0, 20.0, (50, 3))
        there = (points - posed.pivot_lps_mm) @ posed.matrix.T + posed.pivot_lps_mm + posed.shift_mm
        np.testing.assert_allclose(posed.level(there), before.solid.level(points), rtol=1e-6, atol=1e-6)
        inside = there[posed.level(there) <= 1.0]
        assert np.all(np.abs(inside - posed.centre_lps_mm) <= posed.half_size_lps_mm + 1e-6)
    assert set(SPREADS) >= {"Kidney left", "Liver", "Bones"}


def test_a_horseshoe_kidney_stays_in_one_piece():
    anatomy = make_anatomy(seed=11, variants=frozenset({training_samples.Variant.HORSESHOE_KIDNEY}))
    moved = posed_anatomy(anatomy, generator=np.random.default_rng(2))
    kidneys = [(a.solid, b.solid) for a, b in zip(anatomy.parts, moved.parts, strict=True) if "Kidney" in a.name]
    assert kidneys and all(before is after for before, after in kidneys)


def test_a_sample_is_the_same_whenever_it_is_made():
    first = training_sample(seed=3, number=41)
    training_samples.painted_patient.cache_clear()
    second = training_sample(seed=3, number=41)
    np.testing.assert_array_equal(first.channels, second.channels)
    np.testing.assert_array_equal(first.classes, second.classes)
    assert first.channels.shape == (5, *PATCH_ZYX) and first.channels.dtype == np.float32


def test_a_patient_who_is_drawn_again_is_bent_otherwise_with_lesions_in_their_organs():
    anatomy, _, labels, lesions = training_samples.painted_patient(3, training_samples.FIRST_SEED)
    first, second = (training_samples.bent((labels, lesions), np.random.default_rng(seed))[0] for seed in (1, 2))
    classes = class_table(anatomy)
    overlap = dice(classes[first] == ORGAN_CLASSES.index("Liver"), classes[second] == ORGAN_CLASSES.index("Liver"))
    assert 0.3 < overlap < 0.95
    assert set(np.unique(first)) <= set(np.unique(labels))
    both = training_samples.bent((labels, labels), np.random.default_rng(1))
    np.testing.assert_array_equal(*both)


def test_fat_round_the_kidneys_takes_no_other_organ():
    anatomy, _, labels, _ = training_samples.painted_patient(3, training_samples.FIRST_SEED)
    classes = class_table(anatomy)
    fatty = training_samples._with_renal_fat(anatomy, labels.copy(), thickness_mm=10.0)
    np.testing.assert_array_equal(classes[fatty], classes[labels])
    assert {anatomy.parts[label - 1].tissue for label in np.unique(fatty[fatty != labels])} == {"fat"}
    kidney = np.isin(classes[labels], [ORGAN_CLASSES.index(f"Kidney {side}") for side in ("left", "right")])
    beside = ndimage.binary_dilation(kidney, iterations=2) & ~kidney
    muscle = np.array([False, *(part.tissue == "muscle" for part in anatomy.parts)])
    assert muscle[labels][beside].any()
    assert not muscle[fatty][beside].any()
    np.testing.assert_array_equal(training_samples._with_renal_fat(anatomy, labels.copy(), thickness_mm=0.0), labels)


def test_samples_show_ct_emission_or_both_and_ask_for_nothing_unseen():
    kinds = set()
    for number in range(12):
        sample = training_sample(seed=3, number=number)
        has_ct, has_emission = bool(sample.channels[3].any()), bool(sample.channels[4].any())
        kinds.add((has_ct, has_emission))
        is_seen = (sample.channels[3] > 0.0) | (sample.channels[4] > 0.0)
        assert np.all(sample.classes[~is_seen] == UNSEEN)
        assert sample.classes[is_seen].max() < len(ORGAN_CLASSES)
        assert np.all(np.isfinite(sample.channels))
    assert kinds == {(True, True), (True, False), (False, True)}


def test_hot_organs_are_hot_and_gas_is_cold_in_the_imitated_emission():
    anatomy = make_anatomy(seed=11)
    values = part_concentrations(anatomy, np.random.default_rng(5))
    assert values[0] == 0.0
    labels = paint_labels(anatomy, grid=BELLY)
    generator = np.random.default_rng(5)
    image = emission_image(anatomy, labels, grid=BELLY, generator=generator, draw=draw_emission(generator))
    classes = class_table(anatomy)[labels]
    kidney, body = (image[classes == ORGAN_CLASSES.index(name)].mean() for name in ("Kidney left", "Body"))
    assert kidney > 3.0 * body
    assert np.all(image >= 0.0)


def test_noise_grows_with_the_root_of_the_concentration_or_with_the_concentration():
    anatomy = make_anatomy(seed=11, lesions=())
    labels = paint_labels(anatomy, grid=BELLY)
    classes = class_table(anatomy)[labels]
    inside = [ndimage.binary_erosion(classes == ORGAN_CLASSES.index(name), iterations=2) for name in ("Liver", "Body")]
    is_liver = np.array([False, *(part.source_region == "Liver" for part in anatomy.parts)])
    values = np.where(is_liver, 16.0, 1.0).astype(np.float32)
    values[0] = 0.0
    clear = EmissionDraw(
        fwhm_mm=6.0, overshoot=0.0, noise=0.0, noise_fwhm_mm=8.0, breathing_mm=0.0, texture=0.0, texture_mm=20.0
    )

    def imaged(draw):
        generator = np.random.default_rng(4)
        return emission_image(anatomy, labels, grid=BELLY, generator=generator, draw=draw, concentrations=values)

    for power, ratio in ((0.5, 4.0), (1.0, 16.0)):
        noise = imaged(replace(clear, noise=0.02, noise_power=power)) - imaged(clear)
        liver, body = (float(noise[where].std()) for where in inside)
        # Beside the liver the body's noise rises with the blurred level.
        assert 0.6 * ratio < liver / body < 1.1 * ratio
    haze = imaged(replace(clear, haze=0.1)) - imaged(clear)
    air = labels == 0
    assert haze[air].mean() > 0.01 and haze[inside[0]].mean() > haze[air].mean()
    np.testing.assert_allclose(imaged(replace(clear, overshoot_reach=1.6)), imaged(clear))
