"""Weights of a network as one file: half precision, what it was trained for, and a digest that is checked."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import CARD_KEY, NetworkCard, read_card
from dosimetry.nn.networks import RegionNet


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network ready for use.

    Parameters
    ----------
    net : RegionNet
        In single precision, for inference.
    card : NetworkCard
        What it is for.
    digest : str
        SHA-256 of the file.
    """

    net: RegionNet
    card: NetworkCard
    digest: str

    @property
    def label(self) -> str:
        """Return name, version and the start of the digest, as a contour keeps them."""
        return self.card.label(self.digest)


def save_network(net: RegionNet, card: NetworkCard, path: Path) -> str:
    """Write weights in half precision; return the SHA-256 of the file."""
    tensors = {name: value.detach().to(torch.float16).contiguous() for name, value in net.state_dict().items()}
    content = save(tensors, metadata={CARD_KEY: json.dumps(asdict(card), sort_keys=True)})
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_network(path: Path, *, digest: str | None = None) -> LoadedNetwork:
    """Read weights.

    Parameters
    ----------
    path : Path
        A file of ``save_network``.
    digest : str or None
        SHA-256 that the file must have; None takes any.

    Returns
    -------
    LoadedNetwork
        The network and its card.

    Raises
    ------
    InvalidInputError
        No file (``weights_missing``), another digest (``weights_digest``), or no such weights (``weights_unreadable``).
    """
    card = read_card(path)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if digest is not None and found != digest:
        raise InvalidInputError(
            f"The weights {path.name} are not those that were released (digest {found[:8]}, released {digest[:8]}); "
            "install the package anew.",
            code="weights_digest",
        )
    try:
        tensors = {name: value.float() for name, value in load(content).items()}
        net = RegionNet(
            n_inputs=len(card.channels),
            n_classes=len(card.classes),
            widths=card.widths,
            border_width=card.border_width,
        )
        net.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise InvalidInputError(
            f"The weights {path.name} cannot be read: they are damaged or of another version of the network.",
            code="weights_unreadable",
        ) from error
    return LoadedNetwork(net=net.eval(), card=card, digest=found)
