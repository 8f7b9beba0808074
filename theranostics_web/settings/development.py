"""One machine, one command: loopback, SQLite, generated secret."""

from theranostics_web.settings import env
from theranostics_web.settings.base import *  # noqa: F403
from theranostics_web.settings.base import DATA_DIR

SECRET_KEY = env.generated_secret(DATA_DIR)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost")
