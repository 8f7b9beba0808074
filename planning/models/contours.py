from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class RegionKind(models.TextChoices):
    ORGAN = "organ", "organ"
    LESION = "lesion", "lesion"


class Region(Timestamped):
    """An organ or a lesion; keeps its identity over time points and cycles of a course."""

    course = models.ForeignKey("planning.Course", on_delete=models.PROTECT, related_name="regions")
    kind = models.CharField(max_length=8, choices=RegionKind)
    name = models.CharField(max_length=64)
    label = models.PositiveSmallIntegerField()  # voxel value in the label volume of its kind
    colour = models.CharField(max_length=8)  # token name r1 ... r9
    tracking_uid = models.CharField(max_length=64)
    default_density_g_per_ml = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["kind", "label"]
        constraints = [
            models.UniqueConstraint(fields=["course", "name"], name="region_name_unique"),
            models.UniqueConstraint(fields=["course", "kind", "label"], name="region_label_unique"),
            models.CheckConstraint(name="region_label_range", condition=Q(label__gte=1, label__lte=255)),
        ]

    @property
    def site(self):
        return self.course.site


class SharedRevisions(models.Manager):
    """The revisions that everybody works on; a reader's copy is found only by asking for it."""

    def get_queryset(self):
        return super().get_queryset().filter(copy__isnull=True)


class ContourRevision(Timestamped):
    """Immutable contour set of one time point: one label volume for organs, one for lesions, on one grid."""

    time_point = models.ForeignKey("planning.TimePoint", on_delete=models.PROTECT, related_name="contour_revisions")
    number = models.PositiveIntegerField()
    base_number = models.PositiveIntegerField(default=0)
    image = models.ForeignKey("planning.QuantifiedImage", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    organs = models.ForeignKey("planning.VolumeAsset", on_delete=models.PROTECT, related_name="+")
    lesions = models.ForeignKey("planning.VolumeAsset", on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=255, blank=True)
    inputs_digest = models.CharField(max_length=64)
    copy = models.ForeignKey("planning.ReaderCopy", null=True, on_delete=models.PROTECT, related_name="+")
    """The reader's copy that this revision belongs to; null: shared by all."""
    adjudicates = models.ForeignKey(
        "planning.SecondReading", null=True, on_delete=models.PROTECT, related_name="adjudications"
    )

    objects = SharedRevisions()
    all_copies = models.Manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["time_point", "number"], condition=Q(copy__isnull=True), name="contour_revision_number_unique"
            ),
            models.UniqueConstraint(
                fields=["copy", "number"], condition=Q(copy__isnull=False), name="contour_copy_number_unique"
            ),
        ]

    @property
    def site(self):
        return self.time_point.site


class ContourState(models.TextChoices):
    PROPOSED = "proposed", "proposed"
    EDITED = "edited", "edited"
    ACCEPTED = "accepted", "accepted"
    REJECTED = "rejected", "rejected"


def takes_from_organs(*, kind: str, state: str) -> bool:
    """Return whether a region reduces every organ, in contours and dose alike: a lesion that a person accepted."""
    return kind == RegionKind.LESION and state == ContourState.ACCEPTED


KEPT_FROM_RUNS = Q(is_locked=True) | Q(state__in=(ContourState.ACCEPTED, ContourState.EDITED))
"""Contours that a person locked, accepted or edited: no import, proposal or propagation changes their voxels."""


class ContourSource(models.TextChoices):
    MANUAL = "manual", "drawn"
    IMPORTED = "imported", "imported"
    PROPAGATED = "propagated", "propagated"
    THRESHOLD = "threshold", "threshold"
    MODEL = "model", "AI model"


class RegionContour(models.Model):
    """One region within one contour revision, with its measured numbers (organ minus lesions)."""

    revision = models.ForeignKey(ContourRevision, on_delete=models.PROTECT, related_name="contours")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="contours")
    state = models.CharField(max_length=16, choices=ContourState)
    source = models.CharField(max_length=16, choices=ContourSource)
    source_detail = models.CharField(max_length=128, blank=True)
    confidence = models.FloatField(null=True, blank=True)  # of a network in its own proposal, 0 to 1
    reasons = models.JSONField(default=list, blank=True)  # code, level, message: why the network doubts its proposal
    proposal = models.ForeignKey(ContourRevision, null=True, on_delete=models.PROTECT, related_name="proposals")
    """Revision in which the proposal that this contour goes back to first appeared; null: drawn from nothing."""
    is_locked = models.BooleanField(default=False)
    contour_volume_ml = models.FloatField()  # as drawn
    polygon_volume_ml = models.FloatField(null=True, blank=True)
    volume_ml = models.FloatField()  # after organ minus lesions
    activity_bq = models.FloatField()
    activity_standard_uncertainty_bq = models.FloatField(null=True, blank=True)
    mean_activity_concentration_bq_per_ml = models.FloatField()
    maximum_activity_concentration_bq_per_ml = models.FloatField()
    statements = models.JSONField(default=list, blank=True)
    findings = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["region__kind", "region__label"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "region"], name="region_once_in_revision"),
            models.CheckConstraint(
                name="contour_confidence_range",
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0.0, confidence__lte=1.0),
            ),
        ]

    @property
    def is_candidate(self) -> bool:
        """Return whether a network suspects a lesion that no person has accepted: it counts nowhere."""
        is_suspected = self.source == ContourSource.MODEL and self.state == ContourState.PROPOSED
        return is_suspected and self.region.kind == RegionKind.LESION


class ContourDraft(models.Model):
    """Autosaved voxels of one user; shows colleagues who is editing."""

    time_point = models.ForeignKey("planning.TimePoint", on_delete=models.CASCADE, related_name="contour_drafts")
    user = models.ForeignKey("planning.User", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=RegionKind)
    base_number = models.PositiveIntegerField()
    object_sha256 = models.CharField(max_length=64)  # gzip uint8, as sent
    voxels_sha256 = models.CharField(max_length=64)
    copy = models.ForeignKey("planning.ReaderCopy", null=True, on_delete=models.CASCADE, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["time_point", "user", "kind"], condition=Q(copy__isnull=True), name="one_draft_per_user"
            ),
            models.UniqueConstraint(
                fields=["copy", "kind"], condition=Q(copy__isnull=False), name="one_draft_per_reader_copy"
            ),
        ]
