from django.db import models


class AuditRecord(models.Model):
    """One line of the hash chain; added, never changed (database triggers forbid it)."""

    number = models.PositiveBigIntegerField(primary_key=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    actor = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey("planning.Site", null=True, on_delete=models.PROTECT, related_name="+")
    patient_uuid = models.UUIDField(null=True, db_index=True)
    action = models.CharField(max_length=64, db_index=True)
    payload = models.TextField()  # the canonical JSON that is hashed

    class Meta:
        ordering = ["number"]


class AuditHead(models.Model):
    """The one row that a writer locks before it appends."""

    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)
