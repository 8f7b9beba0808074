"""Real PostgreSQL and RabbitMQ on loopback, in a temporary folder, stopped by process id."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

INSTALL = "apt-get install -y --no-install-recommends postgresql rabbitmq-server"
USER, PASSWORD, DATABASE = "theranostics", "loopback-only", "theranostics"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, *, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on port {port}"
            time.sleep(0.2)


def as_user(name: str, command: list[str]) -> list[str]:
    """Run a server as its own user: PostgreSQL refuses root."""
    return (
        ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups", *command] if os.getuid() == 0 else command
    )


@contextmanager
def postgresql(folder: Path):
    """Yield the environment that selects a fresh database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, f"PostgreSQL is missing. Type: {INSTALL}"
    binaries, data, port = found[-1].parent, folder / "pg", free_port()
    data.mkdir()
    password = folder / "pg-password"
    password.write_text(PASSWORD)
    if os.getuid() == 0:
        shutil.chown(data, "postgres", "postgres")
        shutil.chown(password, "postgres", "postgres")
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    init = [str(binaries / "initdb"), "-D", str(data), "-A", "scram-sha-256", f"--pwfile={password}", "-U", USER]
    subprocess.run(as_user("postgres", init), check=True, capture_output=True, cwd="/", env=environment)
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}"]
    server = subprocess.Popen(
        as_user("postgres", [str(binaries / "postgres"), "-D", str(data), *options]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        wait_for_port(port, limit_s=60)
        login = {**environment, "PGPASSWORD": PASSWORD}
        create = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", USER, "-d", "postgres"]
        for _ in range(50):
            done = subprocess.run(
                [*create, "-c", f"create database {DATABASE}"], env=login, capture_output=True, check=False
            )
            if done.returncode == 0:
                break
            time.sleep(0.3)
        yield {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(port),
            "DATABASE_NAME": DATABASE,
            "DATABASE_USER": USER,
            "DATABASE_PASSWORD": PASSWORD,
        }
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def rabbitmq(folder: Path):
    """Yield the environment that selects a fresh broker."""
    command = shutil.which("rabbitmq-server") or "/usr/lib/rabbitmq/bin/rabbitmq-server"
    assert Path(command).exists(), f"RabbitMQ is missing. Type: {INSTALL}"
    home, port, distribution, mapper = folder / "mq", free_port(), free_port(), free_port()
    home.mkdir()
    (home / "rabbitmq.conf").write_text("consumer_timeout = 90000000\n")
    (home / "plugins").write_text("[].\n")
    if os.getuid() == 0:
        for path in (home, *home.iterdir()):
            shutil.chown(path, "rabbitmq", "rabbitmq")
    environment = {
        **os.environ,
        "HOME": str(home),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": f"tw{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(home),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    server = subprocess.Popen(
        [command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    try:
        wait_for_port(port, limit_s=120)
        yield {"BROKER_URL": f"amqp://guest:guest@127.0.0.1:{port}//"}
    finally:
        control = shutil.which("rabbitmqctl") or "/usr/sbin/rabbitmqctl"
        subprocess.run(
            [control, "-n", environment["RABBITMQ_NODENAME"], "shutdown", "--timeout", "30"],
            env=environment,
            capture_output=True,
            check=False,
            timeout=90,
        )
        if server.poll() is None:
            server.terminate()
            server.wait(30)
        subprocess.run(["epmd", "-port", str(mapper), "-kill"], capture_output=True, check=False)
