from uuid import uuid4

from django.db import models


class Timestamped(models.Model):
    """Opaque public id, time of writing, and the person (null: the system)."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "planning.User", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        abstract = True
