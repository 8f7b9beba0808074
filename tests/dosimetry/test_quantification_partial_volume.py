"""Partial-volume correction against slabs and spheres whose spill is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.quantification.geometric_transfer import MAX_CONDITION_NUMBER, resolution_sensitivity
from dosimetry.quantification.partial_volume import (
    gtm,
    iterative_yang,
    rbv,
    richardson_lucy,
    what_changed,
)
from dosimetry.quantification.point_spread import FWHM_PER_SIGMA, PointSpread
from dosimetry.quantification.region_fractions import partition

SPACING = (2.0, 2.0, 2.0)
FWHM_MM = 8.0
SPHERE_ML = 10.0
SPHERE_RADIUS_MM = (3.0 * SPHERE_ML * 1e3 / (4.0 * np.pi)) ** (1.0 / 3.0)


def sphere_fraction(*, n=32, radius_mm=SPHERE_RADIUS_MM, spacing_mm=2.0, n_sub=4, centre_mm=(0.3, -0.4, 0.5)):
    """Share of each voxel in a sphere, from n_sub^3 points per voxel."""
    fine = (np.arange(n * n_sub) + 0.5) / n_sub * spacing_mm - 0.5 * n * spacing_mm
    z, y, x = (fine - shift for shift in centre_mm)
    inside = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2 <= radius_mm**2
    return inside.reshape(n, n_sub, n, n_sub, n, n_sub).mean(axis=(1, 3, 5)).astype(np.float32)


SPHERE = sphere_fraction()


def scan(*, sphere=100.0, rest=5.0, fraction=SPHERE, fwhm_mm=FWHM_MM):
    truth = sphere * fraction.astype(float) + rest * (1.0 - fraction.astype(float))
    return truth, PointSpread(spacing_xyz_mm=SPACING, fwhm_mm=fwhm_mm).blur(truth)


def slab(*, n=60, first=20, last=40):
    mask = np.zeros((1, 1, n), dtype=np.float32)
    mask[..., first:last] = 1.0
    return mask


def test_spill_of_a_slab_is_the_error_function():
    # A wide slab's profile is Phi((x - a)/s) - Phi((x - b)/s); its mean over itself has a closed form.
    sigma_mm, spacing_mm, width_mm = 20.0 / FWHM_PER_SIGMA, 1.0, 60.0
    result = gtm(slab(n=240, first=90, last=150), {"slab": slab(n=240, first=90, last=150)},
                 spacing_xyz_mm=(spacing_mm, 1.0, 1.0), fwhm_mm=20.0)  # fmt: skip
    t = width_mm / (np.sqrt(2.0) * sigma_mm)
    kept = erf(t) - (1.0 - np.exp(-(t**2))) / (t * np.sqrt(np.pi))
    # Voxels of 1 mm against a sigma of 8.5 mm: midpoint and box averages err by (h/sigma)^2/24 of the spill.
    assert result.transfer_matrix[0, 0] == pytest.approx(kept, rel=1e-3)


@given(a=st.floats(0.0, 1e3), b=st.floats(0.0, 1e3), rest=st.floats(0.0, 1e3))
@settings(max_examples=30)
def test_the_matrix_is_exact_for_uniform_regions_without_noise(a, b, rest):
    fractions = {"a": slab(first=15, last=25), "b": slab(first=25, last=32)}
    in_a, in_b = (fraction.astype(float) for fraction in fractions.values())
    truth = a * in_a + b * in_b + rest * (1.0 - in_a - in_b)
    image = PointSpread(spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM).blur(truth)
    result = gtm(image, fractions, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    # Only rounding, times a condition number below 10.
    assert result.names == ("a", "b", "rest")
    assert result.means == pytest.approx([a, b, rest], abs=1e-10 * max(a, b, rest, 1.0))
    assert result.transfer_matrix.sum(axis=1) == pytest.approx(1.0, abs=1e-12)


def test_the_matrix_is_exact_for_shares_of_voxels_too():
    _, image = scan()
    result = gtm(image, {"sphere": SPHERE}, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    assert result.means == pytest.approx([100.0, 5.0], rel=1e-9)
    assert result.observed_means[0] < 85.0
    assert result.volumes_ml.sum() == pytest.approx(image.size * 8e-3)
    # 64 points per voxel place the sphere's volume to about a tenth of a per cent.
    assert result.volumes_ml[0] == pytest.approx(SPHERE_ML, rel=5e-3)
    assert result.activity("sphere") == pytest.approx(100.0 * result.volumes_ml[0], rel=1e-9)
    assert result.relative_change("sphere") == pytest.approx(100.0 / result.observed_means[0] - 1.0)
    assert result.standard_uncertainty("sphere") is None
    with pytest.raises(InvalidInputError, match="no region 'kidney'"):
        result.mean("kidney")


@pytest.mark.parametrize("method", [rbv, lambda *a, **k: iterative_yang(*a, **k, n_iterations=12)])
def test_region_based_corrections_give_a_piecewise_uniform_truth_back(method):
    truth, image = scan()
    result = method(image, {"sphere": SPHERE}, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    before = image[SPHERE > 0.99].mean()
    assert before < 0.9 * 100.0
    # Iterative Yang converges linearly: 12 iterations leave below a per mille here; the matrix leaves only rounding.
    assert result.region_means["sphere"] == pytest.approx(100.0, rel=2e-3)
    assert result.values == pytest.approx(truth, rel=5e-3)
    assert result.changes["sphere"].after == pytest.approx(np.sum(truth * SPHERE), rel=2e-3)
    assert result.n_left_unchanged == 0


def test_iterative_yang_says_when_it_has_converged():
    _, image = scan()
    known = {"spacing_xyz_mm": SPACING, "fwhm_mm": FWHM_MM}
    result = iterative_yang(image, {"sphere": SPHERE}, **known, n_iterations=100, tolerance=1e-6)
    assert result.is_converged
    assert result.n_iterations < 100
    assert np.all(np.diff(result.relative_steps) < 0.0)
    assert result.region_means["sphere"] == pytest.approx(100.0, rel=1e-5)
    short = iterative_yang(image, {"sphere": SPHERE}, **known, n_iterations=2, tolerance=1e-6)
    assert short.is_converged is False
    assert iterative_yang(image, {"sphere": SPHERE}, **known, n_iterations=1).is_converged is None


def test_richardson_lucy_recovers_a_sphere_and_keeps_the_total():
    truth, image = scan()
    result = richardson_lucy(
        image, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM, n_iterations=40, fractions={"sphere": SPHERE}
    )
    wanted = np.sum(truth * SPHERE)
    # 10 mL at 8 mm: 76 % of its activity before; 40 iterations bring 95 %, 160 only 96 %: the rim comes back last.
    assert result.changes["sphere"].before == pytest.approx(0.763 * wanted, rel=0.01)
    assert result.changes["sphere"].after == pytest.approx(0.951 * wanted, rel=0.01)
    assert result.values.sum() == pytest.approx(image.sum(), rel=1e-12)
    assert result.total_change == pytest.approx(0.0, abs=1e-12)
    assert result.values.min() >= 0.0
    assert result.region_means == {}


def test_richardson_lucy_stops_when_it_stands_still():
    _, image = scan()
    result = richardson_lucy(image, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM, n_iterations=50, tolerance=5e-3)
    assert result.is_converged
    assert result.n_iterations < 50
    assert result.relative_steps[-1] <= 5e-3 < result.relative_steps[-2]


@pytest.mark.parametrize(
    "method",
    [
        rbv,
        lambda *a, **k: iterative_yang(*a, **k, n_iterations=3),
        lambda image, fractions, **k: richardson_lucy(image, **k, fractions=fractions, n_iterations=3),
    ],
)
def test_corrections_scale_with_activity_and_know_no_unit_of_length(method):
    _, image = scan()
    once = method(image, {"sphere": SPHERE}, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    scaled = method(1e6 * image, {"sphere": SPHERE}, spacing_xyz_mm=(0.2, 0.2, 0.2), fwhm_mm=(0.8, 0.8, 0.8))
    assert scaled.values == pytest.approx(1e6 * once.values, rel=1e-9)


def test_one_region_over_everything_changes_nothing_on_the_mean():
    rng = np.random.default_rng(4)
    image = rng.uniform(1.0, 2.0, (6, 7, 8))
    whole = {"whole": np.ones_like(image)}
    result = gtm(image, whole, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    assert result.names == ("whole",)
    assert result.mean("whole") == pytest.approx(image.mean(), rel=1e-12)
    assert result.condition_number == pytest.approx(1.0)
    assert rbv(image, whole, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM).values == pytest.approx(image, rel=1e-12)
    yang = iterative_yang(image, whole, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM, n_iterations=3)
    assert yang.values == pytest.approx(image, rel=1e-12)


def test_without_blur_nothing_is_corrected():
    truth, _ = scan()
    for method in (rbv, lambda *a, **k: iterative_yang(*a, **k, n_iterations=2)):
        result = method(truth, {"sphere": SPHERE}, spacing_xyz_mm=SPACING, fwhm_mm=0.0)
        assert result.values == pytest.approx(truth, rel=1e-12)
    sharp = richardson_lucy(truth, spacing_xyz_mm=SPACING, fwhm_mm=0.0, n_iterations=3)
    assert sharp.values == pytest.approx(truth, rel=1e-12)


@pytest.mark.parametrize("noise_fwhm_mm", [0.0, 6.0])
def test_the_covariance_is_what_repeated_noise_gives(noise_fwhm_mm):
    rng = np.random.default_rng(5)
    fractions = {"a": slab(first=20, last=28)}
    image = PointSpread(spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM).blur(100.0 * fractions["a"] + 10.0)
    spread = PointSpread(spacing_xyz_mm=SPACING, fwhm_mm=noise_fwhm_mm)
    impulse = np.zeros_like(image)
    impulse[0, 0, 30] = 1.0
    deviation = 3.0 / np.sqrt(np.sum(spread.blur(impulse) ** 2))
    draws = []
    for _ in range(3000):
        noise = spread.blur(deviation * rng.standard_normal(image.shape))
        result = gtm(image + noise, fractions, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
        draws.append(result.means)
    stated = gtm(
        image,
        fractions,
        spacing_xyz_mm=SPACING,
        fwhm_mm=FWHM_MM,
        variance=np.full_like(image, 9.0),
        noise_fwhm_mm=noise_fwhm_mm,
    )
    # 3000 draws know a standard deviation to 1.3 %; four of these.
    assert np.std([means[0] for means in draws]) == pytest.approx(stated.standard_uncertainty("a"), rel=0.05)
    # The covariance of n pairs is known to sqrt(u_a^2 u_b^2 (1 + r^2) / n); four of these.
    allowed = 4.0 * np.sqrt(2.0 * stated.covariance[0, 0] * stated.covariance[1, 1] / 3000)
    assert np.cov(np.transpose(draws))[0, 1] == pytest.approx(stated.covariance[0, 1], abs=allowed)


def test_a_wrong_resolution_moves_the_mean_as_foretold():
    _, image = scan()
    known = {"fractions": {"sphere": SPHERE}, "spacing_xyz_mm": SPACING}
    slope = resolution_sensitivity(image, **known, fwhm_mm=FWHM_MM)["sphere"]
    wrong = gtm(image, **known, fwhm_mm=1.05 * FWHM_MM).mean("sphere")
    # A width 5 % too large overcorrects by 2.1 %; the second order is a tenth of that.
    assert wrong == pytest.approx(100.0 + np.log(1.05) * slope, abs=0.25)
    assert wrong > 101.0


def fine_scan(*, fwhm_mm=10.0, coarse_mm=4.0, n_coarse=24, background=5.0):
    """A 10 mL sphere blurred on a 1 mm grid and binned to voxels, so that the correction's own blur has no part."""
    factor = int(coarse_mm)
    fine = sphere_fraction(n=n_coarse * factor, spacing_mm=1.0, n_sub=1)
    truth = background + (100.0 - background) * fine
    blurred = PointSpread(spacing_xyz_mm=(1.0, 1.0, 1.0), fwhm_mm=fwhm_mm).blur(truth)

    def binned(values):
        return values.reshape(n_coarse, factor, n_coarse, factor, n_coarse, factor).mean(axis=(1, 3, 5))

    return binned(blurred), binned(fine.astype(float))


def test_a_sphere_scanned_by_another_blur_comes_back():
    image, fraction = fine_scan()
    known = {"spacing_xyz_mm": (4.0, 4.0, 4.0), "fwhm_mm": 10.0}
    matrix = gtm(image, {"sphere": fraction}, **known)
    assert matrix.observed_means[0] < 75.0
    corrected = rbv(image, {"sphere": fraction}, **known).changes["sphere"].after
    yang = iterative_yang(image, {"sphere": fraction}, **known, n_iterations=20)
    sharpened = richardson_lucy(image, **known, n_iterations=20, fractions={"sphere": fraction})
    truth = np.sum(fraction * (5.0 + 95.0 * fraction))
    # Measured 72 % of the activity before; 99.8 % after matrix, region-based and Yang correction: what is left is the
    # blur sampled at 4 mm. Richardson-Lucy, which knows no border, stands at 94 % after 20 iterations.
    assert np.sum(image * fraction) == pytest.approx(0.722 * truth, rel=0.01)
    assert matrix.mean("sphere") == pytest.approx(100.0, rel=0.005)
    assert yang.region_means["sphere"] == pytest.approx(100.0, rel=0.005)
    assert corrected == pytest.approx(truth, rel=0.005)
    assert sharpened.changes["sphere"].after == pytest.approx(0.943 * truth, rel=0.01)


def test_the_width_of_a_voxel_must_not_be_counted_twice():
    image, fraction = fine_scan()
    seen_mm = FWHM_PER_SIGMA * np.sqrt((10.0 / FWHM_PER_SIGMA) ** 2 + 4.0**2 / 12.0)
    wrong = gtm(image, {"sphere": fraction}, spacing_xyz_mm=(4.0, 4.0, 4.0), fwhm_mm=seen_mm)
    # 10.36 mm, the width of a point in voxel values, overcorrects this sphere by 1.6 %.
    assert wrong.mean("sphere") == pytest.approx(101.6, abs=0.2)


def test_a_region_that_cannot_be_told_from_its_neighbour_is_refused():
    tiny = slab(first=30, last=31)
    pieces = {f"p{i}": slab(first=28 + i, last=29 + i) for i in range(6)}
    image = slab()
    assert gtm(image, {"tiny": tiny}, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM).condition_number < MAX_CONDITION_NUMBER
    for method in (gtm, rbv, lambda *a, **k: iterative_yang(*a, **k, n_iterations=2)):
        with pytest.raises(InvalidInputError, match="cannot be told apart") as caught:
            method(image, pieces, spacing_xyz_mm=SPACING, fwhm_mm=20.0)
        assert caught.value.code == "singular_transfer"
        assert "% of its own activity" in str(caught.value)


def test_cold_surroundings_are_left_and_counted():
    image = np.zeros((1, 1, 60))
    image[..., 20:40] = 1.0
    result = rbv(image, {"slab": slab()}, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    # Unblurred edges make the matrix find less than nothing outside: those voxels stay as they are.
    assert result.region_means["rest"] < 0.0
    assert result.n_left_unchanged == 40
    assert result.values[image == 0.0] == pytest.approx(0.0)


def test_what_changed_says_how_much_and_where():
    before, after = np.ones((2, 2, 2)), np.full((2, 2, 2), 1.06)
    changes = what_changed(before, after, {"kidney": np.full((2, 2, 2), 0.5)})
    assert changes["kidney"].before == pytest.approx(4.0)
    assert changes["kidney"].relative_change == pytest.approx(0.06)
    assert what_changed(0.0 * before, after, {"kidney": before})["kidney"].relative_change is None
    with pytest.raises(GeometryMismatchError, match="shapes"):
        what_changed(before, after[:1], {"kidney": before})


def test_regions_that_share_a_border_voxel_divide_it():
    a, b = slab(first=10, last=20), slab(first=20, last=30)
    a[..., 20] = 0.3
    regions = partition({"a": a, "b": b}, shape_zyx=a.shape)
    assert regions.shares.sum(axis=0) == pytest.approx(1.0)
    assert regions.overlap_share == pytest.approx(0.3 / 20.3)


@pytest.mark.parametrize(
    ("fractions", "code"),
    [
        ({}, "no_region"),
        ({"rest": slab()}, "region_name"),
        ({"a": 0.0 * slab()}, "empty_region"),
        ({"a": 7.0 * slab()}, "bad_fraction"),
        ({"a": -slab()}, "bad_fraction"),
        ({"a": np.nan * slab()}, "bad_fraction"),
        ({"a": slab(), "b": slab(first=30, last=50)}, "overlapping_regions"),
    ],
)
def test_regions_that_cannot_be_used_are_refused(fractions, code):
    with pytest.raises(InvalidInputError) as caught:
        gtm(slab(), fractions, spacing_xyz_mm=SPACING, fwhm_mm=FWHM_MM)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("spacing", "fwhm", "code"),
    [
        ((2.0, 0.0, 2.0), 8.0, "bad_spacing"),
        ((2.0, 2.0), 8.0, "bad_spacing"),
        (SPACING, -1.0, "bad_fwhm"),
        (SPACING, np.nan, "bad_fwhm"),
        (SPACING, (8.0, 8.0), "bad_fwhm"),
        (SPACING, 0.8, "bad_fwhm"),
    ],
)
def test_a_resolution_that_cannot_be_used_is_refused(spacing, fwhm, code):
    with pytest.raises(InvalidInputError) as caught:
        richardson_lucy(slab(), spacing_xyz_mm=spacing, fwhm_mm=fwhm, n_iterations=1)
    assert caught.value.code == code


def test_images_that_cannot_be_used_are_refused():
    known = {"spacing_xyz_mm": SPACING, "fwhm_mm": FWHM_MM}
    for image, code in ((slab()[0], "bad_image"), (np.nan * slab(), "bad_image"), (0.0 * slab(), "bad_image")):
        with pytest.raises(InvalidInputError) as caught:
            richardson_lucy(image, **known, n_iterations=1)
        assert caught.value.code == code
    with pytest.raises(InvalidInputError, match="20 voxels are"):
        richardson_lucy(-slab(), **known, n_iterations=1)
    with pytest.raises(GeometryMismatchError, match="Region a"):
        gtm(slab(), {"a": slab(n=50)}, **known)
    for variance, error in ((-slab(), InvalidInputError), (slab(n=50), GeometryMismatchError)):
        with pytest.raises(error, match=r"[vV]ariance"):
            gtm(slab(), {"a": slab()}, **known, variance=variance)
    for settings_, match in (({"n_iterations": 0}, "iteration"), ({"n_iterations": 1, "tolerance": 0.0}, "tolerance")):
        with pytest.raises(InvalidInputError, match=match):
            iterative_yang(slab(), {"a": slab()}, **known, **settings_)


def test_the_resolution_may_differ_along_axes():
    spread = PointSpread(spacing_xyz_mm=(2.0, 3.0, 4.0), fwhm_mm=(8.0, 9.0, 0.0))
    point = np.zeros((9, 31, 41))
    point[4, 15, 20] = 1.0
    blurred = spread.blur(point)
    assert blurred.sum() == pytest.approx(1.0, rel=1e-12)
    assert blurred[4].sum() == pytest.approx(1.0, rel=1e-12)
    for axis, spacing, fwhm in ((2, 2.0, 8.0), (1, 3.0, 9.0)):
        profile = blurred.sum(axis=tuple(other for other in range(3) if other != axis))
        offsets = (np.arange(profile.size) - (profile.size - 1) / 2) * spacing
        # Cut at four sigmas the variance is 0.1 % small.
        assert np.sqrt(np.sum(profile * offsets**2)) == pytest.approx(fwhm / FWHM_PER_SIGMA, rel=2e-3)
