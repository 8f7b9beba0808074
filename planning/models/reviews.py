from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class ResultState(models.TextChoices):
    OPEN = "open", "OPEN"
    CALCULATED = "calculated", "CALCULATED"
    REVIEWED = "reviewed", "REVIEWED"
    APPROVED = "approved", "APPROVED"
    SUPERSEDED = "superseded", "SUPERSEDED"
    WITHDRAWN = "withdrawn", "WITHDRAWN"


class CycleResult(Timestamped):
    """One version of a cycle's result and its state; from CALCULATED on its content is frozen by ``digest``."""

    cycle = models.ForeignKey("planning.Cycle", on_delete=models.PROTECT, related_name="results")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=ResultState, default=ResultState.OPEN)
    calculation = models.ForeignKey(
        "planning.DoseCalculation", null=True, blank=True, on_delete=models.PROTECT, related_name="results"
    )
    digest = models.CharField(max_length=64, blank=True)
    content = models.JSONField(default=dict, blank=True)  # what was shown when signed

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "number"], name="result_number_unique"),
            models.CheckConstraint(
                name="signed_result_is_frozen",
                condition=Q(state="open") | (Q(calculation__isnull=False) & ~Q(digest="")),
            ),
        ]

    @property
    def site(self):
        return self.cycle.site


class SignatureMeaning(models.TextChoices):
    CALCULATED = "calculated", "calculated"
    REVIEWED = "reviewed", "reviewed"
    APPROVED = "approved", "approved"
    RETURNED = "returned", "returned"
    WITHDRAWN = "withdrawn", "withdrawn"


class Signature(Timestamped):
    result = models.ForeignKey(CycleResult, on_delete=models.PROTECT, related_name="signatures")
    meaning = models.CharField(max_length=16, choices=SignatureMeaning)
    user = models.ForeignKey("planning.User", on_delete=models.PROTECT, related_name="signatures")
    role = models.CharField(max_length=32)
    printed_name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=1000, blank=True)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]


class WarningAnswer(Timestamped):
    """A person's answer, with reason, to a finding of level ask; belongs to the finding's exact source revision."""

    cycle = models.ForeignKey("planning.Cycle", on_delete=models.PROTECT, related_name="warning_answers")
    step = models.CharField(max_length=16)
    source_id = models.UUIDField()  # the revision that carries the finding
    region = models.ForeignKey("planning.Region", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=64)
    answer = models.CharField(max_length=1000)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [models.CheckConstraint(name="warning_answer_given", condition=~Q(answer=""))]


class Comment(Timestamped):
    cycle = models.ForeignKey("planning.Cycle", on_delete=models.PROTECT, related_name="comments")
    step = models.CharField(max_length=16)
    region = models.ForeignKey("planning.Region", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=4000)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [models.CheckConstraint(name="comment_not_empty", condition=~Q(text=""))]


class Report(Timestamped):
    """Immutable files of one result version: PDF and JSON. A draft carries its watermark."""

    result = models.ForeignKey(CycleResult, on_delete=models.PROTECT, related_name="reports")
    number = models.PositiveIntegerField()
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    is_draft = models.BooleanField()
    pdf_sha256 = models.CharField(max_length=64)
    json_sha256 = models.CharField(max_length=64)
    inputs_digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["result", "number"], name="report_number_unique")]
