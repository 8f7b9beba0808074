"""What a contour run rests on: named in its parameters when it starts, and still current when it saves."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from planning.errors import InvalidStateError
from planning.models import ContourRevision, QuantifiedImage, Registration, Run, TimePoint
from planning.selectors.current import current_contours, current_image, current_registration

CURRENT = {"images": current_image, "registrations": current_registration, "contours": current_contours}
WORDS = {"images": "The image", "registrations": "The registration", "contours": "The contours"}


def contour_inputs(
    *, images: Iterable[TimePoint], registrations: Iterable[TimePoint] = (), contours: Iterable[TimePoint] = ()
) -> dict[str, dict[str, str]]:
    """Return by kind and time point the revisions that are current now, for the parameters of a run."""
    wanted = {"images": images, "registrations": registrations, "contours": contours}
    return {kind: {str(point.pk): _key(CURRENT[kind](point)) for point in points} for kind, points in wanted.items()}


@transaction.atomic
def contour_inputs_require(*, run: Run) -> None:
    """Refuse a run whose image, registration or source contours are others now: its masks may lie elsewhere.

    Call it first in the transaction that saves: no other image of these time points is saved before that ends.
    """
    inputs = run.parameters.get("inputs")
    if not inputs:
        raise InvalidStateError(
            "This run does not name the images that it was started on; start again.", code="inputs_changed"
        )
    named = {key for keys in inputs.values() for key in keys}
    for time_point in TimePoint.objects.select_for_update().filter(pk__in=named).order_by("number"):
        for kind, keys in inputs.items():
            if str(time_point.pk) in keys and _key(CURRENT[kind](time_point)) != keys[str(time_point.pk)]:
                raise InvalidStateError(
                    f"{WORDS[kind]} of time point {time_point.number} changed since this was started; start again.",
                    code="inputs_changed",
                )


def image_of(*, run: Run, time_point: TimePoint) -> QuantifiedImage:
    """Return the image of a time point that a run was started on."""
    return QuantifiedImage.objects.get(pk=run.parameters["inputs"]["images"][str(time_point.pk)])


def registration_of(*, run: Run, time_point: TimePoint) -> Registration:
    return Registration.objects.get(pk=run.parameters["inputs"]["registrations"][str(time_point.pk)])


def contours_of(*, run: Run, time_point: TimePoint) -> ContourRevision:
    return ContourRevision.objects.get(pk=run.parameters["inputs"]["contours"][str(time_point.pk)])


def _key(revision: Any) -> str:
    return "" if revision is None else str(revision.pk)
