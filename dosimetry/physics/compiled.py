"""The decorator and the random numbers of all compiled kernels of transport."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

_F = TypeVar("_F", bound=Callable[..., Any])

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S12, _S17, _S19, _S23, _S27, _S30, _S31, _S41, _S45 = (np.uint64(n) for n in (12, 17, 19, 23, 27, 30, 31, 41, 45))
_UNIT = 2.0**-52


def _use_cache_of_these_sources() -> None:
    """Keep compiled code in a folder named after the sources of all kernels.

    The cache of numba sees a change in the file of a function, not in the files of the functions that it calls: after
    an update of one file, old physics would go on running.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for folder in ("physics", "dose", "kinetics", "reconstruction", "phantoms"):
        for path in sorted((package / folder).glob("*.py")):
            source = path.read_bytes()
            # Constants of the physics are compiled in, also from files without kernels.
            if folder == "physics" or b"@compile_" in source or b"numba" in source:
                digest.update(source)
    parent = Path(os.environ.get("NUMBA_CACHE_DIR") or package / "__pycache__")
    # An installation that cannot be written to is replaced as a whole: numba then keeps its cache with the user.
    if os.access(parent if parent.exists() else parent.parent, os.W_OK):
        numba.config.CACHE_DIR = str(parent / f"kernels-{digest.hexdigest()[:16]}")


_use_cache_of_these_sources()


def compile_kernel(function: _F) -> _F:
    """Compile without the interpreter lock, so that heartbeats go on; divisions follow IEEE 754; typed."""
    compiled: _F = numba.njit(function, nogil=True, cache=True, error_model="numpy")
    return compiled


def compile_inline(function: _F) -> _F:
    """Compile like ``compile_kernel`` and put the body into every caller: twice as fast for the inner loops."""
    compiled: _F = numba.njit(function, nogil=True, cache=True, error_model="numpy", inline="always")
    return compiled


@compile_kernel
def seed_state(state: Any, seed: int, stream: int) -> None:
    """Fill the four words of a generator from a run seed and the number of a stream (SplitMix64).

    Each (seed, stream) starts elsewhere in a sequence of period 2^256 - 1, so that results do not depend on which
    thread runs which stream.
    """
    word = np.uint64(seed) * _GOLDEN ^ (np.uint64(stream) + np.uint64(1)) * _MIX_1
    for i in range(4):
        word += _GOLDEN
        z = word
        z = (z ^ (z >> _S30)) * _MIX_1
        z = (z ^ (z >> _S27)) * _MIX_2
        state[i] = z ^ (z >> _S31)


@compile_kernel
def uniform(state: Any) -> float:
    """Return the next number in (0, 1), both ends excluded (xoshiro256++)."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    summed = s0 + s3
    result = ((summed << _S23) | (summed >> _S41)) + s0
    shifted = s1 << _S17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << _S45) | (s3 >> _S19)
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return float((np.float64(np.int64(result >> _S12)) + 0.5) * _UNIT)


def new_state(*, seed: int, stream: int) -> NDArray[np.uint64]:
    """Return the state of a generator for a run seed and a stream, both 0 or above."""
    state = np.zeros(4, dtype=np.uint64)
    seed_state(state, seed, stream)
    return state
