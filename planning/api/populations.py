import json

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.calibrations import WithdrawalInput
from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.computation.population_curves import half_life_quantiles_h, population_quantiles
from planning.computation.populations import prior_of, published_documents
from planning.models import Population
from planning.selectors.populations import population_summary, populations_visible_to
from planning.selectors.sites import sites_visible_to
from planning.services.populations import (
    population_confirm,
    population_create,
    population_fit_start,
    population_import,
    population_withdraw,
)

HOUR = 3600.0
PLOT_HOURS = [2.0 * i for i in range(1, 121)]
MAX_DOCUMENT_CHARS = 100_000


class KindInput(serializers.Serializer):
    agent = serializers.CharField(max_length=64)
    organ = serializers.CharField(max_length=64)
    nuclide = serializers.CharField(max_length=16)


class PopulationInput(KindInput):
    median_h = FiniteFloatField(min_value=0.01)
    log_standard_deviation = FiniteFloatField(min_value=0.001, max_value=3.0)
    n_patients = serializers.IntegerField(required=False, allow_null=True, min_value=3, max_value=100_000)
    source = serializers.CharField(max_length=512)


class PopulationDocumentInput(serializers.Serializer):
    document = serializers.JSONField()

    def validate_document(self, document):
        if len(json.dumps(document)) > MAX_DOCUMENT_CHARS:
            raise serializers.ValidationError("The file is too large for a prior.")
        return document


def _detail(population: Population) -> dict:
    """Return a population with its half-life and its curve for a plot."""
    prior = prior_of(population)
    low, median, high = half_life_quantiles_h(prior)
    return {
        **population_summary(population),
        "half_life_h": {"low": low, "median": median, "high": high},
        "curve": {"times_h": PLOT_HOURS, **population_quantiles(prior, [HOUR * hour for hour in PLOT_HOURS])},
        "document": population.document,
    }


class PopulationsApi(APIView):
    @documented()
    def get(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        rows = site.populations.select_related("confirmed_by", "created_by")
        return Response({"results": [_detail(row) for row in rows], "published": published_documents()})

    @documented(PopulationInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = PopulationInput(data=request.data)
        fields.is_valid(raise_exception=True)
        return Response(
            _detail(population_create(actor=request.user, site=site, fields=fields.validated_data)), status=201
        )


class PopulationImportApi(APIView):
    @documented(PopulationDocumentInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = PopulationDocumentInput(data=request.data)
        fields.is_valid(raise_exception=True)
        document = fields.validated_data["document"]
        return Response(_detail(population_import(actor=request.user, site=site, document=document)), status=201)


class PopulationFitApi(APIView):
    @documented(KindInput, status=202)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = KindInput(data=request.data)
        fields.is_valid(raise_exception=True)
        run = population_fit_start(actor=request.user, site=site, fields=fields.validated_data)
        return Response({"run_id": str(run.pk)}, status=202)


class PopulationConfirmApi(APIView):
    @documented()
    def post(self, request, population_id):
        population = get_object_or_404(populations_visible_to(user=request.user), pk=population_id)
        return Response(_detail(population_confirm(actor=request.user, population=population)))


class PopulationWithdrawApi(APIView):
    @documented(WithdrawalInput)
    def post(self, request, population_id):
        population = get_object_or_404(populations_visible_to(user=request.user), pk=population_id)
        fields = WithdrawalInput(data=request.data)
        fields.is_valid(raise_exception=True)
        reason = fields.validated_data["reason"]
        return Response(_detail(population_withdraw(actor=request.user, population=population, reason=reason)))


urlpatterns = [
    path("sites/<uuid:site_id>/populations", PopulationsApi.as_view(), name="populations"),
    path("sites/<uuid:site_id>/populations/import", PopulationImportApi.as_view(), name="population-import"),
    path("sites/<uuid:site_id>/populations/fit", PopulationFitApi.as_view(), name="population-fit"),
    path("populations/<uuid:population_id>/confirm", PopulationConfirmApi.as_view(), name="population-confirm"),
    path("populations/<uuid:population_id>/withdraw", PopulationWithdrawApi.as_view(), name="population-withdraw"),
]
