"""What a number was computed with: canonical digests of inputs, parameters and versions."""

import hashlib
import json
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "icrp107-database")


def canonical_json(value: Any) -> str:
    """Write JSON with sorted keys and no spaces, so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_json(value: Any) -> str:
    """Return the SHA-256 (hexadecimal) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_array(values: NDArray[Any]) -> str:
    """Return the SHA-256 (hexadecimal) of dtype, shape and raw bytes of an array."""
    array = np.ascontiguousarray(values)
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Return the versions of the libraries that numbers depend on."""
    return {name: metadata.version(name) for name in PACKAGES}
