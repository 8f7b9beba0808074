"""Weights of an untrained network, released for a test: what the product does around a network, not what it draws."""

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


@pytest.fixture
def toy_network(tmp_path, monkeypatch):
    """Release an untrained network for organs; it stands in for any release, of which the card alone matters here."""
    torch.manual_seed(1)
    net = RegionNet(n_inputs=len(CHANNELS), n_classes=len(ORGAN_CLASSES))
    digest = save_network(net, TOY_CARD, tmp_path / "toy.safetensors")
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    released = MappingProxyType({"organs": ReleasedNetwork(file_name="toy.safetensors", digest=digest)})
    monkeypatch.setattr(cards, "RELEASED", released)
    monkeypatch.setattr(networks, "RELEASED", released)
    networks.shipped_networks.cache_clear()
    yield
    networks.shipped_networks.cache_clear()
