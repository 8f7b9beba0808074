"""Activity of virtual patients: all that was given is in the body, organs and lesions share it, seeds repeat."""

from dataclasses import replace

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.agents import AGENTS, get_agent
from dosimetry.phantoms.biokinetics import BLADDER, LARGEST_BOUND_SHARE, REST, draw_biokinetics

REGIONS_ML = {"Kidney left": 150.0, "Liver": 1700.0, "Spleen": 150.0, "Bladder": 200.0, "Lung left": 1500.0, REST: 60e3}
HOUR_S = 3600.0


def drawn(agent="DOTATATE", *, seed=1, lesions=None, others=None, **changes):
    volumes = {**REGIONS_ML, **(others or {}), **(lesions or {})}
    return draw_biokinetics(
        get_agent(agent), regions_ml=volumes, lesions=tuple(lesions or ()), seed=seed, n_scans=3, **changes
    )


@pytest.mark.parametrize("agent", sorted(AGENTS))
@pytest.mark.parametrize("seed", range(3))
def test_no_more_is_in_the_body_than_was_given(agent, seed):
    found = drawn(agent, seed=seed, lesions={"Liver lesion 1": 60.0})
    given = AGENTS[agent].administered_activity_bq
    for hours in (0.0, 0.5, 2.0, 8.0, 24.0, 96.0):
        assert sum(found.activities_bq(hours * HOUR_S).values()) <= 1.001 * given
    assert found.curves[BLADDER].activity_bq(0.0) == pytest.approx(0.0, abs=1e-3 * given)


@pytest.mark.parametrize("agent", sorted(AGENTS))
@pytest.mark.parametrize("n_lesions", [0, 3, 12, 40])
def test_all_that_was_given_is_in_the_body_at_administration(agent, n_lesions):
    lesions = {f"Bone lesion {number}": 30.0 for number in range(n_lesions)}
    organs = dict.fromkeys(AGENTS[agent].organs, 100.0)
    physical_per_s = get_nuclide(AGENTS[agent].nuclide).decay_constant_per_s
    given = AGENTS[agent].administered_activity_bq
    for seed in range(5):
        found = drawn(agent, seed=seed, lesions=lesions, others=organs)
        # Sums of about 60 numbers in double precision.
        assert sum(found.activities_bq(0.0).values()) == pytest.approx(given, rel=1e-12)
        assert min(found.activities_bq(0.0).values()) >= 0.0
        for hours in (0.1, 0.5, 2.0, 8.0, 24.0, 96.0):
            left = given * np.exp(-physical_per_s * hours * HOUR_S)
            assert sum(found.activities_bq(hours * HOUR_S).values()) <= (1.0 + 1e-12) * left


def test_regions_share_what_is_there_when_lesions_want_it_all():
    lesions = {f"Bone lesion {number}": 30.0 for number in range(40)}
    few, many = drawn("NaI", others={"Thyroid": 20.0}), drawn("NaI", lesions=lesions, others={"Thyroid": 20.0})
    bound = 1.0 - many.curves[REST].activity_bq(0.0) / 3.7e9
    thyroid = -many.curves["Thyroid"].terms[1].activity_bq / 3.7e9
    assert bound + thyroid == pytest.approx(LARGEST_BOUND_SHARE, rel=1e-9)
    assert few.curves["Thyroid"].activity_bq(24 * HOUR_S) > 5.0 * many.curves["Thyroid"].activity_bq(24 * HOUR_S) > 0.0


def test_what_a_region_has_still_to_take_up_is_in_the_rest():
    with_rise, without = drawn("NaI", others={"Thyroid": 20.0}), drawn("NaI")
    rising = -with_rise.curves["Thyroid"].terms[1].activity_bq
    circulating = with_rise.curves[REST].activity_bq(0.0) - without.curves[REST].activity_bq(0.0)
    assert circulating == pytest.approx(0.0, abs=1e-9 * 3.7e9)
    assert with_rise.curves[REST].terms[-1].activity_bq == pytest.approx(rising)
    assert sum(term.activity_bq for term in with_rise.curves[BLADDER].terms) == pytest.approx(0.0, abs=1.0)
    assert len(with_rise.curves[BLADDER].terms) == len(without.curves[BLADDER].terms)


def test_an_agent_whose_rest_does_not_sum_to_one_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        replace(get_agent("DOTATATE"), rest_shares=(0.85, 0.08))
    assert caught.value.code == "bad_agent"


def test_a_tumour_load_lowers_the_organs():
    without, with_lesions = drawn(), drawn(lesions={"Liver lesion 1": 800.0})
    taken = with_lesions.curves["Liver lesion 1"].activity_bq(0.0) / 7.4e9
    assert taken > 0.03
    for name in ("Kidney left", "Liver"):
        ratio = with_lesions.curves[name].activity_bq(0.0) / without.curves[name].activity_bq(0.0)
        assert ratio == pytest.approx(1.0 - taken, rel=1e-9)


def test_patients_differ_and_seeds_repeat():
    first, again, other = drawn(seed=3), drawn(seed=3), drawn(seed=4)
    assert first == again
    assert first.curves["Liver"] != other.curves["Liver"]
    spread = np.std([np.log(drawn(seed=s).curves["Kidney left"].activity_bq(0.0)) for s in range(60)])
    # The stated spread of 0.35 from 60 draws: 9 % of it (1 sd).
    assert spread == pytest.approx(0.35, rel=0.3)
    activity = drawn(administered_activity_bq=3.7e9).curves["Liver"].activity_bq(0.0)
    assert activity == pytest.approx(0.5 * drawn().curves["Liver"].activity_bq(0.0))
    with pytest.raises(InvalidInputError):
        drawn(administered_activity_bq=0.0)
    with pytest.raises(InvalidInputError, match="DOTATATE"):
        get_agent("Water")
