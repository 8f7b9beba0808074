"""Populations of a site, and the one that holds for a region."""

from typing import Any

from planning.models import Cycle, Population, Region, RegionCurve, Site
from planning.selectors.sites import sites_visible_to


def populations_visible_to(*, user):
    return Population.objects.filter(site__in=sites_visible_to(user=user)).select_related("site")


def population_keys(region: Region) -> set[str]:
    """Return the organ names under which a region finds its population: its name, its first word, its kind."""
    stem = region.name.split(" ")[0] if region.kind == "organ" else region.name
    kinds = {"lesion", "tumour"} if region.kind == "lesion" else {"organ"}
    return {region.name.casefold(), stem.casefold(), *kinds}


def population_for(*, region: Region, cycle: Cycle) -> Population | None:
    """Return the population of a region: confirmed before draft, a name before a kind, the newest first."""
    rows = Population.objects.filter(
        site=cycle.site, nuclide=cycle.course.nuclide, agent__iexact=cycle.course.agent, is_withdrawn=False
    )
    keys = population_keys(region)
    fitting = [row for row in rows if row.organ.casefold() in keys]
    kinds = {"lesion", "tumour", "organ"}
    return max(
        fitting,
        key=lambda row: (row.confirmed_at is not None, row.organ.casefold() not in kinds, row.created_at),
        default=None,
    )


def accepted_curves_of(*, site: Site, agent: str, nuclide: str) -> list[RegionCurve]:
    """Return the accepted curves of all patients of a site, oldest first, each from the current fits of its cycle."""
    curves = (
        RegionCurve.objects.filter(
            revision__cycle__course__patient__site=site,
            revision__cycle__course__agent__iexact=agent,
            revision__cycle__course__nuclide=nuclide,
            revision__cycle__virtual_patient__isnull=True,  # simulated: says nothing about a population
        )
        .select_related("region__course", "revision__administration", "revision__cycle")
        .order_by("revision__cycle__number", "revision__number")
    )
    found = []
    for curve in curves:
        newest = curve.revision.cycle.curve_revisions.order_by("-number").first()
        choice = curve.choices.order_by("-created_at", "-pk").first()
        if newest == curve.revision and choice is not None and choice.is_accepted:
            found.append(curve)
    return found


def population_summary(population: Population) -> dict[str, Any]:
    document = population.document
    return {
        "id": str(population.pk),
        "agent": population.agent,
        "organ": population.organ,
        "nuclide": population.nuclide,
        "model": document["model"],
        "n_patients": document["n_patients"],
        "residual_percent": 100.0 * document["residual_cv"],
        "source": population.source,
        "is_confirmed": population.confirmed_at is not None,
        "confirmed_by": population.confirmed_by.printed_name if population.confirmed_by else None,
        "is_withdrawn": population.is_withdrawn,
        "author": population.created_by.printed_name if population.created_by else "system",
        "at": population.created_at.isoformat(),
    }
