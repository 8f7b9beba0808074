"""The embedded broker: a message in a file of the data folder."""

import sqlite3
from contextlib import closing

import pytest
from kombu import Connection

from planning.management.supervisor import prune_broker
from theranostics_web.settings import env


@pytest.fixture
def broker(tmp_path, monkeypatch):
    monkeypatch.delenv("BROKER_URL", raising=False)
    with Connection(env.broker_url(tmp_path)) as connection:
        yield connection.SimpleQueue("cpu")


def n_messages(folder) -> int:
    with closing(sqlite3.connect(folder / "broker.sqlite3")) as database:
        return database.execute("select count(*) from kombu_message").fetchone()[0]


def test_a_message_is_handed_on_and_its_row_deleted_an_hour_later(broker, tmp_path):
    broker.put({"run": "1"})
    received = broker.get(timeout=5)
    assert received.payload == {"run": "1"}
    received.ack()
    prune_broker(tmp_path)
    assert n_messages(tmp_path) == 1
    with closing(sqlite3.connect(tmp_path / "broker.sqlite3")) as database, database:
        database.execute("update kombu_message set timestamp = datetime('now', 'localtime', '-2 hours')")
    broker.put({"run": "2"})
    prune_broker(tmp_path)
    # What nobody has received is kept.
    assert n_messages(tmp_path) == 1
    assert broker.get(timeout=5).payload == {"run": "2"}
