"""TotalSegmentator in a process of its own: nothing of it enters ours, and it reaches no network."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the customary name
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.segmentation.totalsegmentator_files import Installation
from dosimetry.volume import Volume

CHILD = Path(__file__).with_name("totalsegmentator_child.py")
NOWHERE = "http://127.0.0.1:9"
"""Port of the discard service, where nothing listens: what would go to a network fails at once."""
CONFIG = {
    "totalseg_id": "none",
    "send_usage_stats": False,
    "prediction_counter": 0,
    "statistics_disclaimer_shown": True,
}
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
"""All that the child sees of our environment: it needs no secret."""
POLL_S, KILLED_WAIT_S = 0.5, 10.0
AIR_HU = -1024
SHOWN_LINES = 3
LONGEST_LINE = 300


def segmented(
    ct: Volume,
    *,
    installed: Installation,
    progress: Callable[[float], None] = lambda _share: None,
    timeout_s: float = 3600.0,
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """Return what TotalSegmentator makes of a CT.

    The package runs with statistics off, with a home folder that is thrown away, and with links to exactly the
    weights that it needs: it deletes folders of older weights, and downloads those that it does not find.

    Parameters
    ----------
    ct : Volume
        CT numbers, HU; NaN counts as air.
    installed : Installation
        Package, weights and variant.
    progress : callable
        Told the share done about twice a second; what it raises stops the child.
    timeout_s : float
        Longest time to wait, s, above zero.

    Returns
    -------
    labels : (n_z, n_y, n_x) uint8 array
        On the grid of ``ct``; 0 is background.
    numbers : dict of str to int
        Label of each class of the task ``total``.

    Raises
    ------
    InvalidInputError
        Package or weights not there (``missing_package``, ``missing_weights``), longer than ``timeout_s``
        (``engine_timeout``), or a failure of the package (``engine_failed``).
    """
    installed.version()
    installed.fingerprint()
    with TemporaryDirectory(prefix="totalsegmentator-") as name:
        folder = Path(name)
        _write(ct, folder / "ct.nii")
        environment = _environment(installed, folder)
        command = [sys.executable, "-P", "-u", str(CHILD), "ct.nii", "answer.nii.gz", "names.json"]
        _run([*command, installed.variant.name], folder, environment, progress=progress, timeout_s=timeout_s)
        return _answer(folder, ct)


def _write(ct: Volume, path: Path) -> None:
    values = np.nan_to_num(np.asarray(ct.values, dtype=np.float32), nan=AIR_HU)
    image = sitk.GetImageFromArray(np.clip(np.rint(values), -32768, 32767).astype(np.int16))
    image.SetSpacing(ct.grid.spacing_xyz_mm)
    image.SetOrigin(ct.grid.origin_lps_mm)
    image.SetDirection(ct.grid.direction)
    sitk.WriteImage(image, str(path))


def _environment(installed: Installation, folder: Path) -> dict[str, str]:
    home, weights = folder / "home", folder / "weights"
    home.mkdir()
    weights.mkdir()
    (home / "config.json").write_text(json.dumps(CONFIG))
    for dataset in installed.variant.datasets:
        (weights / dataset).symlink_to((installed.weights / dataset).resolve(), target_is_directory=True)
    ours = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return ours | {
        "PYTHONPATH": str(installed.package.resolve()),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "MPLCONFIGDIR": str(home),
        "TMPDIR": str(folder),
        "TOTALSEG_HOME_DIR": str(home),
        "TOTALSEG_WEIGHTS_PATH": str(weights),
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "ALL_PROXY": NOWHERE,
    }


def _run(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    *,
    progress: Callable[[float], None],
    timeout_s: float,
) -> None:
    started = time.monotonic()
    said, complained = folder / "stdout.txt", folder / "stderr.txt"
    with said.open("wb") as out, complained.open("wb") as err:
        child = subprocess.Popen(  # noqa: S603 - our own program and files
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                if time.monotonic() - started > timeout_s:
                    raise InvalidInputError(
                        f"TotalSegmentator did not end within {timeout_s:.0f} s and was stopped: use its variant fast, "
                        "or let the operator raise TOTALSEGMENTATOR_TIMEOUT_S.",
                        code="engine_timeout",
                    )
                progress(_share(said, complained))
                with suppress(subprocess.TimeoutExpired):
                    child.wait(POLL_S)
        finally:
            _end(child)
    if child.returncode != 0:
        lines = [line.strip() for line in _text(complained).splitlines() if line.strip()]
        words = " / ".join(line[:LONGEST_LINE] for line in lines[-SHOWN_LINES:])
        raise InvalidInputError(
            f"TotalSegmentator failed and drew nothing (exit {child.returncode}): {words}", code="engine_failed"
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child and the processes that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(KILLED_WAIT_S)


def _share(said: Path, complained: Path) -> float:
    """Return how far it is, from the parts that it says it predicts and the bar that it draws."""
    parts = re.findall(r"Predicting part (\d+) of (\d+)", _text(said))
    bars = re.findall(r"(\d+)%\|", _text(complained))
    i_part, n_parts = (int(parts[-1][0]) - 1, int(parts[-1][1])) if parts else (0, 1)
    inside = int(bars[-1]) / 100.0 if bars else 0.0
    return min((i_part + min(inside, 1.0)) / n_parts, 1.0)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


def _answer(folder: Path, ct: Volume) -> tuple[NDArray[np.uint8], dict[str, int]]:
    path = folder / "answer.nii.gz"
    if not path.is_file():
        raise InvalidInputError("TotalSegmentator ended without an answer; draw the contours.", code="engine_failed")
    image = sitk.ReadImage(str(path))
    labels = np.asarray(sitk.GetArrayFromImage(image))
    is_same = labels.shape == ct.grid.shape_zyx and np.allclose(
        image.TransformContinuousIndexToPhysicalPoint([n - 1.0 for n in labels.shape[::-1]]),
        ct.grid.index_to_lps_mm(np.array(labels.shape) - 1.0),
        atol=0.1 * min(ct.grid.spacing_xyz_mm),
    )
    if not is_same:
        raise InvalidInputError("TotalSegmentator answered on another grid than the CT's.", code="engine_failed")
    numbers: dict[str, int] = json.loads((folder / "names.json").read_text())
    return labels.astype(np.uint8), numbers
