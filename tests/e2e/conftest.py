"""The browser, the built front end, and a database in a file: one in memory refuses the browser's parallel writes."""

import os
import shutil
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from planning.models import AuditRecord
from tests.e2e.browser import FRONTEND, sign_in

FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


def pytest_collection_finish(session) -> None:
    """Name the file before the first database fixture runs."""
    test_settings = connections["default"].settings_dict["TEST"]
    if connections["default"].vendor == "sqlite" and test_settings["NAME"] is None:
        test_settings["NAME"] = str(Path(settings.DATA_DIR) / "browser-tests.sqlite3")


def wait_for_last_request(live_server, *, at_most_s: float = 60.0) -> None:
    """Wait until the server works on nothing: a closed page leaves requests behind that still write.

    Connections are taken in order, so an answer to one more request says that every earlier one has its thread.
    """
    with urllib.request.urlopen(f"{live_server.url}/accounts/login/", timeout=at_most_s) as answer:
        answer.read()
    until = time.monotonic() + at_most_s
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(max(0.0, until - time.monotonic()))
            assert not thread.is_alive(), f"a request was still answered {at_most_s:.0f} s after its page was closed"


@pytest.fixture(autouse=True)
def _audit_wiped_after(transactional_db, live_server):
    """Empty the audit table after a test: its triggers refuse the flush that follows, as they should."""
    yield
    wait_for_last_request(live_server)
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


@pytest.fixture(scope="session")
def browser_type_launch_args():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("the distribution's chromium is not installed")
    return {"executable_path": chromium, "args": FLAGS}


@pytest.fixture(scope="session", autouse=True)
def _built_front_end():
    """Build once when the bundle is missing: a page without its module cannot be tested."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the browser driver owns an event loop in this thread
    if not (FRONTEND / "static" / "app" / "manifest.json").exists():
        npx = shutil.which("npx")
        if npx is None or not (FRONTEND / "node_modules").exists():
            pytest.skip("run “npm ci --ignore-scripts” in the folder frontend first")
        subprocess.run([npx, "vite", "build"], cwd=FRONTEND, check=True, capture_output=True)
    yield
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture
def faults(page):
    """Collect page errors and reports of the security policy; a test with any of them fails."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if "Content Security Policy" in line.text else None)
    yield found
    assert found == []


@pytest.fixture
def signed_in(case, live_server, page, faults):
    """A physicist in front of the worked case that the file makes."""
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, live_server, "physicist")
    return page
