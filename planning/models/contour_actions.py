from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped
from planning.models.contours import ContourRevision, ContourSource, Region

LONGEST_HANDS_ON_S = 3600.0
"""Nobody draws one region for longer without a break: what a page reports above it is bounded."""


class ContourActionKind(models.TextChoices):
    ACCEPTED = "accepted", "accepted"
    EDITED = "edited", "edited"
    REJECTED = "rejected", "rejected"
    REOPENED = "reopened", "reopened"
    DRAWN = "drawn", "drawn"


class ContourAction(Timestamped):
    """What a person did with the contour of one region, in the revision that came of it; runs write none.

    Agreement and volumes are those of the region as drawn, against the proposal as it first appeared.
    """

    revision_from = models.ForeignKey(ContourRevision, null=True, on_delete=models.PROTECT, related_name="+")
    revision_to = models.ForeignKey(ContourRevision, on_delete=models.PROTECT, related_name="actions")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="contour_actions")
    proposal = models.ForeignKey(
        ContourRevision, null=True, on_delete=models.PROTECT, related_name="actions_on_proposals"
    )
    action = models.CharField(max_length=8, choices=ContourActionKind)
    source = models.CharField(max_length=16, choices=ContourSource, blank=True)
    source_detail = models.CharField(max_length=128, blank=True)
    dice = models.FloatField(null=True)
    volume_before_ml = models.FloatField(null=True)
    volume_after_ml = models.FloatField()
    hands_on_s = models.FloatField(null=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["revision_to", "region"], name="one_action_per_region_and_revision"),
            models.CheckConstraint(name="contour_action_by_a_person", condition=Q(created_by__isnull=False)),
            models.CheckConstraint(
                name="contour_action_dice_range", condition=Q(dice__isnull=True) | Q(dice__gte=0.0, dice__lte=1.0)
            ),
            models.CheckConstraint(
                name="contour_action_hands_on_range",
                condition=Q(hands_on_s__isnull=True) | Q(hands_on_s__gte=0.0, hands_on_s__lte=LONGEST_HANDS_ON_S),
            ),
        ]

    @property
    def site(self):
        return self.revision_to.site
