from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.computation.networks import ShippedNetwork, installed_networks
from planning.models import Site
from planning.selectors.networks import is_enabled, network_decision
from planning.selectors.sites import sites_visible_to
from planning.services.networks import network_decide


def network_row(site: Site, network: ShippedNetwork) -> dict[str, Any]:
    """Return a network with the newest decision of a site."""
    decision = network_decision(site, network.name)
    return {
        "name": network.name,
        "version": network.version,
        "weights_sha256": network.weights_sha256,
        "label": network.label,
        "regions": network.regions,
        "spacing_mm": network.spacing_mm,
        "training": network.training,
        "is_enabled": is_enabled(site, name=network.name, weights_sha256=network.weights_sha256),
        "decision": decision
        and {
            "version": decision.version,
            "is_enabled": decision.is_enabled,
            "reason": decision.reason,
            "by": decision.created_by.printed_name if decision.created_by else "system",
            "at": decision.created_at.isoformat(),
        },
    }


class NetworkDecisionInput(serializers.Serializer):
    name = serializers.CharField(max_length=32)
    enable = serializers.BooleanField()
    reason = serializers.CharField(max_length=1000)


class NetworksApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        return Response([network_row(site, network) for network in installed_networks()])

    @documented(NetworkDecisionInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = NetworkDecisionInput(data=request.data)
        fields.is_valid(raise_exception=True)
        network_decide(actor=request.user, site=site, **fields.validated_data)
        return Response([network_row(site, network) for network in installed_networks()], status=201)


urlpatterns = [path("sites/<uuid:site_id>/networks", NetworksApi.as_view(), name="networks")]
