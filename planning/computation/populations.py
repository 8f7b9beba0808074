"""Populations: from what a person gives, or from the site's own accepted curves, to the prior of a region."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dosimetry.errors import DosimetryError
from dosimetry.kinetics.population import PopulationPrior, prior_from_half_life, published_priors
from dosimetry.kinetics.population_fit import PatientCurve, fit_population
from dosimetry.nuclides.decay import get_nuclide
from planning.computation.errors import ComputationError
from planning.models import Population, RegionCurve, Site
from planning.selectors.populations import accepted_curves_of, population_keys

HOUR_S = 3600.0


def prior_of(population: Population) -> PopulationPrior:
    """Return the prior of a population; until a second person confirmed it, every result asks for an answer."""
    prior = PopulationPrior.from_dict(population.document)
    return replace(prior, status="to confirm" if population.confirmed_at is None else "confirmed")


def document_from_half_life(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a lognormal effective half-life."""
    return _document(
        lambda: prior_from_half_life(
            agent=fields["agent"],
            organ=fields["organ"],
            nuclide=fields["nuclide"],
            median_s=fields["median_h"] * HOUR_S,
            log_standard_deviation=fields["log_standard_deviation"],
            n_patients=fields.get("n_patients"),
            source=fields["source"],
        )
    )


def checked_document(stored: Any) -> dict[str, Any]:
    """Return an imported document as it is kept; what the format does not know is left out."""
    if not isinstance(stored, dict):
        raise ComputationError("The file holds no prior of the command line.", code="prior_format")

    def read() -> PopulationPrior:
        prior = PopulationPrior.from_dict(stored)
        get_nuclide(prior.nuclide)
        return prior

    return _document(read)


def published_documents() -> list[dict[str, Any]]:
    """Return the built-in published half-lives, none of them confirmed."""
    return [json.loads(prior.to_json()) for prior in published_priors().values()]


def fit_site_population(
    *, site: Site, agent: str, organ: str, nuclide: str, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """Fit a population to the accepted curves of the site, one for each patient: the newest."""
    curves: dict[Any, RegionCurve] = {}
    for curve in accepted_curves_of(site=site, agent=agent, nuclide=nuclide):
        if organ.casefold() in population_keys(curve.region):
            curves[curve.region.course.patient_id] = curve
    progress(0.05, f"{len(curves)} patients with an accepted curve")
    patients = [_patient(curve) for curve in curves.values()]
    source = f"{len(patients)} patients of {site.name}, accepted curves"
    fits = fit_population(patients, agent=agent, organ=organ, nuclide=nuclide, source=source)
    best = fits[0]
    return {
        "document": json.loads(best.prior.to_json()),
        "source": source,
        "findings": [finding.message for finding in best.findings],
    }


def _patient(curve: RegionCurve) -> PatientCurve:
    used = [point for point in curve.points if not point["is_excluded"]]
    return PatientCurve(
        times_s=tuple(point["time_s"] for point in used),
        activities_bq=tuple(point["activity_bq"] for point in used),
        standard_uncertainties_bq=tuple(point["activity_standard_uncertainty_bq"] for point in used),
        administered_activity_bq=curve.revision.administration.administered_activity_bq,
    )


def _document(make: Callable[[], PopulationPrior]) -> dict[str, Any]:
    try:
        return json.loads(make().to_json())
    except DosimetryError as error:
        raise ComputationError(str(error), code=error.code) from None
