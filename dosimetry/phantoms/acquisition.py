"""A simulated SPECT acquisition: what a camera counts of known activity in a known body."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.dead_time import check_model
from dosimetry.quantification.dead_time_fit import observed_rate
from dosimetry.quantification.spect_settings import DeadTimeModel
from dosimetry.reconstruction.attenuation import BODY_G_PER_ML, mu_per_mm
from dosimetry.reconstruction.cameras import get_camera
from dosimetry.reconstruction.orbit import Orbit, body_contour_orbit
from dosimetry.reconstruction.projector import Projector
from dosimetry.reconstruction.scatter_mc import ScatterSettings, emitted_photons, simulate_scatter, to_detector_grid
from dosimetry.volume import Grid, block_mean, coarser_grid

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientShift:
    """A patient who moves once during a scan.

    Parameters
    ----------
    shift_lps_mm : (x, y, z) float
        Where everything goes, LPS mm.
    after_share : float
        Share of the scan's time before it, between 0 and 1: stops whose middle comes later see the moved patient.

    Raises
    ------
    InvalidInputError
        A shift that is not finite, or a share outside 0 to 1.
    """

    shift_lps_mm: tuple[float, float, float]
    after_share: float

    def __post_init__(self) -> None:
        if len(self.shift_lps_mm) != 3 or not np.all(np.isfinite(self.shift_lps_mm)):
            raise InvalidInputError(f"A shift needs x, y and z in mm; got {self.shift_lps_mm}.", code="bad_shift")
        if not 0.0 < self.after_share < 1.0:
            raise InvalidInputError(
                f"A patient moves at a share of the scan between 0 and 1; got {self.after_share}.", code="bad_shift"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerFaults:
    """What a scanner does to counts beyond resolution and scatter, as in ``ScanProtocol``; none unless asked for."""

    dead_time_s: float = 0.0
    dead_time_model: DeadTimeModel = "paralysable"
    penetration_share: float = 0.0
    penetration_fwhm_mm: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanProtocol:
    """How a scan is taken.

    Parameters
    ----------
    nuclide : str
        As ``Lu-177``.
    camera : str
        A name of ``CAMERAS``.
    imaged_kev : float
        Energy of the imaged line.
    windows_kev : tuple of (low, high)
        Energy windows, the photopeak first.
    n_views : int
        Views over 360 degrees, all heads together.
    n_heads : int
        Heads that count at the same time.
    view_duration_s : float
        Time at each stop.
    clearance_mm : float
        Air between body and collimator.
    dead_time_s : float
        Of a detector, for the counts of all windows; 0 for none.
    dead_time_model : {"paralysable", "non_paralysable"}
        How events that come during it change it.
    penetration_share, penetration_fwhm_mm : float
        Septal penetration, as in ``Collimator``.
    fine_per_pixel : int
        Voxels of the simulation along a detector pixel.
    scatter_histories : int
        Photons of the scatter simulation; 0 leaves scatter out.
    shift : PatientShift or None
        Movement during the scan; None for a patient who lies still.
    """

    nuclide: str
    camera: str
    imaged_kev: float
    windows_kev: tuple[tuple[float, float], ...]
    n_views: int = 60
    n_heads: int = 2
    view_duration_s: float = 20.0
    clearance_mm: float = 15.0
    dead_time_s: float = 0.0
    dead_time_model: DeadTimeModel = "paralysable"
    penetration_share: float = 0.0
    penetration_fwhm_mm: float = 0.0
    fine_per_pixel: int = 2
    scatter_histories: int = 300_000
    shift: PatientShift | None = None

    def __post_init__(self) -> None:
        if self.n_views < 2 or self.n_heads < 1 or self.n_views % self.n_heads:
            raise InvalidInputError(
                f"{self.n_views} views cannot be shared by {self.n_heads} heads.", code="bad_protocol"
            )
        if not (self.view_duration_s > 0.0 and self.clearance_mm >= 0.0 and self.dead_time_s >= 0.0):
            raise InvalidInputError("Duration, clearance and dead time cannot be below zero.", code="bad_protocol")
        check_model(self.dead_time_model)
        if self.fine_per_pixel < 1:
            raise InvalidInputError("A pixel holds at least one voxel of the simulation.", code="bad_protocol")

    @property
    def duration_s(self) -> float:
        """Return the time from the first to the last view, s."""
        return self.view_duration_s * self.n_views / self.n_heads

    @property
    def calibration_cps_per_bq(self) -> float:
        """Return the true sensitivity of one head in the photopeak window, cps/Bq."""
        photons = emitted_photons(self.nuclide, imaged_kev=self.imaged_kev, photopeak_kev=self.windows_kev[0])
        return get_camera(self.camera).sensitivity_cps_per_bq(
            energy_kev=self.imaged_kev, photon_yield=photons.imaged_yield, window_kev=self.windows_kev[0]
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acquisition:
    """The counts of a simulated scan.

    Parameters
    ----------
    counts : (n_windows, n_views, n_z, n_columns) float32 array
        Whole numbers with noise, expected values without; the first row is the lowest.
    orbit : Orbit
        Angles and radii.
    expected_primary, expected_scatter : (n_views, n_z, n_columns) float32 arrays
        Of the photopeak window, without noise and dead time.
    live_shares : (n_views,) float64 array
        Share of the counts of each view that dead time left.
    """

    counts: Float32Array
    orbit: Orbit
    expected_primary: Float32Array
    expected_scatter: Float32Array
    live_shares: NDArray[np.float64]


def acquire(
    *,
    activity_bq_per_ml: NDArray[Any],
    density_g_per_ml: NDArray[Any],
    grid: Grid,
    protocol: ScanProtocol,
    seed: int | None,
) -> Acquisition:
    """Simulate a scan of activity that stands at its value at mid-acquisition.

    Primary photons: attenuation, resolution by depth, septal penetration. Scatter: Monte Carlo in the density. Each
    view counts with the decay to its time, then dead time and Poisson noise. A patient who moves is seen at the new
    place by all later stops; the orbit is that of the body before.

    Parameters
    ----------
    activity_bq_per_ml, density_g_per_ml : (n_z, n_y, n_x) arrays
        On the fine grid of the simulation, ``fine_per_pixel`` voxels along a pixel; Bq/mL and g/mL.
    grid : Grid
        Fine voxels, square in x and y, the axis of rotation in their middle.
    protocol : ScanProtocol
        How the scan is taken.
    seed : int or None
        Of noise and scatter; None gives expected counts (scatter with seed 1).

    Returns
    -------
    Acquisition
        Counts on pixels of ``fine_per_pixel`` voxels.

    Raises
    ------
    GeometryMismatchError
        Sizes that ``fine_per_pixel`` does not divide.
    """
    n = protocol.fine_per_pixel
    if any(size % n for size in grid.shape_zyx):
        raise GeometryMismatchError(f"The grid {grid.shape_zyx} is not a whole number of pixels of {n} voxels.")
    density = np.asarray(density_g_per_ml, dtype=np.float32)
    orbit = body_contour_orbit(
        density > BODY_G_PER_ML,
        spacing_mm=grid.spacing_xyz_mm[0],
        n_views=protocol.n_views,
        clearance_mm=protocol.clearance_mm,
    )
    factors = _counts_per_bq(protocol)
    primary, scatter = _seen(activity_bq_per_ml, density, grid, orbit, protocol, seed=seed)
    camera = get_camera(protocol.camera)
    shares = np.array([float(camera.window_share(protocol.imaged_kev, window)) for window in protocol.windows_kev])
    expected = ((shares / shares[0])[:, None, None, None] * primary + scatter) * factors[:, None, None]
    live = _live_shares(expected, protocol)
    counts = expected * live.astype(np.float32)[:, None, None]
    if seed is not None:
        counts = np.random.default_rng([seed, 77]).poisson(counts)
    return Acquisition(
        counts=np.asarray(counts, dtype=np.float32),
        orbit=orbit,
        expected_primary=np.asarray(primary * factors[:, None, None], dtype=np.float32),
        expected_scatter=np.asarray(scatter[0] * factors[:, None, None], dtype=np.float32),
        live_shares=live,
    )


def _seen(
    activity: NDArray[Any], density: Float32Array, grid: Grid, orbit: Orbit, protocol: ScanProtocol, *, seed: int | None
) -> tuple[Float32Array, Float32Array]:
    """Return primary photons of the views and scattered ones of windows and views, in Bq; later stops see the shift."""
    primary = _primary(activity, density, grid, orbit, protocol)
    scatter = _scatter(activity, density, grid, orbit, protocol, seed=seed)
    shift = protocol.shift
    if shift is None:
        return primary, scatter
    moved, moved_density = (_shifted(values, grid, shift.shift_lps_mm) for values in (activity, density))
    per_head = protocol.n_views // protocol.n_heads
    is_late = (np.arange(protocol.n_views) % per_head + 0.5) / per_head > shift.after_share
    primary[is_late] = _primary(moved, moved_density, grid, orbit, protocol)[is_late]
    scatter[:, is_late] = _scatter(moved, moved_density, grid, orbit, protocol, seed=seed)[:, is_late]
    return primary, scatter


def _shifted(values: NDArray[Any], grid: Grid, shift_lps_mm: tuple[float, float, float]) -> Float32Array:
    """Return an array moved along its axes by straight lines between voxels; its borders go on beyond them."""
    voxels = np.asarray(shift_lps_mm)[::-1] / np.asarray(grid.spacing_xyz_mm)[::-1]
    return np.asarray(ndimage.shift(np.asarray(values, dtype=np.float32), voxels, order=1, mode="nearest"))


def _counts_per_bq(protocol: ScanProtocol) -> Float32Array:
    """Return counts per Bq of each view: heads count together, each stop at its own time after the middle."""
    per_head = protocol.n_views // protocol.n_heads
    stop = np.arange(protocol.n_views) % per_head
    times_s = (stop + 0.5 - 0.5 * per_head) * protocol.view_duration_s
    decay = np.exp(-get_nuclide(protocol.nuclide).decay_constant_per_s * times_s)
    return np.asarray(protocol.calibration_cps_per_bq * protocol.view_duration_s * decay, dtype=np.float32)


def _primary(
    activity: NDArray[Any], density: Float32Array, grid: Grid, orbit: Orbit, protocol: ScanProtocol
) -> Float32Array:
    """Return unscattered photons in Bq on detector pixels."""
    collimator = get_camera(protocol.camera).collimator(
        protocol.imaged_kev,
        penetration_share=protocol.penetration_share,
        penetration_fwhm_mm=protocol.penetration_fwhm_mm,
    )
    projector = Projector(
        grid=grid,
        orbit=orbit,
        collimator=collimator,
        mu_per_mm=mu_per_mm(density, energy_kev=protocol.imaged_kev, has_coherent=True),
    )
    n = protocol.fine_per_pixel
    views = projector.forward(np.asarray(activity, dtype=np.float32))
    n_views, n_z, n_u = views.shape
    return np.asarray(views.reshape(n_views, n_z // n, n, n_u // n, n).sum(axis=(2, 4)))


def _scatter(
    activity: NDArray[Any], density: Float32Array, grid: Grid, orbit: Orbit, protocol: ScanProtocol, *, seed: int | None
) -> Float32Array:
    """Return scattered photons of every window in Bq on detector pixels: simulated on voxels of two pixels."""
    n = protocol.fine_per_pixel
    n_z, _, n_u = (size // n for size in grid.shape_zyx)
    if protocol.scatter_histories == 0:
        return np.zeros((len(protocol.windows_kev), orbit.n_views, n_z, n_u), dtype=np.float32)
    coarse = coarser_grid(grid, 2 * n)
    scatter = simulate_scatter(
        activity_bq_per_ml=block_mean(activity, 2 * n),
        density_g_per_ml=block_mean(density, 2 * n, is_edge_repeated=True),
        grid=coarse,
        orbit=orbit,
        camera=get_camera(protocol.camera),
        photons=emitted_photons(
            protocol.nuclide, imaged_kev=protocol.imaged_kev, photopeak_kev=protocol.windows_kev[0]
        ),
        windows_kev=protocol.windows_kev,
        photopeak_kev=protocol.windows_kev[0],
        settings=ScatterSettings(n_histories=protocol.scatter_histories, seed=1 if seed is None else seed),
    )
    return to_detector_grid(scatter, factor=2)[:, :, :n_z, :n_u]


def _live_shares(expected: NDArray[Any], protocol: ScanProtocol) -> NDArray[np.float64]:
    """Return observed over true counts of each view, from its rate in all windows: the inverse of what undoes it."""
    rates_cps = expected.sum(axis=(0, 2, 3), dtype=np.float64) / protocol.view_duration_s
    observed_cps = observed_rate(rates_cps, dead_time_s=protocol.dead_time_s, model=protocol.dead_time_model)
    return np.asarray(np.divide(observed_cps, rates_cps, out=np.ones_like(rates_cps), where=rates_cps > 0.0))
