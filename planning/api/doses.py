from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.computation.progeny import default_progeny, progeny_of
from planning.computation.readings import reader_volume_cvs
from planning.errors import InvalidStateError
from planning.figures.dvh import dvh_figure
from planning.models import DoseEngine
from planning.selectors.courses import cycles_visible_to
from planning.selectors.current import current_calculation, reference_time_point
from planning.selectors.doses import calculation_detail
from planning.selectors.quantities import quantity
from planning.services.doses import dose_start


class DoseApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        nuclide = cycle.course.nuclide
        choice = {"members": progeny_of(nuclide), "default": default_progeny(nuclide)}
        return Response({**calculation_detail(cycle), "progeny": choice, "reader_variation": _reader_variation(cycle)})


def _reader_variation(cycle) -> dict:
    """Return for which regions two readers are known, how much their volumes differ, and whether the dose counts it."""
    reference, calculation = reference_time_point(cycle), current_calculation(cycle)
    cvs = {} if reference is None else reader_volume_cvs(reference)
    names = cycle.course.regions.in_bulk(list(cvs))
    return {
        "is_used": bool(calculation and calculation.parameters.get("reader_variation")),
        "regions": [
            {"name": names[region_id].name, "volume_cv": quantity(cv, unit="%", factor=0.01)}
            for region_id, (cv, _) in cvs.items()
        ],
    }


class DoseFigureApi(APIView):
    @documented(query=("kind", "region"))
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        calculation = current_calculation(cycle)
        if calculation is None:
            raise InvalidStateError("Dose is not calculated yet.", code="no_dose")
        figure = dvh_figure(
            calculation,
            is_differential=request.query_params.get("kind") == "differential",
            band_of=request.query_params.get("region"),
        )
        return Response(figure)


class DoseStartInput(serializers.Serializer):
    engines = serializers.ListField(
        child=serializers.ChoiceField(choices=DoseEngine.choices), default=[DoseEngine.LOCAL.value], min_length=1
    )
    density_g_per_ml = FiniteFloatField(required=False, min_value=0.1, max_value=3.0)
    progeny = serializers.ChoiceField(choices=("none", "in_place"), required=False)
    organ_level = serializers.BooleanField(required=False)
    statistical_uncertainty_percent = FiniteFloatField(required=False, min_value=0.1, max_value=20.0)
    reader_variation = serializers.BooleanField(required=False)
    voxel_method = serializers.ChoiceField(choices=("voxelwise", "region_scaled"), required=False)
    voxel_scan = serializers.UUIDField(required=False)
    voxel_noise_percent = FiniteFloatField(required=False, min_value=0.1, max_value=100.0)
    voxel_residual_limit_mm = FiniteFloatField(required=False, min_value=0.1, max_value=100.0)

    def validate_voxel_scan(self, key):
        """Return the time point as plain text: the parameters are stored as JSON."""
        return str(key)

    def validate_engines(self, engines):
        """Return each engine once, as plain text: the parameters are stored as JSON."""
        return list(dict.fromkeys(str(engine) for engine in engines))


class DoseStartApi(APIView):
    @documented(DoseStartInput, status=202)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = DoseStartInput(data=request.data)
        fields.is_valid(raise_exception=True)
        run = dose_start(actor=request.user, cycle=cycle, parameters=dict(fields.validated_data))
        return Response({"run_id": str(run.pk)}, status=202)


urlpatterns = [
    path("cycles/<uuid:cycle_id>/dose", DoseApi.as_view(), name="dose"),
    path("cycles/<uuid:cycle_id>/dose/figure", DoseFigureApi.as_view(), name="dose-figure"),
    path("cycles/<uuid:cycle_id>/dose/start", DoseStartApi.as_view(), name="dose-start"),
]
