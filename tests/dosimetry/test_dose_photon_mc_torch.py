"""Photon transport on tensors against the compiled code, on the CPU: the code that a CUDA device runs."""

import numpy as np
import pytest

from dosimetry.compute import choose_device, cuda_is_available, tensor_backend
from dosimetry.dose import photon_mc_torch
from dosimetry.dose.hybrid import run_hybrid_mc
from dosimetry.dose.photon_mc import PhotonSettings, transport_photons
from dosimetry.dose.photon_tensors import DIRECTION, ENERGY, PLACE, TensorRun, interact
from dosimetry.errors import CalculationCancelledError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.physics.compton import ELECTRON_MASS_KEV, momentum_transfer_per_angstrom
from dosimetry.physics.cross_sections import photon_table
from dosimetry.physics.materials import material_number
from dosimetry.physics.photon_medium import line_table, photon_medium
from dosimetry.physics.photon_sampling import sampling_tables
from dosimetry.volume import Grid, Volume

SHAPE = (9, 12, 15)
SPACING_MM = (8.0, 10.0, 12.0)
SOURCE = np.zeros(SHAPE)
SOURCE[3:6, 4:8, 5:10] = np.arange(1.0, 61.0).reshape(3, 4, 5)
LU177_LIKE = ((112.95, 208.366, 55.0), (0.062, 0.104, 0.05))
HARD = ((364.5, 2614.5), (0.3, 0.7))
SOFT = ((28.0,), (1.0,))


def water():
    return np.ones(SHAPE), np.full(SHAPE, material_number("water"), dtype=np.uint8)


def slabs():
    """Lung, soft tissue and bone side by side along x."""
    density, material = np.full(SHAPE, 1.06), np.full(SHAPE, material_number("soft_tissue"), dtype=np.uint8)
    density[..., :5], material[..., :5] = 0.26, material_number("lung")
    density[..., 10:], material[..., 10:] = 1.92, material_number("cortical_bone")
    return density, material


def groups():
    """Source, slabs outside it and opposite corners: each holds many voxels and together they show every axis."""
    parts = {"source": SOURCE > 0.0}
    index = np.indices(SHAPE)
    parts |= {f"x slab {i}": (index[2] // 5 == i) & ~parts["source"] for i in range(3)}
    parts |= {"low y": index[1] < 3, "high y": index[1] > 8, "low z": index[0] < 2, "high z": index[0] > 6}
    return parts


def run(*, device="torch_cpu", lines=LU177_LIKE, medium=water, n=20_000, seed=1, n_batches=20, target=None, **more):
    density, material = medium()
    settings = PhotonSettings(
        seed=seed,
        max_histories=n,
        histories_per_batch=n // n_batches,
        device=device,
        target_relative_uncertainty=target,
    )
    given = {
        "source": SOURCE,
        "photon_energies_kev": np.array(lines[0]),
        "photon_yields": np.array(lines[1]),
        "density_g_per_ml": density,
        "material": material,
        "spacing_xyz_mm": SPACING_MM,
        "settings": settings,
    }
    return transport_photons(**(given | more))


@pytest.mark.parametrize("medium", [water, slabs], ids=["water", "slabs"])
@pytest.mark.parametrize("lines", [LU177_LIKE, HARD, SOFT], ids=["Lu-177", "hard", "soft"])
def test_agrees_with_the_compiled_code(medium, lines):
    more = {"medium": medium, "lines": lines, "target_regions": groups(), "n": 200_000, "n_batches": 50}
    tensors, compiled = run(seed=2, **more), run(seed=3, device="cpu", **more)
    assert tensors.n_histories == compiled.n_histories == 200_000
    for name, ours in tensors.regions.items():
        theirs = compiled.regions[name]
        combined = np.hypot(ours.standard_uncertainty_kev_per_decay, theirs.standard_uncertainty_kev_per_decay)
        # Fixed seeds: 3 combined standard errors, below 4 % of every group.
        assert ours.energy_kev_per_decay == pytest.approx(theirs.energy_kev_per_decay, abs=3.0 * combined), name
        assert combined < 0.04 * theirs.energy_kev_per_decay, name


def test_voxels_scatter_about_the_compiled_code_as_their_errors_say():
    more = {"medium": slabs, "n": 400_000, "n_batches": 100}
    ours, theirs = run(seed=4, **more), run(seed=5, device="cpu", **more)
    errors = [one.energy_kev_per_decay * one.relative_standard_uncertainty for one in (ours, theirs)]
    deviations = (ours.energy_kev_per_decay - theirs.energy_kev_per_decay) / np.hypot(*errors)
    # 1620 voxels, in part correlated: a spread of 1 within 8 %.
    assert deviations.std() == pytest.approx(1.0, abs=0.08)
    assert abs(deviations.mean()) < 0.15


@pytest.mark.parametrize("lines", [LU177_LIKE, HARD, SOFT], ids=["Lu-177", "hard", "soft"])
def test_energy_is_conserved(lines):
    everything = {"all": np.ones(SHAPE)}
    result = run(lines=lines, medium=slabs, n=100_000, target_regions=everything)
    # Bookkeeping of every interaction: exact differences of single-precision energies, added in double.
    balance = result.absorbed_kev_per_decay + result.escaped_kev_per_decay
    assert balance == pytest.approx(result.emitted_kev_per_decay, rel=1e-12)
    estimated = result.regions["all"]
    bound = 4.0 * estimated.standard_uncertainty_kev_per_decay
    assert estimated.energy_kev_per_decay == pytest.approx(result.absorbed_kev_per_decay, abs=bound)


@pytest.fixture
def bare():
    """Tensors of the slab phantom and the empty sums of a batch."""
    density, material = slabs()
    medium, arrays = photon_medium(
        density_g_per_ml=density.astype(np.float32),
        material=material,
        spacing_xyz_mm=SPACING_MM,
        tables=sampling_tables(),
    )
    problem = photon_mc_torch.tensor_problem(
        tensor_backend("torch_cpu"),
        source=(np.array([0]), np.array([1.0])),
        lines=line_table(np.array([2614.5]), np.ones(1)),
        medium=medium,
        tables=arrays,
    )
    torch = problem.torch
    state = TensorRun(
        generator=torch.Generator().manual_seed(1),
        score=torch.zeros(density.size, dtype=torch.int64),
        balance=torch.zeros(3, dtype=torch.float64),
    )
    return problem, state


def interactions(bare, *, energy_kev, material, n):
    """Let n photons that fly obliquely interact in the middle of the phantom."""
    problem, state = bare
    torch = problem.torch
    photons = torch.empty((7, n))
    photons[:6] = torch.tensor([7.5, 6.5, 4.5, 0.48, -0.6, 0.64])[:, None]
    photons[ENERGY] = energy_kev
    node = torch.full((n,), (np.log(energy_kev) - problem.first_node) * problem.nodes_per_log)
    row = node.long() * problem.n_materials + material_number(material)
    return photons, *interact(problem, state, photons, (row, node - node.long(), node))


def test_annihilation_quanta_fly_apart(bare):
    before, after, partners = interactions(bare, energy_kev=2614.5, material="cortical_bone", n=20_000)
    made_pair = (after[ENERGY] == np.float32(ELECTRON_MASS_KEV)).numpy()
    assert made_pair.sum() == partners.shape[1] > 500
    quanta = after[:, made_pair].numpy()
    assert np.array_equal(partners[DIRECTION].numpy(), -quanta[DIRECTION])
    assert np.array_equal(partners[PLACE].numpy(), before[PLACE, :][:, made_pair].numpy())
    # Isotropic: the mean of each cosine is zero within 4 standard errors of sqrt(1/3).
    assert np.abs(quanta[DIRECTION].mean(axis=1)).max() < 4.0 * np.sqrt(1.0 / 3.0 / quanta.shape[1])


@pytest.mark.parametrize("material", ["air", "lung", "cortical_bone"])
@pytest.mark.parametrize("energy_kev", [20.0, 208.366])
def test_each_material_has_its_shares_and_angles(bare, energy_kev, material):
    n = 200_000
    before, after, _ = interactions(bare, energy_kev=energy_kev, material=material, n=n)
    table = photon_table(material)
    kept = after[ENERGY].numpy()
    is_rayleigh, is_compton = kept == np.float32(energy_kev), (kept > 0.0) & (kept < np.float32(energy_kev))
    for found, coefficient in ((is_rayleigh, "rayleigh"), (is_compton, "incoherent")):
        share = float(table.at(energy_kev, coefficient) / table.at(energy_kev))
        # 4 standard errors, and 0.5 % for Compton photons that keep all their energy in single precision.
        assert found.mean() == pytest.approx(share, abs=4.0 * np.sqrt(share / n), rel=0.005)
    transfer = 1.0 - kept[is_compton].astype(float) / energy_kev
    expected = np.interp(np.log(energy_kev), np.log(table.energies_kev), table.compton_transfer_fraction)
    bound = 4.0 * transfer.std() / np.sqrt(transfer.size)
    assert transfer.mean() == pytest.approx(expected, abs=bound, rel=0.004)
    cosine = (before[DIRECTION] * after[DIRECTION]).sum(0).double().numpy()
    assert (after[DIRECTION] ** 2).sum(0).numpy() == pytest.approx(1.0, abs=1e-6)
    # Energy and angle of a Compton photon belong together.
    fraction = 1.0 / (1.0 + energy_kev / ELECTRON_MASS_KEV * (1.0 - cosine[is_compton]))
    assert kept[is_compton] / energy_kev == pytest.approx(fraction, abs=1e-5)
    forward = 1.0 - cosine[is_rayleigh]
    bound = 4.0 * forward.std() / np.sqrt(forward.size)
    # The table is drawn at the two nearest of 64 energies: 1 %.
    assert forward.mean() == pytest.approx(rayleigh_mean(table, energy_kev), abs=bound, rel=0.01)


def rayleigh_mean(table, energy_kev):
    """Mean 1 - cos of (1 + cos^2) F^2."""
    one_minus_cosine = 2.0 * np.linspace(0.0, 1.0, 20_001) ** 3
    x = momentum_transfer_per_angstrom(energy_kev, 1.0 - one_minus_cosine)
    f2 = np.interp(x, table.momentum_transfer_per_angstrom, table.form_factor_squared_per_g)
    density = (1.0 + (1.0 - one_minus_cosine) ** 2) * f2
    return np.trapezoid(density * one_minus_cosine, one_minus_cosine) / np.trapezoid(density, one_minus_cosine)


def test_emits_each_line_with_its_yield():
    energies, yields = (100.0, 200.0, 1500.0), (0.5, 0.3, 0.001)
    result = run(lines=(energies, yields), n=400_000)
    mean = np.dot(energies, yields)
    spread = np.sqrt(np.dot(np.square(energies), yields) * sum(yields) - mean**2) / np.sqrt(400_000)
    assert result.emitted_kev_per_decay == pytest.approx(mean, abs=4.0 * spread)


def test_same_seed_same_numbers_and_other_seed_other_numbers():
    first, again, other = run(seed=6), run(seed=6), run(seed=7)
    assert np.array_equal(first.energy_kev_per_decay, again.energy_kev_per_decay)
    assert np.array_equal(first.relative_standard_uncertainty, again.relative_standard_uncertainty)
    assert first.emitted_kev_per_decay == again.emitted_kev_per_decay
    assert not np.array_equal(first.energy_kev_per_decay, other.energy_kev_per_decay)


def test_batches_have_random_numbers_of_their_own():
    result = run(n=400)
    assert result.n_batches == 20
    # Batches with the same numbers would have no spread.
    assert result.relative_standard_uncertainty.max() > 0.1


def test_a_batch_may_hold_more_photons_than_move_together(monkeypatch):
    at_once = run(n=100_000, target_regions={"all": np.ones(SHAPE)}, seed=8)
    monkeypatch.setattr(photon_mc_torch, "PHOTONS_AT_ONCE", 1_500)
    in_parts = run(n=100_000, target_regions={"all": np.ones(SHAPE)}, seed=9)
    assert in_parts.n_histories == at_once.n_histories
    assert in_parts.emitted_kev_per_decay == pytest.approx(at_once.emitted_kev_per_decay, rel=0.01)
    ours, theirs = in_parts.regions["all"], at_once.regions["all"]
    combined = np.hypot(ours.standard_uncertainty_kev_per_decay, theirs.standard_uncertainty_kev_per_decay)
    assert ours.energy_kev_per_decay == pytest.approx(theirs.energy_kev_per_decay, abs=3.0 * combined)


def test_photons_below_the_cut_stay_in_their_voxel():
    result = run(lines=((3.0,), (2.0,)))
    assert result.n_histories == 0
    assert result.energy_kev_per_decay == pytest.approx(6.0 * SOURCE / SOURCE.sum(), rel=1e-12)


def test_without_activity_there_is_no_energy():
    result = run(source=np.zeros(SHAPE))
    assert result.n_histories == 0
    assert not result.energy_kev_per_decay.any()


def test_stops_when_the_wanted_uncertainty_is_reached():
    result = run(n=100_000, n_batches=100, target=0.03, target_regions={"all": np.ones(SHAPE)})
    assert result.has_reached_target
    assert 20_000 <= result.n_histories < 100_000


def test_progress_and_cancellation():
    seen = []
    run(progress=lambda share, _: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 20
    with pytest.raises(CalculationCancelledError):
        run(is_cancelled=lambda: True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "tpu"},
        {"source": -SOURCE},
        {"source": np.ones((3, 3))},
        {"density_g_per_ml": np.zeros(SHAPE)},
        {"material": np.full(SHAPE, 99, np.uint8)},
        {"spacing_xyz_mm": (8.0, 0.0, 8.0)},
        {"lines": ((3500.0,), (1.0,))},
        {"lines": ((100.0,), (-1.0,))},
        {"settings": PhotonSettings(max_histories=5, device="torch_cpu")},
        {"settings": PhotonSettings(seed=-1, device="torch_cpu")},
        {"target_regions": {"x": np.ones((2, 2, 2))}},
    ],
)
def test_refuses_what_it_cannot_use(wrong):
    with pytest.raises(InvalidInputError):
        run(**wrong)


def test_cuda_without_a_card_is_refused(monkeypatch):
    monkeypatch.setattr("dosimetry.compute.cuda_is_available", lambda: False)
    with pytest.raises(InvalidInputError) as caught:
        run(device="cuda")
    assert caught.value.code == "no_cuda"


def test_the_gate_chooses():
    assert choose_device() == ("cuda" if cuda_is_available() else "cpu")
    assert tensor_backend("cpu") is None
    backend = tensor_backend("torch_cpu")
    assert backend.name == "cpu"
    assert backend.card_name is None
    assert backend.torch.zeros(1).device.type == "cpu"


def hybrid(**options):
    grid = Grid(shape_zyx=SHAPE, spacing_xyz_mm=SPACING_MM, origin_lps_mm=(0.0, 0.0, 0.0))
    return run_hybrid_mc(
        tia_bq_s=Volume(values=(SOURCE * 1e7).astype(np.float32), grid=grid, unit="Bq s"),
        density_g_per_ml=Volume(values=slabs()[0].astype(np.float32), grid=grid, unit="g/mL"),
        nuclide=get_nuclide("Lu-177"),
        options={"target_relative_uncertainty": 1e-4} | options,
    )


def test_hybrid_engine_follows_its_device():
    tensors, compiled = hybrid(device="torch_cpu", max_histories=400_000), hybrid(device="cpu", max_histories=400_000)
    assert tensors.provenance["photon_device"] == "torch_cpu"
    assert compiled.provenance["photon_device"] == "cpu"
    ours, theirs = (one.photon_dose.values[SOURCE > 0.0].astype(float).mean() for one in (tensors, compiled))
    # 400 000 histories know the mean of the source to 0.3 %; 3 combined errors.
    assert ours == pytest.approx(theirs, rel=0.012)
    assert ours != theirs


def test_hybrid_engine_without_a_wish_takes_the_card_if_there_is_one(monkeypatch):
    asked = []

    def chosen(device):
        asked.append(device)
        return "torch_cpu"

    monkeypatch.setattr("dosimetry.dose.hybrid.choose_device", chosen)
    result = hybrid(max_histories=20_000)
    assert asked == [None]
    assert result.provenance["photon_device"] == "torch_cpu"
