"""The projector: every count is kept, the transpose is exact, analytic objects come out."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.reconstruction.collimator import FWHM_PER_SIGMA, Collimator, gaussian_kernels
from dosimetry.reconstruction.orbit import Orbit, body_contour_orbit, circular_orbit
from dosimetry.reconstruction.projector import Projector
from dosimetry.reconstruction.rotation import rotation_weights
from dosimetry.volume import Grid

ME = Collimator(name="ME", hole_diameter_mm=2.94, effective_length_mm=38.9, intrinsic_fwhm_mm=3.1)


OBLONG = Grid(shape_zyx=(4, 8, 8), spacing_xyz_mm=(4.0, 5.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
WITH_TWO_GAPS = tuple(float(a) for a in range(0, 360, 6) if not 100 < a < 140 and not 200 < a < 230)


def grid(n: int = 32, *, spacing_mm: float = 6.0, n_z: int | None = None) -> Grid:
    return Grid(
        shape_zyx=(n_z or n, n, n), spacing_xyz_mm=(spacing_mm, spacing_mm, spacing_mm), origin_lps_mm=(0.0, 0.0, 0.0)
    )


def cylinder(shape: tuple[int, int, int], *, spacing_mm: float, radius_mm: float, sub: int = 6) -> np.ndarray:
    n_z, n_y, n_x = shape
    y, x = (np.arange(n * sub) - 0.5 * (n * sub - 1) for n in (n_y, n_x))
    inside = (y[:, None] ** 2 + x[None, :] ** 2) * (spacing_mm / sub) ** 2 <= radius_mm**2
    slice_ = inside.reshape(n_y, sub, n_x, sub).mean(axis=(1, 3))
    return np.repeat(slice_[None], n_z, axis=0).astype(np.float32)


@pytest.mark.parametrize("angle_deg", [0.0, 7.3, 45.0, 90.0, 123.4, 270.0])
def test_turning_keeps_every_count_and_a_uniform_slice(angle_deg):
    weights = rotation_weights(shape_yx=(40, 40), n_depths=40, n_columns=40, angle_deg=angle_deg)
    rows = np.add.reduceat(np.append(weights.shares, 0.0), weights.starts[:-1])
    rows[np.diff(weights.starts) == 0] = 0.0
    columns = np.bincount(weights.voxels, weights=weights.shares, minlength=1600)
    middle = np.s_[10:30, 10:30]
    # Only single precision separates the sums from 1.
    assert rows.reshape(40, 40)[middle] == pytest.approx(1.0, abs=2e-6)
    assert columns.reshape(40, 40)[middle] == pytest.approx(1.0, abs=2e-6)


@pytest.mark.parametrize(("angle_deg", "column"), [(0.0, 11), (90.0, 11), (180.0, 20), (270.0, 20)])
def test_a_view_is_seen_from_where_the_orbit_says(angle_deg, column):
    """A point at the front and the patient's left, from the back, the left, the front and the right."""
    projector = Projector(
        grid=grid(32, n_z=3), orbit=Orbit(angles_deg=(angle_deg, angle_deg + 180.0), radii_mm=(200.0, 200.0))
    )
    image = np.zeros(projector.grid.shape_zyx)
    image[1, 11, 20] = 1.0
    view = projector.forward(image)[0]
    # From behind, left is on the left; from the patient's left side, the front is on the left.
    assert np.unravel_index(np.argmax(view), view.shape) == (1, column)
    assert view.sum() == pytest.approx(projector.grid.voxel_volume_ml, rel=1e-6)


@pytest.mark.parametrize("penetration", [0.0, 0.3])
def test_back_projection_is_the_transpose(penetration):
    generator = np.random.default_rng(1)
    collimator = Collimator(
        name="HE",
        hole_diameter_mm=4.0,
        effective_length_mm=50.0,
        intrinsic_fwhm_mm=3.0,
        penetration_share=penetration,
        penetration_fwhm_mm=60.0,
    )
    shape = (9, 24, 24)
    projector = Projector(
        grid=Grid(shape_zyx=shape, spacing_xyz_mm=(5.0, 5.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0)),
        orbit=circular_orbit(n_views=11, radius_mm=150.0, start_deg=13.0),
        collimator=collimator,
        mu_per_mm=generator.uniform(0.0, 0.02, shape),
        counts_per_bq=tuple(generator.uniform(0.5, 2.0, 11)),
    )
    image = generator.random(shape)
    projections = generator.random(projector.projections_shape)
    left = float(np.sum(projector.forward(image).astype(float) * projections))
    right = float(np.sum(image * projector.back_project(projections).astype(float)))
    # Single precision in the same arithmetic on both ways.
    assert left == pytest.approx(right, rel=1e-6)


def test_a_cylinder_without_attenuation_projects_to_its_chords():
    spacing_mm, radius_mm = 4.0, 60.0
    projector = Projector(grid=grid(40, spacing_mm=spacing_mm, n_z=2), orbit=circular_orbit(n_views=7, radius_mm=300.0))
    image = cylinder(projector.grid.shape_zyx, spacing_mm=spacing_mm, radius_mm=radius_mm)
    views = projector.forward(image)
    edges = (np.arange(41) - 20.0) * spacing_mm
    clipped = np.clip(edges, -radius_mm, radius_mm)
    area = clipped * np.sqrt(radius_mm**2 - clipped**2) + radius_mm**2 * np.arcsin(clipped / radius_mm)
    expected_ml = np.diff(area) * spacing_mm / 1e3
    middle = np.abs(edges[:-1] + 2.0) < 0.75 * radius_mm
    for view in views:
        # The bar is 1 %; towards the rim the averaged border voxels smear the chord.
        assert view[0][middle] == pytest.approx(expected_ml[middle], rel=6e-3)


def test_a_uniform_attenuating_cylinder_has_the_analytic_centre_ray():
    spacing_mm, radius_mm, mu = 4.0, 80.0, 0.0136
    projector = Projector(
        grid=grid(48, spacing_mm=spacing_mm, n_z=1),
        orbit=circular_orbit(n_views=9, radius_mm=300.0),
        mu_per_mm=mu * cylinder((1, 48, 48), spacing_mm=spacing_mm, radius_mm=radius_mm),
    )
    views = projector.forward(cylinder((1, 48, 48), spacing_mm=spacing_mm, radius_mm=radius_mm))
    # Columns beside the axis: chord at 2 mm off the axis, integral of exp(-mu s) over it.
    chord_mm = 2.0 * np.sqrt(radius_mm**2 - (0.5 * spacing_mm) ** 2)
    expected = (1.0 - np.exp(-mu * chord_mm)) / mu * spacing_mm**2 / 1e3
    # Attenuation is taken from the middle of each cell: (mu h)^2 / 24 = 0.01 %; the sampled circle decides.
    assert views[:, 0, 23:25] == pytest.approx(expected, rel=5e-3)


def test_a_point_is_as_wide_as_the_collimator_says():
    projector = Projector(
        grid=grid(48, spacing_mm=3.0),
        orbit=Orbit(angles_deg=(0.0, 180.0), radii_mm=(180.0, 240.0)),
        collimator=ME,
    )
    image = np.zeros(projector.grid.shape_zyx)
    image[24, 24, 24] = 1.0
    z, u = (np.arange(48) - 24.0) * 3.0, (np.arange(48) - 23.0) * 3.0
    depth_mm = 0.5 * 3.0
    for view, distance_mm in zip(projector.forward(image), (180.0 - depth_mm, 240.0 + depth_mm), strict=True):
        sigma_mm = float(ME.fwhm_mm(distance_mm)) / FWHM_PER_SIGMA
        total = view.sum()
        for coordinate, axis in ((z, 1), (u, 0)):
            profile = view.sum(axis=axis) / total
            mean = profile @ coordinate
            # The kernel ends at 3.5 sigma, which takes 1.1 % off the variance.
            assert np.sqrt(profile @ (coordinate - mean) ** 2) == pytest.approx(sigma_mm, rel=0.01)


def test_narrow_kernels_keep_their_variance():
    sigmas = np.array([0.0, 0.2, 0.5, 0.6, 2.0])
    weights, radii = gaussian_kernels(sigmas)
    offsets = np.arange(weights.shape[1])
    total = weights[:, 0] + 2.0 * weights[:, 1:].sum(axis=1)
    variance = 2.0 * (weights * offsets**2).sum(axis=1)
    assert total == pytest.approx(1.0, abs=1e-6)
    assert np.sqrt(variance) == pytest.approx(sigmas, rel=0.013, abs=1e-6)
    assert list(radii) == [0, 1, 1, 3, 7]


def test_results_do_not_depend_on_threads(monkeypatch):
    projector = Projector(grid=grid(16), orbit=circular_orbit(n_views=6, radius_mm=120.0), collimator=ME)
    projections = np.random.default_rng(3).random(projector.projections_shape)
    many = projector.back_project(projections)
    monkeypatch.setattr("dosimetry.reconstruction.projector.n_cpu_workers", lambda: 1)
    assert np.array_equal(projector.back_project(projections), many)


def test_kept_attenuation_gives_the_same_counts():
    settings = {
        "grid": grid(16),
        "orbit": circular_orbit(n_views=6, radius_mm=120.0),
        "mu_per_mm": np.full((16,) * 3, 0.01),
    }
    image = np.random.default_rng(3).random((16, 16, 16))
    kept = Projector(**settings, keeps_attenuation=True)
    kept.prepare()
    assert np.array_equal(kept.forward(image), Projector(**settings).forward(image))


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"grid": OBLONG}, InvalidInputError, "grid_not_square"),
        ({"mu_per_mm": np.zeros((3, 8, 8))}, GeometryMismatchError, "geometry_mismatch"),
        ({"mu_per_mm": np.full((4, 8, 8), -1.0)}, InvalidInputError, "bad_mu"),
        ({"counts_per_bq": (1.0,)}, GeometryMismatchError, "geometry_mismatch"),
    ],
)  # fmt: skip
def test_a_system_that_cannot_be_is_refused(change, error, code):
    settings = {"grid": grid(8, n_z=4), "orbit": circular_orbit(n_views=4, radius_mm=100.0)}
    with pytest.raises(error) as caught:
        Projector(**{**settings, **change})
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("angles_deg", "radii_mm", "error", "code"),
    [
        ((), (), InsufficientDataError, "no_orbit"),
        ((0.0, 90.0), (), InsufficientDataError, "no_orbit"),
        ((0.0, 90.0), (200.0,), InvalidInputError, "bad_orbit"),
        ((0.0, 90.0), (200.0, np.nan), InvalidInputError, "bad_orbit"),
        ((0.0, 90.0), (2000.0, 2000.0), InvalidInputError, "bad_orbit"),
        ((10.0,), (200.0,), InvalidInputError, "angular_gap"),
        (WITH_TWO_GAPS, None, InvalidInputError, "angular_gap"),
        (tuple(range(0, 120, 6)), None, InvalidInputError, "angular_gap"),
    ],
)  # fmt: skip
def test_an_orbit_that_cannot_be_is_refused(angles_deg, radii_mm, error, code):
    with pytest.raises(error) as caught:
        Orbit(angles_deg=angles_deg, radii_mm=(200.0,) * len(angles_deg) if radii_mm is None else radii_mm)
    assert caught.value.code == code


def test_half_a_turn_is_enough():
    assert circular_orbit(n_views=30, radius_mm=250.0, arc_deg=180.0).n_views == 30


def test_the_detector_follows_the_body():
    body = np.zeros((3, 60, 80), dtype=bool)
    body[:, 20:40, 10:70] = True
    orbit = body_contour_orbit(body, spacing_mm=5.0, n_views=4, clearance_mm=10.0)
    # Half the body plus one voxel of border and the clearance, to within a voxel.
    assert orbit.radii_mm == pytest.approx((62.5, 162.5, 62.5, 162.5), abs=2.6)
    with pytest.raises(InvalidInputError, match="empty"):
        body_contour_orbit(np.zeros((3, 4, 4), dtype=bool), spacing_mm=5.0, n_views=4, clearance_mm=10.0)
