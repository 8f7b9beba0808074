"""What a reader doubts: a stable code, how much it matters, and what to do."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["note", "ask", "block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """State one doubt about a file or a series; the message quotes no identifying value."""

    code: str
    level: Level
    message: str
