"""The networks that come with the program. Reads their cards only: light enough for the web process."""

from dataclasses import dataclass
from functools import lru_cache

from dosimetry.nn.cards import RELEASED, read_card

ORGANS, LESIONS = "organs", "lesions"
NO_REGIONS = ("Outside", "Body", "Other")
USUAL_REGIONS = ("Kidney left", "Kidney right", "Liver", "Spleen")
"""Proposed unless others are chosen: the organs of the usual dose limits."""
SALIVARY_REGIONS = ("Parotid left", "Parotid right", "Submandibular left", "Submandibular right")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedNetwork:
    """Name, version and SHA-256 of weights, the regions that they know, and what they were trained with."""

    name: str
    version: str
    weights_sha256: str
    label: str
    regions: tuple[str, ...]
    spacing_mm: float
    training: str


@lru_cache(maxsize=1)
def shipped_networks() -> tuple[ShippedNetwork, ...]:
    found = []
    for released in RELEASED.values():
        card = read_card(released.path)
        found.append(
            ShippedNetwork(
                name=card.name,
                version=card.version,
                weights_sha256=released.digest,
                label=card.label(released.digest),
                regions=tuple(name for name in card.classes if name not in NO_REGIONS),
                spacing_mm=card.spacing_mm,
                training=card.training,
            )
        )
    return tuple(found)


def shipped_network(name: str) -> ShippedNetwork | None:
    return next((network for network in shipped_networks() if network.name == name), None)


def usual_regions(agent: str) -> tuple[str, ...]:
    """Return the regions to propose for an agent: with PSMA ligands the salivary glands too."""
    return (*USUAL_REGIONS, *SALIVARY_REGIONS) if "psma" in agent.lower() else USUAL_REGIONS
