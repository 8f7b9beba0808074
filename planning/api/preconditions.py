"""If-Match: every edit of something that others may edit names the version it was made from."""

from planning.errors import PlanningError


class PreconditionRequiredError(PlanningError):
    """The request does not say which version it edits."""

    http_status = 428


def if_match_version(request) -> int:
    """Return the version number of the If-Match header.

    Raises PreconditionRequiredError when the header is missing or not a number in quotes.
    """
    value = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not value.isdigit():
        raise PreconditionRequiredError(
            "Send the version that was edited in the If-Match header.", code="if_match_required"
        )
    return int(value)
