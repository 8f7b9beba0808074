"""Identifiers of virtual patients: equal for equal requests, different for all others, on every machine."""

from dataclasses import replace
from functools import lru_cache

import pytest

from dosimetry.phantoms.habitus import Habitus
from dosimetry.phantoms.lesions import LesionRequest
from dosimetry.phantoms.virtual_anatomy import Variant
from dosimetry.phantoms.virtual_ct import CtOptions
from dosimetry.phantoms.virtual_headers import VirtualHeaders, patient_facts
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.quantification.spect_settings import USUAL_SETTINGS, SpectSettings
from tests.phantoms.spect_scans import STARTED

BOTH = frozenset({Variant.ONE_KIDNEY, Variant.SPLENECTOMY})
PLAIN_CT = CtOptions()
CHANGES = [
    {"variants": frozenset({Variant.ONE_KIDNEY})},
    {"variants": BOTH},
    {"scan_times_h": (24.0, 96.0)},
    {"n_beds": 2},
    {"line_kev": 113.0},
    {"administered_activity_bq": 5e9},
    {"lesions": ()},
    {"lesions": (LesionRequest(site="liver", volume_ml=5.0),)},
    {"habitus": Habitus(sex="male", height_cm=176.0, mass_kg=73.0)},
    {"cycle_number": 2},
    {"is_moving": False},
]


@lru_cache(maxsize=1)
def patient():
    return make_virtual_patient(VirtualPatientRequest(seed=7, scan_times_h=(24.0,)))


def headers(*, ct_options=PLAIN_CT, settings=USUAL_SETTINGS, identity=None, **changes):
    """Return headers; the body is that of the plain request, for identifiers rest on the request."""
    virtual = replace(patient(), request=replace(patient().request, **changes))
    return VirtualHeaders(virtual=virtual, start=STARTED, ct_options=ct_options, settings=settings, identity=identity)


def uids(found):
    return (found.study(0).study_uid, found.series(0, "ct", 2, "CT").series_uid, found.frame_of_reference_uid(0))


def test_whatever_is_asked_for_changes_every_identifier():
    other = patient_facts(patient(), name="A^B", patient_id="9")
    all_found = [
        headers(),
        *(headers(**change) for change in CHANGES),
        headers(ct_options=CtOptions(has_contrast=True)),
        headers(settings=SpectSettings(n_iterations=5)),
        headers(identity=other),
    ]
    for kind in zip(*(uids(found) for found in all_found), strict=True):
        assert len(set(kind)) == len(all_found)


def test_equal_requests_get_the_identifiers_of_every_machine():
    assert uids(headers(scan_times_h=(24,))) == uids(headers(scan_times_h=(24.0,)))
    assert uids(headers(variants=BOTH)) == uids(headers(variants=frozenset(sorted(BOTH, reverse=True))))
    # Written once: the order of a set of texts differs between processes, a digest may not.
    assert headers(variants=BOTH).patient.patient_id == "VIRTUAL-DOTATATE-7-14C7A8"


def test_other_bodies_are_other_patients_and_other_scans_are_not():
    plain = headers().patient.patient_id
    assert plain == "VIRTUAL-DOTATATE-7"
    for change in CHANGES:
        is_body = not change.keys().isdisjoint({"variants", "lesions", "habitus"})
        assert (headers(**change).patient.patient_id != plain) is is_body
    assert headers(variants=BOTH).patient.patient_id.startswith("VIRTUAL-DOTATATE-7-")


@pytest.mark.parametrize("change", [{"camera": "Symbia ME"}, {"post_filter_fwhm_mm": 8.0}])
def test_settings_of_the_reconstruction_count(change):
    assert uids(headers(settings=SpectSettings(**change))) != uids(headers())
