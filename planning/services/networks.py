"""Networks that may propose contours at a site: enabled and disabled by the quality lead, never silently replaced."""

from django.db import transaction

from planning import permissions
from planning.computation.networks import (
    ORGANS,
    TOTALSEGMENTATOR,
    ShippedNetwork,
    shipped_network,
    totalsegmentator_obstacle,
)
from planning.errors import InvalidStateError
from planning.models import NetworkDecision, Site, User
from planning.permissions import Action
from planning.selectors.networks import is_enabled
from planning.services.audit import audit_record


def enabled_network(site: Site, name: str = ORGANS) -> ShippedNetwork | None:
    """Return the network of a name, that for organs unless told otherwise, if these very weights are enabled there."""
    network = shipped_network(name)
    if network is None or not is_enabled(site, name=name, weights_sha256=network.weights_sha256):
        return None
    return network


@transaction.atomic
def network_decide(*, actor: User, site: Site, name: str, enable: bool, reason: str) -> NetworkDecision:
    """Enable or disable the weights that are installed, with a reason."""
    permissions.require(user=actor, action=Action.ENABLE_NETWORKS, site=site)
    network = shipped_network(name)
    if network is None:
        why = totalsegmentator_obstacle() if name == TOTALSEGMENTATOR else ""
        raise InvalidStateError(why or f"There is no network {name!r}.", code="unknown_network")
    if not reason.strip():
        raise InvalidStateError("Give a reason: what was checked, or what went wrong.", code="reason_required")
    if enable == is_enabled(site, name=name, weights_sha256=network.weights_sha256):
        raise InvalidStateError(
            f"The network is {'enabled' if enable else 'disabled'} already.", code="already_decided"
        )
    decision = NetworkDecision(
        site=site,
        name=network.name,
        version=network.version,
        weights_sha256=network.weights_sha256,
        is_enabled=enable,
        reason=reason.strip(),
        created_by=actor,
    )
    decision.full_clean()
    decision.save()
    audit_record(
        actor=actor,
        action="network.enable" if enable else "network.disable",
        target=decision,
        site=site,
        reason=decision.reason,
        after={"network": network.label},
    )
    return decision
