from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class RegistrationMethod(models.TextChoices):
    AUTOMATIC = "automatic", "rigid, automatic"
    NUDGED = "nudged", "rigid, moved by hand"


class Decision(models.TextChoices):
    PENDING = "pending", "to decide"
    ACCEPTED = "accepted", "accepted"
    REJECTED = "rejected", "rejected"


class Registration(Timestamped):
    """Immutable revision of the rigid transform from the reference time point to another; decided on once."""

    time_point = models.ForeignKey("planning.TimePoint", on_delete=models.PROTECT, related_name="registrations")
    number = models.PositiveIntegerField()
    fixed_image = models.ForeignKey("planning.QuantifiedImage", on_delete=models.PROTECT, related_name="+")
    moving_image = models.ForeignKey("planning.QuantifiedImage", on_delete=models.PROTECT, related_name="+")
    predecessor = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=16, choices=RegistrationMethod)
    matrix = models.JSONField()  # 16 numbers, row-major: points of the fixed frame to the moving frame, LPS mm
    quality = models.JSONField(default=dict, blank=True)
    findings = models.JSONField(default=list, blank=True)
    resampled_display = models.ForeignKey("planning.VolumeAsset", on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=16, choices=Decision, default=Decision.PENDING)
    decided_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    remark = models.CharField(max_length=255, blank=True)
    inputs_digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["time_point", "number"], name="registration_number_unique"),
            models.CheckConstraint(
                name="registration_decision_has_person",
                condition=Q(decision="pending") | Q(decided_by__isnull=False, decided_at__isnull=False),
            ),
        ]

    @property
    def site(self):
        return self.time_point.site
