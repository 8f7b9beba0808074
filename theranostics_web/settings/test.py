"""Tests: a throw-away data folder, fast hashing, short leases."""

import os
import tempfile
from pathlib import Path

if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="theranostics-test-")

from theranostics_web.settings.base import *  # noqa: F403
from theranostics_web.settings.base import DATA_DIR, LOGGING, MIDDLEWARE

TOTALSEGMENTATOR_DIR = ""
SECRET_KEY = "test only"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT = Path(DATA_DIR) / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
LOGGING = {**LOGGING, "root": {"handlers": [], "level": "INFO"}}
MIDDLEWARE = list(MIDDLEWARE)
