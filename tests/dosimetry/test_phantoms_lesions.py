"""Lesions of virtual patients: inside their host, apart from each other, where they were asked for."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.habitus import Habitus
from dosimetry.phantoms.lesion_room import SHARE_INSIDE
from dosimetry.phantoms.lesions import BONE_TISSUES, LesionRequest
from dosimetry.phantoms.virtual_anatomy import make_anatomy, paint_labels
from dosimetry.volume import Grid

MALE = Habitus(sex="male", height_cm=176.0, mass_kg=73.0)
TRUNK = Grid(shape_zyx=(217, 67, 117), spacing_xyz_mm=(3.0,) * 3, origin_lps_mm=(-174.0, -100.0, -370.0))
"""From the hips to the neck."""
EDGE_MM = (-118.0, 20.0, 40.0)
"""In the liver, about 15 mm from its right side."""


def shares_in_host(anatomy):
    """Return for each lesion the share of its voxels that its host had before, and its volume over its own shape's."""
    bodies = tuple(part for part in anatomy.parts if part.kind is not RegionKind.LESION)
    with_lesions = paint_labels(anatomy, grid=TRUNK)
    plain = replace(anatomy, parts=bodies)
    without = paint_labels(plain, grid=TRUNK)
    found = {}
    for number, part in enumerate(anatomy.parts[len(bodies) :], start=len(bodies) + 1):
        under = without[with_lesions == number]
        if part.name.startswith("Bone"):
            hosts = [i for i, body in enumerate(bodies, start=1) if body.tissue in BONE_TISSUES]
        else:
            hosts = [i for i, body in enumerate(bodies, start=1) if body.name == "Liver"]
        volume_ml = under.size * TRUNK.voxel_volume_ml / np.prod(anatomy.scale_xyz)
        found[part.name] = (float(np.isin(under, hosts).mean()), volume_ml / part.solid.volume_ml)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "request_", [LesionRequest(site="bone", volume_ml=20.0, n=4), LesionRequest(site="liver", volume_ml=60.0, n=2)]
)
def test_lesions_lie_in_their_host_and_are_whole(seed, request_):
    found = shares_in_host(make_anatomy(seed=seed, habitus=MALE, lesions=(request_,)))
    assert len(found) == request_.n
    for share, whole in found.values():
        # Voxels of 3 mm and 280 points each count a share within about 2 %.
        assert share >= SHARE_INSIDE - 0.03
        # The body's smooth deformation (4 mm over 170 mm and more) stretches by up to 15 % along each axis.
        assert whole == pytest.approx(1.0, abs=0.4)


@pytest.mark.parametrize("seed", range(4))
def test_drawn_lesions_lie_in_their_host(seed):
    found = shares_in_host(make_anatomy(seed=seed))
    large = {name: share for name, (share, _) in found.items() if not name.startswith("Node")}
    # A lesion of 0.8 mL has 30 voxels.
    assert all(share >= SHARE_INSIDE - 0.06 for share in large.values())
    assert all(whole == pytest.approx(1.0, abs=0.5) for _, whole in found.values())


def test_every_drawn_patient_finds_room():
    """Small bodies; what finds no room becomes smaller."""
    for seed in range(12):
        anatomy = make_anatomy(seed=seed, habitus=Habitus(sex="female", height_cm=150.0, mass_kg=42.0))
        volumes = [part.solid.volume_ml for part in anatomy.parts if part.kind is RegionKind.LESION]
        assert all(volume > 0.2 for volume in volumes)


def at(*centre, volume_ml=5.0, site="liver"):
    return LesionRequest(site=site, volume_ml=volume_ml, centre_lps_mm=centre)


def refused(*lesions, seed=1):
    with pytest.raises(InvalidInputError) as caught:
        make_anatomy(seed=seed, habitus=MALE, lesions=lesions)
    return caught.value


def test_a_lesion_that_leaves_its_host_is_refused_with_the_largest_that_fits():
    error = refused(at(*EDGE_MM, volume_ml=900.0))
    assert error.code == "lesion_too_large"
    largest_ml = float(re.search(r"about ([\d.e+]+) mL", str(error)).group(1))
    assert 0.5 < largest_ml < 200.0
    make_anatomy(seed=1, habitus=MALE, lesions=(at(*EDGE_MM, volume_ml=0.9 * largest_ml),))
    # Two digits are stated.
    assert refused(at(*EDGE_MM, volume_ml=1.2 * largest_ml)).code == "lesion_too_large"


def test_a_volume_that_finds_no_room_is_refused_with_one_that_does():
    error = refused(LesionRequest(site="bone", volume_ml=300.0))
    assert error.code == "no_room"
    largest_ml = float(re.search(r"about ([\d.e+]+) mL", str(error)).group(1))
    make_anatomy(seed=1, habitus=MALE, lesions=(LesionRequest(site="bone", volume_ml=0.9 * largest_ml),))


def test_several_lesions_do_not_share_one_place():
    with pytest.raises(InvalidInputError, match="3 lesions cannot all lie"):
        LesionRequest(site="liver", volume_ml=5.0, n=3, centre_lps_mm=(-60.0, 10.0, 40.0))
    error = refused(at(-60.0, 10.0, 40.0), at(-60.0, 18.0, 40.0))
    assert error.code == "lesion_overlap"
    assert "Liver lesion 1" in str(error)


def test_a_given_place_is_kept_whatever_else_is_drawn():
    given = at(-60.0, 10.0, 40.0, volume_ml=20.0)
    many = LesionRequest(site="liver", volume_ml=8.0, n=8)
    for seed in range(5):
        anatomy = make_anatomy(seed=seed, habitus=MALE, lesions=(many, given))
        lesions = {part.name: part.solid for part in anatomy.parts if part.kind is RegionKind.LESION}
        assert list(lesions) == [f"Liver lesion {number}" for number in range(1, 10)]
        last = lesions.pop("Liver lesion 9")
        assert last.centre_lps_mm == (-60.0, 10.0, 40.0)
        for solid in lesions.values():
            distance = np.linalg.norm(np.subtract(solid.centre_lps_mm, last.centre_lps_mm))
            assert distance > max(solid.semi_axes_mm) + max(last.semi_axes_mm)
