import os
import signal
import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from planning.management.supervisor import AlreadyServingError, Child, Supervisor


class Command(BaseCommand):
    help = "Start web server, worker and reaper, and keep them alive."

    def add_arguments(self, parser):
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--concurrency", type=int, default=2)
        parser.add_argument("--no-web", action="store_true")
        parser.add_argument("--no-worker", action="store_true")

    def handle(self, *, host, port, concurrency, no_web, no_worker, **_options):
        children = []
        if not no_web:
            children.append(web_child(host, port))
        if not no_worker:
            children.append(worker_child(concurrency))
        supervisor = Supervisor(data_dir=settings.DATA_DIR, children=children, write=self.stdout.write)
        signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
        signal.signal(signal.SIGINT, lambda *_: supervisor.stop())
        if not no_web:
            self.stdout.write(f"Theranostics Web: http://{host}:{port}/")
        try:
            supervisor.run()
        except AlreadyServingError as error:
            raise CommandError(str(error)) from None


def web_child(host: str, port: int) -> Child:
    command = [sys.executable, "-m", "gunicorn", "theranostics_web.wsgi:application", "--bind", f"{host}:{port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "300", "--preload"]
    return Child(name="web", command=command)


def worker_child(concurrency: int) -> Child:
    command = [sys.executable, "-m", "celery", "-A", "theranostics_web", "worker", "--loglevel", "WARNING"]
    command += ["--concurrency", str(concurrency), "--queues", "io,cpu", "--without-gossip", "--without-mingle"]
    command += ["--max-tasks-per-child", "50", "--hostname", "worker@localhost"]
    threads = str(max((os.cpu_count() or 1) // concurrency, 1))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    return Child(name="worker", command=command, environment=dict.fromkeys(names, threads))
