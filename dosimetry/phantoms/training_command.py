"""``python -m dosimetry train``: make the weights that are shipped, again, in slices."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import NetworkCard
from dosimetry.nn.channels import CHANNELS
from dosimetry.phantoms.training_samples import FIRST_SEED, ORGAN_CLASSES, WORKING_MM, training_samples

SEED = 1
VERSION = "1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``train``."""
    parser.add_argument("network", choices=("organs",), help="what to train")
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
    options = TrainingOptions() if chosen.steps is None else TrainingOptions(n_steps=chosen.steps)
    net = train(
        organ_pairs,
        n_inputs=len(CHANNELS),
        n_classes=len(ORGAN_CLASSES),
        checkpoint=chosen.checkpoint,
        options=options,
        seconds=None if chosen.minutes is None else 60.0 * chosen.minutes,
        log=log,
    )
    if net is None:
        log("The slice is over; the same command goes on from the checkpoint.")
        return
    digest = save_network(net, organ_card(options.n_steps), chosen.out)
    log(f"{chosen.out.name} written, SHA-256 {digest}")


def organ_pairs(first: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield channels and classes of the samples from ``first`` on."""
    for sample in training_samples(seed=SEED, first=first):
        yield sample.channels, sample.classes


def organ_card(n_steps: int) -> NetworkCard:
    """Return the card of weights trained for a number of steps."""
    return NetworkCard(
        name="organs",
        version=VERSION,
        classes=ORGAN_CLASSES,
        channels=CHANNELS,
        spacing_mm=WORKING_MM,
        training=(
            f"{n_steps} samples of virtual patients (seeds from {FIRST_SEED}), organs moved and stretched at random, "
            "emission and CT imitated over many scanners; no image of a real patient"
        ),
    )
