"""One way to describe an endpoint: its input serializer, and a JSON object as answer."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema


def documented(request=None, *, status: int = 200, query: tuple[str, ...] = (), operation: str | None = None):
    """Decorate a handler with its input and the status of its JSON answer."""
    parameters = [OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.QUERY) for name in query]
    return extend_schema(
        request=request, responses={status: OpenApiTypes.OBJECT}, parameters=parameters, operation_id=operation
    )
