"""Reasons to doubt what a network drew."""

import numpy as np
import pytest

from dosimetry.segmentation.class_chances import clearness, expected_dice
from dosimetry.segmentation.learned import kept_pieces
from dosimetry.segmentation.organ_volumes import UNKNOWN, VOLUMES, Person
from dosimetry.segmentation.plausibility import doubts, touches_border
from dosimetry.volume import Grid

GRID = Grid(shape_zyx=(40, 40, 60), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-118.0, -78.0, 0.0))


def box(z, y, x):
    mask = np.zeros(GRID.shape_zyx, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


def codes(mask, *, name="Kidney left", confidence=0.95, lost_share=0.0, midline_x_mm=0.0, is_cut=False, person=UNKNOWN):
    found = doubts(
        name=name,
        mask=mask,
        grid=GRID,
        confidence=confidence,
        lost_share=lost_share,
        midline_x_mm=midline_x_mm,
        is_cut=is_cut,
        person=person,
    )
    return {finding.code: finding.level for finding in found}


KIDNEY = box((5, 30), (15, 25), (42, 52))
"""25 x 10 x 10 voxels of 0.064 mL: 160 mL, to the left (LPS +x) of the midline."""


def test_an_ordinary_kidney_on_its_side_raises_nothing():
    assert codes(KIDNEY) == {}


def test_a_kidney_on_the_other_side_is_refused():
    assert codes(KIDNEY, name="Kidney right") == {"wrong_side": "block"}
    assert codes(KIDNEY, name="Liver")["too_small"] == "block"


def test_a_liver_on_the_left_asks_whether_the_image_is_mirrored():
    right, left = box((5, 40), (5, 35), (0, 28)), box((5, 40), (5, 35), (32, 60))
    assert codes(right, name="Liver") == {}
    assert codes(left, name="Liver") == {"mirrored": "ask"}
    (finding,) = doubts(
        name="Liver", mask=left, grid=GRID, confidence=0.95, lost_share=0.0, midline_x_mm=0.0, is_cut=False
    )
    # An image cannot tell one from the other: the person who knows the patient is told both.
    assert "image is mirrored" in finding.message and "situs inversus" in finding.message
    assert codes(box((10, 30), (10, 28), (5, 15)), name="Spleen") == {"mirrored": "ask"}


def test_usual_volumes_are_those_of_the_patients_sex_and_height():
    man, woman = (Person(sex=sex, height_m=height) for sex, height in (("male", 1.76), ("female", 1.63)))
    liver = VOLUMES["Liver"]
    assert liver.usual_ml(man) == pytest.approx((1714.0 * np.exp(-0.9), 1714.0 * np.exp(0.9)))
    assert liver.usual_ml(woman)[1] == pytest.approx(1333.0 * np.exp(0.9))
    # Neither known: what either may have.
    assert liver.usual_ml(UNKNOWN) == pytest.approx((liver.usual_ml(woman)[0], liver.usual_ml(man)[1]))
    tall = Person(sex="female", height_m=1.63 * 2.0 ** (1.0 / 3.0))
    assert liver.usual_ml(tall)[0] == pytest.approx(2.0 * liver.usual_ml(woman)[0])
    # A height in the wrong unit is left aside.
    assert liver.usual_ml(Person(sex="male", height_m=176.0)) == liver.usual_ml(man)
    small = box((10, 24), (12, 22), (42, 50))
    volume_ml = np.count_nonzero(small) * 0.064
    assert VOLUMES["Kidney left"].usual_ml(woman)[0] < volume_ml < VOLUMES["Kidney left"].usual_ml(tall)[0]
    assert codes(small, person=woman) == {}
    assert codes(small, person=tall) == {"unusual_volume": "ask"}
    (finding,) = doubts(
        name="Kidney left",
        mask=small,
        grid=GRID,
        confidence=0.95,
        lost_share=0.0,
        midline_x_mm=0.0,
        is_cut=False,
        person=tall,
    )
    assert "a woman of 2.05 m" in finding.message


def test_volumes_far_from_an_organ_are_refused_and_unusual_ones_asked_about():
    low, high = VOLUMES["Kidney left"].usual_ml(UNKNOWN)
    assert low < 140.0 / 2.0 and high > 140.0 * 2.0
    assert codes(box((10, 14), (15, 19), (42, 46))) == {"too_small": "block"}
    assert codes(box((0, 40), (5, 30), (35, 60))) == {"unusual_volume": "ask"}


def test_an_organ_cut_by_the_field_is_not_judged_by_its_volume():
    assert codes(box((10, 14), (15, 19), (42, 46)), is_cut=True) == {"cut_by_field": "ask"}


def test_doubt_of_the_network_and_lost_pieces_are_told():
    assert codes(KIDNEY, confidence=0.49) == {"low_confidence": "block"}
    assert codes(KIDNEY, confidence=0.7, lost_share=0.3) == {"low_confidence": "ask", "in_pieces": "ask"}


def test_the_border_of_the_image_is_the_end_of_the_grid_or_of_what_was_seen():
    seen = np.ones(GRID.shape_zyx, dtype=bool)
    assert not touches_border(KIDNEY, seen)
    assert touches_border(box((0, 20), (15, 25), (42, 52)), seen)
    seen[:5] = False
    assert touches_border(KIDNEY, seen)


def test_of_an_organ_the_largest_piece_is_kept_and_of_bone_every_piece_but_crumbs():
    both = KIDNEY | box((35, 40), (15, 25), (5, 25))
    assert np.array_equal(kept_pieces(both, "Kidney left"), KIDNEY)
    assert np.array_equal(kept_pieces(both, "Pelvis"), both)
    crumb = KIDNEY | box((38, 39), (15, 16), (5, 6))
    assert np.array_equal(kept_pieces(crumb, "Pelvis"), KIDNEY)


def test_expected_dice_is_that_of_certain_and_of_half_certain_voxels():
    mask = np.array([True, True, False, False])
    assert expected_dice(mask.astype(np.float32), mask) == pytest.approx(1.0)
    # Truth holds half of the mask's voxels on average and nothing else: 2 * 1 / (1 + 2).
    assert expected_dice(np.array([0.5, 0.5, 0.0, 0.0], dtype=np.float32), mask) == pytest.approx(2.0 / 3.0)


def test_only_organs_that_are_large_enough_tell_left_from_right():
    chances = np.zeros((4, *GRID.shape_zyx), dtype=np.float32)
    liver, crumb = box((5, 35), (5, 35), (0, 28)), box((0, 1), (0, 1), (40, 43))
    chances[0] = 0.6
    chances[1][liver], chances[2][crumb] = 0.9, 0.9
    found = clearness(chances, ("Outside", "Liver", "Spleen", "Kidney left"), voxel_ml=0.064)
    assert set(found) == {"Liver"}
    assert found["Liver"] == pytest.approx(2.0 * 0.9 / 1.9)
