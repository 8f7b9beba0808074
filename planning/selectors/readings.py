"""Second readings: who reads what, what a person may see of them, and which readings stand for a time point."""

from typing import Any

from django.db.models import QuerySet

from planning.models import ContourRevision, ReaderCopy, SecondReading, TimePoint, User
from planning.models.readings import ReadingState
from planning.selectors.sites import site_ids_of


def second_readings_visible_to(*, user):
    return SecondReading.objects.filter(
        time_point__cycle__course__patient__site__in=site_ids_of(user=user)
    ).select_related("time_point__cycle__course__patient__site", "image")


def open_copy(time_point: TimePoint, *, user: User) -> ReaderCopy | None:
    """Return the copy that a reader works on; None: the person sees and changes the shared contours."""
    return (
        ReaderCopy.objects.filter(
            reading__time_point=time_point,
            reading__state=ReadingState.OPEN,
            reader_id=user.pk,
            submitted_at__isnull=True,
        )
        .select_related("reading")
        .first()
    )


def hidden_copies(*, user) -> QuerySet[ContourRevision]:
    """Return the contours of readers that this person must not see: another's, unless both have submitted."""
    return (
        ContourRevision.all_copies.filter(copy__isnull=False)
        .exclude(copy__reader_id=user.pk)
        .exclude(copy__reading__state=ReadingState.SUBMITTED)
    )


def submitted_readings(time_point: TimePoint) -> list[SecondReading]:
    """Return the readings that both readers finished, newest first."""
    found = time_point.second_readings.filter(state=ReadingState.SUBMITTED)
    return list(found.order_by("-number").prefetch_related("copies"))


def reading_summary(reading: SecondReading, *, user: User) -> dict[str, Any]:
    """Return who reads and how far they are; nothing of what they drew."""
    adjudication = reading.adjudications.select_related("created_by").order_by("-number").first()
    return {
        "id": str(reading.pk),
        "number": reading.number,
        "state": reading.state,
        "start": reading.start,
        "start_label": reading.get_start_display(),
        "opened_by": reading.created_by.printed_name if reading.created_by else "system",
        "at": reading.created_at.isoformat(),
        "cancel_reason": reading.cancel_reason,
        "readers": [
            {
                "place": copy.place,
                "name": copy.reader.printed_name,
                "is_me": copy.reader_id == user.pk,
                "submitted_at": copy.submitted_at.isoformat() if copy.submitted_at else None,
            }
            for copy in reading.copies.select_related("reader")
        ],
        "adjudicated": adjudication
        and {
            "number": adjudication.number,
            "by": adjudication.created_by.printed_name if adjudication.created_by else "system",
            "at": adjudication.created_at.isoformat(),
            "note": adjudication.note,
        },
    }


def time_point_readings(time_point: TimePoint, *, user: User) -> list[dict[str, Any]]:
    return [reading_summary(reading, user=user) for reading in time_point.second_readings.order_by("-number")]
