"""What a virtual patient may be: light, so that the web process may read it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.habitus import Habitus, Sex
from dosimetry.phantoms.lesions import SITE_NAMES, LesionRequest
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.protocols import PET_NUCLIDES, get_protocol
from dosimetry.phantoms.virtual_ct import NOISE_HU, CtOptions
from dosimetry.quantification.spect_settings import settings_for_camera

COMMAND_ONLY = PET_NUCLIDES | {"Y-90"}
AGENT_NUCLIDES = {name: agent.nuclide for name, agent in AGENTS.items() if agent.nuclide not in COMMAND_ONLY}
"""Agents of the page. Those of PET and of bremsstrahlung are made by the command alone: the page's chain begins at
projections with a line, and its corrections, scan times and engines were checked for these."""
VARIANTS = tuple(str(variant) for variant in Variant)
SEXES = get_args(Sex)
LESION_SITES = tuple(SITE_NAMES)
DOSE_LEVELS = tuple(NOISE_HU)
USUAL_CT = {
    name: getattr(CtOptions(), name) for name in ("dose_level", "has_contrast", "breathing_mm", "field_of_view_mm")
}
"""What the page begins with."""


def wanted_ct(parameters: Mapping[str, Any]) -> CtOptions:
    """Return how the CT is taken: as usual but for what is asked."""
    return CtOptions(**(parameters.get("ct") or {}))


def corrected_reconstruction(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that give back what the camera's faults took, as a site does that measured them.

    Empty where no fault is asked for; faults that cannot be raise with what to change.
    """
    faults = parameters.get("faults")
    if not faults:
        return {}
    camera = get_protocol(AGENT_NUCLIDES[parameters["agent"]])["camera"]
    return asdict(settings_for_camera({**usual_for(camera), **faults}))


def usual_for(camera: str) -> dict[str, Any]:
    """Return the settings that projections of a camera with a CT take when nobody chooses."""
    return asdict(settings_for_camera({}, camera_model=camera))


def wanted_body(parameters: Mapping[str, Any]) -> Habitus | None:
    """Return the body that is asked for; None draws one."""
    body = parameters.get("body")
    return None if body is None else Habitus(**body)


def wanted_lesions(parameters: Mapping[str, Any]) -> tuple[LesionRequest, ...] | None:
    """Return the lesions that are asked for, which may be none; None draws them."""
    lesions = parameters.get("lesions")
    return None if lesions is None else tuple(LesionRequest(**lesion) for lesion in lesions)
