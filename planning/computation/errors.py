"""The errors that a computation may raise, for layers that must not import ``dosimetry``."""

from dosimetry.errors import DosimetryError as ComputationError

__all__ = ["ComputationError"]
