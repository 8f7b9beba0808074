"""Populations: entered, imported, learned from accepted curves, confirmed by a second person, used as priors."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from dosimetry.errors import InsufficientDataError
from planning import models
from planning.computation.errors import ComputationError
from planning.computation.kinetics import compute_curves
from planning.computation.populations import fit_site_population, prior_of, published_documents
from planning.computation.priors import region_priors
from planning.errors import InvalidStateError, NotAllowedError
from planning.figures.curves import curve_figure
from planning.models.sites import Role
from planning.queue import TaskName
from planning.selectors.current import current_curves
from planning.selectors.kinetics import curve_summary
from planning.selectors.populations import population_for
from planning.selectors.staleness import curves_stale_causes
from planning.services.kinetics import curves_save
from planning.services.populations import (
    population_confirm,
    population_create,
    population_import,
    population_withdraw,
)
from tests.planning.worked_phantom import no_progress

pytestmark = pytest.mark.django_db
FIELDS = {
    "agent": "DOTATATE",
    "organ": "kidney",
    "nuclide": "Lu-177",
    "median_h": 50.0,
    "log_standard_deviation": 0.2,
    "n_patients": 30,
    "source": "own patients",
}


def create(clinic, **fields):
    return population_create(actor=clinic.users[Role.PHYSICIST], site=clinic.site, fields={**FIELDS, **fields})


def confirm(clinic, population):
    return population_confirm(actor=clinic.users[Role.QUALITY_LEAD], population=population)


def withdraw(clinic, population, reason="other contours"):
    return population_withdraw(actor=clinic.users[Role.QUALITY_LEAD], population=population, reason=reason)


def fit(worked, **parameters):
    result = compute_curves(cycle=worked.cycle, parameters=parameters, progress=no_progress)
    return curves_save(run=worked.run(TaskName.FIT_CURVES), cycle=worked.cycle, result=result)


def kidney_of(worked) -> models.RegionCurve:
    return current_curves(worked.cycle).curves.get(region=worked.kidney)


def test_a_region_finds_its_population_by_name_stem_and_kind(worked):
    by_kind = create(worked.clinic, organ="organ")
    assert population_for(region=worked.kidney, cycle=worked.cycle) == by_kind
    by_stem = create(worked.clinic, organ="Kidney")
    assert population_for(region=worked.kidney, cycle=worked.cycle) == by_stem
    assert population_for(region=worked.lesion, cycle=worked.cycle) is None
    tumour = create(worked.clinic, organ="tumour")
    assert population_for(region=worked.lesion, cycle=worked.cycle) == tumour


def test_confirmed_counts_before_newer_drafts_and_withdrawn_never(worked):
    first = confirm(worked.clinic, create(worked.clinic))
    create(worked.clinic, median_h=60.0)
    assert population_for(region=worked.kidney, cycle=worked.cycle) == first
    withdraw(worked.clinic, first)
    assert population_for(region=worked.kidney, cycle=worked.cycle) != first


@pytest.mark.parametrize("other", [{"agent": "PSMA-617"}, {"nuclide": "Tb-161"}])
def test_another_agent_or_nuclide_is_not_taken(worked, other):
    create(worked.clinic, **other)
    assert population_for(region=worked.kidney, cycle=worked.cycle) is None


def test_a_second_person_confirms(clinic):
    population = create(clinic)
    assert prior_of(population).status == "to confirm"
    models.Membership.objects.create(user=clinic.users[Role.PHYSICIST], site=clinic.site, role=Role.QUALITY_LEAD)
    with pytest.raises(NotAllowedError) as caught:
        population_confirm(actor=clinic.users[Role.PHYSICIST], population=population)
    assert caught.value.code == "second_person_required"
    assert prior_of(confirm(clinic, population)).status == "confirmed"
    with pytest.raises(InvalidStateError):
        confirm(clinic, population)


def test_the_database_keeps_the_second_person(clinic):
    population = create(clinic)
    with pytest.raises(IntegrityError), transaction.atomic():
        models.Population.objects.filter(pk=population.pk).update(confirmed_by=population.created_by)


def test_withdrawing_needs_a_reason(clinic):
    population = create(clinic)
    with pytest.raises(InvalidStateError) as caught:
        withdraw(clinic, population, reason=" ")
    assert caught.value.code == "reason_required"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"median_h": 200.0}, "half_life_range"),
        ({"log_standard_deviation": -0.1}, "half_life_range"),
        ({"nuclide": "Xx-1"}, None),
        ({"n_patients": 2}, "too_few_patients"),
    ],
)
def test_a_half_life_that_cannot_be_is_refused(clinic, change, code):
    with pytest.raises((ComputationError, ValidationError)) as caught:
        create(clinic, **change)
    assert code is None or caught.value.code == code
    assert not models.Population.objects.exists()


@pytest.mark.parametrize("bad", [[], {"format": "other"}, {**published_documents()[0], "mean": ["x"]}, "text"])
def test_a_file_that_is_no_prior_is_refused(clinic, bad):
    with pytest.raises(ComputationError):
        population_import(actor=clinic.users[Role.PHYSICIST], site=clinic.site, document=bad)


def test_an_import_keeps_what_the_format_knows_only(clinic):
    document = {**published_documents()[0], "patient": "ZZPHI^Anna"}
    population = population_import(actor=clinic.users[Role.PHYSICIST], site=clinic.site, document=document)
    assert "ZZPHI" not in json.dumps(population.document)


def test_a_fit_uses_a_population_only_when_asked(worked):
    worked.contoured()
    create(worked.clinic)
    fit(worked)
    assert "posterior" not in {item["model"] for item in kidney_of(worked).fits}
    fit(worked, use_populations=True)
    curve = kidney_of(worked)
    assert curve.recommended_model == "mono_exponential"
    posterior = next(item for item in curve_summary(curve)["fits"] if item["model"] == "posterior")
    assert posterior["source"] == "own patients"
    assert posterior["interval_95"]["lower"] < posterior["tia"]["value"] < posterior["interval_95"]["upper"]
    names = [trace.get("name") for trace in curve_figure(curve, is_log=True, shows_all=True)["data"]]
    assert {"prior", "prior, 68 % of patients", "With prior"} <= set(names)
    assert "prior" not in [t.get("name") for t in curve_figure(curve, is_log=True, shows_all=False)["data"]]
    # The lesion has no population.
    lesion = current_curves(worked.cycle).curves.get(region=worked.lesion)
    assert "posterior" not in {item["model"] for item in lesion.fits}


def test_one_scan_and_a_confirmed_population_give_a_curve(worked):
    worked.draw(worked.points[1])
    population = create(worked.clinic)
    fit(worked, use_populations=True)
    assert kidney_of(worked).recommended_model == ""
    confirm(worked.clinic, population)
    assert any("population" in cause for cause in curves_stale_causes(current_curves(worked.cycle)))
    fit(worked, use_populations=True)
    curve = kidney_of(worked)
    assert curve.recommended_model == "posterior"
    assert {"prior_decides"} <= {finding["code"] for finding in curve.findings}
    assert curves_stale_causes(current_curves(worked.cycle)) == []
    withdraw(worked.clinic, population)
    assert any("population" in cause for cause in curves_stale_causes(current_curves(worked.cycle)))


def test_the_own_earlier_cycle_comes_before_a_population(worked):
    worked.fitted()
    create(worked.clinic)
    following = models.Cycle.objects.create(course=worked.course, number=2)
    asked = {"cycle_to_cycle_cv_percent": 10.0, "use_populations": True}
    priors = region_priors(cycle=following, regions=[worked.kidney, worked.lesion], parameters=asked)
    assert priors[worked.kidney].source.startswith("own cycle 1")
    only = region_priors(cycle=following, regions=[worked.kidney], parameters={"use_populations": True})
    assert only[worked.kidney].source == "own patients"


def test_learning_needs_patients_enough(worked):
    worked.fitted()
    with pytest.raises(InsufficientDataError):
        fit_site_population(
            site=worked.clinic.site, agent="DOTATATE", organ="kidney", nuclide="Lu-177", progress=no_progress
        )


def add_patients(worked, half_lives_h) -> None:
    """Give the site patients whose accepted kidney curve has a known half-life."""
    curve = kidney_of(worked)
    for i, half_life_h in enumerate(half_lives_h):
        patient = models.Patient.objects.create(site=worked.clinic.site, patient_id=f"ZZPHI-P{i}", name="ZZPHI^P")
        course = models.Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
        cycle = models.Cycle.objects.create(course=course, number=1)
        administration = models.Administration.objects.create(
            cycle=cycle,
            number=1,
            administered_at=worked.administration.administered_at,
            administered_activity_bq=7.4e9,
            source="typed",
        )
        region = models.Region.objects.create(
            course=course, name="Kidney left", kind="organ", label=1, colour="organ-1"
        )
        revision = models.CurveRevision.objects.create(
            cycle=cycle, number=1, administration=administration, inputs_digest="0" * 64
        )
        points = [
            {**point, "activity_bq": 1e8 * 2.0 ** (-point["time_s"] / (half_life_h * 3600.0))} for point in curve.points
        ]
        for point in points:
            point["activity_standard_uncertainty_bq"] = 0.03 * point["activity_bq"]
        row = models.RegionCurve.objects.create(
            revision=revision, region=region, points=points, fits=curve.fits, recommended_model=curve.recommended_model
        )
        models.CurveChoice.objects.create(curve=row, model=curve.recommended_model, is_accepted=True)


HALF_LIVES_H = [42.0, 46.0, 50.0, 54.0, 58.0, 62.0, 48.0, 52.0]


def test_learns_from_the_newest_accepted_curve_of_each_patient(worked):
    worked.fitted()
    add_patients(worked, HALF_LIVES_H)
    result = fit_site_population(
        site=worked.clinic.site, agent="dotatate", organ="Kidney", nuclide="Lu-177", progress=no_progress
    )
    # The worked patient's own kidney is the ninth.
    assert result["document"]["n_patients"] == 9
    assert "ZZPHI" not in json.dumps(result)
    assert result["source"] == "9 patients of Clinic A, accepted curves"


def test_the_command_writes_a_prior_that_can_be_imported(worked, tmp_path):
    worked.fitted()
    add_patients(worked, HALF_LIVES_H)
    path = tmp_path / "prior.json"
    kind = {"agent": "DOTATATE", "organ": "kidney", "nuclide": "Lu-177"}
    call_command("fit_population", site="Clinic A", out=path, **kind)
    document = json.loads(path.read_text())
    population = population_import(actor=worked.physicist, site=worked.clinic.site, document=document)
    assert population.document["n_patients"] == 9
    with pytest.raises(CommandError, match="known are Clinic A"):
        call_command("fit_population", site="Clinic Z", **kind)
    with pytest.raises(CommandError, match="patients"):
        call_command("fit_population", site="Clinic A", **{**kind, "organ": "spleen"})


def test_the_api_lists_adds_and_confirms(clinic):
    client = clinic.client(clinic.users[Role.PHYSICIST])
    url = f"/api/sites/{clinic.site.pk}/populations"
    added = client.post(url, FIELDS, format="json")
    assert added.status_code == 201
    half_life = added.json()["half_life_h"]
    assert half_life["low"] < half_life["median"] < half_life["high"]
    assert half_life["median"] == pytest.approx(50.0, rel=0.05)
    shown = client.get(url).json()
    assert [row["id"] for row in shown["results"]] == [added.json()["id"]]
    assert len(shown["published"]) == 4
    curve = shown["results"][0]["curve"]
    assert all(low <= middle for low, middle in zip(curve["low_68"], curve["median"], strict=True))
    lead = clinic.client(clinic.users[Role.QUALITY_LEAD])
    confirmed = lead.post(f"/api/populations/{added.json()['id']}/confirm")
    assert confirmed.json()["is_confirmed"]
    assert client.post(url, {**FIELDS, "median_h": -1.0}, format="json").status_code == 400
    refused = client.post(f"{url}/import", {"document": {"format": "other"}}, format="json")
    assert refused.status_code in {400, 409, 422}
    assert "format" in refused.json()["message"]


def test_too_large_a_file_is_refused(clinic):
    client = clinic.client(clinic.users[Role.PHYSICIST])
    body = {"document": {**published_documents()[0], "note": "x" * 200_000}}
    assert client.post(f"/api/sites/{clinic.site.pk}/populations/import", body, format="json").status_code == 400
