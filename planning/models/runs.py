from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class RunState(models.TextChoices):
    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING)


class Run(models.Model):
    """One computation. The row is the truth; it never returns to an earlier state. ``attempt`` is the fencing token."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=RunState, default=RunState.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    lease_expires_at = models.DateTimeField(null=True)
    n_rings = models.PositiveIntegerField(default=0)
    ring_after = models.DateTimeField(db_default=Now())
    progress = models.FloatField(default=0.0)
    message = models.CharField(max_length=255, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    patient_uuid = models.UUIDField(null=True, db_index=True)
    cycle_uuid = models.UUIDField(null=True, db_index=True)
    result_id = models.CharField(max_length=64, blank=True)
    requested_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "lease_expires_at"])]
        constraints = [
            models.CheckConstraint(
                name="run_running_has_lease", condition=~Q(state="running") | Q(lease_expires_at__isnull=False)
            ),
            models.CheckConstraint(name="run_progress_range", condition=Q(progress__gte=0.0, progress__lte=1.0)),
        ]
