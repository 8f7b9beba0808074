"""Contour work that takes a worker: import of a structure set, proposals of a network, propagation to other scans."""

from django.db import transaction

from planning import permissions
from planning.computation.networks import (
    LESIONS,
    ORGAN_NETWORKS,
    ORGANS,
    TOTALSEGMENTATOR,
    ShippedNetwork,
    totalsegmentator_obstacle,
    usual_regions,
)
from planning.errors import InvalidStateError
from planning.models import Cycle, Run, Series, TimePoint, User
from planning.models.registrations import Decision
from planning.permissions import Action
from planning.queue import TaskName
from planning.selectors.current import current_contours, current_image, current_registration, reference_time_point
from planning.selectors.readings import open_copy
from planning.services.audit import audit_record
from planning.services.contour_inputs import contour_inputs
from planning.services.networks import enabled_network
from planning.services.runs import run_start

STRUCTURES = ("rtstruct", "seg")


@transaction.atomic
def contour_import_start(*, actor: User, time_point: TimePoint, series: Series) -> Run:
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=time_point.site)
    _refuse_reader(actor, time_point)
    if series.kind not in STRUCTURES or series.is_discarded:
        raise InvalidStateError("Choose a structure set or segmentation.", code="not_structures")
    if current_image(time_point) is None:
        raise InvalidStateError("Prepare the images before importing contours.", code="no_image")
    parameters = {"series": str(series.pk), "inputs": contour_inputs(images=[time_point])}
    return _start(actor, time_point, TaskName.IMPORT_CONTOURS, parameters, "contours.import")


@transaction.atomic
def contour_proposal_start(
    *,
    actor: User,
    time_point: TimePoint,
    regions: list[str] | None = None,
    has_lesions: bool = False,
    engine: str = ORGANS,
) -> Run:
    """Queue the proposals of the site's networks for a time point; without ``regions`` those usual for the agent.

    An empty list of regions asks for lesion candidates alone. ``engine`` is the network that draws organs.
    """
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=time_point.site)
    _refuse_reader(actor, time_point)
    parameters: dict = {"regions": []}
    if regions is None or regions or not has_lesions:
        if engine not in ORGAN_NETWORKS:
            raise InvalidStateError(f"No network {engine!r} draws organs.", code="unknown_network")
        network = _enabled(time_point, engine)
        wanted = usual_of(network, time_point.cycle.course.agent) if regions is None else regions
        unknown = sorted(set(wanted) - set(network.regions))
        if unknown or not wanted:
            words = ", ".join(unknown) or "such region"
            raise InvalidStateError(f"The network knows no {words}.", code="unknown_region")
        parameters = {"regions": wanted, "network": network.label}
        if engine == TOTALSEGMENTATOR:
            _require_ct(time_point)
            parameters["totalsegmentator_sha256"] = network.weights_sha256
    if has_lesions:
        parameters["lesion_network"] = _enabled(time_point, LESIONS).label
    if current_image(time_point) is None:
        raise InvalidStateError("Prepare the images before contours are proposed.", code="no_image")
    parameters["inputs"] = contour_inputs(images=[time_point])
    return _start(actor, time_point, TaskName.PROPOSE_CONTOURS, parameters, "contours.propose")


def usual_of(network: ShippedNetwork, agent: str) -> list[str]:
    """Return the regions usual for an agent that a network knows."""
    return [name for name in usual_regions(agent) if name in network.regions]


def _require_ct(time_point: TimePoint) -> None:
    image = current_image(time_point)
    if image is not None and not image.ct_sha256:
        raise InvalidStateError(
            "TotalSegmentator needs a CT, and this time point has none: choose another network, or draw the contours.",
            code="no_image",
        )


def _enabled(time_point: TimePoint, name: str) -> ShippedNetwork:
    network = enabled_network(time_point.site, name)
    if network is None and name == TOTALSEGMENTATOR and totalsegmentator_obstacle():
        raise InvalidStateError(totalsegmentator_obstacle(), code="no_network")
    if network is None:
        raise InvalidStateError(
            f"No network for {name} is enabled at this site: the quality lead enables it under Settings, AI contours.",
            code="no_network",
        )
    return network


@transaction.atomic
def contour_proposal_offer(*, actor: User | None, cycle: Cycle) -> Run | None:
    """Queue proposals for the reference scan as soon as its image stands; None where there is nothing to do.

    Enabling a network for a site lets it begin by itself, whoever brought the scan in: nothing counts before someone
    who may accept contours accepts it. A structure set that came along, or anything drawn already, goes first.
    """
    reference = reference_time_point(cycle)
    organs, lesions = (enabled_network(cycle.site, name) for name in (ORGANS, LESIONS))
    if (organs is None and lesions is None) or reference is None or current_image(reference) is None:
        return None
    has_structures = reference.series.filter(kind__in=STRUCTURES, is_discarded=False).exists()
    if has_structures or current_contours(reference) is not None:
        return None
    parameters: dict = {"regions": []}
    if organs is not None:
        parameters = {"regions": list(usual_regions(cycle.course.agent)), "network": organs.label}
    if lesions is not None:
        parameters["lesion_network"] = lesions.label
    parameters["inputs"] = contour_inputs(images=[reference])
    return _start(actor, reference, TaskName.PROPOSE_CONTOURS, parameters, "contours.propose")


@transaction.atomic
def contour_propagation_start(
    *, actor: User, time_point: TimePoint, targets: list[TimePoint], is_settled: bool = True
) -> Run:
    """Queue the propagation of the reference's contours to other time points.

    ``is_settled`` lets the site's network, if one is enabled, move each organ to where it sees it in the other scan.
    """
    permissions.require(user=actor, action=Action.EDIT_CONTOURS, site=time_point.site)
    _refuse_reader(actor, time_point)
    if reference_time_point(time_point.cycle) != time_point:
        raise InvalidStateError("Contours are propagated from the reference time point.", code="not_reference")
    if current_contours(time_point) is None:
        raise InvalidStateError("Draw or import contours first.", code="no_contours")
    for target in targets:
        registration = current_registration(target)
        if registration is None or registration.decision == Decision.REJECTED:
            raise InvalidStateError(f"Register time point {target.number} first.", code="not_registered")
    network = enabled_network(time_point.site) if is_settled else None
    parameters = {
        "targets": sorted(str(target.pk) for target in targets),
        "network": None if network is None else network.label,
        "inputs": contour_inputs(images=targets, registrations=targets, contours=[time_point]),
    }
    return _start(actor, time_point, TaskName.PROPAGATE_CONTOURS, parameters, "contours.propagate")


def _refuse_reader(actor: User, time_point: TimePoint) -> None:
    """Imported, proposed and propagated contours are shared, and a reader sees only an own copy."""
    if open_copy(time_point, user=actor) is not None:
        raise InvalidStateError(
            "You are reading this time point; submit your reading before importing, proposing or propagating.",
            code="reading_open",
        )


def _start(actor: User, time_point: TimePoint, task: TaskName, parameters: dict, action: str) -> Run:
    cycle = time_point.cycle
    run = run_start(
        actor=actor,
        site=cycle.site,
        task=task,
        parameters={"time_point": str(time_point.pk), **parameters},
        patient=cycle.patient,
        cycle=cycle,
    )
    audit_record(actor=actor, action=action, target=run, site=cycle.site, patient=cycle.patient)
    return run
