from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class Population(Timestamped):
    """How the curves of one agent, organ and nuclide spread over patients; a correction is a new row, never an edit."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="populations")
    agent = models.CharField(max_length=64)
    organ = models.CharField(max_length=64)  # a region's name, its first word, or its kind (organ, lesion)
    nuclide = models.CharField(max_length=16)
    document = models.JSONField()  # as dosimetry writes a prior, without names, dates or numbers of patients
    source = models.CharField(max_length=512)
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["agent", "organ", "nuclide", "-created_at"]
        constraints = [
            models.CheckConstraint(name="population_second_person", condition=~Q(confirmed_by=models.F("created_by"))),
            models.CheckConstraint(
                name="population_confirmed_by_a_person",
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
        ]
