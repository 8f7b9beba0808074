"""Convolution with voxel kernels and the two kernel engines."""

import numpy as np
import pytest
from scipy.ndimage import convolve as direct_convolution
from scipy.signal import fftconvolve

from dosimetry.compute import fft_backend
from dosimetry.dose import kernel_engine
from dosimetry.dose.convolution import MapSpectrum, coarse_share, convolve_far, wrapped_kernel
from dosimetry.dose.engines import run_engine
from dosimetry.dose.kernel_engine import convolve
from dosimetry.dose.nuclide_kernel import nuclide_kernel
from dosimetry.dose.photon_response import photon_response_by_material
from dosimetry.dose.voxel_kernel import mirrored, voxel_kernel
from dosimetry.errors import CalculationCancelledError, GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.physics.materials import MATERIAL_NAMES
from dosimetry.volume import Grid, Volume
from tests.phantoms.point_kernels import electron_table, photon_table

SPACING = (4.0, 4.0, 4.0)
Y90 = get_nuclide("Y-90")


@pytest.fixture(scope="module")
def kernel():
    emissions = get_emissions("I-131")
    point = nuclide_kernel(emissions, electron_kernel_table=electron_table(), photon_kernel_table=photon_table())
    return voxel_kernel(emissions, spacing_xyz_mm=SPACING, density_g_per_ml=1.04, kernel=point)


@pytest.fixture(scope="module")
def backend():
    return fft_backend("cpu")


def grid(shape):
    return Grid(shape_zyx=shape, spacing_xyz_mm=SPACING, origin_lps_mm=(0.0, 0.0, 0.0))


def sphere_tia(shape=(21, 22, 23), radius=4.0):
    place = np.indices(shape) - np.array([[[[n // 2]]] for n in shape])
    inside = (place**2).sum(axis=0) <= radius**2
    return Volume(values=inside.astype(np.float32) * np.float32(1e9), grid=grid(shape), unit="Bq s")


def density_map(shape, value=1.04):
    return np.full(shape, value, dtype=np.float32)


def test_wrapped_kernel_has_its_centre_at_index_zero():
    octant = np.random.default_rng(0).random((2, 3, 4))
    laid = wrapped_kernel(octant, (5, 7, 9))
    rolled = np.roll(laid, (1, 2, 3), axis=(0, 1, 2))[:3, :5, :7]
    assert np.array_equal(rolled, mirrored(octant))
    assert laid.sum() == pytest.approx(mirrored(octant).sum(), rel=1e-14)


@pytest.mark.parametrize("octant_shape", [(1, 1, 1), (2, 3, 4), (9, 9, 9), (30, 2, 2)])
def test_spectrum_equals_direct_convolution(backend, octant_shape):
    random = np.random.default_rng(1)
    values, octant = random.random((9, 8, 7)), random.random(octant_shape)
    found = MapSpectrum(values, reach=[n - 1 for n in octant_shape], backend=backend).convolved(octant)
    exact = direct_convolution(values, mirrored(octant), mode="constant", cval=0.0)
    assert found == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("place", [(0, 0, 0), (20, 21, 22), (10, 3, 17)])
def test_impulse_gives_the_kernel_centred_on_its_voxel(kernel, place):
    impulse = np.zeros((21, 22, 23))
    impulse[place] = 1.0
    dose = convolve(impulse, kernel, device="cpu")
    offsets = [np.abs(np.arange(n) - i) for n, i in zip(impulse.shape, place, strict=True)]
    inside = np.ix_(*[axis < n for axis, n in zip(offsets, kernel.electrons.shape, strict=True)])
    expected = np.zeros_like(impulse)
    expected[inside] = kernel.electrons[
        np.ix_(*[a[a < n] for a, n in zip(offsets, kernel.electrons.shape, strict=True)])
    ]
    # Nothing at the other end of the grid either: an impulse at a corner would wrap round.
    assert dose.electrons_gy == pytest.approx(expected, abs=1e-6 * float(kernel.electrons.max()))
    assert np.unravel_index(np.argmax(dose.photons_gy), impulse.shape) == place


def test_single_precision_against_double(kernel):
    tia = sphere_tia().values
    single, double = convolve(tia, kernel, device="cpu"), convolve(tia.astype(np.float64), kernel, device="cpu")
    assert single.electrons_gy.dtype == np.float32
    for part in ("electrons_gy", "photons_gy"):
        exact = getattr(double, part)
        # 1e-4 of the maximum is allowed.
        assert getattr(single, part) == pytest.approx(exact, abs=1e-5 * float(exact.max()))


def test_electrons_against_scipy_in_double_precision(kernel):
    tia = sphere_tia().values.astype(np.float64)
    exact = fftconvolve(tia, mirrored(kernel.electrons.astype(np.float64)), mode="same")
    found = convolve(tia, kernel, with_photons=False, device="cpu")
    assert found.electrons_gy == pytest.approx(exact, abs=1e-10 * float(exact.max()))
    assert not found.photons_gy.any()


def test_coarse_photons_against_a_fine_kernel():
    """All photons on the fine grid (a window beyond the grid) are the truth for the two-grid sum."""
    emissions = get_emissions("I-131")
    point = nuclide_kernel(emissions, electron_kernel_table=electron_table(), photon_kernel_table=photon_table())
    kernel = voxel_kernel(emissions, spacing_xyz_mm=SPACING, density_g_per_ml=1.04, kernel=point)
    tia = sphere_tia((25, 25, 25), radius=3.0).values.astype(np.float64)
    edges, energy = point.all_photons.edges_mm / 1.04, point.all_photons.energy_kev
    middle = 0.5 * (edges[1:] + edges[:-1])
    density = energy / np.diff(edges) / (4.0 * np.pi * middle**2)
    z, y, x = np.indices(tia.shape)
    sources = np.argwhere(tia > 0.0)
    gy_per_kev = 1.602176634e-13 / kernel.voxel_mass_g
    volume_mm3 = float(np.prod(SPACING))
    found = convolve(tia, kernel, device="cpu").photons_gy
    for place in ((12, 12, 0), (0, 0, 0), (12, 20, 12), (24, 3, 12)):
        distances = np.sqrt(((sources - np.array(place)) ** 2).sum(axis=1)) * SPACING[0]
        values = np.exp(np.interp(np.log(distances), np.log(middle), np.log(density)))
        expected = float(tia[tuple(sources.T)] @ values) * volume_mm3 * gy_per_kev
        # Point values instead of voxel means at five voxels and more, and coarse sharing: each below 1 %.
        assert found[place] == pytest.approx(expected, rel=0.015)
    assert z.shape == y.shape == x.shape


@pytest.mark.parametrize("factors", [(2, 2, 2), (3, 2, 4), (5, 1, 3)])
def test_sharing_keeps_sum_and_centre(backend, factors):
    values = np.zeros((41, 28, 29))
    place = (20, 13, 15)
    values[place] = 2.0
    octant = np.random.default_rng(3).random((3, 2, 2))
    spread = convolve_far(values, octant, coarsening_zyx=factors, backend=backend)
    assert spread.shape == values.shape
    # A coarse voxel reads the energy of its own volume, so that the sum grows by the fine voxels in it.
    assert spread.sum() == pytest.approx(2.0 * mirrored(octant).sum() * np.prod(factors), rel=1e-12)
    for axis, index in enumerate(place):
        weights = spread.sum(axis=tuple(i for i in range(3) if i != axis))
        assert weights @ np.arange(weights.size) / weights.sum() == pytest.approx(index, abs=1e-9)


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_each_fine_voxel_lies_between_two_coarse_centres(factor):
    for i, (first, share) in enumerate(coarse_share(factor)):
        assert 0.0 <= share < 1.0
        assert (first + share - 0.5) * factor - 0.5 == pytest.approx(i, abs=1e-12)


@pytest.mark.parametrize("device", ["cpu", "torch_cpu"])
def test_backends_agree(kernel, device):
    tia = sphere_tia().values
    reference = convolve(tia.astype(np.float64), kernel, device="cpu")
    found = convolve(tia, kernel, device=device)
    for part in ("electrons_gy", "photons_gy"):
        exact = getattr(reference, part)
        assert getattr(found, part) == pytest.approx(exact, abs=1e-5 * float(exact.max()))


def test_unknown_device_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        fft_backend("abacus")
    assert caught.value.code == "unknown_device"


def test_engine_in_uniform_tissue_closes_energy():
    tia = sphere_tia()
    result = run_engine("kernel", tia_bq_s=tia, density_g_per_ml=1.04, nuclide=Y90)
    balance = result.energy_balance
    # All electrons stay in the grid; bremsstrahlung leaves it: 0.2 to 0.5 % of the energy of Y-90.
    assert balance["deposited_j"] / balance["emitted_j"] == pytest.approx(0.995, abs=0.004)
    mass_kg = 1.04 * tia.grid.voxel_volume_ml * 1e-3
    from_dose = float(result.dose.values.sum(dtype=np.float64)) * mass_kg
    assert from_dose == pytest.approx(balance["deposited_j"], rel=1e-5)
    assert result.photon_dose is not None
    assert float(result.photon_dose.values.max()) < 0.02 * float(result.dose.values.max())
    assert result.relative_standard_uncertainty is None
    assert result.provenance["engine"] == "kernel"
    assert len(result.provenance["kernel_digest"]) == 64


def test_dose_is_linear_in_activity():
    tia = sphere_tia()
    once = run_engine("kernel", tia_bq_s=tia, density_g_per_ml=1.04, nuclide=Y90).dose.values
    twice = run_engine(
        "kernel", tia_bq_s=tia.with_values(2.0 * tia.values), density_g_per_ml=1.04, nuclide=Y90
    ).dose.values
    assert twice == pytest.approx(2.0 * once, abs=2e-6 * float(twice.max()))


def test_only_electrons_scale_with_density():
    shape = (21, 22, 23)
    tia = sphere_tia(shape)
    density = density_map(shape)
    density[:, :, 11:] = 0.26
    results = {
        name: run_engine(
            name, tia_bq_s=tia, density_g_per_ml=Volume(values=density, grid=grid(shape), unit="g/mL"), nuclide=Y90
        )
        for name in ("kernel", "kernel_unscaled")
    }
    electrons = {name: r.dose.values - r.photon_dose.values for name, r in results.items()}
    tissue, lung = (10, 11, 9), (10, 11, 13)
    assert electrons["kernel"][tissue] == pytest.approx(electrons["kernel_unscaled"][tissue], rel=1e-5)
    assert electrons["kernel"][lung] / electrons["kernel_unscaled"][lung] == pytest.approx(1.04 / 0.26, rel=1e-5)
    # Photons: lung and tissue have nearly the same elements.
    ratio = results["kernel"].photon_dose.values[lung] / results["kernel_unscaled"].photon_dose.values[lung]
    assert ratio == pytest.approx(1.0, abs=0.03)


def test_photons_take_the_response_of_the_material():
    response = dict(zip(MATERIAL_NAMES, photon_response_by_material(get_emissions("Lu-177")), strict=True))
    assert response["soft_tissue"] == 1.0
    # mu_en/rho of bone over tissue: 3.3 at 60 keV, 1.5 at 100 keV, 1.03 at 200 keV (NIST), energy-weighted.
    assert 1.2 < response["cortical_bone"] < 1.7
    assert response["lung"] == pytest.approx(1.0, abs=0.02)
    # 511 keV quanta are absorbed in proportion to electrons, 0.96 of tissue in bone.
    annihilation = dict(zip(MATERIAL_NAMES, photon_response_by_material(get_emissions("F-18")), strict=True))
    assert annihilation["cortical_bone"] == pytest.approx(0.95, abs=0.02)


def test_air_is_masked_and_named():
    shape = (21, 22, 23)
    density = density_map(shape)
    density[:, :, :11] = 0.0012
    result = run_engine(
        "kernel",
        tia_bq_s=sphere_tia(shape),
        density_g_per_ml=Volume(values=density, grid=grid(shape), unit="g/mL"),
        nuclide=Y90,
    )
    assert np.all(result.dose.values[:, :, :11] == 0.0)
    assert np.all(np.isfinite(result.dose.values))
    assert "air" in result.warnings[0]
    assert result.energy_balance["masked_j"] > 0.0


@pytest.mark.parametrize(("lung_g_per_ml", "is_warned"), [(0.26, True), (0.95, False)])
def test_activity_in_lung_is_named(lung_g_per_ml, is_warned):
    shape = (21, 22, 23)
    density = density_map(shape)
    density[:, :, 11:] = lung_g_per_ml
    medium = Volume(values=density, grid=grid(shape), unit="g/mL")
    warnings = run_engine("kernel", tia_bq_s=sphere_tia(shape), density_g_per_ml=medium, nuclide=Y90).warnings
    assert any("full_mc" in text for text in warnings) == is_warned


@pytest.mark.parametrize("engine", ["kernel", "kernel_unscaled"])
@pytest.mark.parametrize(
    ("density", "code"), [(0.0, "bad_density"), (float("nan"), "bad_density"), (-1.0, "bad_density")]
)
def test_density_that_is_none_is_refused(engine, density, code):
    with pytest.raises(InvalidInputError) as caught:
        run_engine(engine, tia_bq_s=sphere_tia(), density_g_per_ml=density, nuclide=Y90)
    assert caught.value.code == code


def test_density_map_with_a_hole_or_elsewhere_is_refused():
    shape = (21, 22, 23)
    density = density_map(shape)
    density[3, 3, 3] = np.nan
    with pytest.raises(InvalidInputError) as caught:
        run_engine(
            "kernel",
            tia_bq_s=sphere_tia(shape),
            density_g_per_ml=Volume(values=density, grid=grid(shape), unit="g/mL"),
            nuclide=Y90,
        )
    assert caught.value.code == "bad_density"
    elsewhere = Grid(shape_zyx=shape, spacing_xyz_mm=SPACING, origin_lps_mm=(50.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatchError):
        run_engine(
            "kernel",
            tia_bq_s=sphere_tia(shape),
            density_g_per_ml=Volume(values=density_map(shape), grid=elsewhere, unit="g/mL"),
            nuclide=Y90,
        )


def test_voxels_out_of_range_are_refused():
    small = Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(0.1, 0.1, 0.1), origin_lps_mm=(0.0, 0.0, 0.0))
    tia = Volume(values=np.ones((4, 4, 4), dtype=np.float32), grid=small, unit="Bq s")
    with pytest.raises(InvalidInputError) as caught:
        run_engine("kernel", tia_bq_s=tia, density_g_per_ml=1.0, nuclide=Y90)
    assert caught.value.code == "voxel_size_out_of_range"


def test_unknown_option_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        run_engine("kernel", tia_bq_s=sphere_tia(), density_g_per_ml=1.0, nuclide=Y90, options={"sede": 1})
    assert caught.value.code == "unknown_option"


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_cancelled_run_leaves_no_dose(after):
    asked = []

    def is_cancelled():
        asked.append(1)
        return len(asked) > after

    with pytest.raises(CalculationCancelledError) as caught:
        run_engine("kernel", tia_bq_s=sphere_tia(), density_g_per_ml=1.04, nuclide=Y90, is_cancelled=is_cancelled)
    assert caught.value.code == "cancelled"


def test_progress_rises_to_one():
    seen = []
    run_engine(
        "kernel",
        tia_bq_s=sphere_tia(),
        density_g_per_ml=1.04,
        nuclide=Y90,
        progress=lambda fraction, text: seen.append((fraction, text)),
    )
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(text for _, text in seen)


def test_input_is_left_as_it_was():
    tia = sphere_tia()
    before = tia.values.copy()
    run_engine("kernel", tia_bq_s=tia, density_g_per_ml=1.04, nuclide=Y90)
    assert np.array_equal(tia.values, before)


def test_default_medium_is_declared():
    assert kernel_engine.KERNEL_DENSITY_G_PER_ML == 1.04
