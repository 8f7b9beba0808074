"""Several engines in one case: the case file, the table of regions, the reason of a difference."""

import json

import numpy as np
import pytest

from dosimetry.case.engine_doses import compare_region, run_engines
from dosimetry.case.schema import TEMPLATE, read_case
from dosimetry.dose.engines import EngineResult
from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.population import prior_from_half_life
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.volume import Grid, Volume

SHAPE = (16, 16, 16)
GRID = Grid(shape_zyx=SHAPE, spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))


def volume(value, unit="Gy"):
    return Volume(values=np.full(SHAPE, value, dtype=np.float32), grid=GRID, unit=unit)


def result(dose_gy, photon_gy=None, relative=None):
    return EngineResult(
        dose=volume(dose_gy),
        relative_standard_uncertainty=None if relative is None else volume(relative, "1"),
        photon_dose=None if photon_gy is None else volume(photon_gy),
        energy_balance={},
        provenance={},
        warnings=(),
    )


def mask():
    inside = np.zeros(SHAPE, dtype=bool)
    inside[4:12, 4:12, 4:12] = True
    return inside


def compared(results, names, local_dose_gy=3.0):
    return compare_region(
        results, names, mask=mask(), grid=GRID, local_dose_gy=local_dose_gy, rates_per_s={"24 h": 1e-6, "96 h": 5e-7}
    )


def test_charged_particles_are_those_of_the_curve_and_photons_those_of_the_map():
    found = compared({"local": result(2.0), "kernel": result(2.1, photon_gy=0.2)}, ["kernel", "local"])
    kernel, local = found.rows
    assert (kernel["engine"], local["engine"]) == ("kernel", "local")
    # 1.9 of 2.0 Gy of charged particles stay in the region; the curve has 3.0 of them.
    assert found.mean_gy == kernel["mean_gy"] == pytest.approx(3.0 * 0.95 + 0.2, rel=1e-6)
    assert kernel["photons_gy"] == pytest.approx(0.2, rel=1e-5)
    assert kernel["difference_percent"] == 0.0
    assert local["mean_gy"] == pytest.approx(3.0, rel=1e-6)
    assert local["difference_percent"] == pytest.approx(100.0 * (3.0 / 3.05 - 1.0), rel=1e-4)
    assert "photons" in local["reason"]
    assert "range of electrons" in local["reason"]
    # 1.6 % is below the guide of 10 %.
    assert found.warnings == ()


def test_what_spills_into_a_faint_region_takes_no_cross_dose_from_it():
    """The map holds 0.5 Gy of its own and 0.5 Gy that blur brought; a neighbour's photons give 0.3 Gy."""
    found = compared({"local": result(1.0), "hybrid_mc": result(1.3, photon_gy=0.3)}, ["hybrid_mc"], local_dose_gy=0.5)
    assert found.mean_gy == pytest.approx(0.8, rel=1e-5)


def test_a_region_that_the_map_lost_keeps_the_dose_of_its_curve():
    """A correction left the map next to nothing: rounding there must not be blown up by a ratio."""
    for leftover in (1e-9, -1e-9):
        found = compared(
            {"local": result(1e-10), "hybrid_mc": result(0.3 + leftover, photon_gy=0.3)},
            ["hybrid_mc"],
            local_dose_gy=0.5,
        )
        assert found.mean_gy == pytest.approx(0.8, abs=1e-6)
    entered = compared({"local": result(0.01), "kernel": result(0.11, photon_gy=0.0)}, ["kernel"], local_dose_gy=0.5)
    assert entered.mean_gy == pytest.approx(0.6, rel=1e-4)


def test_dose_rate_follows_the_measured_activity():
    row = compared({"local": result(2.0)}, ["local"]).rows[0]
    assert row["dose_rate_gy_per_h"] == pytest.approx({"24 h": 3.0 * 1e-6 * 3600.0, "96 h": 3.0 * 5e-7 * 3600.0})


@pytest.mark.parametrize(("other", "is_warned"), [(2.29, False), (2.31, True), (1.79, True)])
def test_more_than_ten_percent_is_warned_with_its_reason(other, is_warned):
    found = compared({"local": result(2.0), "kernel": result(other, photon_gy=0.0)}, ["local", "kernel"])
    assert bool(found.warnings) == is_warned
    if is_warned:
        assert "kernel gives" in found.warnings[0]
        assert "range of electrons" in found.warnings[0]


def test_statistical_uncertainty_of_the_mean_falls_with_voxels():
    row = compared({"local": result(2.0), "hybrid_mc": result(2.0, 0.1, relative=0.16)}, ["hybrid_mc"]).rows[0]
    # 512 voxels of the same dose.
    assert row["statistical_standard_uncertainty_gy"] == pytest.approx(2.0 * 0.16 / np.sqrt(512.0), rel=1e-5)


def test_region_without_activity_is_said():
    found = compared({"local": result(0.0)}, ["local"])
    assert found.rows == []
    assert found.mean_gy == 3.0
    assert "no activity" in found.warnings[0]


def test_engines_run_in_order_with_local_deposition():
    lines = []
    tia = volume(1e9, "Bq s")
    results = run_engines(
        ["kernel_unscaled", "kernel"],
        tia=tia,
        density=1.04,
        nuclide=get_nuclide("Lu-177"),
        options={},
        log=lines.append,
    )
    assert list(results) == ["kernel_unscaled", "kernel", "local"]
    assert [line.split()[1] for line in lines] == list(results)
    centre = (8, 8, 8)
    # Uniform tissue of the kernel's density: scaled and unscaled are the same; photons add a few per cent.
    assert results["kernel"].dose.values[centre] == results["kernel_unscaled"].dose.values[centre]
    assert 1.0 < results["kernel"].dose.values[centre] / results["local"].dose.values[centre] < 1.1


def case_file(tmp_path, **change):
    (tmp_path / "scan_1").mkdir()
    (tmp_path / "scan_1" / "structures.dcm").write_bytes(b"x")
    (tmp_path / "scan_2.zip").write_bytes(b"x")
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**TEMPLATE, **change}))
    return path


def test_engines_and_options_are_read(tmp_path):
    options = {"seed": 3, "max_histories": 1000000, "target_relative_uncertainty": 0.01, "progeny": "in_place"}
    names = ["hybrid_mc", "kernel", "local"]
    case = read_case(case_file(tmp_path, engines=names, engine_options=options))
    assert case.engines == tuple(names)
    assert case.engine_options == options


def test_template_runs_local_deposition(tmp_path):
    case = read_case(case_file(tmp_path))
    assert (case.engines, case.organ_level) == (("local",), False)


def test_choices_of_curves_are_read(tmp_path):
    prior = prior_from_half_life(
        agent="DOTATATE",
        organ="kidney",
        nuclide="Lu-177",
        median_s=50 * 3600.0,
        log_standard_deviation=0.2,
        n_patients=30,
        source="own patients",
        status="fitted",
    )
    (tmp_path / "prior.json").write_text(prior.to_json())
    chosen = {
        "models": ["bi_exponential"],
        "choose": {"Kidney": "posterior"},
        "priors": {"Kidney": "prior.json"},
        "wanted_cv_percent": 8.0,
    }
    curves = read_case(case_file(tmp_path, curves=chosen)).curves
    assert curves.models == ("bi_exponential",)
    assert curves.choose == {"Kidney": "posterior"}
    assert curves.priors == {"Kidney": prior}
    assert curves.wanted_cv == pytest.approx(0.08)


def test_organ_level_is_asked_for(tmp_path):
    assert read_case(case_file(tmp_path, organ_level=True)).organ_level


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"engines": []}, "$.engines"),
        ({"engines": ["local", "voodoo"]}, "$.engines[1]"),
        ({"engines": ["local", "local"]}, "$.engines"),
        ({"engine_options": {"sede": 1}}, "$.engine_options.sede"),
        ({"engine_options": {"seed": 1.5}}, "$.engine_options.seed"),
        ({"engine_options": {"max_histories": 0}}, "$.engine_options.max_histories"),
        ({"engine_options": {"progeny": "all"}}, "$.engine_options.progeny"),
        ({"organ_level": 1}, "$.organ_level"),
        ({"curves": {"models": ["cubic"]}}, "$.curves.models[0]"),
        ({"curves": {"choose": ["posterior"]}}, "$.curves.choose"),
        ({"curves": {"priors": {"Kidney": "missing.json"}}}, "$.curves.priors.Kidney"),
        ({"curves": {"wanted_cv_percent": 0}}, "$.curves.wanted_cv_percent"),
    ],
)
def test_wrong_engines_name_their_place(tmp_path, change, place):
    with pytest.raises(InvalidInputError) as caught:
        read_case(case_file(tmp_path, **change))
    assert str(caught.value).startswith(place)
