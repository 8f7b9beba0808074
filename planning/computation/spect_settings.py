"""Settings of the reconstruction of projections: what may be chosen, and checked before a run is queued."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_args

from dosimetry.quantification.spect_settings import SCATTER_WORDS, DeadTimeModel, SpectSettings
from dosimetry.reconstruction.cameras import CAMERAS, camera_named_in

CAMERA_NAMES = tuple(CAMERAS)
SCATTER_CHOICES = tuple(SCATTER_WORDS)
DEAD_TIME_MODELS = get_args(DeadTimeModel)


def spect_settings(parameters: Mapping[str, Any], *, camera_model: str = "", has_ct: bool = True) -> SpectSettings:
    """Return the settings among the parameters of a run; impossible ones raise with what to change.

    Where the parameters name no camera, that of the header is modelled if it is known.
    """
    known = {field.name for field in fields(SpectSettings)}
    chosen = {name: value for name, value in parameters.items() if name in known}
    if "camera" not in chosen:
        chosen = {**_known_camera(camera_model, has_ct=has_ct and chosen.get("has_attenuation", True)), **chosen}
    return SpectSettings(**chosen)


def _known_camera(camera_model: str, *, has_ct: bool) -> dict[str, Any]:
    """Return what a camera's name alone allows: its resolution, and scatter simulated where there is a CT."""
    camera = camera_named_in(camera_model)
    return {"camera": camera, "scatter": "simulated"} if camera and has_ct else {"camera": camera}


def settings_as_dict(settings: SpectSettings) -> dict[str, Any]:
    """Return every setting, for the digest of a revision and for the dialog."""
    return asdict(settings)
