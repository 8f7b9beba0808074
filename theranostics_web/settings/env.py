"""The only reader of the environment."""

import os
import secrets
import subprocess
from contextlib import suppress
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]


class SettingError(RuntimeError):
    """A setting in the environment is missing or cannot be read."""


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise SettingError(f"Set {name} in the environment.")
    return value


def integer(name: str, default: int) -> int:
    given = os.environ.get(name, str(default))
    if not given.isdigit():
        raise SettingError(f"{name} is a whole number, not {given!r}.")
    return int(given)


def seconds(name: str, default: float) -> float:
    given = os.environ.get(name, str(default))
    try:
        value = float(given)
    except ValueError:
        raise SettingError(f"{name} is a time in seconds, not {given!r}.") from None
    if not 0.0 < value < 1e6:
        raise SettingError(f"{name} is a time in seconds, not {given!r}.")
    return value


def days(name: str, default: int) -> int:
    value = integer(name, default)
    if value < 1:
        raise SettingError(f"{name} is 1 day or more.")
    return value


def words(name: str, default: str = "") -> list[str]:
    return [word for word in os.environ.get(name, default).split(",") if word]


def data_dir() -> Path:
    folder = Path(os.environ.get("DATA_DIR", BASE_DIR / "var")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def generated_secret(folder: Path) -> str:
    """Return the secret key of a data folder; made once, readable by the owner only."""
    path = folder / "secret_key"
    if not path.exists():
        part = folder / f"secret_key.{os.getpid()}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, path)
        part.unlink()
    return path.read_text().strip()


def commit() -> str:
    """Return the commit of the checkout, or COMMIT of the environment for a release without git."""
    if "COMMIT" in os.environ:
        return os.environ["COMMIT"]
    command = ["git", "-C", str(BASE_DIR), "rev-parse", "--short=12", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return answer.stdout.strip() or "unknown"


def databases(folder: Path) -> dict:
    """PostgreSQL when DATABASE_HOST is given, else one SQLite file in WAL mode."""
    if "DATABASE_HOST" in os.environ:
        return {
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": text("DATABASE_HOST"),
                "PORT": text("DATABASE_PORT", "5432"),
                "NAME": text("DATABASE_NAME"),
                "USER": text("DATABASE_USER"),
                "PASSWORD": text("DATABASE_PASSWORD"),
                "CONN_MAX_AGE": 60,
                "CONN_HEALTH_CHECKS": True,
            }
        }
    return {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": folder / "db.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
            },
        }
    }


def broker_url(folder: Path) -> str:
    return os.environ.get("BROKER_URL", f"sqla+sqlite:///{folder}/broker.sqlite3")
