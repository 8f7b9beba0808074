"""The digest that people sign: SHA-256 of canonical JSON."""

import hashlib
import json
from typing import Any


def digest_json(value: Any) -> str:
    """Return the SHA-256 (hexadecimal) of JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
