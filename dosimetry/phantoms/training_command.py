"""``python -m dosimetry train``: make the weights that are shipped, again, in slices."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import NetworkCard
from dosimetry.nn.channels import CHANNELS
from dosimetry.phantoms.lesion_samples import LESION_CLASSES, lesion_samples
from dosimetry.phantoms.training_samples import FIRST_SEED, ORGAN_CLASSES, WORKING_MM, training_samples

SEED = 1
Pairs = Callable[[int], Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is made: its card, its samples from a number on, and how long and how fast.

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
    parser.add_argument("--minutes", type=float, help="length of this slice; without it to the end")
    parser.add_argument("--steps", type=int, help="samples in all; the same in every slice")


def run(chosen: argparse.Namespace, *, log: Callable[[str], None]) -> None:
    """Train a slice; write the weights once all steps are done.

    Raises
    ------
    InvalidInputError
        Minutes or steps that are not above zero, or a checkpoint of other options.
    """
    # torch takes seconds: the other commands do not wait for it.
    from dosimetry.nn.training import TrainingOptions, train
    from dosimetry.nn.weights import save_network

    if (chosen.minutes is not None and chosen.minutes <= 0.0) or (chosen.steps is not None and chosen.steps <= 0):
        raise InvalidInputError("Minutes and steps must be above zero.", code="bad_training")
    recipe = RECIPES[chosen.network]
    options = TrainingOptions(is_half=recipe.is_half)
    n_steps = chosen.steps or recipe.n_steps or options.n_steps
    options = replace(options, n_steps=n_steps)
    net = train(
        recipe.pairs,
        n_inputs=len(recipe.card.channels),
        n_classes=len(recipe.card.classes),
        widths=recipe.card.widths,
        border_width=recipe.card.border_width,
        checkpoint=chosen.checkpoint,
        options=options,
        seconds=None if chosen.minutes is None else 60.0 * chosen.minutes,
        log=log,
    )
    if net is None:
        log("The slice is over; the same command goes on from the checkpoint.")
        return
    digest = save_network(net, card_of(chosen.network, n_steps), chosen.out)
    log(f"{chosen.out.name} written, SHA-256 {digest}")


def organ_pairs(first: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield channels and organs of the samples from ``first`` on."""
    for sample in training_samples(seed=SEED, first=first):
        yield sample.channels, sample.classes


def lesion_pairs(first: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield channels and lesions of the samples from ``first`` on."""
    for sample in lesion_samples(seed=SEED, first=first):
        yield sample.channels, sample.classes


def card_of(name: str, n_steps: int) -> NetworkCard:
    """Return the card of weights trained for a number of steps."""
    card = RECIPES[name].card
    return replace(card, training=f"{n_steps} samples of virtual patients (seeds from {FIRST_SEED}), {card.training}")


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
