from django.db import models
from django.db.models import F, Q

from planning.models.base import Timestamped


class TherapyTemplate(Timestamped):
    """Starting values of one therapy at one site; versioned, and unusable for a prescription until confirmed."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="therapy_templates")
    name = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    nuclide = models.CharField(max_length=16)
    agent = models.CharField(max_length=64)
    label_activity_bq = models.FloatField(null=True, blank=True)
    label_source = models.CharField(max_length=255, blank=True)
    hard_limit_activity_bq = models.FloatField(null=True, blank=True)  # above it a second prescriber signs
    n_cycles = models.PositiveIntegerField()
    interval_days = models.PositiveIntegerField()
    scan_times_h = models.JSONField(default=list, blank=True)
    radiobiology = models.JSONField(
        default=dict, blank=True
    )  # region kind or name -> {alpha_beta_gy, repair_half_time_h, source}
    sources = models.JSONField(default=list, blank=True)
    confirmed_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["site", "name", "version"], name="template_version_unique"),
            models.CheckConstraint(
                name="template_label_positive",
                condition=Q(label_activity_bq__isnull=True) | Q(label_activity_bq__gt=0.0),
            ),
            models.CheckConstraint(
                name="template_hard_limit_positive",
                condition=Q(hard_limit_activity_bq__isnull=True) | Q(hard_limit_activity_bq__gt=0.0),
            ),
        ]

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None


class ExternalDoseAnswer(models.TextChoices):
    UNANSWERED = "unanswered", "not answered"
    NONE = "none", "no earlier dose from elsewhere"
    LISTED = "listed", "listed"


class Course(Timestamped):
    patient = models.ForeignKey("planning.Patient", on_delete=models.PROTECT, related_name="courses")
    number = models.PositiveIntegerField()
    template = models.ForeignKey(
        TherapyTemplate, null=True, blank=True, on_delete=models.PROTECT, related_name="courses"
    )
    nuclide = models.CharField(max_length=16)
    agent = models.CharField(max_length=64)
    n_cycles_planned = models.PositiveIntegerField(default=4)
    external_dose_answer = models.CharField(
        max_length=16, choices=ExternalDoseAnswer, default=ExternalDoseAnswer.UNANSWERED
    )

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["patient", "number"], name="course_number_unique")]

    @property
    def site(self):
        return self.patient.site


class Cycle(Timestamped):
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="cycles")
    number = models.PositiveIntegerField()
    assignee = models.ForeignKey("planning.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    due_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)  # optimistic lock of the editable fields

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["course", "number"], name="cycle_number_unique")]

    @property
    def patient(self):
        return self.course.patient

    @property
    def site(self):
        return self.course.patient.site


class Administration(Timestamped):
    """Immutable revision of what was given in a cycle; the one with the highest number is current."""

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="administrations")
    number = models.PositiveIntegerField()
    activity_before_bq = models.FloatField(null=True, blank=True)
    measured_before_at = models.DateTimeField(null=True, blank=True)
    activity_after_bq = models.FloatField(null=True, blank=True)
    measured_after_at = models.DateTimeField(null=True, blank=True)
    administered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    administered_activity_bq = models.FloatField()  # net of the residual, decay-corrected to administered_at
    administered_activity_standard_uncertainty_bq = models.FloatField(default=0.0)
    source = models.CharField(max_length=64)  # "typed", "image header"
    has_extravasation = models.BooleanField(default=False)
    reason = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "number"], name="administration_number_unique"),
            models.CheckConstraint(
                name="administered_activity_positive", condition=Q(administered_activity_bq__gt=0.0)
            ),
            models.CheckConstraint(
                name="administration_ends_after_start",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("administered_at")),
            ),
        ]

    @property
    def site(self):
        return self.cycle.site


class TimePoint(Timestamped):
    """One post-administration scan of a cycle; the others are registered into the frame of the reference."""

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="time_points")
    number = models.PositiveIntegerField()
    is_reference = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "number"], name="time_point_number_unique"),
            models.UniqueConstraint(fields=["cycle"], condition=Q(is_reference=True), name="one_reference_time_point"),
        ]

    @property
    def site(self):
        return self.cycle.site
