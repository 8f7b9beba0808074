"""Which networks a site has enabled."""

from planning.models import NetworkDecision, Site


def network_decision(site: Site, name: str) -> NetworkDecision | None:
    """Return the newest decision of a site about a network."""
    return site.network_decisions.filter(name=name).order_by("-created_at", "-pk").first()


def is_enabled(site: Site, *, name: str, weights_sha256: str) -> bool:
    """Return whether the site enabled these very weights: new weights need a new decision."""
    decision = network_decision(site, name)
    return decision is not None and decision.is_enabled and decision.weights_sha256 == weights_sha256
