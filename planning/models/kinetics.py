from django.db import models

from planning.models.base import Timestamped


class CurveRevision(Timestamped):
    """Immutable: time-activity curves of all regions of a cycle, computed from exact revisions."""

    cycle = models.ForeignKey("planning.Cycle", on_delete=models.PROTECT, related_name="curve_revisions")
    number = models.PositiveIntegerField()
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    contour_revisions = models.ManyToManyField("planning.ContourRevision", related_name="+")
    registrations = models.ManyToManyField("planning.Registration", related_name="+")
    administration = models.ForeignKey("planning.Administration", on_delete=models.PROTECT, related_name="+")
    parameters = models.JSONField(default=dict, blank=True)
    inputs_digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["cycle", "number"], name="curve_revision_number_unique")]

    @property
    def site(self):
        return self.cycle.site


class RegionCurve(models.Model):
    revision = models.ForeignKey(CurveRevision, on_delete=models.PROTECT, related_name="curves")
    region = models.ForeignKey("planning.Region", on_delete=models.PROTECT, related_name="curves")
    points = (
        models.JSONField()
    )  # [{time_point, time_s, activity_bq, activity_standard_uncertainty_bq, volume_ml, is_excluded, reason}]
    fits = models.JSONField()  # curves as dosimetry.kinetics.stored_curve writes them, SI units
    refused = models.JSONField(default=list, blank=True)  # [{model, reason}]
    recommended_model = models.CharField(max_length=32, blank=True)
    findings = models.JSONField(default=list, blank=True)
    diagnostics = models.JSONField(default=dict, blank=True)  # {leave_one_out, next_scan, one_scan}, SI units

    class Meta:
        ordering = ["region__kind", "region__label"]
        constraints = [models.UniqueConstraint(fields=["revision", "region"], name="region_once_in_curves")]


class CurveChoice(Timestamped):
    """A person's decision on one curve; added, never edited: the newest counts."""

    curve = models.ForeignKey(RegionCurve, on_delete=models.PROTECT, related_name="choices")
    model = models.CharField(max_length=32)
    is_accepted = models.BooleanField(default=False)
    reason = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]


class PointExclusion(Timestamped):
    """Leaving one scan out of one region's curve, with a reason; the newest row per region and time point counts."""

    region = models.ForeignKey("planning.Region", on_delete=models.PROTECT, related_name="exclusions")
    time_point = models.ForeignKey("planning.TimePoint", on_delete=models.PROTECT, related_name="exclusions")
    is_excluded = models.BooleanField()
    reason = models.CharField(max_length=255)

    class Meta:
        ordering = ["created_at", "pk"]
