"""Scatter of every view against an independent analog Monte Carlo, and triple-energy-window on it."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.emissions import get_emissions
from dosimetry.physics.cross_sections import photon_table
from dosimetry.reconstruction.attenuation import mu_per_mm
from dosimetry.reconstruction.cameras import Camera, get_camera
from dosimetry.reconstruction.orbit import circular_orbit
from dosimetry.reconstruction.projector import Projector
from dosimetry.reconstruction.scatter_mc import EmittedPhotons, ScatterSettings, simulate_scatter, to_detector_grid
from dosimetry.volume import Grid

RADIUS_MM, HALF_LENGTH_MM = 100.0, 100.0
SUB, N, SPACING_MM = 4, 32, 8.0
GRID = Grid(shape_zyx=(N, N, N), spacing_xyz_mm=(SPACING_MM,) * 3, origin_lps_mm=(0.0, 0.0, 0.0))
ORBIT = circular_orbit(n_views=8, radius_mm=130.0)
BAND = 0.1
"""Photons of the analog run count when they leave within this cosine of a transverse plane."""


def phantom() -> np.ndarray:
    """Share of each voxel in a water cylinder."""
    z, y, x = (np.mgrid[: N * SUB, : N * SUB, : N * SUB] - 0.5 * (N * SUB - 1)) * (SPACING_MM / SUB)
    inside = (np.hypot(x, y) <= RADIUS_MM) & (np.abs(z) <= HALF_LENGTH_MM)
    return inside.reshape(N, SUB, N, SUB, N, SUB).mean(axis=(1, 3, 5))


def forced(camera: Camera, photons: EmittedPhotons, windows, photopeak, **settings) -> tuple[np.ndarray, float]:
    """Return the scatter of each window and the primary counts, all per emitted Bq and view."""
    activity = phantom()
    density = np.maximum(activity, 0.00121)
    scatter = simulate_scatter(
        activity_bq_per_ml=activity,
        density_g_per_ml=density,
        grid=GRID,
        orbit=ORBIT,
        camera=camera,
        photons=photons,
        windows_kev=windows,
        photopeak_kev=photopeak,
        settings=ScatterSettings(n_histories=100_000, **settings),
    )
    projector = Projector(
        grid=GRID,
        orbit=ORBIT,
        collimator=camera.collimator(photons.imaged_kev),
        mu_per_mm=mu_per_mm(density, energy_kev=photons.imaged_kev, has_coherent=True),
    )
    per_view = activity.sum() * GRID.voxel_volume_ml * ORBIT.n_views
    return scatter.sum(axis=(1, 2, 3)) / per_view, float(projector.forward(activity).sum()) / per_view


class AnalogCylinder:
    """Photons followed one by one through water, counted when they leave near a transverse plane."""

    def __init__(self, *, energy_kev: float, n_photons: int, seed: int) -> None:
        self.table = photon_table("water")
        self.generator = np.random.default_rng(seed)
        radius = RADIUS_MM * np.sqrt(self.generator.random(n_photons))
        azimuth = 2.0 * np.pi * self.generator.random(n_photons)
        z = self.generator.uniform(-HALF_LENGTH_MM, HALF_LENGTH_MM, n_photons)
        self.place = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], axis=1)
        cosine = self.generator.uniform(-1.0, 1.0, n_photons)
        self.direction = self._turned(np.tile([0.0, 0.0, 1.0], (n_photons, 1)), cosine)
        self.energy = np.full(n_photons, energy_kev)
        self.order = np.zeros(n_photons, dtype=int)
        self.n_photons = n_photons

    def run(self, lowest_kev: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the energies and orders of the photons that were counted."""
        energies, orders = [], []
        while self.energy.size:
            path = -np.log(self.generator.random(self.energy.size)) / (0.1 * self.table.at(self.energy))
            place = self.place + self.direction * path[:, None]
            leaves = (np.hypot(place[:, 0], place[:, 1]) > RADIUS_MM) | (np.abs(place[:, 2]) > HALF_LENGTH_MM)
            counted = leaves & (np.abs(self.direction[:, 2]) < BAND)
            energies.append(self.energy[counted])
            orders.append(self.order[counted])
            self._keep(~leaves, place)
            self._scatter(lowest_kev)
        return np.concatenate(energies), np.concatenate(orders)

    def _keep(self, keep: np.ndarray, place: np.ndarray) -> None:
        self.place, self.direction = place[keep], self.direction[keep]
        self.energy, self.order = self.energy[keep], self.order[keep]

    def _scatter(self, lowest_kev: float) -> None:
        draw = self.generator.random(self.energy.size) * self.table.at(self.energy)
        incoherent = self.table.at(self.energy, "incoherent")
        is_compton = draw < incoherent
        is_coherent = ~is_compton & (draw < incoherent + self.table.at(self.energy, "rayleigh"))
        cosine = np.ones(self.energy.size)
        cosine[is_compton] = self._compton_cosine(self.energy[is_compton])
        cosine[is_coherent] = self._coherent_cosine(self.energy[is_coherent])
        after = np.where(is_compton, self.energy / (1.0 + self.energy / 510.999 * (1.0 - cosine)), self.energy)
        self.direction, self.energy, self.order = self._turned(self.direction, cosine), after, self.order + 1
        self._keep((is_compton | is_coherent) & (after > lowest_kev), self.place)

    def _compton_cosine(self, energy: np.ndarray) -> np.ndarray:
        """Reject from a uniform cosine with Klein-Nishina times S(x)."""
        cosine, left = np.empty(energy.size), np.arange(energy.size)
        x, s = self.table.momentum_transfer_per_angstrom, self.table.incoherent_function_per_g
        while left.size:
            tried = self.generator.uniform(-1.0, 1.0, left.size)
            p = 1.0 / (1.0 + energy[left] / 510.999 * (1.0 - tried))
            shape = 0.5 * p * p * (p + 1.0 / p - 1.0 + tried * tried)
            at = energy[left] * np.sqrt(0.5 * (1.0 - tried)) / 12.39841984
            taken = self.generator.random(left.size) < shape * np.interp(at, x, s) / s.max()
            cosine[left[taken]] = tried[taken]
            left = left[~taken]
        return cosine

    def _coherent_cosine(self, energy: np.ndarray) -> np.ndarray:
        """Reject from a density that falls with the momentum transfer: x^2 is uniform under F^2, then 1 + cos^2."""
        cosine, left = np.empty(energy.size), np.arange(energy.size)
        x, f2 = self.table.momentum_transfer_per_angstrom, self.table.form_factor_squared_per_g
        squares = np.linspace(0.0, 1.0, 20_001) ** 3 * x[-1] ** 2
        values = np.interp(np.sqrt(squares), x, f2)
        cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(squares))])
        while left.size:
            highest = np.interp((energy[left] / 12.39841984) ** 2, squares, cumulative)
            square = np.interp(self.generator.random(left.size) * highest, cumulative, squares)
            tried = 1.0 - 2.0 * square / (energy[left] / 12.39841984) ** 2
            taken = self.generator.random(left.size) < 0.5 * (1.0 + tried * tried)
            cosine[left[taken]] = tried[taken]
            left = left[~taken]
        return cosine

    def _turned(self, direction: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        azimuth = 2.0 * np.pi * self.generator.random(cosine.size)
        helper = np.where(np.abs(direction[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
        first = np.cross(direction, helper)
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        across = np.cos(azimuth)[:, None] * first + np.sin(azimuth)[:, None] * np.cross(direction, first)
        return cosine[:, None] * direction + np.sqrt(1.0 - cosine**2)[:, None] * across


@pytest.mark.parametrize(
    ("name", "energy_kev", "photopeak", "window"),
    [
        ("Symbia LEHR", 140.5, (126.5, 154.6), (126.5, 154.6)),
        ("Symbia ME", 208.4, (187.2, 228.8), (187.2, 228.8)),
        ("Symbia ME", 208.4, (187.2, 228.8), (166.4, 187.2)),
    ],
)
def test_scatter_agrees_with_photons_followed_one_by_one(name, energy_kev, photopeak, window):
    camera = get_camera(name)
    photons = EmittedPhotons(energies_kev=np.array([energy_kev]), yields=np.ones(1), imaged_kev=energy_kev)
    scatter, primary = forced(camera, photons, (window,), photopeak)
    energies, orders = AnalogCylinder(energy_kev=energy_kev, n_photons=400_000, seed=5).run(window[0] - 30.0)
    detected = camera.window_share(energies, window) * camera.crystal_efficiency(energies)
    imaged = float(camera.window_share(energy_kev, photopeak) * camera.crystal_efficiency(energy_kev))
    per_photon = 400_000 * BAND * imaged
    analog_scatter = detected[orders > 0].sum() / per_photon
    # 3,000 counted photons: 1.8 % (1 sd); the forced run 1 %; voxels of 8 mm and the band of angles 1 to 2 %.
    assert scatter[0] == pytest.approx(analog_scatter, rel=0.07)
    analog_primary = np.count_nonzero(orders == 0) / (400_000 * BAND)
    assert primary == pytest.approx(analog_primary, rel=0.04)


def test_triple_energy_window_recovers_the_primary_counts_of_lutetium():
    camera = get_camera("Symbia ME")
    emissions = get_emissions("Lu-177")
    photons = EmittedPhotons(
        energies_kev=emissions.photon_energies_kev, yields=emissions.photon_yields, imaged_kev=208.4
    )
    windows = ((187.2, 228.8), (166.4, 187.2), (228.8, 249.6))
    scatter, primary = forced(camera, photons, windows, windows[0])
    shares = np.array([float(camera.window_share(208.4, window)) for window in windows])
    counts = primary * shares / shares[0] + scatter
    widths = np.array([high - low for low, high in windows])
    estimate = 0.5 * widths[0] * (counts[1] / widths[1] + counts[2] / widths[2])
    # Ogawa et al. 1991 found primary counts within about 10 % of the truth; scatter alone is over-estimated by 8 %.
    assert counts[0] - estimate == pytest.approx(primary, rel=0.05)
    assert 0.15 < scatter[0] / primary < 0.35


def test_the_same_seed_gives_the_same_counts():
    photons = EmittedPhotons(energies_kev=np.array([140.5]), yields=np.ones(1), imaged_kev=140.5)
    window = ((126.5, 154.6),)
    first, _ = forced(get_camera("Symbia LEHR"), photons, window, window[0])
    again, _ = forced(get_camera("Symbia LEHR"), photons, window, window[0])
    other, _ = forced(get_camera("Symbia LEHR"), photons, window, window[0], seed=2)
    assert first == again
    assert other == pytest.approx(first, rel=0.02)
    assert other != first


def test_finer_pixels_hold_the_same_counts():
    coarse = np.random.default_rng(1).random((2, 3, 8, 10)).astype(np.float32)
    fine = to_detector_grid(coarse, factor=2)
    assert fine.shape == (2, 3, 16, 20)
    # Straight lines between pixels move counts over the border of the image only.
    assert fine.sum() == pytest.approx(coarse.sum(), rel=0.02)


def run_with(**changes) -> None:
    window = (126.5, 154.6)
    arguments = {
        "activity_bq_per_ml": np.ones((4, 4, 4)),
        "density_g_per_ml": np.ones((4, 4, 4)),
        "grid": Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(8.0,) * 3, origin_lps_mm=(0.0, 0.0, 0.0)),
        "orbit": ORBIT,
        "camera": get_camera("Symbia LEHR"),
        "photons": EmittedPhotons(energies_kev=np.array([140.5]), yields=np.ones(1), imaged_kev=140.5),
        "windows_kev": (window,),
        "photopeak_kev": window,
    }
    simulate_scatter(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"activity_bq_per_ml": np.ones((4, 4, 5))}, GeometryMismatchError, "geometry_mismatch"),
        ({"activity_bq_per_ml": np.zeros((4, 4, 4))}, InvalidInputError, "bad_activity"),
        ({"activity_bq_per_ml": -np.ones((4, 4, 4))}, InvalidInputError, "bad_activity"),
        ({"windows_kev": ((300.0, 400.0),)}, InvalidInputError, "no_line"),
    ],
)
def test_what_cannot_be_simulated_is_refused(changes, error, code):
    with pytest.raises(error) as caught:
        run_with(**changes)
    assert caught.value.code == code


def test_a_line_that_the_nuclide_does_not_have_is_refused():
    photons = EmittedPhotons(energies_kev=np.array([140.5]), yields=np.ones(1), imaged_kev=364.0)
    with pytest.raises(InvalidInputError, match="364"):
        run_with(photons=photons)
