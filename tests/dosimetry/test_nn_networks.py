"""The network, its weights on disk, its windows and its training."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from dosimetry.errors import InvalidInputError
from dosimetry.nn.cards import NetworkCard, read_card
from dosimetry.nn.inference import OVERLAP_SLICES, WINDOW_SLICES, class_probabilities, window_starts
from dosimetry.nn.networks import RegionNet, gathered, spread
from dosimetry.nn.training import IGNORED, TrainingOptions, loss_of, train
from dosimetry.nn.weights import load_network, save_network

CARD = NetworkCard(
    name="toy", version="1", classes=("Outside", "Body", "Cube"), channels=("a",), spacing_mm=4.0, training="cubes"
)


def toy_net() -> RegionNet:
    torch.manual_seed(3)
    return RegionNet(n_inputs=1, n_classes=3).eval()


def cubes(first):
    """Yield noise with a bright cube, and where it is."""
    number = first
    while True:
        generator = np.random.default_rng([5, number])
        corner = generator.integers(0, 8, 3)
        classes = np.ones((16, 16, 16), dtype=np.uint8)
        classes[tuple(slice(c, c + 8) for c in corner)] = 2
        channels = generator.normal(0.0, 0.3, (1, 16, 16, 16)).astype(np.float32)
        channels[0][classes == 2] += 1.0
        classes[0, 0] = IGNORED
        yield channels, classes
        number += 1


def test_blocks_gathered_into_channels_are_spread_again():
    x = torch.arange(2 * 8 * 6 * 4, dtype=torch.float32).reshape(1, 2, 8, 6, 4)
    assert gathered(x).shape == (1, 16, 4, 3, 2)
    torch.testing.assert_close(spread(gathered(x)), x)


def test_logits_have_the_size_of_the_image():
    with torch.inference_mode():
        assert toy_net()(torch.zeros(1, 1, 16, 24, 8)).shape == (1, 3, 16, 24, 8)


def test_windows_overlap_and_cover_every_slice():
    for n_slices in (8, 112, 120, 184, 400):
        starts = window_starts(n_slices)
        ends = [min(start + WINDOW_SLICES, n_slices) for start in starts]
        assert starts[0] == 0 and ends[-1] == n_slices
        assert all(a - b >= OVERLAP_SLICES or n_slices <= WINDOW_SLICES for a, b in zip(ends, starts[1:], strict=False))


def test_probabilities_of_an_image_of_any_size_sum_to_one():
    channels = np.random.default_rng(1).normal(size=(1, 130, 11, 13)).astype(np.float32)
    found = class_probabilities(toy_net(), channels)
    assert found.shape == (3, 130, 11, 13)
    np.testing.assert_allclose(found.sum(axis=0), 1.0, atol=1e-5)


@pytest.mark.parametrize("is_balanced", [True, False])
def test_a_class_that_is_not_there_and_voxels_not_asked_for_do_not_count(is_balanced):
    logits = torch.zeros(1, 3, 2, 2, 2)
    logits[0, 1] = 20.0
    classes = torch.ones(1, 2, 2, 2, dtype=torch.long)
    perfect = loss_of(logits, classes, is_balanced=is_balanced)
    classes[0, 0, 0, 0] = IGNORED
    logits[0, :, 0, 0, 0] = torch.tensor([20.0, -20.0, 0.0])
    assert float(perfect) == pytest.approx(0.0, abs=1e-5)
    assert float(loss_of(logits, classes, is_balanced=is_balanced)) == pytest.approx(0.0, abs=1e-5)
    # Wrong everywhere: far above one.
    assert float(loss_of(logits, torch.where(classes == IGNORED, IGNORED, 2), is_balanced=is_balanced)) > 1.0


def test_a_balanced_loss_takes_the_side_of_the_small_class():
    """Where it cannot tell a small organ from what is around it, a network that shall please it draws too much."""
    classes = torch.ones(1, 4, 4, 4, dtype=torch.long)
    classes[0, 0, 0, :2] = 2

    def pull(is_balanced):
        logits = torch.zeros(1, 3, 4, 4, 4, requires_grad=True)
        loss_of(logits, classes, is_balanced=is_balanced).backward()
        towards_small = -logits.grad[0, 2]
        return float(towards_small[classes[0] == 2].sum() + towards_small[classes[0] == 1].sum())

    assert pull(True) > pull(False)


def test_without_the_background_a_missed_lesion_costs_whole_and_an_image_without_one_only_its_entropy():
    classes = torch.zeros(1, 8, 8, 8, dtype=torch.long)
    logits = torch.zeros(1, 2, 8, 8, 8)
    logits[0, 0] = 20.0
    empty = loss_of(logits, classes, is_balanced=False, counts_background=False)
    classes[0, 0, 0, :4] = 1
    missed = loss_of(logits, classes, is_balanced=False, counts_background=False)
    diluted = loss_of(logits, classes, is_balanced=False)
    entropy = 4 * 20.0 / 512
    assert float(empty) == pytest.approx(0.0, abs=1e-5)
    assert float(missed) == pytest.approx(entropy + 1.0 - 1.0 / 5.0, rel=0.01)
    assert float(diluted) < entropy + 0.15


def test_training_learns_and_a_slice_goes_on_where_the_last_ended(tmp_path):
    options = TrainingOptions(n_steps=40, warm_up=3, average=0.8, is_half=False)
    said = []

    def trained(name, seconds=None):
        return train(
            cubes,
            n_inputs=1,
            n_classes=3,
            checkpoint=tmp_path / name,
            options=options,
            seconds=seconds,
            log=said.append,
        )

    whole = trained("whole.pt")
    assert whole is not None and len(said) == 2
    channels, classes = next(cubes(1000))
    with torch.inference_mode():
        found = whole(torch.from_numpy(channels[None]))[0].argmax(dim=0).numpy()
    is_asked = classes != IGNORED
    assert np.mean(found[is_asked] == classes[is_asked]) > 0.95

    assert trained("sliced.pt", seconds=0.5) is None
    for _ in range(50):
        sliced = trained("sliced.pt", seconds=5.0)
        if sliced is not None:
            break
    # The order of samples and the state of the optimiser are kept: only rounding may differ.
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(sliced.state_dict()[name], value, rtol=1e-3, atol=1e-4)


def test_a_checkpoint_of_other_options_is_refused(tmp_path):
    checkpoint = tmp_path / "toy.pt"
    train(cubes, n_inputs=1, n_classes=3, checkpoint=checkpoint, options=TrainingOptions(n_steps=2, is_half=False))
    with pytest.raises(InvalidInputError, match="other options") as error:
        train(cubes, n_inputs=1, n_classes=3, checkpoint=checkpoint, options=TrainingOptions(n_steps=3, is_half=False))
    assert error.value.code == "other_checkpoint"


def test_weights_come_back_in_half_precision_with_their_card(tmp_path):
    path = tmp_path / "toy.safetensors"
    net = toy_net()
    digest = save_network(net, CARD, path)
    loaded = load_network(path, digest=digest)
    assert loaded.card == CARD == read_card(path)
    assert loaded.label == f"toy 1 ({digest[:8]})"
    for name, value in net.state_dict().items():
        # Half precision has 11 bits.
        torch.testing.assert_close(loaded.net.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_a_network_of_other_widths_is_built_anew_from_its_card(tmp_path):
    path = tmp_path / "narrow.safetensors"
    net = RegionNet(n_inputs=1, n_classes=3, widths=(8, 16, 24), border_width=8).eval()
    card = replace(CARD, widths=(8, 16, 24), border_width=8)
    save_network(net, card, path)
    loaded = load_network(path)
    assert loaded.card == card
    image = torch.randn(1, 1, 16, 16, 16)
    # Half precision has 11 bits; a few hundred products of weights of order one.
    torch.testing.assert_close(loaded.net(image), net(image), rtol=2e-2, atol=2e-2)


def test_a_file_from_before_widths_were_kept_is_of_the_usual_ones(tmp_path):
    path = tmp_path / "old.safetensors"
    net = toy_net()
    fields = {name: value for name, value in asdict(CARD).items() if name not in {"widths", "border_width"}}
    tensors = {name: value.to(torch.float16).contiguous() for name, value in net.state_dict().items()}
    path.write_bytes(save(tensors, metadata={"card": json.dumps(fields)}))
    assert load_network(path).card == CARD


def test_weights_that_are_missing_changed_or_damaged_are_refused(tmp_path):
    path = tmp_path / "toy.safetensors"
    digest = save_network(toy_net(), CARD, path)
    content = path.read_bytes()

    def code_of(**given):
        with pytest.raises(InvalidInputError) as error:
            load_network(path, **given)
        return error.value.code

    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert code_of(digest=digest) == "weights_digest"
    path.write_bytes(content[: len(content) // 2])
    assert code_of() == "weights_unreadable"
    path.write_bytes(b"no weights")
    assert code_of() == "weights_unreadable"
    path.unlink()
    assert code_of() == "weights_missing"


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "toy.safetensors"
    save_network(toy_net(), replace(CARD, classes=("Outside", "Body", "Cube", "Sphere")), path)
    with pytest.raises(InvalidInputError) as error:
        load_network(path)
    assert error.value.code == "weights_unreadable"
