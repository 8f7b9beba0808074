"""Fixtures that every test may use: the shared data, sites with people of every role, a log without patient data."""

import logging
from pathlib import Path

import pytest

SENTINEL = "ZZPHI"
# The compiler logs every statement it sees; tests listen at the lowest level.
logging.getLogger("numba").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public example data beside the checkout; never copied into it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.exists():
        pytest.skip("the folder shared/data is not beside this checkout")
    return folder


@pytest.fixture(autouse=True)
def _no_patient_data_in_logs(caplog):
    """Fail a test that logs the sentinel carried by every identifying test value."""
    caplog.set_level(logging.DEBUG)
    yield
    records = [record for phase in ("setup", "call") for record in caplog.get_records(phase)]
    leaked = [record.name for record in records if SENTINEL in record.getMessage()]
    assert not leaked, f"patient data in the log of {leaked}"
