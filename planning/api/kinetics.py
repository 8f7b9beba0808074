from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.fields import FiniteFloatField
from planning.api.schema import documented
from planning.computation.curve_models import FITTED_MODELS
from planning.computation.half_lives import check_half_life
from planning.figures.curves import curve_figure, small_curve
from planning.models import TimePoint
from planning.selectors.contours import regions_visible_to
from planning.selectors.courses import cycles_visible_to
from planning.selectors.current import current_curves
from planning.selectors.findings import cycle_findings
from planning.selectors.kinetics import (
    PARTIAL_VOLUME,
    PARTIAL_VOLUME_METHODS,
    RECOVERY_CURVE,
    curve_summary,
    curves_visible_to,
    declared_half_life,
    earlier_curves,
    earlier_curves_of,
    fit_options,
    fitted_points,
)
from planning.selectors.recovery_curves import recovery_choice, recovery_curves_for
from planning.selectors.staleness import curves_stale_causes
from planning.services.kinetics import (
    DECLARED_HALF_LIFE,
    curve_choose,
    curves_accept_unflagged,
    curves_start,
    point_exclude,
)

OF_CURVE = frozenset({"recovery_curve", "is_same_reconstruction"})
"""Fields that belong to a correction by recovery curve, and only to it."""


class CurvesApi(APIView):
    @documented()
    def get(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        revision = current_curves(cycle)
        choices = {
            "has_earlier_cycle": bool(earlier_curves(cycle)),
            "recovery_curves": [recovery_choice(curve) for curve in recovery_curves_for(cycle)],
        }
        if revision is None:
            empty = {"revision": None, "is_stale": False, "stale_causes": [], "regions": []}
            return Response({**empty, **choices})
        causes = curves_stale_causes(revision)
        answered = {
            (finding.region_id, finding.code): finding.as_dict()
            for finding in cycle_findings(cycle)
            if finding.step == "kinetics"
        }
        regions = []
        for curve in revision.curves.select_related("region", "revision__administration"):
            summary = curve_summary(curve)
            summary["findings"] = [answered[(curve.region_id, item["code"])] for item in curve.findings]
            summary["small_figure"] = small_curve(curve)
            fitted = {point["time_point"] for point in fitted_points(curve)}
            for point in summary["points"]:
                point["is_used"] = point["time_point_id"] in fitted
            regions.append(summary)
        head = {
            "id": str(revision.pk),
            "number": revision.number,
            "at": revision.created_at.isoformat(),
            "declared": declared_half_life(revision),
            "options": fit_options(revision),
        }
        return Response(
            {
                "revision": head,
                "is_stale": bool(causes),
                "stale_causes": causes,
                "regions": regions,
                **choices,
            }
        )


class CurvesStartInput(serializers.Serializer):
    effective_half_life_h = FiniteFloatField(required=False, min_value=0.01)
    effective_half_life_standard_uncertainty_h = FiniteFloatField(required=False, min_value=0.01)
    effective_half_life_source = serializers.CharField(required=False, max_length=255)

    models = serializers.ListField(child=serializers.ChoiceField(choices=FITTED_MODELS), required=False)
    use_populations = serializers.BooleanField(required=False)
    cycle_to_cycle_cv_percent = FiniteFloatField(required=False, min_value=0.1, max_value=200.0)
    wanted_cv_percent = FiniteFloatField(required=False, min_value=0.1, max_value=99.0)
    partial_volume = serializers.ChoiceField(choices=tuple(PARTIAL_VOLUME_METHODS), required=False)
    resolution_fwhm_mm = FiniteFloatField(required=False, min_value=0.5, max_value=40.0)
    resolution_standard_uncertainty_mm = FiniteFloatField(required=False, min_value=0.0, max_value=20.0)
    resolution_source = serializers.CharField(required=False, max_length=255)
    partial_volume_iterations = serializers.IntegerField(required=False, min_value=1, max_value=100)
    recovery_curve = serializers.UUIDField(required=False)
    is_same_reconstruction = serializers.BooleanField(required=False)

    def validate_recovery_curve(self, key):
        """Return the key as text: the parameters are stored as JSON."""
        return str(key)

    def validate_models(self, models):
        """Return each model once, as plain text: the parameters are stored as JSON."""
        return list(dict.fromkeys(str(model) for model in models))

    def validate(self, attrs):
        given = [name for name in DECLARED_HALF_LIFE if attrs.get(name)]
        if given and len(given) < len(DECLARED_HALF_LIFE):
            raise serializers.ValidationError("Give half-life, its uncertainty and its source together.")
        return self._with_resolution(attrs)

    def _with_resolution(self, attrs):
        """Return the choice with the resolution that it needs; without a correction nothing of it is kept."""
        method = attrs.get("partial_volume", "none")
        if method == "none":
            return {name: value for name, value in attrs.items() if name not in PARTIAL_VOLUME}
        if method == RECOVERY_CURVE:
            return self._with_curve(attrs)
        attrs = {name: value for name, value in attrs.items() if name not in OF_CURVE}
        needed = ("resolution_fwhm_mm", "resolution_standard_uncertainty_mm", "resolution_source")
        if any(attrs.get(name) in (None, "") for name in needed):
            raise serializers.ValidationError(
                "Partial-volume correction needs the resolution of the image, its standard uncertainty and its source."
            )
        if attrs["resolution_standard_uncertainty_mm"] >= attrs["resolution_fwhm_mm"]:
            raise serializers.ValidationError("The uncertainty of the resolution is smaller than the resolution.")
        return attrs

    def _with_curve(self, attrs):
        """Return the choice of a recovery curve without a resolution, which it does not need."""
        if not attrs.get("recovery_curve") or not attrs.get("is_same_reconstruction"):
            raise serializers.ValidationError(
                "A recovery curve is chosen with the statement that the scans are reconstructed as its phantom was."
            )
        kept = {"partial_volume", *OF_CURVE}
        return {name: value for name, value in attrs.items() if name in kept or name not in PARTIAL_VOLUME}


class CurvesStartApi(APIView):
    @documented(CurvesStartInput, status=202)
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        fields = CurvesStartInput(data=request.data)
        fields.is_valid(raise_exception=True)
        check_half_life(nuclide_name=cycle.course.nuclide, hours=fields.validated_data.get("effective_half_life_h"))
        run = curves_start(actor=request.user, cycle=cycle, parameters=fields.validated_data)
        return Response({"run_id": str(run.pk)}, status=202)


class CurveFigureApi(APIView):
    @documented(query=("scale", "models", "cycles"))
    def get(self, request, curve_id):
        curve = get_object_or_404(curves_visible_to(user=request.user), pk=curve_id)
        is_log = request.query_params.get("scale") == "log"
        shows_all = request.query_params.get("models", "all") == "all"
        earlier = earlier_curves_of(curve) if request.query_params.get("cycles") == "all" else []
        return Response(curve_figure(curve, is_log=is_log, shows_all=shows_all, earlier=earlier))


class CurveChoiceInput(serializers.Serializer):
    model = serializers.CharField(max_length=32)
    is_accepted = serializers.BooleanField()
    reason = serializers.CharField(max_length=255, allow_blank=True, default="")


class CurveChoiceApi(APIView):
    @documented(CurveChoiceInput, status=201)
    def post(self, request, curve_id):
        curve = get_object_or_404(curves_visible_to(user=request.user), pk=curve_id)
        fields = CurveChoiceInput(data=request.data)
        fields.is_valid(raise_exception=True)
        curve_choose(actor=request.user, curve=curve, **fields.validated_data)
        return Response(curve_summary(curve), status=201)


class CurvesAcceptApi(APIView):
    @documented()
    def post(self, request, cycle_id):
        cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
        return Response({"n_accepted": curves_accept_unflagged(actor=request.user, cycle=cycle)})


class PointExclusionInput(serializers.Serializer):
    time_point_id = serializers.UUIDField()
    is_excluded = serializers.BooleanField()
    reason = serializers.CharField(max_length=255)


class PointExclusionApi(APIView):
    @documented(PointExclusionInput, status=201)
    def post(self, request, region_id):
        region = get_object_or_404(regions_visible_to(user=request.user), pk=region_id)
        fields = PointExclusionInput(data=request.data)
        fields.is_valid(raise_exception=True)
        time_points = TimePoint.objects.filter(cycle__in=cycles_visible_to(user=request.user))
        time_point = get_object_or_404(time_points, pk=fields.validated_data["time_point_id"])
        exclusion = point_exclude(
            actor=request.user,
            region=region,
            time_point=time_point,
            is_excluded=fields.validated_data["is_excluded"],
            reason=fields.validated_data["reason"],
        )
        return Response({"id": str(exclusion.pk)}, status=201)


urlpatterns = [
    path("cycles/<uuid:cycle_id>/curves", CurvesApi.as_view(), name="curves"),
    path("cycles/<uuid:cycle_id>/curves/start", CurvesStartApi.as_view(), name="curves-start"),
    path("cycles/<uuid:cycle_id>/curves/accept-unflagged", CurvesAcceptApi.as_view(), name="curves-accept"),
    path("curves/<int:curve_id>/figure", CurveFigureApi.as_view(), name="curve-figure"),
    path("curves/<int:curve_id>/choice", CurveChoiceApi.as_view(), name="curve-choice"),
    path("regions/<uuid:region_id>/exclusions", PointExclusionApi.as_view(), name="exclusions"),
]
