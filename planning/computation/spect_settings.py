"""Settings of the reconstruction of projections: what may be chosen, and checked before a run is queued."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from dosimetry.quantification.spect_settings import SCATTER_WORDS, SpectSettings
from dosimetry.reconstruction.cameras import CAMERAS

CAMERA_NAMES = tuple(CAMERAS)
SCATTER_CHOICES = tuple(SCATTER_WORDS)


def spect_settings(parameters: Mapping[str, Any]) -> SpectSettings:
    """Return the settings among the parameters of a run; impossible ones raise with what to change."""
    known = {field.name for field in fields(SpectSettings)}
    return SpectSettings(**{name: value for name, value in parameters.items() if name in known})


def settings_as_dict(settings: SpectSettings) -> dict[str, Any]:
    """Return every setting, for the digest of a revision and for the dialog."""
    return asdict(settings)
