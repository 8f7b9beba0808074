"""Contours that a network proposes for one quantified image; for workers."""

from collections.abc import Callable, Sequence
from typing import Any

from dosimetry.nn.cards import released
from dosimetry.volume import Volume
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.computation.networks import ORGANS
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
    *, image: QuantifiedImage, regions: Sequence[str], progress: Callable[[float], None]
) -> list[dict[str, Any]]:
    """Return a row for each region that the network found: name, mask, confidence, reasons, whether it is refused."""
    # torch takes seconds and hundreds of megabytes: only a worker that needs it loads it.
    from dosimetry.nn.weights import load_network
    from dosimetry.segmentation.learned import learned_contours

    weights = released(ORGANS)
    network = load_network(weights.path, digest=weights.digest)
    emission, ct = stored_images(image)
    contours = learned_contours(
        network=network, onto=grid_from_dict(image.label_grid), ct=ct, emission=emission, progress=progress
    )
    return [
        {
            "name": contour.name,
            "kind": "organ",
            "mask": contour.mask,
            "source_detail": network.label,
            "confidence": round(contour.confidence, 4),
            "reasons": [{"code": f.code, "level": f.level, "message": f.message} for f in contour.findings],
            "is_refused": contour.is_refused,
        }
        for contour in contours
        if contour.name in regions
    ]
