"""Uploads as the pages show them."""

from typing import Any

from planning.models import Upload
from planning.selectors.runs import run_summary
from planning.selectors.sites import site_ids_of


def uploads_visible_to(*, user):
    return Upload.objects.filter(site__in=site_ids_of(user=user)).select_related("run", "created_by")


def upload_summary(upload: Upload, *, with_files: bool) -> dict[str, Any]:
    """Return an upload; ``files`` tells the browser which numbers it need not send again."""
    received = set(upload.files.values_list("number", flat=True))
    summary = {
        "id": str(upload.pk),
        "site_id": str(upload.site_id),
        "state": upload.state,
        "n_files": upload.n_files,
        "n_bytes": upload.n_bytes,
        "n_received": len(received),
        "n_refused": upload.files.filter(state="refused").count(),
        "created_at": upload.created_at.isoformat(),
        "author": upload.created_by.printed_name if upload.created_by else "system",
        "run": run_summary(upload.run) if upload.run else None,
    }
    if with_files:
        summary["files"] = [
            {
                "number": row.number,
                "member": row.member,
                "name": row.name,
                "n_bytes": row.n_bytes,
                "sha256": row.sha256,
                "state": row.state,
                "verdict_code": row.verdict_code,
                "verdict_message": row.verdict_message,
            }
            for row in upload.files.all()
        ]
    return summary
