"""A virtual patient of a PET agent: the command writes PET, CT, contours and truth, and the image holds the truth."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from dosimetry.__main__ import main
from dosimetry.case.schema import read_case
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import group_series
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms import virtual_patient as virtual_patient_module
from dosimetry.phantoms import virtual_pet as virtual_pet_module
from dosimetry.phantoms import virtual_writer as virtual_writer_module
from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.protocols import PET_NUCLIDES
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.phantoms.virtual_pet import pet_image
from dosimetry.quantification.activity import to_activity_concentration

HOUR_S = 3600.0
PET_AGENTS = sorted(name for name, agent in AGENTS.items() if agent.nuclide in PET_NUCLIDES)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two scans of a patient on large voxels, written by the command."""
    folder = tmp_path_factory.mktemp("pet")
    coarse = {"PIXEL_MM": 8.0, "N_COLUMNS": 64, "FINE_PER_PIXEL": 2, "TRUTH_GRID_MM": 8.0}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in coarse.items():
            patch.setattr(virtual_patient_module, name, value)
        patch.setattr(virtual_pet_module, "FINE_PER_PIXEL", 2)
        patch.setattr(virtual_writer_module, "CT_COLUMNS", 64)
        patch.setattr(virtual_writer_module, "CT_SPACING_XYZ_MM", (8.0, 8.0, 8.0))
        chosen = ["--agent", "68Ga-DOTATATE", "--seed", "5", "--scans", "1,2", "--beds", "2", "--engine", "local"]
        assert main(["phantom", *chosen, "--out", str(folder)]) == 0
    return folder


def image_of(folder, number):
    paths = sorted((folder / f"scan_{number}" / "emission").glob("*.dcm"))
    (series,) = group_series([read_header(path) for path in paths], site_zone=UTC)
    return read_emission(series)


def test_the_image_holds_what_was_there_at_mid_scan(written):
    truth = json.loads((written / "truth.json").read_text())
    for number in (1, 2):
        image = image_of(written, number)
        assert (image.series.modality, image.series.nuclide, image.series.decay_correction) == ("PT", "Ga-68", "START")
        found = to_activity_concentration(
            image,
            nuclide=get_nuclide("Ga-68"),
            administration_time=datetime.fromisoformat(truth["administered_at"]),
            administered_activity_bq=truth["administered_activity_bq"],
        )
        assert found.time_s == pytest.approx(number * HOUR_S, abs=1.0)
        whole_body = sum(row["activities_bq"][number - 1] for row in truth["regions"])
        # Two beds hold trunk and head; arms and legs, with a share of the blood, lie outside.
        assert 0.7 < found.whole_image_activity_bq / whole_body < 1.0
        assert not [finding for finding in found.findings if finding.level == "block"]


def test_everything_is_written_but_projections(written):
    assert not list(written.glob("scan_*/projections*"))
    assert all((written / name).exists() for name in ("truth/rtstruct.dcm", "truth/seg.dcm", "truth/rtdose.dcm"))
    truth = json.loads((written / "truth.json").read_text())
    assert "calibration_cps_per_mbq_of_one_head" not in truth
    kidney = next(row for row in truth["regions"] if row["name"] == "Kidney left")
    # Ga-68 leaves 740 keV of positrons, ICRP 107; local deposition in the organ's own mass.
    kev = get_nuclide("Ga-68").electron_energy_kev
    local = kidney["time_integrated_activity_bq_s"] * kev * 1.602176634e-13 / kidney["mass_in_dose_map_g"]
    assert kidney["absorbed_dose_gy"] == pytest.approx(local, rel=5e-3)
    case = read_case(written / "case.json")
    assert [point.label for point in case.time_points] == ["1 h", "2 h"]


@pytest.mark.parametrize("name", PET_AGENTS)
def test_scans_and_half_lives_suit_the_nuclide(name):
    agent, half_life_h = AGENTS[name], get_nuclide(AGENTS[name].nuclide).half_life_s / HOUR_S
    # Beyond four half-lives a diagnostic scan holds too little.
    assert max(agent.scan_times_h) <= 4.0 * half_life_h
    regions = [*agent.organs.values()]
    assert all(0.0 < region.half_life_h < half_life_h for region in regions)
    assert all(0.0 < hours < half_life_h for hours in agent.rest_half_lives_h)


def test_the_kidneys_of_the_agent_get_the_dose_of_their_source():
    """0.0921 mGy/MBq (Walker 2013) from both kidneys of 299 g: electrons in full, photons of 0.95 MeV by 7 %."""
    kidney = AGENTS["68Ga-DOTATATE"].organs["Kidney left"]
    tia_h = 2.0 * kidney.uptake * kidney.half_life_h / np.log(2.0)
    mgy_per_mbq = tia_h * (0.740 + 0.07 * 0.95) * 0.5767 / 0.299
    # Cross dose, washout and masses are rounded in the uptake: 10 %.
    assert mgy_per_mbq == pytest.approx(0.0921, rel=0.10)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        make_virtual_patient(VirtualPatientRequest(agent="68Ga-DOTATATE", line_kev=511.0))
    assert caught.value.code == "no_protocol"


def test_a_therapy_agent_has_no_pet(monkeypatch):
    monkeypatch.setattr(virtual_patient_module, "TRUTH_GRID_MM", 8.0)
    patient = make_virtual_patient(VirtualPatientRequest(seed=5, scan_times_h=(24.0,)))
    with pytest.raises(InvalidInputError) as caught:
        pet_image(patient, scan=0, seed=1)
    assert caught.value.code == "not_pet"
