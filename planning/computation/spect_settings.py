"""Settings of the reconstruction of projections: what may be chosen, and checked before a run is queued."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_args

from dosimetry.quantification.spect_settings import SCATTER_WORDS, DeadTimeModel, SpectSettings, settings_for_camera
from dosimetry.reconstruction.cameras import CAMERAS
from dosimetry.reconstruction.noise_replicates import MOST_REPLICATES

__all__ = [
    "CAMERA_NAMES",
    "DEAD_TIME_MODELS",
    "MOST_REPLICATES",
    "SCATTER_CHOICES",
    "settings_as_dict",
    "spect_settings",
]

CAMERA_NAMES = tuple(CAMERAS)
SCATTER_CHOICES = tuple(SCATTER_WORDS)
DEAD_TIME_MODELS = get_args(DeadTimeModel)


def spect_settings(parameters: Mapping[str, Any], *, camera_model: str = "", has_ct: bool = True) -> SpectSettings:
    """Return the settings among the parameters of a run; impossible ones raise with what to change.

    Where the parameters name no camera, that of the header is modelled if it is known.
    """
    known = {field.name for field in fields(SpectSettings)}
    chosen = {name: value for name, value in parameters.items() if name in known}
    return settings_for_camera(chosen, camera_model=camera_model, has_ct=has_ct)


def settings_as_dict(settings: SpectSettings) -> dict[str, Any]:
    """Return every setting, for the dialog."""
    return asdict(settings)
