"""The broker is a doorbell: a message carries one run id and may be late, lost or repeated."""

import os
from importlib import import_module

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "theranostics_web.settings.development")

app = Celery("theranostics_web")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    task_default_queue="io",
    # Scans of a cycle with noise replicates take hours; a run that hangs loses its lease long before.
    task_time_limit=6 * 3600,
)
app.autodiscover_tasks(["planning"])


@worker_init.connect
def load_libraries(**_kwargs: object) -> None:
    """Import the large libraries once, before the children are forked: the first run of a child starts at once.

    Nothing may be computed here: a parallel kernel in the parent would end every child.
    """
    for name in ("SimpleITK", "scipy.ndimage", "scipy.optimize", "highdicom", "numba"):
        import_module(name)
