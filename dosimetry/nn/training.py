"""Train a network on an endless stream of samples, in slices that a checkpoint joins."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from dosimetry.errors import FitError, InvalidInputError
from dosimetry.nn.networks import RegionNet

Pair = tuple[NDArray[np.float32], NDArray[np.uint8]]
IGNORED = 255
MOST_COUNTED = 20_000
GRADIENT_NORM = 1.0
REPORT_EVERY, SAVE_EVERY = 20, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How long and how fast.

    Parameters
    ----------
    n_steps : int
        Samples in all; the learning rate falls to zero along half a cosine over them.
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov and Hutter, ICLR 2019).
    warm_up : int
        Steps of rising rate.
    balanced : float
        Share of the steps, from the first, in which half of the cross-entropy is a mean over classes. It finds small
        organs early and draws them too large: kidneys by half as much again after 2,200 steps.
    counts_background : bool
        Whether the first class has a part in the Dice. With lesions it takes nine tenths of it: they are found, but
        many are missed.
    average : float
        Memory of the moving average of the weights, which is what is kept.
    is_half : bool
        Multiply in bfloat16: twice as fast where the processor knows it. Not for images of a few voxels, on whose
        smallest features oneDNN returns noise (seen in torch 2.13.0).
    """

    n_steps: int = 6000
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    warm_up: int = 50
    balanced: float = 0.5
    counts_background: bool = True
    average: float = 0.995
    is_half: bool = True

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rising = min((step + 1) / self.warm_up, 1.0)
        return self.learning_rate * rising * 0.5 * (1.0 + float(np.cos(np.pi * min(step / self.n_steps, 1.0))))


class _Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __init__(self, pairs: Callable[[int], Iterator[Pair]], first: int) -> None:
        self.pairs, self.first = pairs, first

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        torch.set_num_threads(1)
        for channels, classes in self.pairs(self.first):
            yield torch.from_numpy(channels), torch.from_numpy(classes)


def loss_of(logits: Tensor, classes: Tensor, *, is_balanced: bool, counts_background: bool = True) -> Tensor:
    """Return cross-entropy plus one minus the mean Dice of the classes that are there.

    The sum follows nnU-Net (Isensee et al., Nature Methods 2021). Balanced, half of the cross-entropy is a mean over
    classes, else a kidney, one voxel in three hundred, is learned last. A class counts by the square root of its
    voxels, up to 20,000 of them: the tip of an organ at the end of a window says little. Without the background the
    first class has no part in the Dice, as in nnU-Net; where no other class is there, the loss is the cross-entropy
    alone. Voxels of class 255 count nowhere.
    """
    log_chance = torch.log_softmax(logits.float(), dim=1)
    n_classes = log_chance.shape[1]
    is_asked = (classes != IGNORED).reshape(-1).float()
    index = torch.where(classes == IGNORED, 0, classes).reshape(-1)
    flat = log_chance.transpose(0, 1).reshape(n_classes, -1)
    missed = -flat.gather(0, index[None])[0] * is_asked

    def summed(values: Tensor) -> Tensor:
        return torch.zeros(n_classes, device=values.device).index_add(0, index, values)

    there = summed(is_asked)
    weights = there.clamp(max=MOST_COUNTED).sqrt()
    weights = weights / weights.sum()
    by_class = summed(missed)
    entropy = by_class.sum() / there.sum()
    if is_balanced:
        entropy = 0.5 * entropy + 0.5 * (weights * by_class / there.clamp(min=1.0)).sum()
    both = summed(torch.exp(-missed) * is_asked)
    drawn = (flat.exp() * is_asked).sum(dim=1)
    dice = (2.0 * both + 1.0) / (drawn + there + 1.0)
    if not counts_background:
        weights = torch.cat([torch.zeros_like(weights[:1]), weights[1:]])
        weights = weights / weights.sum().clamp(min=1e-6)
    return entropy + (weights * (1.0 - dice)).sum()


def train(
    pairs: Callable[[int], Iterator[Pair]],
    *,
    n_inputs: int,
    n_classes: int,
    checkpoint: Path,
    widths: tuple[int, int, int] = (32, 64, 128),
    border_width: int = 16,
    start: RegionNet | None = None,
    options: TrainingOptions = TrainingOptions(),
    seconds: float | None = None,
    log: Callable[[str], None] = lambda _text: None,
) -> RegionNet | None:
    """Train, or go on from the checkpoint; return the averaged network when all steps are done, else None.

    Parameters
    ----------
    pairs : callable
        Given the number of the first sample, yields (channels, classes) without end.
    n_inputs, n_classes : int
        Channels in and out.
    widths, border_width : three int, int
        Of ``RegionNet``.
    start : RegionNet or None
        Weights to begin with where there is no checkpoint; None for new ones.
    checkpoint : Path
        Written at the end of a slice and every few hundred steps, whole or not at all.
    options : TrainingOptions
        The same in every slice.
    seconds : float or None
        Length of this slice; None trains to the end.
    log : callable
        Told of progress.

    Raises
    ------
    InvalidInputError
        The checkpoint belongs to other options or another network (``other_checkpoint``).
    FitError
        The loss is no number any more; the checkpoint before stays.
    """
    torch.manual_seed(0)
    net = RegionNet(n_inputs=n_inputs, n_classes=n_classes, widths=widths, border_width=border_width)
    if start is not None:
        net.load_state_dict(start.state_dict())
    state = _State(net, options=options)
    state.resume(checkpoint)
    ends_at = None if seconds is None else time.monotonic() + seconds
    seen: list[float] = []
    loader = iter(DataLoader(_Stream(pairs, state.step), batch_size=1, num_workers=1, prefetch_factor=4))
    while state.step < options.n_steps and (ends_at is None or time.monotonic() < ends_at):
        channels, classes = next(loader)
        seen.append(state.learn(channels, classes))
        if state.step % REPORT_EVERY == 0:
            log(f"step {state.step} of {options.n_steps}: loss {np.mean(seen[-REPORT_EVERY:]):.3f}")
        if state.step % SAVE_EVERY == 0:
            state.save(checkpoint)
    state.save(checkpoint)
    if state.step < options.n_steps:
        return None
    state.net.load_state_dict(state.average)
    return state.net.cpu().eval()


def averaged(
    checkpoint: Path,
    *,
    n_inputs: int,
    n_classes: int,
    widths: tuple[int, int, int] = (32, 64, 128),
    border_width: int = 16,
) -> tuple[RegionNet, int]:
    """Return the averaged network of a checkpoint and the steps that it has seen."""
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net = RegionNet(n_inputs=n_inputs, n_classes=n_classes, widths=widths, border_width=border_width)
    net.load_state_dict(kept["average"])
    return net.eval(), int(kept["step"])


class _State:
    """A network in training, with all that a checkpoint keeps."""

    def __init__(self, net: RegionNet, *, options: TrainingOptions) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.options, self.step = options, 0
        self.net = net.to(self.device)
        self.average = {name: value.detach().clone() for name, value in self.net.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )

    def learn(self, channels: Tensor, classes: Tensor) -> float:
        """Take one step and return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.rate(self.step)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.options.is_half):
            logits = self.net(channels.to(self.device))
        is_balanced = self.step < self.options.balanced * self.options.n_steps
        loss = loss_of(
            logits,
            classes.long().to(self.device),
            is_balanced=is_balanced,
            counts_background=self.options.counts_background,
        )
        if not torch.isfinite(loss):
            raise FitError(f"Training diverged at step {self.step}; go on from an older checkpoint with a lower rate.")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT_NORM)
        self.optimizer.step()
        self.step += 1
        memory = min(self.options.average, 1.0 - 1.0 / (self.step + 1.0))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1.0 - memory)
        return float(loss.detach())

    def resume(self, checkpoint: Path) -> None:
        """Go on where a checkpoint ended; do nothing where there is none."""
        if not checkpoint.exists():
            return
        kept: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
        shapes = {name: value.shape for name, value in kept["net"].items()}
        is_same = shapes == {name: value.shape for name, value in self.net.state_dict().items()}
        if kept["options"] != asdict(self.options) or not is_same:
            raise InvalidInputError(
                f"{checkpoint.name} was trained with other options; choose another file or delete it.",
                code="other_checkpoint",
            )
        self.net.load_state_dict(kept["net"])
        for name, value in kept["average"].items():
            self.average[name].copy_(value)
        self.optimizer.load_state_dict(kept["optimizer"])
        self.step = int(kept["step"])

    def save(self, checkpoint: Path) -> None:
        """Write a checkpoint whole or not at all."""
        unfinished = checkpoint.with_suffix(".part")
        torch.save(
            {
                "net": self.net.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                "options": asdict(self.options),
                "step": self.step,
            },
            unfinished,
        )
        unfinished.replace(checkpoint)
