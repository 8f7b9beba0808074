from django.db import models
from django.db.models import F, Q

from planning.models.base import Timestamped


class ReadingStart(models.TextChoices):
    PROPOSALS = "proposals", "from the proposals as they first appeared"
    NOTHING = "nothing", "from nothing"


class ReadingState(models.TextChoices):
    OPEN = "open", "open"
    SUBMITTED = "submitted", "submitted by both"
    CANCELLED = "cancelled", "cancelled"


class SecondReading(Timestamped):
    """Two people contour one time point, each on an own copy and without seeing the other's until both are done."""

    time_point = models.ForeignKey("planning.TimePoint", on_delete=models.PROTECT, related_name="second_readings")
    number = models.PositiveIntegerField()
    image = models.ForeignKey("planning.QuantifiedImage", on_delete=models.PROTECT, related_name="+")
    start = models.CharField(max_length=16, choices=ReadingStart)
    state = models.CharField(max_length=16, choices=ReadingState, default=ReadingState.OPEN)
    cancel_reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["time_point", "number"], name="second_reading_number_unique"),
            models.UniqueConstraint(
                fields=["time_point"], condition=Q(state="open"), name="one_open_second_reading_per_time_point"
            ),
        ]

    @property
    def site(self):
        return self.time_point.site


class ReaderCopy(Timestamped):
    """One reader's part of a second reading; its contours are revisions that nobody else finds while it is open."""

    reading = models.ForeignKey(SecondReading, on_delete=models.PROTECT, related_name="copies")
    reader = models.ForeignKey("planning.User", on_delete=models.PROTECT, related_name="+")
    place = models.PositiveSmallIntegerField()  # reader 1 or 2
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["reading", "place"], name="reader_copy_place_unique"),
            models.UniqueConstraint(fields=["reading", "reader"], name="two_readers_are_two_people"),
            models.CheckConstraint(name="reader_copy_place_range", condition=Q(place__in=(1, 2))),
            models.CheckConstraint(
                name="reader_copy_submitted_after_opening",
                condition=Q(submitted_at__isnull=True) | Q(submitted_at__gte=F("created_at")),
            ),
        ]
