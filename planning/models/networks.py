from django.db import models

from planning.models.base import Timestamped


class NetworkDecision(Timestamped):
    """Whether a site lets exactly these weights propose contours; the newest decision about a name counts."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="network_decisions")
    name = models.CharField(max_length=32)
    version = models.CharField(max_length=16)
    weights_sha256 = models.CharField(max_length=64)
    is_enabled = models.BooleanField()
    reason = models.CharField(max_length=1000)

    class Meta:
        ordering = ["created_at", "pk"]
