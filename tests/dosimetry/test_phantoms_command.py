"""The arguments of ``python -m dosimetry phantom``: what they ask for, and what of them cannot be read."""

import argparse

import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.command import add_arguments, request_of
from dosimetry.phantoms.lesions import LesionRequest
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient


def chosen(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return parser.parse_args(["--out", "somewhere", *arguments])


def test_without_arguments_it_is_the_usual_patient():
    assert request_of(chosen()) == VirtualPatientRequest()


def test_body_lesions_posture_and_camera_may_be_asked_for():
    request = request_of(
        chosen(
            *("--body", "female:160:55", "--lesion", "liver:10:2", "--lesion", "bone:2.5", "--arms-down", "--still"),
            *("--dead-time", "2", "--penetration", "30", "--penetration-width", "60"),
        )
    )
    assert request.habitus is not None and (request.habitus.sex, request.habitus.mass_kg) == ("female", 55.0)
    assert request.lesions == (
        LesionRequest(site="liver", volume_ml=10.0, n=2),
        LesionRequest(site="bone", volume_ml=2.5),
    )
    assert not request.is_arms_up and not request.is_moving
    protocol = make_virtual_patient(request).protocol
    assert (protocol.dead_time_s, protocol.penetration_share) == (pytest.approx(2e-6), pytest.approx(0.3))
    assert protocol.penetration_fwhm_mm == 60.0


def test_no_lesions_are_not_drawn_lesions():
    assert request_of(chosen("--lesion", "none")).lesions == ()
    assert request_of(chosen()).lesions is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--body", "female:160"],
        ["--body", "female:160:200"],
        ["--body", "female:tall:60"],
        ["--lesion", "brain:3"],
        ["--lesion", "liver:0"],
        ["--lesion", "liver"],
    ],
    ids=str,
)
def test_what_cannot_be_read_names_the_argument(arguments):
    with pytest.raises(argparse.ArgumentError, match=arguments[0]):
        chosen(*arguments)


def test_a_camera_has_no_place_in_a_pet():
    request = request_of(chosen("--agent", "68Ga-DOTATATE", "--dead-time", "2"))
    with pytest.raises(InvalidInputError, match="PET"):
        make_virtual_patient(request)
