"""What is known of a curve before its scans: the patient's own earlier cycle, else a population of the site."""

from collections.abc import Mapping, Sequence
from typing import Any

from dosimetry.kinetics.curve_samples import PARTS
from dosimetry.kinetics.population import PopulationPrior, prior_from_earlier_cycle
from dosimetry.kinetics.stored_curve import curve_from_dict
from planning.computation.populations import prior_of
from planning.models import Cycle, Population, Region, RegionCurve
from planning.selectors.kinetics import chosen_fit, earlier_curves
from planning.selectors.populations import population_for


def region_priors(
    *, cycle: Cycle, regions: Sequence[Region], parameters: Mapping[str, Any]
) -> dict[Region, PopulationPrior]:
    """Return the prior of each region that has one; without the parameter that asks for them, none."""
    percent = parameters.get("cycle_to_cycle_cv_percent")
    earlier = {} if percent is None else earlier_curves(cycle)
    populations = populations_used(cycle=cycle, regions=regions, parameters=parameters)
    priors = {}
    for region in regions:
        curve = earlier.get(region.pk)
        prior = None if curve is None or percent is None else _from_earlier(curve, cycle, change_cv=percent / 100.0)
        if prior is None and region in populations:
            prior = prior_of(populations[region])
        if prior is not None:
            priors[region] = prior
    return priors


def populations_used(
    *, cycle: Cycle, regions: Sequence[Region], parameters: Mapping[str, Any]
) -> dict[Region, Population]:
    """Return the population of each region that has one, where the fit was asked to use them."""
    if not parameters.get("use_populations"):
        return {}
    found = {region: population_for(region=region, cycle=cycle) for region in regions}
    return {region: population for region, population in found.items() if population is not None}


def _from_earlier(curve: RegionCurve, cycle: Cycle, *, change_cv: float) -> PopulationPrior | None:
    """Return the accepted curve of an earlier cycle as a prior; a curve that was itself assumed is none."""
    fit = chosen_fit(curve)
    if fit is None or fit["model"] not in PARTS:
        return None
    return prior_from_earlier_cycle(
        curve_from_dict(fit),
        cycle_to_cycle_cv=change_cv,
        agent=cycle.course.agent,
        organ=curve.region.name,
        nuclide=cycle.course.nuclide,
        source=f"own cycle {curve.revision.cycle.number}, change between cycles {100.0 * change_cv:g} %",
    )
