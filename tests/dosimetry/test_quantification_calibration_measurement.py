"""Calibration factors from simulated phantom scans with a known factor."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.scanner import activity_volume, centred_grid
from dosimetry.quantification.calibration_measurement import (
    measure_cylinder,
    measure_planar,
    measure_sphere,
)
from dosimetry.quantification.phantom_source import PhantomSource
from dosimetry.quantification.recovery_spheres import sphere_fraction
from dosimetry.units import HOUR_S
from dosimetry.volume import Volume

LU177 = get_nuclide("Lu-177")
TC99M = get_nuclide("Tc-99m")
TRUE_CPS_PER_BQ = 9.0e-6


def source(**changes):
    values = {
        "nuclide": LU177,
        "assay_activity_bq": 500e6,
        "standard_uncertainty_bq": 10e6,
        "assay_to_start_s": 5.0 * HOUR_S,
        "duration_s": 1800.0,
        "time_standard_uncertainty_s": 60.0,
    }
    return PhantomSource(**(values | changes))


def expected_counts(known):
    constant = known.nuclide.decay_constant_per_s
    start = known.assay_to_start_s
    decays, _ = integrate.quad(
        lambda t: known.assay_activity_bq * np.exp(-constant * t), start, start + known.duration_s, epsrel=1e-12
    )
    return TRUE_CPS_PER_BQ * decays


@pytest.mark.parametrize("nuclide", [LU177, TC99M])
@pytest.mark.parametrize("duration_s", [60.0, 1800.0, 4.0 * HOUR_S])
def test_a_planar_scan_gives_the_factor_back_through_all_decay(nuclide, duration_s):
    known = source(nuclide=nuclide, duration_s=duration_s)
    result = measure_planar(source=known, counts=expected_counts(known))
    assert result.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-10)
    assert result.geometry == "planar"


def test_contributions_add_in_squares():
    known = source()
    counts = expected_counts(known)
    result = measure_planar(
        source=known, counts=counts + 5000.0, background_counts=10000.0, background_duration_s=3600.0
    )
    assert result.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-10)
    deviation_cps = np.sqrt((counts + 5000.0) / 1800.0**2 + 10000.0 / 3600.0**2)
    assert result.contributions == pytest.approx(
        {
            "dose calibrator": 0.02,
            "clocks": LU177.decay_constant_per_s * 60.0,
            "counting": deviation_cps * 1800.0 / counts,
        }
    )
    assert result.standard_uncertainty_cps_per_bq == pytest.approx(
        TRUE_CPS_PER_BQ * np.sqrt(sum(value**2 for value in result.contributions.values()))
    )


def test_counting_is_what_repeated_scans_scatter_by():
    rng = np.random.default_rng(7)
    known = source(assay_activity_bq=1e6, standard_uncertainty_bq=0.0, time_standard_uncertainty_s=0.0)
    mean = expected_counts(known)
    results = [
        measure_planar(source=known, counts=rng.poisson(mean + 900.0), background_counts=rng.poisson(900.0))
        for _ in range(4000)
    ]
    # 4000 scans know a standard deviation to 1.1 %; four of these.
    assert np.std([result.calibration_cps_per_bq for result in results]) == pytest.approx(
        results[0].standard_uncertainty_cps_per_bq, rel=0.05
    )


@given(scale=st.floats(0.1, 10.0))
def test_the_factor_is_blind_to_how_much_was_filled_in(scale):
    known = source(assay_activity_bq=scale * 500e6, standard_uncertainty_bq=scale * 10e6)
    result = measure_planar(source=known, counts=expected_counts(known))
    assert result.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-10)


def test_a_measurement_becomes_the_factor_that_images_use():
    known = source()
    factor = measure_planar(source=known, counts=expected_counts(known)).factor(
        camera="CAMERA1", valid_from=date(2026, 1, 1)
    )
    assert (factor.nuclide, factor.camera) == ("Lu-177", "CAMERA1")
    assert factor.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ)
    assert factor.is_valid_on(date(2026, 5, 1))


GRID = centred_grid(shape_zyx=(36, 36, 36), spacing_xyz_mm=(6.0, 6.0, 6.0))
DIAMETER_MM = 160.0


def cylinder_fraction(radius_mm, half_length_mm):
    place = GRID.index_to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1))
    inside = (place[..., 0] ** 2 + place[..., 1] ** 2 <= radius_mm**2) & (abs(place[..., 2]) <= half_length_mm)
    return inside.astype(np.float32)


CYLINDER = cylinder_fraction(0.5 * DIAMETER_MM, 70.0)
INNER = cylinder_fraction(45.0, 35.0)


def counts_image(fraction, known, *, background=0.0, fwhm_mm=12.0):
    """Counts of a source that fills a region, on a background of counts per voxel."""
    blurred = activity_volume(
        fractions={"hot": fraction},
        concentrations_bq_per_ml={"hot": 1.0},
        grid=GRID,
        resolution_fwhm_mm=fwhm_mm,
    )
    values = blurred.values * expected_counts(known) / fraction.sum() + background
    return Volume(values=values, grid=GRID, unit="counts")


def test_a_cylinder_gives_the_factor_from_its_middle_and_from_all_counts():
    known = source()
    image = counts_image(CYLINDER, known)
    volume_ml = float(CYLINDER.sum()) * GRID.voxel_volume_ml
    result = measure_cylinder(
        image,
        source=known,
        acquired_counts=4e6,
        region=INNER,
        phantom_volume_ml=volume_ml,
        phantom_volume_standard_uncertainty_ml=0.01 * volume_ml,
    )
    # The middle lies three widths from the wall: float32 and 1e-5 of spill.
    assert result.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-4)
    assert result.whole_image_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-4)
    assert result.contributions["volume"] == pytest.approx(0.01)
    share = INNER.sum() / CYLINDER.sum()
    assert result.contributions["counting"] == pytest.approx(1.0 / np.sqrt(4e6 * share), rel=1e-3)
    whole = measure_cylinder(image, source=known, acquired_counts=4e6)
    assert whole.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-4)
    assert whole.contributions["counting"] == pytest.approx(5e-4)
    assert "volume" not in whole.contributions
    assert whole.whole_image_cps_per_bq is None


def test_counts_outside_a_cylinder_move_only_the_whole_image():
    known = source()
    image = counts_image(CYLINDER, known)
    outside = image.values + np.where(CYLINDER > 0.0, 0.0, 0.05 * image.values.sum() / (CYLINDER == 0.0).sum())
    result = measure_cylinder(
        image.with_values(outside),
        source=known,
        acquired_counts=4e6,
        region=INNER,
        phantom_volume_ml=float(CYLINDER.sum()) * GRID.voxel_volume_ml,
    )
    assert result.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-4)
    assert result.whole_image_cps_per_bq == pytest.approx(1.05 * TRUE_CPS_PER_BQ, rel=1e-4)


def test_rates_count_like_counts():
    known = source()
    image = counts_image(CYLINDER, known)
    rate = image.with_values(image.values / known.duration_s, unit="counts/s")
    once, other = (measure_cylinder(scan, source=known, acquired_counts=1e6) for scan in (image, rate))
    assert other.calibration_cps_per_bq == pytest.approx(once.calibration_cps_per_bq, rel=1e-9)


CENTRE = (3.0, -4.0, 2.0)
SPHERE = sphere_fraction(GRID, centre_lps_mm=CENTRE, diameter_mm=36.0).astype(np.float32)


@pytest.mark.parametrize("background", [0.0, 40.0])
def test_a_sphere_gives_the_factor_with_its_spill(background):
    known = source(assay_activity_bq=20e6, standard_uncertainty_bq=0.3e6)
    image = counts_image(SPHERE, known, background=background)
    result = measure_sphere(
        image,
        source=known,
        acquired_counts=3e5,
        centre_lps_mm=CENTRE,
        sphere_diameter_mm=36.0,
        region_diameter_mm=84.0,
        background_shell_mm=12.0 if background else None,
    )
    # Margin of two widths: what lies beyond is below 1e-4, its mean in the shell takes as little off.
    assert result.calibration_cps_per_bq == pytest.approx(TRUE_CPS_PER_BQ, rel=1e-3)
    assert result.geometry == "sphere"
    inside, total = expected_counts(known), image.values.sum(dtype=float)
    region_voxels = np.pi / 6.0 * 84.0**3 / 6.0**3
    ratio = 84.0**3 / (108.0**3 - 84.0**3)
    spread = inside + background * region_voxels * (1.0 + ratio)
    # Counts in the region and, scaled by volume, in the shell; 3e5 acquired counts stand for those of the image.
    assert result.contributions["counting"] == pytest.approx(np.sqrt(spread * total / 3e5) / inside, rel=5e-3)
    if background:
        assert result.whole_image_cps_per_bq > 1.2 * TRUE_CPS_PER_BQ


def test_a_margin_of_one_width_loses_less_than_one_per_cent():
    known = source()
    result = measure_sphere(
        counts_image(SPHERE, known),
        source=known,
        acquired_counts=3e5,
        centre_lps_mm=CENTRE,
        sphere_diameter_mm=36.0,
        region_diameter_mm=60.0,
    )
    assert 0.99 * TRUE_CPS_PER_BQ < result.calibration_cps_per_bq < TRUE_CPS_PER_BQ


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"assay_activity_bq": 500e3, "standard_uncertainty_bq": 0.0}, "implausible_calibration"),  # kBq typed as Bq
        ({"assay_activity_bq": 500.0, "standard_uncertainty_bq": 0.0}, "implausible_calibration"),  # MBq
        ({"duration_s": 30.0}, "implausible_calibration"),  # 30 min as 30 s
    ],
)
def test_wrong_units_are_recognised(changes, code):
    counts = 60.0 * expected_counts(source()) if "duration_s" in changes else expected_counts(source())
    with pytest.raises(InvalidInputError, match="Check the units") as caught:
        measure_planar(source=source(**changes), counts=counts)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"assay_activity_bq": 0.0}, "bad_activity"),
        ({"assay_activity_bq": np.nan}, "bad_activity"),
        ({"standard_uncertainty_bq": -1.0}, "bad_uncertainty"),
        ({"time_standard_uncertainty_s": -1.0}, "bad_uncertainty"),
        ({"assay_to_start_s": -60.0}, "negative_time"),
        ({"duration_s": 0.0}, "no_duration"),
        ({"duration_s": -60.0}, "no_duration"),
    ],
)
def test_sources_that_cannot_be_are_refused(changes, code):
    with pytest.raises(InvalidInputError) as caught:
        source(**changes)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"counts": 0.0}, "no_counts"),
        ({"counts": 100.0, "background_counts": 200.0}, "no_counts"),
        ({"counts": -1.0}, "bad_counts"),
        ({"counts": 1e6, "background_counts": np.nan}, "bad_counts"),
        ({"counts": 1e6, "background_duration_s": 0.0}, "no_duration"),
    ],
)
def test_planar_counts_that_give_no_factor_are_refused(arguments, code):
    with pytest.raises(InvalidInputError) as caught:
        measure_planar(source=source(), **arguments)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"image": {"unit": "Bq/mL"}}, "units"),
        ({"image": {"values": np.full(GRID.shape_zyx, np.nan)}}, "bad_image"),
        ({"image": {"values": np.zeros(GRID.shape_zyx)}}, "no_counts"),
        ({"acquired_counts": 0.0}, "no_counts"),
        ({"region": 0.0 * INNER}, "empty_region"),
        ({"region": -INNER}, "empty_region"),
        ({"phantom_volume_ml": None}, "bad_volume"),
        ({"phantom_volume_ml": 1.0}, "bad_volume"),
        ({"phantom_volume_standard_uncertainty_ml": -1.0}, "bad_uncertainty"),
    ],
)
def test_cylinders_that_give_no_factor_are_refused(changes, code):
    wanted = SimpleNamespace(values=counts_image(CYLINDER, source()).values, unit="counts")
    vars(wanted).update(changes.pop("image", {}) if "image" in changes else {})
    arguments = {"acquired_counts": 1e6, "region": INNER, "phantom_volume_ml": 3000.0} | changes
    with pytest.raises(InvalidInputError) as caught:
        measure_cylinder(Volume(values=wanted.values, grid=GRID, unit=wanted.unit), source=source(), **arguments)
    assert caught.value.code == code


def test_a_region_of_another_grid_is_refused():
    with pytest.raises(GeometryMismatchError, match="region has shape"):
        measure_cylinder(
            counts_image(CYLINDER, source()),
            source=source(),
            acquired_counts=1e6,
            region=INNER[1:],
            phantom_volume_ml=3e3,
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"region_diameter_mm": 36.0},
        {"sphere_diameter_mm": 0.0},
        {"region_diameter_mm": 400.0},
        {"background_shell_mm": 0.0},
        {"background_shell_mm": 90.0},
    ],
)
def test_spheres_that_give_no_factor_are_refused(changes):
    arguments = {"centre_lps_mm": CENTRE, "sphere_diameter_mm": 36.0, "region_diameter_mm": 84.0} | changes
    with pytest.raises(InvalidInputError) as caught:
        measure_sphere(counts_image(SPHERE, source()), source=source(), acquired_counts=1e6, **arguments)
    assert caught.value.code == "bad_sphere"
