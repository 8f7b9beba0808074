"""Keeps the child processes of ``manage.py serve`` alive and reaps runs."""

import ctypes
import fcntl
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DatabaseError, close_old_connections

from planning import storage
from planning.services.audit_chain import export_head
from planning.services.runs import requeue_stale

PR_SET_PDEATHSIG = 1
STOP_S = 30.0
LONGEST_BACKOFF_S = 30.0
STABLE_S = 5.0
"""A child that lived this long did not fail to start: it is revived without delay."""
HOUSEKEEPING_S = 600.0


class AlreadyServingError(RuntimeError):
    """Another supervisor holds the data folder."""


@dataclass
class Child:
    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None
    backoff_s: float = 1.0
    start_after: float = 0.0
    started_at: float = 0.0

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def _die_with_parent() -> None:
    ctypes.CDLL("libc.so.6", use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    def __init__(
        self,
        *,
        data_dir: Path,
        children: list[Child],
        write: Callable[[str], object],
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        self.data_dir = Path(data_dir)
        self.children = children
        self.write = write
        self.prepare = prepare
        self.is_stopping = False
        self._next_housekeeping = 0.0

    def run(self) -> None:
        """Lock the data folder, ``prepare``, then serve until stopped. A second supervisor is refused."""
        with (self.data_dir / "serve.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyServingError("Another 'serve' uses this data folder; stop it first.") from None
            self.prepare()
            try:
                while not self.is_stopping:
                    self._tick()
                    time.sleep(1.0)
            finally:
                self._stop_children()

    def stop(self) -> None:
        self.is_stopping = True

    def _tick(self) -> None:
        for child in self.children:
            if not child.is_alive() and time.monotonic() >= child.start_after:
                self._start(child)
        close_old_connections()
        try:
            requeue_stale()
            if time.monotonic() >= self._next_housekeeping:
                self._next_housekeeping = time.monotonic() + HOUSEKEEPING_S
                storage.sweep_parts()
                prune_broker(self.data_dir)
                export_head()
        except (DatabaseError, sqlite3.Error, OSError) as error:
            self.write(f"Housekeeping failed and is tried again: {type(error).__name__}")

    def _start(self, child: Child) -> None:
        now = time.monotonic()
        has_lived = now - child.started_at > STABLE_S
        child.backoff_s = 1.0 if has_lived else min(child.backoff_s * 2.0, LONGEST_BACKOFF_S)
        child.started_at = now
        child.start_after = now + child.backoff_s
        child.process = subprocess.Popen(  # noqa: S603 - the command is our own
            child.command,
            env={**os.environ, **child.environment},
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )
        pids = " ".join(f"{item.name}={item.process.pid}" for item in self.children if item.process is not None)
        (self.data_dir / "serve.pids").write_text(pids)

    def _stop_children(self) -> None:
        """SIGTERM to each parent only: to the group it would kill the pool in the middle of a run."""
        alive = [child for child in self.children if child.is_alive()]
        for child in alive:
            child.process.terminate()
        deadline = time.monotonic() + STOP_S
        for child in alive:
            try:
                child.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()


def prune_broker(data_dir: Path) -> None:
    """Delete messages of the embedded broker that were delivered over an hour ago."""
    path = Path(data_dir) / "broker.sqlite3"
    if not path.exists():
        return
    with closing(sqlite3.connect(path, timeout=5)) as broker, broker:
        tables = {row[0] for row in broker.execute("select name from sqlite_master where type = 'table'")}
        if "kombu_message" in tables:
            broker.execute(
                "delete from kombu_message where visible = 0 and timestamp < datetime('now', 'localtime', '-1 hour')"
            )
