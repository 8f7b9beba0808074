"""Weights of untrained networks, released for a test: what the product does around a network, not what it draws."""

from types import MappingProxyType

import pytest
import torch

from dosimetry.nn import cards
from dosimetry.nn.cards import NetworkCard, ReleasedNetwork
from dosimetry.nn.channels import CHANNELS
from dosimetry.nn.networks import RegionNet
from dosimetry.nn.weights import save_network
from dosimetry.phantoms.training_samples import ORGAN_CLASSES
from planning.computation import networks

TOY_CARD = NetworkCard(
    name="organs", version="0", classes=ORGAN_CLASSES, channels=CHANNELS, spacing_mm=4.0, training="nothing"
)
TOY_LESION_CARD = NetworkCard(
    name="lesions",
    version="0",
    classes=("Other", "Lesion"),
    channels=CHANNELS,
    spacing_mm=4.0,
    training="nothing",
    widths=(8, 16, 24),
    border_width=8,
)


@pytest.fixture
def toy_network(tmp_path, monkeypatch):
    """Release untrained networks; they stand in for any release, of which the card alone matters here."""
    released = {}
    for card in (TOY_CARD, TOY_LESION_CARD):
        torch.manual_seed(1)
        net = RegionNet(
            n_inputs=len(CHANNELS), n_classes=len(card.classes), widths=card.widths, border_width=card.border_width
        )
        file_name = f"{card.name}-toy.safetensors"
        digest = save_network(net, card, tmp_path / file_name)
        released[card.name] = ReleasedNetwork(file_name=file_name, digest=digest)
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    monkeypatch.setattr(cards, "RELEASED", MappingProxyType(released))
    monkeypatch.setattr(networks, "RELEASED", MappingProxyType(released))
    networks.shipped_networks.cache_clear()
    yield
    networks.shipped_networks.cache_clear()
