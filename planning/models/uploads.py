from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class UploadState(models.TextChoices):
    RECEIVING = "receiving", "receiving"
    COMPLETE = "complete", "complete"
    READ = "read", "read, waits for confirmation"
    CONFIRMED = "confirmed", "confirmed"
    DISCARDED = "discarded", "discarded"


class Upload(Timestamped):
    """Files that a person brings in; in quarantine until confirmed."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="uploads")
    state = models.CharField(max_length=16, choices=UploadState, default=UploadState.RECEIVING)
    n_files = models.PositiveIntegerField()
    n_bytes = models.PositiveBigIntegerField()
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    cycle_uuid = models.UUIDField(null=True)  # wanted cycle, when the upload was started from one

    class Meta:
        ordering = ["-created_at"]


class UploadFileState(models.TextChoices):
    RECEIVED = "received", "received"
    ACCEPTED = "accepted", "accepted"
    REFUSED = "refused", "refused"
    DUPLICATE = "duplicate", "already stored"


class UploadFile(models.Model):
    """One received file, named by its number; the client's name is for display only."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    member = models.PositiveIntegerField(default=0)  # within an archive, from 1; 0 is the file itself
    name = models.CharField(max_length=255, blank=True)
    n_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=UploadFileState, default=UploadFileState.RECEIVED)
    verdict_code = models.CharField(max_length=64, blank=True)
    verdict_message = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["number", "member"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "number", "member"], name="upload_file_number_unique"),
            models.CheckConstraint(name="upload_file_number_from_one", condition=Q(number__gte=1)),
        ]
