"""Errors of the application layer; each becomes ``{code, message, fields}`` with its HTTP status."""

from typing import Any


class PlanningError(Exception):
    http_status = 400
    default_code = "planning_error"

    def __init__(self, message: str, *, code: str | None = None, fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.fields = fields or {}


class NotAllowedError(PlanningError):
    http_status = 403
    default_code = "not_allowed"


class InvalidStateError(PlanningError):
    http_status = 409
    default_code = "invalid_state"


class ConflictError(PlanningError):
    http_status = 409
    default_code = "conflict"


class TransientError(PlanningError):
    """A passing fault: the only class that is retried."""

    http_status = 503
    default_code = "transient"


class LeaseLostError(Exception):
    """Another worker took the run, or a user cancelled it: stop and write nothing."""
