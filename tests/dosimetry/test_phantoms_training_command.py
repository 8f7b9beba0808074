"""The command that makes weights: what it trains, and that its file is one that the product loads."""

import argparse
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import read_card
from dosimetry.nn.channels import CHANNELS
from dosimetry.nn.weights import load_network
from dosimetry.phantoms import training_command
from dosimetry.phantoms.training_command import RECIPES, trained_card


@pytest.fixture
def small_samples(monkeypatch):
    """Train on noise of a few voxels: what is trained matters elsewhere."""

    def pairs(seed, first):
        for number in count(first):
            generator = np.random.default_rng([seed, number])
            channels = generator.standard_normal((len(CHANNELS), 16, 16, 16), dtype=np.float32)
            yield channels, (channels[2] > 1.0).astype(np.uint8)

    recipes = {**RECIPES, "lesions": replace(RECIPES["lesions"], pairs=pairs)}
    monkeypatch.setattr(training_command, "RECIPES", recipes)


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    training_command.add_arguments(parser)
    return parser.parse_args(list(given))


def test_each_network_has_a_recipe_under_the_name_of_its_card():
    assert set(RECIPES) == {"organs", "lesions"}
    for name, recipe in RECIPES.items():
        card = trained_card(recipe.card, 12)
        assert card.name == name and card.version == "1"
        assert card.training.startswith("12 samples of virtual patients (seeds from 1000000), ")
        assert "no image of a real patient" in card.training
        assert all(width % 8 == 0 for width in recipe.card.widths)


@pytest.mark.usefixtures("small_samples")
def test_lesions_are_trained_into_a_file_that_loads(tmp_path):
    said: list[str] = []
    out = tmp_path / "lesions.safetensors"
    chosen = arguments("lesions", "--checkpoint", str(tmp_path / "l.pt"), "--out", str(out), "--steps", "1")
    training_command.run(chosen, log=said.append)
    assert said[-1].startswith("lesions.safetensors written, SHA-256 ")
    loaded = load_network(out, digest=said[-1].rsplit(" ", 1)[-1])
    assert loaded.card == read_card(out) == trained_card(RECIPES["lesions"].card, 1)
    assert loaded.card.classes == ("Other", "Lesion") and loaded.net.classes.out_channels == 2


@pytest.mark.usefixtures("small_samples")
def test_a_slice_ends_without_weights_and_nonsense_is_refused(tmp_path):
    said: list[str] = []
    where = ("--checkpoint", str(tmp_path / "l.pt"), "--out", str(tmp_path / "l.safetensors"))
    training_command.run(arguments("lesions", *where, "--minutes", "0.001"), log=said.append)
    assert "goes on from the checkpoint" in said[-1] and not (tmp_path / "l.safetensors").exists()
    for wrong in (("--steps", "0"), ("--minutes", "-1")):
        with pytest.raises(InvalidInputError) as error:
            training_command.run(arguments("lesions", *where, *wrong), log=said.append)
        assert error.value.code == "bad_training"
    with pytest.raises(SystemExit):
        arguments("hearts", *where)


@pytest.mark.usefixtures("small_samples")
def test_weights_that_are_gone_on_from_become_the_next_version(tmp_path):
    said: list[str] = []

    def trained(name, *more):
        out = tmp_path / f"{name}.safetensors"
        where = ("--checkpoint", str(tmp_path / f"{name}.pt"), "--out", str(out), "--steps", "1", *more)
        training_command.run(arguments("lesions", *where), log=said.append)
        return out

    first = load_network(trained("first"))
    second = load_network(trained("second", "--start", str(tmp_path / "first.safetensors")))
    assert second.card.version == "2"
    assert second.card.training.startswith(f"{first.label}, then 1 samples of virtual patients")
    change = max(
        float((value - second.net.state_dict()[name]).abs().max()) for name, value in first.net.state_dict().items()
    )
    # One step of AdamW moves a weight by about its learning rate, and the file holds 11 bits.
    assert 0.0 < change < 0.02
    with pytest.raises(InvalidInputError, match="begin without them") as error:
        where = ("--checkpoint", str(tmp_path / "o.pt"), "--out", str(tmp_path / "o.safetensors"))
        training_command.run(
            arguments("organs", *where, "--start", str(tmp_path / "first.safetensors")), log=said.append
        )
    assert error.value.code == "other_network"
