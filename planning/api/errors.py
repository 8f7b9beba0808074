"""Every error of the API has one JSON shape: code, message, fields."""

import logging
from uuid import uuid4

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from planning.computation.errors import ComputationError
from planning.errors import PlanningError

logger = logging.getLogger(__name__)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address of the API in its own shape, any other with the page."""
    if request.path.startswith("/api/"):
        return JsonResponse({"code": "not_found", "message": "Not found.", "fields": {}}, status=404)
    return page_not_found(request, exception)


def handle_error(error: Exception, _context: dict) -> Response:
    set_rollback()
    status, code, message, fields = _describe(error)
    return Response({"code": code, "message": message, "fields": fields}, status=status)


def _describe(error: Exception) -> tuple[int, str, str, dict]:
    if isinstance(error, PlanningError):
        return error.http_status, error.code, str(error), error.fields
    if isinstance(error, ComputationError):
        return 422, error.code, str(error), {}
    if isinstance(error, Http404 | exceptions.NotFound):
        return 404, "not_found", "Not found.", {}
    if isinstance(error, PermissionDenied):
        return 403, "not_allowed", "Not allowed.", {}
    if isinstance(error, exceptions.ValidationError):
        return 400, "invalid_input", "Some fields need another value.", error.detail
    if isinstance(error, ValidationError):
        fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return 400, "invalid_input", "Some fields need another value.", fields
    if isinstance(error, exceptions.APIException):
        codes = error.get_codes()
        return error.status_code, codes if isinstance(codes, str) else "invalid_input", str(error.detail), {}
    reference = uuid4().hex[:8].upper()
    logger.error("unexpected error", exc_info=error, extra={"reference": reference})
    return 500, "internal_error", f"An unexpected error happened. Tell the operator reference {reference}.", {}
