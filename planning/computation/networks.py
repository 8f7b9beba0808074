"""The networks that come with the program or are installed beside it. Reads cards and files only: light for the web."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import RELEASED, read_card
from dosimetry.segmentation.totalsegmentator_files import REGION_CLASSES, Installation, installation

ORGANS, LESIONS, TOTALSEGMENTATOR = "organs", "lesions", "totalsegmentator"
ORGAN_NETWORKS = (ORGANS, TOTALSEGMENTATOR)
"""Networks that draw organs, the usual one first."""
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


def installed_networks() -> tuple[ShippedNetwork, ...]:
    """Return the networks of the program, and TotalSegmentator where the operator installed it with its weights."""
    extra = shipped_network(TOTALSEGMENTATOR)
    return shipped_networks() if extra is None else (*shipped_networks(), extra)


def shipped_network(name: str) -> ShippedNetwork | None:
    if name == TOTALSEGMENTATOR:
        installed = None if totalsegmentator_obstacle() else installed_totalsegmentator()
        return None if installed is None else _told(installed, installed.fingerprint())
    return next((network for network in shipped_networks() if network.name == name), None)


def installed_totalsegmentator() -> Installation | None:
    """Return where the settings say that TotalSegmentator is; None where they do not say it."""
    if not settings.TOTALSEGMENTATOR_DIR:
        return None
    return installation(
        package=Path(settings.TOTALSEGMENTATOR_DIR),
        weights=Path(settings.TOTALSEGMENTATOR_WEIGHTS),
        variant=settings.TOTALSEGMENTATOR_VARIANT,
    )


def totalsegmentator_obstacle() -> str:
    """Return why TotalSegmentator, though the settings name it, cannot be used; empty where it can or is off."""
    try:
        installed = installed_totalsegmentator()
        if installed is not None:
            installed.version()
            installed.fingerprint()
    except InvalidInputError as error:
        return str(error)
    return ""


@lru_cache(maxsize=4)
def _told(installed: Installation, _fingerprint: tuple[tuple[str, int, int], ...]) -> ShippedNetwork:
    """Digest gigabytes once for each state of the files."""
    digest = installed.digest()
    return ShippedNetwork(
        name=TOTALSEGMENTATOR,
        version=f"{installed.version()} {installed.variant.name}",
        weights_sha256=digest,
        label=installed.label(digest),
        regions=tuple(REGION_CLASSES),
        spacing_mm=installed.variant.spacing_mm,
        training=(
            "CT of patients at the University Hospital Basel, by its authors (Wasserthal 2023). Its weights come from "
            "your operator; this project has measured nothing with them."
        ),
    )


def usual_regions(agent: str) -> tuple[str, ...]:
    """Return the regions to propose for an agent: with PSMA ligands the salivary glands too."""
    return (*USUAL_REGIONS, *SALIVARY_REGIONS) if "psma" in agent.lower() else USUAL_REGIONS
