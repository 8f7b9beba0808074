"""A seed gives the same patient in every process and on every machine: one patient, written down.

Values are compared with tolerances: the last bits of sines, exponentials and logarithms differ between machines.
A change here means that every seed gives another patient: say so under "Numerical changes".
"""

from functools import lru_cache

import pytest

from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient

VOLUMES_ML = {
    "Liver": 1114.0,
    "Spleen": 92.7,
    "Kidney left": 94.1,
    "Kidney right": 133.2,
    "Pancreas": 76.5,
    "Bladder": 185.7,
    "Heart": 398.8,
    "Lung left": 1310.1,
    "Spine": 559.9,
    "Thyroid": 22.7,
    "Liver lesion 1": 7.8,
    "Bone lesion 3": 17.9,
    "Node 1": 16.8,
    "Rest of body": 45657.5,
}
LESION_CENTRES_MM = {
    "Liver lesion 1": (-42.998656, -42.428049, 13.655215),
    "Liver lesion 6": (-9.458098, -11.991633, 82.810686),
    "Bone lesion 3": (-105.042021, 0.730135, -322.905691),
    "Node 1": (4.376687, 17.868443, -104.264095),
}
ACTIVITIES_AT_24_H_BQ = {
    "Liver": 267880643.267,
    "Kidney left": 81472590.264,
    "Liver lesion 1": 9270944.874,
    "Bone lesion 3": 30902719.787,
    "Rest of body": 380390676.967,
}


@lru_cache(maxsize=1)
def patient():
    return make_virtual_patient(VirtualPatientRequest(seed=5, scan_times_h=(24.0, 96.0)))


def test_the_body_of_seed_5():
    habitus = patient().anatomy.habitus
    assert (habitus.sex, habitus.height_cm, habitus.mass_kg) == ("female", 154.7, 51.2)
    assert patient().anatomy.scale_xyz == pytest.approx((0.9466095413, 0.9466095413, 0.9490797546), rel=1e-9)
    assert len(patient().anatomy.region_names) == 37
    found = {name: patient().volumes_ml[name] for name in VOLUMES_ML}
    # Voxels of 0.064 mL: half of one for the rounding, and up to three that rounding of coordinates may move.
    assert found == pytest.approx(VOLUMES_ML, abs=0.25, rel=0.0)


def test_the_lesions_of_seed_5():
    found = {p.name: p.solid.centre_lps_mm for p in patient().anatomy.parts if p.kind is RegionKind.LESION}
    assert len(found) == 11
    for name, centre in LESION_CENTRES_MM.items():
        assert found[name] == pytest.approx(centre, abs=1e-5)


def test_the_activity_and_movement_of_seed_5():
    found = patient().biokinetics.activities_bq(24.0 * 3600.0)
    # Lesions take by their painted volume: three voxels of 0.064 mL in 7.8 mL are 2.5 %.
    for name, activity_bq in ACTIVITIES_AT_24_H_BQ.items():
        assert found[name] == pytest.approx(activity_bq, rel=0.025 if "lesion" in name else 1e-4)
    assert patient().biokinetics.voiding_phases == pytest.approx((0.7912894138, 1.7538671335), rel=1e-9)
    assert patient().poses[1].matrix[3] == pytest.approx(3.589543947, rel=1e-9)
