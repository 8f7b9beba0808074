"""Contours that a network proposes for one quantified image; for workers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import released
from dosimetry.segmentation.organ_volumes import Person
from dosimetry.segmentation.settling import Settling, settled
from dosimetry.volume import Volume
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.computation.networks import ORGANS, installed_totalsegmentator
from planning.models import QuantifiedImage


def stored_images(image: QuantifiedImage) -> tuple[Volume, Volume | None]:
    """Return the emission image in Bq/mL, and the CT if there is one."""
    emission = Volume(
        values=storage.load_array(image.emission_sha256), grid=grid_from_dict(image.emission_grid), unit="Bq/mL"
    )
    if not image.ct_sha256:
        return emission, None
    return emission, Volume(values=storage.load_array(image.ct_sha256), grid=grid_from_dict(image.ct_grid), unit="HU")


def learned_rows(
    *,
    image: QuantifiedImage,
    regions: Sequence[str],
    progress: Callable[[float], None],
    enabled_sha256: str | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each region that the network found: name, mask, confidence, reasons, whether it is refused.

    ``enabled_sha256``, of the package and weights that the site enabled, asks TotalSegmentator instead of our network.
    """
    contours, label = (
        _own_contours(image, progress)
        if enabled_sha256 is None
        else _totalsegmentator_contours(image, progress, enabled_sha256)
    )
    return [
        {
            "name": contour.name,
            "kind": "organ",
            "mask": contour.mask,
            "source_detail": label,
            "confidence": None if contour.confidence is None else round(contour.confidence, 4),
            "reasons": [{"code": f.code, "level": f.level, "message": f.message} for f in contour.findings],
            "is_refused": contour.is_refused,
        }
        for contour in contours
        if contour.name in regions
    ]


def _own_contours(image: QuantifiedImage, progress: Callable[[float], None]) -> tuple[Sequence[Any], str]:
    # torch takes seconds and hundreds of megabytes: only a worker that needs it loads it.
    from dosimetry.nn.weights import load_network
    from dosimetry.segmentation.learned import learned_contours

    weights = released(ORGANS)
    network = load_network(weights.path, digest=weights.digest)
    seen = _seen(image)
    return learned_contours(network=network, progress=progress, person=_person(image), **seen), network.label


def _totalsegmentator_contours(
    image: QuantifiedImage, progress: Callable[[float], None], enabled_sha256: str
) -> tuple[Sequence[Any], str]:
    from dosimetry.segmentation.totalsegmentator import totalsegmentator_contours

    installed = installed_totalsegmentator()
    if installed is None:
        raise InvalidInputError(
            "This worker has no TotalSegmentator: the operator sets TOTALSEGMENTATOR_DIR for it too.",
            code="missing_package",
        )
    _emission, ct = stored_images(image)
    contours = totalsegmentator_contours(
        installed=installed,
        onto=grid_from_dict(image.label_grid),
        ct=ct,
        digest=enabled_sha256,
        person=_person(image),
        progress=progress,
        timeout_s=settings.TOTALSEGMENTATOR_TIMEOUT_S,
    )
    return contours, installed.label(enabled_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRegion:
    """Where the network sees a region that was carried from another scan, and what to say of it."""

    shift_lps_mm: tuple[float, float, float]
    agreement: float
    text: str
    reasons: list[dict[str, str]]


def settled_regions(
    *, image: QuantifiedImage, masks: Mapping[str, np.ndarray], progress: Callable[[float], None]
) -> dict[str, SettledRegion]:
    """Return the shift of each region, by name, that the network knows; ``masks`` lie on the grid of the contours."""
    from dosimetry.nn.weights import load_network
    from dosimetry.segmentation.class_chances import class_chances

    weights = released(ORGANS)
    network = load_network(weights.path, digest=weights.digest)
    known = {name: mask for name, mask in masks.items() if name in network.card.classes and mask.any()}
    if not known:
        return {}
    chances = class_chances(network=network, progress=progress, **_seen(image))
    grid = grid_from_dict(image.label_grid)
    return {
        name: _said(name, settled(mask, grid, chance=chances.of(name)), network.label) for name, mask in known.items()
    }


def _said(name: str, found: Settling, label: str) -> SettledRegion:
    text = f"moved {found.distance_mm:.0f} mm to where {label} sees it" if found.is_moved else f"checked by {label}"
    message = (
        f"The network sees it {found.distance_mm:.0f} mm from where the registration puts it: look at both scans."
        if found.is_moved
        else f"Where the registration puts it the network hardly sees {name} (Dice {found.agreement:.2f}): "
        "look at the registration and the contour."
    )
    return SettledRegion(
        shift_lps_mm=found.shift_lps_mm,
        agreement=round(found.agreement, 4),
        text=text,
        reasons=[{"code": "settled_far", "level": "ask", "message": message}] if found.is_doubtful else [],
    )


def _person(image: QuantifiedImage) -> Person:
    patient = image.time_point.cycle.course.patient
    return Person(sex={"M": "male", "F": "female"}.get(patient.sex, ""), height_m=patient.height_m)


def _seen(image: QuantifiedImage) -> dict[str, Any]:
    """Return what a network sees of an image, and the grid of its contours."""
    emission, ct = stored_images(image)
    return {"onto": grid_from_dict(image.label_grid), "ct": ct, "emission": emission}
