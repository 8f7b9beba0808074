"""Warnings of a cycle's current results and the answers that people gave to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from planning.models import ContourRevision, Cycle, RegionContour, WarningAnswer
from planning.selectors.current import (
    current_calculation,
    current_contours,
    current_curves,
    current_image,
    current_registration,
)

LEVELS = ("note", "ask", "block")


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedFinding:
    step: str
    source_id: UUID
    code: str
    level: str
    message: str
    region_id: UUID | None = None
    region_name: str = ""
    answer: WarningAnswer | None = None

    @property
    def needs_answer(self) -> bool:
        return self.level == "ask" and self.answer is None

    @property
    def blocks(self) -> bool:
        return self.level == "block"

    def as_dict(self) -> dict:
        answer = self.answer
        return {
            "step": self.step,
            "source_id": str(self.source_id),
            "code": self.code,
            "level": self.level,
            "message": self.message,
            "region_id": str(self.region_id) if self.region_id else None,
            "region": self.region_name or None,
            "answer": answer
            and {"text": answer.answer, "by": answer.created_by.printed_name, "at": answer.created_at.isoformat()},
        }


def cycle_findings(cycle: Cycle) -> list[RaisedFinding]:
    """Return every finding of the current results, with its newest answer."""
    given = list(cycle.warning_answers.select_related("created_by").order_by("created_at", "pk"))
    answers = {(answer.step, answer.source_id, answer.code, answer.region_id): answer for answer in given}
    points, kept = _kept_answers(given)
    raised = []
    for step, source_id, region, finding in _sources(cycle):
        region_id = region.pk if region else None
        raised.append(
            RaisedFinding(
                step=step,
                source_id=source_id,
                code=finding["code"],
                level=finding["level"],
                message=finding["message"],
                region_id=region_id,
                region_name=region.name if region else "",
                answer=answers.get((step, source_id, finding["code"], region_id))
                or kept.get((points.get(source_id), finding["code"], region_id, finding["message"])),
            )
        )
    return raised


def _kept_answers(given: list[WarningAnswer]) -> tuple[dict[UUID, UUID], dict[tuple, WarningAnswer]]:
    """Return the time point of each contour revision, and answers that outlive theirs, by what was answered.

    Every acceptance of a region is a revision of all: an answer about a region holds as long as the very same is said
    of it at this time point, number for number.
    """
    answered = {answer.source_id for answer in given if answer.step == "contours"}
    if not answered:
        return {}, {}
    points = dict(
        ContourRevision.objects.filter(time_point__cycle=given[0].cycle_id).values_list("pk", "time_point_id")
    )
    contours = RegionContour.objects.filter(revision__in=answered).values_list("revision_id", "region_id", "findings")
    said = {
        (revision, region, finding["code"]): finding["message"]
        for revision, region, findings in contours
        for finding in findings
    }
    kept = {
        (points[answer.source_id], answer.code, answer.region_id, said[key]): answer
        for answer in given
        if (key := (answer.source_id, answer.region_id, answer.code)) in said
    }
    return points, kept


def _sources(cycle: Cycle) -> Iterator[tuple]:
    for time_point in cycle.time_points.all():
        image = current_image(time_point)
        if image is not None:
            yield from (("guard", image.pk, None, finding) for finding in image.findings)
        registration = current_registration(time_point)
        if registration is not None:
            yield from (("registration", registration.pk, None, finding) for finding in registration.findings)
        contours = current_contours(time_point)
        if contours is not None:
            for contour in contours.contours.select_related("region"):
                yield from (("contours", contours.pk, contour.region, finding) for finding in contour.findings)
    curves = current_curves(cycle)
    if curves is not None:
        for curve in curves.curves.select_related("region"):
            yield from (("kinetics", curves.pk, curve.region, finding) for finding in curve.findings)
    calculation = current_calculation(cycle)
    if calculation is not None:
        yield from (("dose", calculation.pk, None, finding) for finding in calculation.findings)
        for region_dose in calculation.regions.select_related("region"):
            yield from (("dose", calculation.pk, region_dose.region, finding) for finding in region_dose.findings)
