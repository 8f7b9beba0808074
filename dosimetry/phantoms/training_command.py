"""``python -m dosimetry train``: make the weights that are shipped, again, in slices."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import NetworkCard
from dosimetry.nn.channels import CHANNELS
from dosimetry.phantoms.lesion_samples import LESION_CLASSES, lesion_samples
from dosimetry.phantoms.training_samples import FIRST_SEED, ORGAN_CLASSES, WORKING_MM, training_samples

Pairs = Callable[[int, int], Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]]
SETTLED_RATE = 0.5
"""Learning rate of weights that have learned already, over that of new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is made: its card, its samples by seed from a number on, and how long and how fast.

    ``n_steps`` None and ``is_half`` are those of ``TrainingOptions`` unless they are given.
    """

    card: NetworkCard
    pairs: Pairs
    n_steps: int | None = None
    is_half: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``train``."""
    parser.add_argument("network", choices=tuple(RECIPES), help="what to train")
    parser.add_argument("--checkpoint", type=Path, required=True, help="where a slice ends and the next goes on")
    parser.add_argument("--out", type=Path, required=True, help="file for the weights, written at the end")
    parser.add_argument("--start", type=Path, help="weights to go on from: the result is their next version")
    parser.add_argument("--minutes", type=float, help="length of this slice; without it to the end")
    parser.add_argument("--steps", type=int, help="samples in all; the same in every slice")


def run(chosen: argparse.Namespace, *, log: Callable[[str], None]) -> None:
    """Train a slice; write the weights once all steps are done.

    Raises
    ------
    InvalidInputError
        Minutes or steps that are not above zero, a checkpoint of other options, or weights of another network.
    """
    # torch takes seconds: the other commands do not wait for it.
    from dosimetry.nn.training import TrainingOptions, train
    from dosimetry.nn.weights import load_network, save_network

    if (chosen.minutes is not None and chosen.minutes <= 0.0) or (chosen.steps is not None and chosen.steps <= 0):
        raise InvalidInputError("Minutes and steps must be above zero.", code="bad_training")
    recipe = RECIPES[chosen.network]
    begun = None if chosen.start is None else load_network(chosen.start)
    card = recipe.card if begun is None else _next_card(recipe.card, begun.card)
    options = TrainingOptions(is_half=recipe.is_half)
    options = replace(options, n_steps=chosen.steps or recipe.n_steps or options.n_steps)
    if begun is not None:
        options = replace(options, learning_rate=SETTLED_RATE * options.learning_rate, balanced=0.0)
        options = replace(options, counts_background=False)
    net = train(
        partial(recipe.pairs, int(card.version)),
        n_inputs=len(card.channels),
        n_classes=len(card.classes),
        widths=card.widths,
        border_width=card.border_width,
        start=None if begun is None else begun.net,
        checkpoint=chosen.checkpoint,
        options=options,
        seconds=None if chosen.minutes is None else 60.0 * chosen.minutes,
        log=log,
    )
    if net is None:
        log("The slice is over; the same command goes on from the checkpoint.")
        return
    before = "" if begun is None else f"{begun.label}, then "
    digest = save_network(net, trained_card(card, options.n_steps, before=before), chosen.out)
    log(f"{chosen.out.name} written, SHA-256 {digest}")


def _next_card(card: NetworkCard, begun: NetworkCard) -> NetworkCard:
    """Return the card of the version after the one that is begun from; its version is the seed of its samples."""
    following = replace(card, version=begun.version, training=begun.training)
    if following != begun or not begun.version.isdigit():
        raise InvalidInputError(
            f"The weights are of {begun.name} {begun.version} with other inputs, outputs or sizes; begin without them.",
            code="other_network",
        )
    return replace(card, version=str(int(begun.version) + 1))


def organ_pairs(seed: int, first: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield channels and organs of the samples from ``first`` on."""
    for sample in training_samples(seed=seed, first=first):
        yield sample.channels, sample.classes


def lesion_pairs(seed: int, first: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield channels and lesions of the samples from ``first`` on."""
    for sample in lesion_samples(seed=seed, first=first):
        yield sample.channels, sample.classes


def trained_card(card: NetworkCard, n_steps: int, *, before: str = "") -> NetworkCard:
    """Return the card of weights trained for a number of steps, after what ``before`` names."""
    text = f"{before}{n_steps} samples of virtual patients (seeds from {FIRST_SEED}), {card.training}"
    return replace(card, training=text)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "organs": Recipe(
            card=NetworkCard(
                name="organs",
                version="1",
                classes=ORGAN_CLASSES,
                channels=CHANNELS,
                spacing_mm=WORKING_MM,
                training=(
                    "organs moved and stretched at random, emission and CT imitated over many scanners; no image of a "
                    "real patient"
                ),
            ),
            pairs=organ_pairs,
        ),
        "lesions": Recipe(
            card=NetworkCard(
                name="lesions",
                version="1",
                classes=LESION_CLASSES,
                channels=CHANNELS,
                spacing_mm=WORKING_MM,
                widths=(16, 32, 64),
                border_width=8,
                training=(
                    "lesions of 0.5 to 100 mL and hot ureters, bowel and gallbladders painted at random, emission and "
                    "CT imitated over many scanners; no image of a real patient"
                ),
            ),
            pairs=lesion_pairs,
            n_steps=2500,
            # So narrow a network gained nothing from half precision here.
            is_half=False,
        ),
    }
)
"""By name; the sentence of the card goes on after the number of samples."""
