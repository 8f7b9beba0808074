"""Sphere model against closed forms, ellipsoids, refusals."""

import numpy as np
import pytest

from dosimetry.dose.nuclide_kernel import RadialEnergy, nuclide_kernel
from dosimetry.dose.spheres import SphereModel, absorbed_in_sphere_kev, ellipsoid_surface_mm2
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.units import KEV_PER_G_GY
from tests.phantoms.point_kernels import electron_table, photon_table


@pytest.fixture(scope="module")
def model():
    emissions = get_emissions("Lu-177")
    point = nuclide_kernel(emissions, electron_kernel_table=electron_table(), photon_kernel_table=photon_table())
    return SphereModel(emissions, density_g_per_ml=1.04, kernel=point)


@pytest.mark.parametrize("radius_mm", [0.5, 2.0, 10.0])
def test_energy_at_one_distance(radius_mm):
    """Energy in a thin shell at distance r: the share of pairs of points is 1 - 3r/4a + r^3/16a^3."""
    distance_mm = 0.8
    radial = RadialEnergy(
        edges_mm=np.array([0.0, distance_mm - 1e-6, distance_mm + 1e-6]), energy_kev=np.array([0.0, 7.0])
    )
    x = distance_mm / radius_mm
    expected = 7.0 * (1.0 - 0.75 * x + x**3 / 16.0)
    assert absorbed_in_sphere_kev(radial, radius_mm) == pytest.approx(expected, rel=1e-6)


def test_energy_beyond_the_diameter_is_lost():
    radial = RadialEnergy(edges_mm=np.array([0.0, 5.0, 6.0]), energy_kev=np.array([0.0, 7.0]))
    assert absorbed_in_sphere_kev(radial, 2.0) == 0.0


def test_exponential_photons_in_a_sphere():
    """Escape of exp(-mu r) from a sphere in closed form: 3/(4y) (1 - 1/2y^2 + (1/y + 1/2y^2) exp(-2y)), y = mu a."""
    mu_per_mm, radius_mm = 0.02, 30.0
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 1000.0, 4000)])
    radial = RadialEnergy(edges_mm=edges, energy_kev=-np.diff(np.exp(-mu_per_mm * edges)))
    y = mu_per_mm * radius_mm
    escape = 3.0 / (4.0 * y) * (1.0 - 1.0 / (2.0 * y**2) + (1.0 / y + 1.0 / (2.0 * y**2)) * np.exp(-2.0 * y))
    assert absorbed_in_sphere_kev(radial, radius_mm) == pytest.approx(1.0 - escape, rel=1e-5)


def test_absorbed_energy_rises_with_mass_and_stays_below_what_is_emitted(model):
    emissions = get_emissions("Lu-177")
    masses = np.geomspace(1e-4, 2e4, 301)
    found = [model.sphere(float(mass)) for mass in masses]
    for part, emitted in (("electron_kev", emissions.electron_energy_kev), ("photon_kev", emissions.photon_energy_kev)):
        energies = np.array([getattr(dose, part) for dose in found])
        assert np.all(np.diff(energies) >= 0.0)
        assert energies[-1] <= emitted
    largest = found[-1]
    assert largest.electron_kev == pytest.approx(emissions.electron_energy_kev, rel=5e-3)


@pytest.mark.parametrize("mass_g", [0.02, 1.7, 333.0])
def test_between_nodes(model, mass_g):
    # Twelve nodes in a decade.
    assert model.sphere(mass_g).s_gy_per_bq_s == pytest.approx(model.exact(mass_g).s_gy_per_bq_s, rel=1e-4)


def test_s_is_energy_over_mass(model):
    dose = model.sphere(10.0)
    assert dose.s_gy_per_bq_s == (dose.electron_kev + dose.photon_kev) * KEV_PER_G_GY / 10.0


def test_round_ellipsoid_is_a_sphere(model):
    radius_mm = 12.0
    mass_g = 4.0 / 3.0 * np.pi * radius_mm**3 * 1e-3 * 1.04
    round_one = model.ellipsoid(semi_axes_mm=(radius_mm,) * 3)
    assert round_one.mass_g == pytest.approx(mass_g, rel=1e-12)
    assert round_one.s_gy_per_bq_s == pytest.approx(model.exact(mass_g).s_gy_per_bq_s, rel=1e-6)
    flat = model.ellipsoid(semi_axes_mm=(6.0, 12.0, 24.0))
    assert flat.mass_g == pytest.approx(mass_g, rel=1e-12)
    assert flat.s_gy_per_bq_s < round_one.s_gy_per_bq_s


def test_electrons_that_leave_an_ellipsoid():
    """Random pairs in an ellipsoid of axes 1:2:3 against the sphere of equal surface per volume."""
    axes = np.array([3.0, 6.0, 9.0])
    random = np.random.default_rng(5)
    points = random.normal(size=(400_000, 3))
    points *= (random.random(400_000) ** (1.0 / 3.0) / np.linalg.norm(points, axis=1))[:, None]
    direction = random.normal(size=points.shape)
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    distance_mm = 0.5
    inside = (((points * axes + distance_mm * direction) / axes) ** 2).sum(axis=1) <= 1.0
    radial = RadialEnergy(
        edges_mm=np.array([0.0, distance_mm - 1e-6, distance_mm + 1e-6]), energy_kev=np.array([0.0, 1.0])
    )
    volume = 4.0 / 3.0 * np.pi * axes.prod()
    radius_mm = 3.0 * volume / ellipsoid_surface_mm2(tuple(axes))
    # 400 000 pairs: standard error 0.0004.
    assert absorbed_in_sphere_kev(radial, radius_mm) == pytest.approx(inside.mean(), abs=2e-3)


def test_surface_of_ellipsoids():
    assert ellipsoid_surface_mm2((2.0, 2.0, 2.0)) == pytest.approx(16.0 * np.pi, rel=1e-9)
    # Prolate, a = b = 1, c = 2: 2 pi (1 + 2 asin(e) / e), e^2 = 3/4.
    e = np.sqrt(0.75)
    assert ellipsoid_surface_mm2((1.0, 1.0, 2.0)) == pytest.approx(
        2.0 * np.pi * (1.0 + 2.0 / e * np.arcsin(e)), rel=1e-6
    )


@pytest.mark.parametrize("mass_g", [0.0, 1e-5, 1e5, float("nan")])
def test_mass_out_of_range_is_refused(model, mass_g):
    with pytest.raises(InvalidInputError) as caught:
        model.sphere(mass_g)
    assert caught.value.code == "mass_out_of_range"


def test_axes_and_density_are_checked(model):
    with pytest.raises(InvalidInputError) as caught:
        model.ellipsoid(semi_axes_mm=(1.0, 0.0, 1.0))
    assert caught.value.code == "bad_axes"
    with pytest.raises(InvalidInputError) as refused:
        SphereModel(get_emissions("Lu-177"), density_g_per_ml=float("nan"))
    assert refused.value.code == "bad_density"
