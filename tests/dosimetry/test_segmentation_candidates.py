"""Lesion candidates from the probabilities of a network that is put in, and what is refused."""

import numpy as np
import pytest
import torch

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import NetworkCard
from dosimetry.nn.channels import CHANNELS
from dosimetry.nn.weights import LoadedNetwork
from dosimetry.phantoms.lesion_samples import LESION_CLASSES
from dosimetry.segmentation import candidates
from dosimetry.segmentation.agreement import dice
from dosimetry.segmentation.candidates import MOST_CANDIDATES, candidate_labels, lesion_candidates, peak_mean
from dosimetry.volume import Grid, Volume

GRID = Grid(shape_zyx=(48, 40, 48), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-94.0, -78.0, -94.0))
FINE = Grid(shape_zyx=(90, 70, 90), spacing_xyz_mm=(2.0, 2.0, 2.0), origin_lps_mm=(-89.0, -69.0, -89.0))
CARD = NetworkCard(
    name="lesions", version="0", classes=LESION_CLASSES, channels=CHANNELS, spacing_mm=4.0, training="nothing"
)
TISSUES_HU = np.full(GRID.shape_zyx, 40.0, dtype=np.float32)
TISSUES_HU[:, :10], TISSUES_HU[:, -10:] = -100.0, 300.0
BODY_CT = Volume(values=TISSUES_HU, grid=GRID, unit="HU")
"""With fat and bone: of a person."""


class Hot(torch.nn.Module):
    """Takes what is hot in the emission channel for a lesion: certain well above a level, even at it."""

    def __init__(self, level: float, certainty: float = 8.0) -> None:
        super().__init__()
        self.level, self.certainty = level, certainty
        self.classes = torch.nn.Conv3d(1, 2, 1)

    def forward(self, image):
        hot = self.certainty * (image[:, 2:3] - self.level)
        return torch.cat([-0.5 * hot, 0.5 * hot], dim=1)


def network(level: float = 4.0) -> LoadedNetwork:
    return LoadedNetwork(net=Hot(level), card=CARD, digest="0" * 64)


def distance_mm(grid: Grid, centre) -> np.ndarray:
    places = grid.index_to_lps_mm(np.stack(np.indices(grid.shape_zyx), axis=-1).astype(float))
    return np.linalg.norm(places - np.asarray(centre), axis=-1)


def hot_image(*spots, grid: Grid = GRID) -> Volume:
    """Return a warm block with spots of (centre, radius, height), blurred by a soft edge of 3 mm."""
    values = np.ones(grid.shape_zyx, dtype=np.float32)
    for centre, radius, height in spots:
        values += (height / (1.0 + np.exp(np.clip((distance_mm(grid, centre) - radius) / 3.0, -30, 30)))).astype(
            np.float32
        )
    return Volume(values=values, grid=grid, unit="Bq/mL")


LEFT, RIGHT = (-40.0, 0.0, 10.0), (30.0, 10.0, -20.0)


def test_places_come_with_probability_volume_maximum_and_middle():
    image = hot_image((LEFT, 14.0, 60.0), (RIGHT, 10.0, 30.0))
    found = lesion_candidates(network=network(), onto=FINE, emission=image, ct=BODY_CT)
    assert len(found) == 2
    assert found[0].probability >= found[1].probability > 0.5
    by_place = {one.centre_lps_mm[0] < 0.0: one for one in found}
    for is_left, centre, radius, height in ((True, LEFT, 14.0, 60.0), (False, RIGHT, 10.0, 30.0)):
        one = by_place[is_left]
        np.testing.assert_allclose(one.centre_lps_mm, centre, atol=2.0)
        assert one.volume_ml == pytest.approx(np.count_nonzero(one.mask) * 8e-3)
        # The level of the network on the image itself, which was not carried over two grids.
        truth = hot_image((centre, radius, height), grid=FINE).values >= np.sinh(4.0) / 4.0
        assert dice(one.mask, truth) > 0.9
        # Averaged once more on the way to the working voxels.
        assert one.maximum == pytest.approx(image.values[distance_mm(GRID, centre) < radius].max(), rel=0.1)
    assert not np.any(found[0].mask & found[1].mask)


def test_the_unit_does_not_matter():
    image = hot_image((LEFT, 14.0, 60.0))
    (usual,) = lesion_candidates(network=network(), onto=FINE, emission=image, ct=BODY_CT)
    in_kbq = image.with_values(image.values * np.float32(1e-3))
    (scaled,) = lesion_candidates(network=network(), onto=FINE, emission=in_kbq, ct=BODY_CT)
    np.testing.assert_array_equal(usual.mask, scaled.mask)
    assert scaled.maximum == pytest.approx(1e-3 * usual.maximum, rel=1e-4)


def test_touching_lesions_are_two_candidates_with_a_border_between():
    image = hot_image(((-14.0, 0.0, 0.0), 11.0, 60.0), ((14.0, 0.0, 0.0), 11.0, 50.0))
    found = lesion_candidates(network=network(2.5), onto=FINE, emission=image, ct=BODY_CT)
    assert len(found) == 2
    assert not np.any(found[0].mask & found[1].mask)
    assert sorted(round(one.centre_lps_mm[0], -1) for one in found) == [-10.0, 10.0] or (
        found[0].centre_lps_mm[0] * found[1].centre_lps_mm[0] < 0.0
    )


def test_what_is_smaller_than_half_a_millilitre_is_left_out():
    chance = np.zeros((10, 10, 10), dtype=np.float32)
    chance[1:3, 1:3, 1:3] = 0.9  # 8 voxels of 0.064 mL
    chance[6:8, 6:8, 6] = 0.9
    labels = candidate_labels(chance, chance, spacing_mm=4.0)
    assert labels[1, 1, 1] == 1 and labels.max() == 1
    assert not labels[6:8].any()


def test_a_warm_image_without_hot_places_has_no_candidates():
    assert lesion_candidates(network=network(), onto=FINE, emission=hot_image((LEFT, 14.0, 0.2)), ct=BODY_CT) == ()


def test_a_place_that_hangs_on_the_calibration_says_so():
    image = hot_image((LEFT, 14.0, 60.0))
    (sure,) = lesion_candidates(network=network(3.0), onto=FINE, emission=image, ct=BODY_CT)
    assert sure.findings == ()
    found = lesion_candidates(network=network(6.0), onto=FINE, emission=image, ct=BODY_CT)
    assert [finding.code for one in found for finding in one.findings] == ["unstable"]


def test_a_place_at_the_end_of_the_image_says_so():
    (one,) = lesion_candidates(
        network=network(), onto=FINE, emission=hot_image(((-88.0, 0.0, 0.0), 14.0, 60.0)), ct=BODY_CT
    )
    assert "cut_by_field" in {finding.code for finding in one.findings}


def test_ripples_of_noise_are_told_from_a_spot():
    spot = hot_image((LEFT, 10.0, 20.0))
    ripples = np.random.default_rng(5).normal(0.0, 2.0, GRID.shape_zyx).astype(np.float32)
    noisy = spot.with_values(np.abs(spot.values + ripples))
    # A network that takes every ripple for a lesion.
    found = lesion_candidates(network=network(2.0), onto=GRID, emission=noisy, ct=BODY_CT)
    assert len(found) > 20
    distances = [np.linalg.norm(np.subtract(one.centre_lps_mm, LEFT)) for one in found]
    true = found[int(np.argmin(distances))]
    assert min(distances) < 3.0 and true.contrast_to_noise > 10.0
    assert "faint" not in {finding.code for finding in true.findings}
    for one in found:
        if one is not true:
            assert one.contrast_to_noise < 5.0
            assert "standard deviations" in {finding.code: finding.message for finding in one.findings}["faint"]


def test_the_probability_is_that_of_the_likeliest_voxels():
    chance = np.linspace(0.0, 1.0, 64, dtype=np.float32).reshape(4, 4, 4)
    assert peak_mean(chance, np.ones((4, 4, 4), dtype=bool)) == pytest.approx(np.linspace(0, 1, 64)[-8:].mean())
    few = np.zeros((4, 4, 4), dtype=bool)
    few[0, 0, :2] = True
    assert peak_mean(chance, few) == pytest.approx(0.5 / 63.0)


def code_of(emission, **given) -> str:
    with pytest.raises(InvalidInputError) as error:
        lesion_candidates(network=network(), onto=given.pop("onto", FINE), emission=emission, ct=BODY_CT)
    return error.value.code


def test_images_that_show_no_lesions_are_refused(monkeypatch):
    image = hot_image((LEFT, 14.0, 60.0))
    empty = np.zeros(GRID.shape_zyx, dtype=np.float32)
    negative = -image.values
    small = Grid(shape_zyx=(40, 10, 10), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-20.0, -20.0, -90.0))
    coarse = Grid(shape_zyx=(12, 12, 12), spacing_xyz_mm=(15.0, 15.0, 15.0), origin_lps_mm=(-90.0, -90.0, -90.0))
    assert code_of(None) == "no_image"
    assert code_of(image.with_values(empty)) == "empty_image"
    assert code_of(image.with_values(negative)) == "empty_image"
    assert code_of(image, onto=small) == "out_of_domain"
    assert code_of(hot_image((LEFT, 30.0, 60.0), grid=coarse)) == "out_of_domain"
    monkeypatch.setattr(candidates, "MOST_CANDIDATES", 1)
    assert code_of(hot_image((LEFT, 14.0, 60.0), (RIGHT, 14.0, 60.0))) == "out_of_domain"
    assert MOST_CANDIDATES > 100
