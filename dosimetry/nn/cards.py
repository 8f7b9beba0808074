"""What a file of weights is for, read without loading them; and the networks that come with the program."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dosimetry.errors import InvalidInputError

FOLDER = Path(__file__).with_name("files")
CARD_KEY = "card"
LENGTH_BYTES, LONGEST_HEADER = 8, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCard:
    """What a network was made for.

    Parameters
    ----------
    name, version : str
        As ``organs`` and ``1``.
    classes : tuple of str
        Of the outputs, in order.
    channels : tuple of str
        Of the inputs, in order.
    spacing_mm : float
        Voxel size that it was trained on, mm.
    training : str
        Data, seed and steps, in a sentence.
    widths, border_width : three int, int
        Of ``RegionNet``; files written before a network had others lack them.
    """

    name: str
    version: str
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    spacing_mm: float
    training: str
    widths: tuple[int, int, int] = (32, 64, 128)
    border_width: int = 16

    def label(self, digest: str) -> str:
        """Return name, version and the start of the digest of the weights, as a contour keeps them."""
        return f"{self.name} {self.version} ({digest[:8]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedNetwork:
    """Weights that the project ships: their file and its SHA-256."""

    file_name: str
    digest: str

    @property
    def path(self) -> Path:
        """Return where they are installed."""
        return FOLDER / self.file_name


RELEASED: Mapping[str, ReleasedNetwork] = MappingProxyType(
    {
        "organs": ReleasedNetwork(
            file_name="organs-3.safetensors",
            digest="d98c23d78d9a37ed4b7b5ee170326c15b45d040cd7e0b27d5b92309ab094feed",
        ),
        "lesions": ReleasedNetwork(
            file_name="lesions-3.safetensors",
            digest="6278ef6377e37d196cd6c99c230cbd6e925a9f95ca18963e23723835976fd5ca",
        ),
    }
)
"""By name; a change of weights is a new version with a line in the changelog."""


def released(name: str) -> ReleasedNetwork:
    """Return the released network of a name.

    Raises
    ------
    InvalidInputError
        There is none (``unknown_network``).
    """
    if name not in RELEASED:
        raise InvalidInputError(
            f"There is no network {name!r}; the networks are {', '.join(RELEASED) or 'none'}.", code="unknown_network"
        )
    return RELEASED[name]


def read_card(path: Path) -> NetworkCard:
    """Read the card of a file of weights (safetensors: length of the header, header in JSON, numbers).

    Raises
    ------
    InvalidInputError
        No file (``weights_missing``), or no card in it (``weights_unreadable``).
    """
    if not path.is_file():
        raise InvalidInputError(
            f"The weights {path.name} are not installed; install the package anew.", code="weights_missing"
        )
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            header = json.loads(file.read(min(length, LONGEST_HEADER)))
        fields: dict[str, Any] = json.loads(header["__metadata__"][CARD_KEY])
        fields |= {name: tuple(fields[name]) for name in ("classes", "channels", "widths") if name in fields}
        return NetworkCard(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"The weights {path.name} cannot be read: they are damaged or of another version of the network.",
            code="weights_unreadable",
        ) from error
