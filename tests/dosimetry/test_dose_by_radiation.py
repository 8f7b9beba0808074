"""Dose by radiation and member; the RBE weighs alpha particles alone and last."""

import numpy as np
import pytest

from dosimetry.dose.by_radiation import local_energies, split_by_radiation, total_local_energy_kev
from dosimetry.dose.engines import run_engine
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import KEV_PER_G_GY
from dosimetry.volume import Grid, Volume

GRID = Grid(shape_zyx=(2, 2, 2), spacing_xyz_mm=(10.0, 10.0, 10.0), origin_lps_mm=(0.0, 0.0, 0.0))


def test_chain_energies_are_those_of_the_table():
    """verification.md section 1: alpha, recoil and electrons of Ac-225 with all progeny in place."""
    members = local_energies("Ac-225", progeny="in_place")
    assert members[0].nuclide == "Ac-225"
    assert sum(m.alpha_kev for m in members) == pytest.approx(27481 + 513, abs=1.5)
    assert sum(m.electrons_kev for m in members) == pytest.approx(690, abs=1.0)
    shares = {m.nuclide: m.decays_per_parent_decay for m in members}
    assert shares["Po-213"] == pytest.approx(0.97898, abs=2e-5)


def test_without_progeny_the_nuclide_stands_alone():
    assert total_local_energy_kev("Lu-177") == get_nuclide("Lu-177").local_energy_kev
    assert len(local_energies("Ac-225")) == 1


def test_local_engine_counts_progeny_when_asked():
    tia = Volume(values=np.full(GRID.shape_zyx, 1e9, np.float32), grid=GRID, unit="Bq s")
    doses = {
        rule: run_engine(
            "local", tia_bq_s=tia, density_g_per_ml=1.0, nuclide=get_nuclide("Ac-225"), options={"progeny": rule}
        ).dose.values.mean()
        for rule in ("none", "in_place")
    }
    # 1e9 decays in 1 g; the chain deposits 28.7 MeV per decay of Ac-225.
    assert doses["in_place"] == pytest.approx(1e9 * 28684 * KEV_PER_G_GY, rel=1e-3)
    assert doses["none"] < 0.25 * doses["in_place"]


def test_parts_add_up_and_alpha_is_the_same_by_every_engine():
    energies = local_energies("Pb-212", progeny="in_place")
    local = split_by_radiation(total_gy=2.0, photons_gy=0.0, local_gy=2.0, energies=energies)
    kernel = split_by_radiation(total_gy=2.1, photons_gy=0.2, local_gy=2.0, energies=energies)
    assert local.alpha_gy + local.electrons_gy == pytest.approx(2.0, rel=1e-12)
    assert kernel.alpha_gy == local.alpha_gy
    assert kernel.alpha_gy + kernel.electrons_gy + kernel.photons_gy == pytest.approx(2.1, rel=1e-12)
    assert sum(local.local_by_member_gy.values()) == pytest.approx(2.0, rel=1e-12)
    # Pb-212 itself emits no alpha particles: its progeny carry them.
    assert energies[0].alpha_kev == 0.0


def test_rbe_weighs_alpha_and_recoil_only():
    """Hazard row 22: absorbed dose and RBE-weighted dose are never one number."""
    energies = local_energies("Ac-225", progeny="in_place")
    parts = split_by_radiation(total_gy=1.0, photons_gy=0.0, local_gy=1.0, energies=energies)
    assert parts.rbe_weighted_gy(1.0) == pytest.approx(1.0)
    assert parts.rbe_weighted_gy(5.0) == pytest.approx(1.0 + 4.0 * parts.alpha_gy)
    with pytest.raises(InvalidInputError) as caught:
        parts.rbe_weighted_gy(0.5)
    assert caught.value.code == "bad_rbe"


def test_unknown_rule_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        local_energies("Ac-225", progeny="some")
    assert caught.value.code == "unknown_progeny_rule"
