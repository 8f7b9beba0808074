from django.db import models
from django.db.models import F, Q

from planning.models.base import Timestamped


class LimitSet(Timestamped):
    """Dose limits of a site with their sources; a new version replaces, and none is active until confirmed."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="limit_sets")
    name = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    confirmed_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["site", "name", "version"], name="limit_set_version_unique")]

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None


class LimitQuantity(models.TextChoices):
    ABSORBED_DOSE = "absorbed_dose", "absorbed dose"
    BED = "bed", "BED"
    EQD2 = "eqd2", "EQD2"


class DoseLimit(models.Model):
    limit_set = models.ForeignKey(LimitSet, on_delete=models.PROTECT, related_name="limits")
    region_name = models.CharField(max_length=64)  # "Kidney" covers "Kidney left" and "Kidney right"
    quantity = models.CharField(max_length=16, choices=LimitQuantity)
    limit_gy = models.FloatField()
    modality = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=255)

    class Meta:
        ordering = ["region_name", "quantity"]
        constraints = [
            models.CheckConstraint(name="limit_positive", condition=Q(limit_gy__gt=0.0)),
            models.CheckConstraint(name="limit_has_source", condition=~Q(source="")),
        ]


class Plan(Timestamped):
    """Immutable: activities modelled for the coming cycles of a course, from exact results and limits."""

    course = models.ForeignKey("planning.Course", on_delete=models.PROTECT, related_name="plans")
    number = models.PositiveIntegerField()
    next_cycle_number = models.PositiveIntegerField()
    n_cycles_left = models.PositiveIntegerField()
    dose_calculations = models.ManyToManyField("planning.DoseCalculation", related_name="+")
    limit_set = models.ForeignKey(LimitSet, on_delete=models.PROTECT, related_name="+")
    planned_activity_bq = models.FloatField(
        null=True, blank=True
    )  # the what-if value that was saved, never a prescription
    label_activity_bq = models.FloatField(null=True, blank=True)
    result = models.JSONField()
    findings = models.JSONField(default=list, blank=True)
    inputs_digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["course", "number"], name="plan_number_unique")]

    @property
    def site(self):
        return self.course.site


class Prescription(Timestamped):
    """The activity that a prescriber wrote and signed; a change is a new row with its predecessor.

    Above the hard limit of the template it waits: it counts once a second prescriber signed the same digest.
    """

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prescriptions")
    number = models.PositiveIntegerField()
    predecessor = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    activity_bq = models.FloatField()
    departure_reason = models.CharField(max_length=64, blank=True)
    departure_text = models.CharField(max_length=1000, blank=True)
    printed_name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)
    needs_second = models.BooleanField(default=False)
    second_user = models.ForeignKey("planning.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    second_printed_name = models.CharField(max_length=255, blank=True)
    second_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="prescription_number_unique"),
            models.CheckConstraint(name="prescribed_activity_positive", condition=Q(activity_bq__gt=0.0)),
            models.CheckConstraint(
                name="prescription_second_person",
                condition=Q(second_user__isnull=True) | (Q(created_by__isnull=False) & ~Q(second_user=F("created_by"))),
            ),
            models.CheckConstraint(
                name="prescription_second_signature_whole",
                condition=Q(second_user__isnull=True, second_at__isnull=True, second_printed_name="")
                | (
                    Q(needs_second=True, second_user__isnull=False, second_at__isnull=False)
                    & ~Q(second_printed_name="")
                ),
            ),
        ]

    @property
    def is_waiting(self) -> bool:
        """Whether a second prescriber still has to sign: until then nothing is prescribed by it."""
        return self.needs_second and self.second_at is None
