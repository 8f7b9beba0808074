"""The one gate to numerical devices: threads, Fourier transforms, and torch where there is a CUDA device."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dosimetry.errors import InvalidInputError

Device = Literal["cpu", "cuda", "torch_cpu"]
DEVICES = ("cpu", "cuda", "torch_cpu")
MOST_THREADS = 4
"""More threads than this share the memory bus of a machine to no gain."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FftBackend:
    """Transform real arrays of three dimensions in single or double precision.

    Parameters
    ----------
    device : {"cpu", "cuda", "torch_cpu"}
        Where the transform runs; ``torch_cpu`` is the code of ``cuda`` without the card, for tests.
    n_workers : int
        Threads of the CPU transform.
    """

    device: Device
    n_workers: int

    def fast_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the smallest sizes that are not below ``shape`` and transform fast."""
        return tuple(fft.next_fast_len(int(n), real=True) for n in shape)

    def spectrum(self, values: NDArray[Any], shape: Sequence[int]) -> Any:
        """Return the half spectrum of an array padded with zeros at its end to ``shape``; multiply spectra with ``*``.

        Parameters
        ----------
        values : array of float32 or float64
            Real values.
        shape : sequence of int
            Sizes, not below those of ``values``.
        """
        if self.device == "cpu":
            return fft.rfftn(values, s=tuple(shape), workers=self.n_workers)
        torch = _torch()
        return torch.fft.rfftn(torch.from_numpy(np.ascontiguousarray(values)).to(self._torch_device), s=tuple(shape))

    def values(self, spectrum: Any, shape: Sequence[int]) -> NDArray[Any]:
        """Return the real array of ``shape`` that has this half spectrum."""
        if self.device == "cpu":
            return np.asarray(fft.irfftn(spectrum, s=tuple(shape), workers=self.n_workers, overwrite_x=True))
        return np.asarray(_torch().fft.irfftn(spectrum, s=tuple(shape)).cpu().numpy())

    @property
    def _torch_device(self) -> str:
        return "cuda" if self.device == "cuda" else "cpu"


def fft_backend(device: Device | None = None) -> FftBackend:
    """Choose where Fourier transforms run.

    Parameters
    ----------
    device : {"cpu", "cuda", "torch_cpu"} or None
        None: CUDA when torch finds a card, else the CPU. Results agree to single precision.

    Returns
    -------
    FftBackend
        The chosen backend.

    Raises
    ------
    InvalidInputError
        An unknown device, or CUDA is asked for and there is none.
    """
    return FftBackend(device=choose_device(device), n_workers=n_cpu_workers())


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorBackend:
    """torch and where its tensors live.

    Parameters
    ----------
    torch : module
        torch.
    name : {"cpu", "cuda"}
        Device of the tensors in torch's words.
    """

    torch: Any
    name: Literal["cpu", "cuda"]

    @property
    def card_name(self) -> str | None:
        """Return the name of the card; None on the CPU."""
        return str(self.torch.cuda.get_device_name()) if self.name == "cuda" else None


def tensor_backend(device: Device) -> TensorBackend | None:
    """Return torch for a calculation on tensors.

    Parameters
    ----------
    device : {"cpu", "cuda", "torch_cpu"}
        A device that ``choose_device`` returned.

    Returns
    -------
    TensorBackend or None
        None for ``cpu``, where compiled code is faster than tensors.
    """
    if device == "cpu":
        return None
    return TensorBackend(torch=_torch(), name="cuda" if device == "cuda" else "cpu")


def choose_device(device: Device | None = None) -> Device:
    """Return the wanted device, or without a wish CUDA when torch finds a card, else the CPU.

    Parameters
    ----------
    device : {"cpu", "cuda", "torch_cpu"} or None
        Wish.

    Returns
    -------
    {"cpu", "cuda", "torch_cpu"}
        A device that is there.

    Raises
    ------
    InvalidInputError
        An unknown device, or CUDA is asked for and there is none.
    """
    wanted = device or ("cuda" if cuda_is_available() else "cpu")
    if wanted not in DEVICES:
        raise InvalidInputError(
            f"Unknown device {wanted!r}; choose one of {', '.join(DEVICES)}.", code="unknown_device"
        )
    if wanted == "cuda" and not cuda_is_available():
        raise InvalidInputError("No CUDA device was found; choose the device cpu.", code="no_cuda")
    return wanted


def n_cpu_workers() -> int:
    """Return how many threads this process may use."""
    return max(len(os.sched_getaffinity(0)), 1)


def run_in_order(batch: Callable[[int], _T], n_batches: int, *, n_threads: int | None = None) -> Iterator[_T]:
    """Run batches on threads and hand them out by number, so that sums do not depend on the number of threads.

    Parameters
    ----------
    batch : callable
        Computes the batch of a number, without the interpreter lock.
    n_batches : int
        How many.
    n_threads : int or None
        Threads; None takes the processors of this process, 4 at most.

    Yields
    ------
    object
        What ``batch`` returns.
    """
    threads = n_threads or min(n_cpu_workers(), MOST_THREADS)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        waiting: deque[Future[_T]] = deque()
        try:
            for number in range(n_batches):
                waiting.append(pool.submit(batch, number))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@lru_cache(maxsize=1)
def cuda_is_available() -> bool:
    """Return whether torch is installed and finds a CUDA device.

    torch is imported only on a machine that has a CUDA driver: its import takes seconds and hundreds of megabytes.
    """
    has_driver = Path("/proc/driver/nvidia").exists() or Path("/dev/nvidiactl").exists()
    return has_driver and find_spec("torch") is not None and bool(_torch().cuda.is_available())


def _torch() -> Any:
    import torch

    return torch
