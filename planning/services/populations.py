"""Populations of curves: added, fitted, confirmed by a second person, withdrawn; never edited."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from planning import permissions
from planning.computation.populations import checked_document, document_from_half_life
from planning.errors import InvalidStateError, NotAllowedError
from planning.models import Population, Run, Site, User
from planning.permissions import Action
from planning.queue import TaskName
from planning.services.audit import audit_record
from planning.services.runs import run_start


@transaction.atomic
def population_create(*, actor: User, site: Site, fields: Mapping[str, Any]) -> Population:
    """Add a population from a half-life and its spread."""
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    return _save(site=site, document=document_from_half_life(fields), actor=actor)


@transaction.atomic
def population_import(*, actor: User, site: Site, document: Any) -> Population:
    """Add a population from the file that the command line writes, or a published one."""
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    return _save(site=site, document=checked_document(document), actor=actor)


@transaction.atomic
def population_fit_start(*, actor: User, site: Site, fields: Mapping[str, Any]) -> Run:
    """Queue the fit of a population to the site's own accepted curves."""
    permissions.require(user=actor, action=Action.EDIT_CALIBRATION, site=site)
    run = run_start(actor=actor, site=site, task=TaskName.FIT_POPULATION, parameters=dict(fields))
    audit_record(actor=actor, action="population.fit", target=run, site=site)
    return run


@transaction.atomic
def population_save(*, run: Run, result: Mapping[str, Any]) -> Population:
    """Store a fitted population; inside the fenced commit of its run."""
    return _save(site=run.site, document=result["document"], actor=run.requested_by, run=run)


@transaction.atomic
def population_confirm(*, actor: User, population: Population) -> Population:
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=population.site)
    if population.confirmed_at is not None or population.is_withdrawn:
        raise InvalidStateError("The population is confirmed or withdrawn already.", code="already_decided")
    if population.created_by_id == actor.pk:
        raise NotAllowedError("A second person confirms: you entered this population.", code="second_person_required")
    population.confirmed_by, population.confirmed_at = actor, timezone.now()
    population.save(update_fields=["confirmed_by", "confirmed_at"])
    audit_record(actor=actor, action="population.confirm", target=population, site=population.site)
    return population


@transaction.atomic
def population_withdraw(*, actor: User, population: Population, reason: str) -> Population:
    """Withdraw a population; every curve that used it becomes stale."""
    permissions.require(user=actor, action=Action.CONFIRM_CALIBRATION, site=population.site)
    if population.is_withdrawn:
        raise InvalidStateError("The population is withdrawn already.", code="already_decided")
    if not reason.strip():
        raise InvalidStateError("Give a reason for withdrawing the population.", code="reason_required")
    population.is_withdrawn = True
    population.save(update_fields=["is_withdrawn"])
    audit_record(actor=actor, action="population.withdraw", target=population, site=population.site, reason=reason)
    return population


def _save(*, site: Site, document: dict[str, Any], actor: User | None, run: Run | None = None) -> Population:
    population = Population(
        site=site,
        agent=document["agent"],
        organ=document["organ"],
        nuclide=document["nuclide"],
        document=document,
        source=document["source"],
        run=run,
        created_by=actor,
    )
    population.full_clean(exclude=["run", "confirmed_by", "confirmed_at"])
    population.save()
    audit_record(actor=actor, action="population.create", target=population, site=site)
    return population
