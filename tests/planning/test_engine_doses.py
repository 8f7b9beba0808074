"""Several engines in one calculation: side by side, one of them counts, alpha emitters by radiation."""

import pytest

from dosimetry.dose.engines import ENGINES
from planning import models
from planning.computation.doses import compute_dose
from planning.models import DoseEngine
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.doses import calculation_detail
from planning.services.doses import dose_save
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db


def test_every_engine_of_the_physics_can_be_chosen():
    assert set(DoseEngine.values) == set(ENGINES)


def calculate(worked, **parameters):
    result = compute_dose(cycle=worked.cycle, parameters=parameters, progress=no_progress)
    return dose_save(run=worked.run(TaskName.CALCULATE_DOSE), cycle=worked.cycle, result=result)


@pytest.fixture
def fitted(worked):
    worked.fitted()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    return worked


def test_engines_stand_beside_each_other_and_the_first_counts(fitted):
    local = calculate(fitted)
    by_local = {row.region.name: row.absorbed_dose_gy for row in local.regions.all()}
    both = calculate(fitted, engines=["kernel", "local"])
    assert both.engine == "kernel"
    assert [item.engine for item in both.engine_doses.all()] == ["kernel", "local"]
    shown = calculation_detail(fitted.cycle)
    kernel, first_local = shown["engines"]
    for row in both.regions.select_related("region"):
        region_id = str(row.region_id)
        counted = kernel["regions"][region_id]
        assert row.absorbed_dose_gy == pytest.approx(counted["absorbed_dose"]["value"], rel=1e-9)
        assert counted["difference"]["value"] == 0.0
        # The other engine's dose is what it gives alone, and its difference is the ratio of both.
        other = first_local["regions"][region_id]
        assert other["absorbed_dose"]["value"] == pytest.approx(by_local[row.region.name], rel=1e-6)
        ratio = other["absorbed_dose"]["value"] / counted["absorbed_dose"]["value"] - 1.0
        assert other["difference"]["value"] == pytest.approx(100.0 * ratio, rel=1e-6)
        assert other["difference"]["unit"] == "%"
    # Lu-177 in a kidney of 64 mL: photons add a few per cent, the range of electrons takes some at the edge.
    kidney = next(row for row in both.regions.select_related("region") if row.region.name == "Kidney left")
    assert 0.95 < kidney.absorbed_dose_gy / by_local["Kidney left"] < 1.10
    reason = first_local["regions"][str(kidney.region_id)]["reason"]
    assert "photons" in reason


def test_a_large_difference_asks_for_an_answer(fitted):
    """A declared density far from tissue parts scaled and unscaled; hazard row 18."""
    calculation = calculate(fitted, engines=["local", "kernel"], density_g_per_ml=0.3)
    for row in calculation.regions.all():
        relative = next(
            item["difference"]
            for engine in calculation.engine_doses.filter(engine="kernel")
            for item in engine.regions
            if item["region_id"] == str(row.region_id)
        )
        codes = {finding["code"] for finding in row.findings}
        assert ("engines_differ_kernel" in codes) == (abs(relative) > 0.10)


def test_volume_at_dose_falls_with_dose(fitted):
    calculation = calculate(fitted)
    for row in calculation.regions.all():
        shares = [row.volume_at_dose_fraction[key] for key in sorted(row.volume_at_dose_fraction, key=float)]
        assert shares
        assert all(0.0 <= value <= 1.0 for value in shares)
        assert shares == sorted(shares, reverse=True)


def test_same_engines_give_the_same_calculation_and_others_a_new_one(fitted):
    first = calculate(fitted, engines=["local"])
    assert calculate(fitted, engines=["local"]).pk == first.pk
    assert calculate(fitted, engines=["local", "kernel"]).pk != first.pk


@pytest.fixture
def alpha_case(fitted):
    """The same curves, as if they were of Ac-225."""
    models.Course.objects.filter(pk=fitted.course.pk).update(nuclide="Ac-225", agent="PSMA-617")
    fitted.cycle = models.Cycle.objects.get(pk=fitted.cycle.pk)
    return fitted


def test_alpha_dose_is_split_and_never_weighted_without_an_rbe(alpha_case):
    """Hazard row 22."""
    calculation = calculate(alpha_case)
    assert calculation.parameters["progeny"] == "in_place"
    for row in calculation.regions.all():
        parts = row.dose_by_radiation
        total = parts["alpha"] + parts["electrons"] + parts["photons"]
        assert total == pytest.approx(row.absorbed_dose_gy, rel=1e-9)
        assert parts["alpha"] > 0.95 * total
        assert set(parts["members"]) >= {"Ac-225", "Fr-221", "At-217", "Bi-213", "Po-213"}
        assert row.rbe_weighted_dose_gy is None
    alone = calculate(alpha_case, progeny="none")
    assert alone.regions.first().absorbed_dose_gy < 0.3 * calculation.regions.first().absorbed_dose_gy


def test_rbe_of_the_template_weighs_alpha_particles_apart(alpha_case, clinic):
    template = models.TherapyTemplate.objects.create(
        site=clinic.site,
        name="225Ac",
        nuclide="Ac-225",
        agent="PSMA-617",
        n_cycles=4,
        interval_days=56,
        radiobiology={"alpha": {"rbe": 5.0, "source": "MIRD Pamphlet 22"}},
    )
    models.Course.objects.filter(pk=alpha_case.course.pk).update(template=template)
    alpha_case.cycle = models.Cycle.objects.get(pk=alpha_case.cycle.pk)
    row = calculate(alpha_case).regions.first()
    parts = row.dose_by_radiation
    assert row.rbe_weighted_dose_gy == pytest.approx(row.absorbed_dose_gy + 4.0 * parts["alpha"], rel=1e-9)
    shown = calculation_detail(alpha_case.cycle)["regions"][0]
    assert shown["rbe_weighted_dose"]["unit"] == "Gy(RBE 5)"
    assert shown["absorbed_dose"]["unit"] == "Gy"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"engines": []}, "engines"), ({"engines": ["magic"]}, "engines"), ({"progeny": "some"}, "progeny")],
)
def test_unknown_choices_are_refused_by_the_api(fitted, clinic, body, field):
    client = clinic.client(clinic.users[Role.PHYSICIST])
    answer = client.post(f"/api/cycles/{fitted.cycle.pk}/dose/start", body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_template_entries_are_checked(clinic):
    client = clinic.client(clinic.users[Role.SITE_ADMINISTRATOR])
    body = {"name": "T", "nuclide": "Lu-177", "agent": "A", "n_cycles": 4, "interval_days": 56, "scan_times_h": [24]}
    for entry in ({"Kidney": {"alpha_beta_gy": 0.0, "repair_half_time_h": 2.0, "source": "x"}}, {"alpha": {"rbe": 5}}):
        answer = client.post(f"/api/sites/{clinic.site.pk}/templates", {**body, "radiobiology": entry}, format="json")
        assert answer.status_code == 400
        assert next(iter(entry)) in str(answer.json()["fields"]["radiobiology"])


def test_organ_level_stands_beside_the_engines(fitted):
    calculation = calculate(fitted, engines=["hybrid_mc"], organ_level=True, statistical_uncertainty_percent=2.0)
    assert calculation.provenance["organ_level"]["rest_time_integrated_activity_bq_s"] > 0.0
    shown = {row["region"]["name"]: row for row in calculation_detail(fitted.cycle)["regions"]}
    kidney, lesion = shown["Kidney left"], shown["Lesion 1"]
    assert {item["source"] for item in kidney["organ_level"]["cross"]} == {"Lesion 1", "rest of the image"}
    parts = [kidney["organ_level"]["self"], *(item["dose"] for item in kidney["organ_level"]["cross"])]
    assert sum(part["value"] for part in parts) == pytest.approx(kidney["organ_level"]["total"]["value"])
    # The phantom's activity is even inside a region: both levels see the same, up to voxels cut by the contour.
    assert kidney["organ_level"]["total"]["value"] == pytest.approx(kidney["absorbed_dose"]["value"], rel=0.05)
    assert kidney["organ_level"]["sphere"] is None
    assert lesion["organ_level"]["sphere"]["value"] > 0.0


def test_organ_level_is_empty_where_it_was_not_asked_for(fitted):
    calculate(fitted)
    assert all(row["organ_level"] is None for row in calculation_detail(fitted.cycle)["regions"])
