"""Errors that a clinician can act on: each has a stable code and a message that says what to do."""


class DosimetryError(Exception):
    """Base class; ``code`` is stable and machine-readable, the message is for the clinician.

    Messages never quote values from identifying DICOM elements.
    """

    default_code = "dosimetry_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code


class InvalidInputError(DosimetryError, ValueError):
    """An argument or a file has a value that the computation cannot accept."""

    default_code = "invalid_input"


class InsufficientDataError(DosimetryError):
    """The data are valid but too few for the wanted computation."""

    default_code = "insufficient_data"


class FitError(DosimetryError):
    """A curve or a registration did not converge to an admissible result."""

    default_code = "fit_failed"


class UnsupportedDicomError(DosimetryError):
    """A DICOM object is valid but of a kind, syntax or state that is not read."""

    default_code = "unsupported_dicom"


class GeometryMismatchError(DosimetryError):
    """Two objects do not share the grid or the frame of reference that they must share."""

    default_code = "geometry_mismatch"


class CalculationCancelledError(DosimetryError):
    """The caller asked to stop; there is no result."""

    default_code = "cancelled"
