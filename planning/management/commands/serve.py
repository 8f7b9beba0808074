import os
import signal
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from planning.management.supervisor import AlreadyServingError, Child, Supervisor

MAX_KIB_PER_CHILD = 6 * 2**20
"""A worker process that grew beyond this is replaced after its run."""


class Command(BaseCommand):
    help = "Start web server, worker and reaper, and keep them alive. Stop with Ctrl+C or SIGTERM."

    def add_arguments(self, parser):
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--concurrency", type=int, default=2, help="computations at the same time")
        parser.add_argument("--no-web", action="store_true", help="a host that only computes")
        parser.add_argument("--no-worker", action="store_true", help="a host that only serves pages")

    def handle(self, *, host, port, concurrency, no_web, no_worker, **_options):
        children = []
        if not no_web:
            children.append(web_child(host, port))
        if not no_worker:
            children.append(worker_child(concurrency))

        def prepare() -> None:
            if not no_web:
                check_port(host, port)
            prepare_data()
            if not no_web:
                self.stdout.write(f"Theranostics Web: http://{host}:{port}/")
                self.stdout.flush()

        supervisor = Supervisor(data_dir=settings.DATA_DIR, children=children, write=self.stderr.write, prepare=prepare)
        signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
        signal.signal(signal.SIGINT, lambda *_: supervisor.stop())
        try:
            supervisor.run()
        except AlreadyServingError as error:
            raise CommandError(str(error)) from None


def check_port(host: str, port: int) -> None:
    """Say at once that the address is taken, instead of reviving a server that cannot start."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown address"
        raise CommandError(f"Cannot listen on {host}:{port} ({reason}); choose another PORT.") from None


def prepare_data() -> None:
    if has_open_migrations():
        call_command("migrate", verbosity=0)
    collect_static()


def has_open_migrations() -> bool:
    """Tell whether the database lacks a migration; asking is quicker than migrating for nothing."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def collect_static() -> None:
    """Collect the static files again when one is newer than the last collection, as after an update."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    sources = [path for folder in settings.STATICFILES_DIRS for path in Path(folder).rglob("*") if path.is_file()]
    newest = max((path.stat().st_mtime for path in sources), default=0.0)
    if stamp.exists() and stamp.stat().st_mtime >= newest:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.touch()


KEEP_ALIVE_S = "75"
"""Idle connections outlive a client's pause: one closed after gunicorn's 2 s may reset the next request."""


def web_child(host: str, port: int) -> Child:
    command = [sys.executable, "-m", "gunicorn", "theranostics_web.wsgi:application", "--bind", f"{host}:{port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "300", "--preload"]
    return Child(name="web", command=[*command, "--keep-alive", KEEP_ALIVE_S, "--log-level", "warning"])


def worker_child(concurrency: int) -> Child:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "theranostics_web", "worker", "--loglevel", "WARNING"]
    command += ["--concurrency", str(concurrency), "--queues", "io,cpu", "--without-gossip", "--without-mingle"]
    command += ["--max-tasks-per-child", "50", "--max-memory-per-child", str(MAX_KIB_PER_CHILD)]
    command += ["--hostname", "worker@localhost"]
    threads = str(max((os.cpu_count() or 1) // concurrency, 1))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    return Child(name="worker", command=command, environment=dict.fromkeys(names, threads))
