"""Browser tests ask many things at once, so their database is a file: one in memory refuses parallel writes."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from planning.models import AuditRecord


def pytest_collection_finish(session) -> None:
    """Name the file before the first database fixture runs."""
    test_settings = connections["default"].settings_dict["TEST"]
    if connections["default"].vendor == "sqlite" and test_settings["NAME"] is None:
        test_settings["NAME"] = str(Path(settings.DATA_DIR) / "browser-tests.sqlite3")


@pytest.fixture(autouse=True)
def _audit_wiped_after(transactional_db):
    """Empty the audit table after a test: its triggers refuse the flush that follows, as they should."""
    yield
    if connection.vendor != "sqlite":
        return
    table = AuditRecord._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        AuditRecord.objects.all().delete()
        for _, statement in triggers:
            cursor.execute(statement)
