"""Organs that the shipped network draws on virtual patients it never saw, and images that it must refuse."""

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.organs import Variant
from dosimetry.segmentation.agreement import dice
from dosimetry.segmentation.class_chances import BLURS_MM, UNBLURRED_MM, blurs_of, class_chances
from dosimetry.volume import Grid, Volume, resample
from tests.phantoms.unseen_patient import BED, drawn, network, patient


# Half of what the model card gives as lost overlap: a change that breaks the network shows, noise does not.
@pytest.mark.parametrize(("mode", "least"), [("both", 0.80), ("emission", 0.70)])
def test_organs_of_an_unseen_virtual_patient_are_found(mode, least):
    ct, emission, truth = patient()
    found = drawn(ct=ct if mode == "both" else None, emission=emission)
    for name in ("Kidney left", "Kidney right", "Liver", "Spleen"):
        assert dice(found[name].mask, truth[name]) > least, name
        assert 0.5 < found[name].confidence <= 1.0
        assert not found[name].is_refused


def test_the_unit_of_the_emission_and_the_axes_of_the_image_do_not_matter():
    ct, emission, _ = patient()
    usual = drawn(ct=ct, emission=emission)
    in_kbq = drawn(ct=ct, emission=emission.with_values(emission.values * np.float32(1e-3)))
    turned = Grid(
        shape_zyx=BED.shape_zyx[::-1],
        spacing_xyz_mm=BED.spacing_xyz_mm,
        origin_lps_mm=BED.origin_lps_mm,
        direction=(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0),
    )
    # The same voxels with x and z exchanged in storage: places in the patient stay.
    swapped = {
        name: Volume(values=np.ascontiguousarray(image.values.transpose(2, 1, 0)), grid=turned, unit=image.unit)
        for name, image in (("ct", ct), ("emission", emission))
    }
    from_swapped = drawn(**swapped)
    for name in ("Kidney left", "Liver"):
        assert dice(usual[name].mask, in_kbq[name].mask) > 0.999
        assert dice(usual[name].mask, from_swapped[name].mask) > 0.99


def test_a_kidney_that_is_not_there_is_not_proposed():
    ct, emission, truth = patient(Variant.ONE_KIDNEY)
    found = drawn(ct=ct, emission=emission)
    (there,) = [name for name in truth if name.startswith("Kidney")]
    (missing,) = {"Kidney left", "Kidney right"} - {there}
    assert dice(found[there].mask, truth[there]) > 0.7
    assert missing not in found or found[missing].is_refused or np.count_nonzero(found[missing].mask) * 0.064 < 60.0


def test_an_organ_that_the_field_cuts_off_says_so():
    ct, emission, truth = patient()
    low = int(np.argwhere(truth["Liver"])[:, 0].mean())
    top = Grid(
        shape_zyx=(96 - low, 72, 112),
        spacing_xyz_mm=BED.spacing_xyz_mm,
        origin_lps_mm=(-222.0, -142.0, -170.0 + 4.0 * low),
    )
    cut = {
        name: Volume(values=image.values[low:], grid=top, unit=image.unit)
        for name, image in (("ct", ct), ("emission", emission))
    }
    liver = drawn(**cut, onto=top)["Liver"]
    assert "cut_by_field" in {finding.code for finding in liver.findings}


def code_of(**images) -> str:
    with pytest.raises(InvalidInputError) as error:
        drawn(**images)
    return error.value.code


def test_images_that_show_no_body_are_refused():
    ct, emission, _ = patient()
    generator = np.random.default_rng(1)
    noise = emission.with_values(generator.gamma(1.0, 1.0, BED.shape_zyx).astype(np.float32))
    small = Grid(shape_zyx=(96, 20, 20), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-40.0, -40.0, -170.0))
    coarse = Grid(shape_zyx=(20, 20, 20), spacing_xyz_mm=(20.0, 20.0, 20.0), origin_lps_mm=(-190.0, -190.0, -190.0))
    assert code_of() == "no_image"
    assert code_of(emission=emission.with_values(np.zeros(BED.shape_zyx, dtype=np.float32))) == "empty_image"
    assert code_of(ct=ct.with_values(np.full(BED.shape_zyx, -1000, dtype=np.int16))) == "empty_image"
    assert code_of(ct=ct, emission=emission, onto=small) == "out_of_domain"
    assert code_of(emission=Volume(values=generator.random((20, 20, 20)), grid=coarse, unit="Bq/mL")) == "out_of_domain"
    assert code_of(ct=ct.with_values(ct.values + np.int16(1000))) == "out_of_domain"
    assert code_of(emission=noise) == "out_of_domain"


def test_air_round_the_body_is_left_out_and_changes_no_organ():
    _, emission, truth = patient()
    wide = Grid(shape_zyx=(110, 150, 150), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(-298.0, -298.0, -198.0))
    square = resample(emission, onto=wide, fill_value=0.0)
    chances = class_chances(network=network(), onto=wide, emission=square)
    assert np.prod(chances.grid.shape_zyx) < 0.6 * np.prod(wide.shape_zyx)
    found, narrow = drawn(emission=square, onto=BED), drawn(emission=emission)
    for name in ("Kidney left", "Liver", "Spleen"):
        assert dice(found[name].mask, narrow[name].mask) > 0.9, name
        assert dice(found[name].mask, truth[name]) > 0.7


def test_only_a_fine_emission_without_ct_is_blurred():
    def image(spacing_mm):
        grid = Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(spacing_mm,) * 3, origin_lps_mm=(0.0, 0.0, 0.0))
        return Volume(values=np.ones((4, 4, 4), np.float32), grid=grid, unit="Bq/mL")

    assert blurs_of(ct=None, emission=image(1.95)) == BLURS_MM
    assert blurs_of(ct=None, emission=image(4.8)) == UNBLURRED_MM
    assert blurs_of(ct=image(1.0), emission=image(1.95)) == UNBLURRED_MM
    assert blurs_of(ct=image(1.0), emission=None) == UNBLURRED_MM
