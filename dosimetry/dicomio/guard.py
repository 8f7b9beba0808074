"""Check files from outside in a child process before any parser of the application sees them.

The child has little memory, cannot write files, and dies when a file takes too long; the parent then starts another
and goes on with the next file. One child checks a whole batch.
"""

import json
import os
import resource
import selectors
import signal
import struct
import subprocess  # nosec B404: starts only our own module
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from dosimetry.dicomio.guard_codes import GuardCode, RefusedFileError, Verdict
from dosimetry.errors import DosimetryError

MEMORY_BYTES = 512 * 2**20
TIME_PER_FILE_S = 10
GRACE_S = 5.0
START_TIME_S = 120.0
READY = "ready"
CHILD_COMMAND = (sys.executable, "-P", "-s", "-B", "-m", "dosimetry.dicomio.guard", "--child")
PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class GuardUnavailableError(DosimetryError):
    """The guard itself cannot be started; no file may be read."""

    default_code = "guard_unavailable"


def check_files(
    paths: Iterable[Path | str], *, time_per_file_s: int = TIME_PER_FILE_S
) -> Iterator[tuple[Path, Verdict]]:
    """Check files one after the other in a child process.

    Parameters
    ----------
    paths : iterable of Path or str
        Files; names may hold anything.
    time_per_file_s : int
        Longest time for one file, s, at least 1.

    Yields
    ------
    (Path, Verdict)
        In the order of ``paths``, as each is ready.

    Raises
    ------
    GuardUnavailableError
        The child does not start. No verdict is given then.

    Notes
    -----
    The child may use 512 MB of data and cannot write. About 5 ms for each slice.
    """
    child: _Child | None = None
    try:
        for path in paths:
            if child is None:
                child = _Child(time_per_file_s=time_per_file_s)
            verdict = child.ask(Path(path))
            if verdict is None:
                child.stop()
                child = None
                verdict = Verdict(code=GuardCode.LIMIT_EXCEEDED)
            yield Path(path), verdict
    finally:
        if child is not None:
            child.stop()


class _Child:
    """One process of the guard; answers a JSON line for each JSON line."""

    def __init__(self, *, time_per_file_s: int) -> None:
        self.time_per_file_s = time_per_file_s
        self.pending = b""
        self.process = subprocess.Popen(  # noqa: S603  # nosec B603: a fixed command, no shell, no text from a file
            [*CHILD_COMMAND, str(time_per_file_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(PACKAGE_PARENT), "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
            cwd="/",
            close_fds=True,
        )
        if self._read_line(START_TIME_S) != READY:
            self.stop()
            raise GuardUnavailableError("The check of incoming files does not start; tell the administrator.")

    def ask(self, path: Path) -> Verdict | None:
        """Return the verdict on a file, or None when the child died or does not answer."""
        try:
            self._pipe("stdin").write(json.dumps(str(path.absolute())).encode() + b"\n")
            self._pipe("stdin").flush()
        except BrokenPipeError:
            return None
        answer = self._read_line(self.time_per_file_s + GRACE_S)
        if not isinstance(answer, list):
            return None
        code, has_foreign_preamble, has_control_characters, has_missing_uids = answer
        return Verdict(
            code=GuardCode(code),
            has_foreign_preamble=has_foreign_preamble,
            has_control_characters=has_control_characters,
            has_missing_uids=has_missing_uids,
        )

    def stop(self) -> None:
        """End the process and close its pipes."""
        self.process.kill()
        self.process.wait()
        for name in ("stdin", "stdout"):
            try:
                self._pipe(name).close()
            except BrokenPipeError:
                continue

    def _pipe(self, name: str) -> IO[bytes]:
        pipe = getattr(self.process, name)
        if pipe is None:
            raise GuardUnavailableError("The check of incoming files has no connection; tell the administrator.")
        return pipe  # type: ignore[no-any-return]

    def _read_line(self, timeout_s: float) -> Any:
        """Return the next JSON value, or None at the end of the stream or of the time."""
        deadline = time.monotonic() + timeout_s
        stdout = self._pipe("stdout")
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                chunk = os.read(stdout.fileno(), 65536)
                if not chunk:
                    return None
                self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)


def _limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _check_one(path: str) -> Verdict:
    from pydicom.errors import BytesLengthException, InvalidDicomError

    from dosimetry.dicomio.guard_meaning import check_file

    try:
        return check_file(path)
    except RefusedFileError as refusal:
        return Verdict(code=refusal.guard_code)
    except MemoryError:
        return Verdict(code=GuardCode.OUT_OF_MEMORY)
    except OSError:
        return Verdict(code=GuardCode.NOT_A_PLAIN_FILE)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        BytesLengthException,
        EOFError,
        InvalidDicomError,
        LookupError,
        NotImplementedError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ):
        return Verdict(code=GuardCode.UNREADABLE)


def child_main(time_per_file_s: int) -> None:
    """Answer one JSON line for each path on standard input; a file that breaks a limit ends the process."""
    _limit_this_process()
    sys.modules["numpy"] = None  # type: ignore[assignment]  # pydicom does without; saves memory and start time
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _check_one(os.devnull)  # imports the parser before the first file
    answers.write(json.dumps(READY).encode() + b"\n")
    for line in sys.stdin.buffer:
        signal.alarm(time_per_file_s)
        verdict = _check_one(json.loads(line))
        signal.alarm(0)
        remarks = (verdict.has_foreign_preamble, verdict.has_control_characters, verdict.has_missing_uids)
        answer = [verdict.code.value, *remarks]
        answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__" and sys.argv[1:2] == ["--child"]:
    child_main(int(sys.argv[2]) if len(sys.argv) > 2 else TIME_PER_FILE_S)
