"""Cameras: resolution, energy windows and sensitivity against what makers state; attenuation of the patient."""

import numpy as np
import pytest

from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.reconstruction.attenuation import density_on_grid, mu_per_mm
from dosimetry.reconstruction.cameras import CAMERAS, get_camera
from dosimetry.reconstruction.collimator import Collimator
from dosimetry.volume import Grid, Volume


def test_low_energy_high_resolution_is_what_the_maker_states():
    """Symbia LEHR, Tc-99m: 7.5 mm at 10 cm and 202 cpm/uCi (91 cps/MBq) in the maker's data sheet."""
    camera = get_camera("Symbia LEHR")
    # Round numbers for intrinsic resolution and hexagonal holes: within half a millimetre.
    assert float(camera.collimator(140.5).fwhm_mm(100.0)) == pytest.approx(7.5, abs=0.6)
    sensitivity = camera.sensitivity_cps_per_bq(energy_kev=140.5, photon_yield=0.89, window_kev=(126.5, 154.6))
    # The crystal's efficiency is a lower bound.
    assert 0.75 * 91e-6 < sensitivity < 91e-6


def test_lutetium_sensitivity_is_about_that_of_cameras():
    sensitivity = get_camera("Symbia ME").sensitivity_cps_per_bq(
        energy_kev=208.4, photon_yield=0.1038, window_kev=(187.2, 228.8)
    )
    # Published medium-energy calibrations of Lu-177 lie round 10 cps/MBq; the crystal's efficiency is a lower bound.
    assert 7e-6 < sensitivity < 12e-6


def test_windows_share_the_photopeak():
    camera = get_camera("Symbia ME")
    shares = [float(camera.window_share(208.4, window)) for window in ((166.4, 187.2), (187.2, 228.8), (228.8, 249.6))]
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)
    assert shares[1] > 0.99
    assert float(camera.window_share(140.5, (0.0, 140.5))) == pytest.approx(0.5, abs=1e-9)


def test_resolution_falls_with_distance_and_never_below_intrinsic():
    for camera in CAMERAS.values():
        widths = camera.collimator(208.4).fwhm_mm(np.array([-50.0, 0.0, 100.0, 300.0]))
        assert widths[0] == widths[1] < widths[2] < widths[3]


def test_an_unknown_camera_is_refused():
    with pytest.raises(InvalidInputError, match="Symbia ME"):
        get_camera("Best")


@pytest.mark.parametrize(
    "change",
    [
        {"hole_diameter_mm": 0.0},
        {"effective_length_mm": -1.0},
        {"intrinsic_fwhm_mm": -1.0},
        {"penetration_share": 1.0},
        {"penetration_share": 0.2},
    ],
)
def test_a_collimator_that_cannot_be_is_refused(change):
    settings = {"name": "x", "hole_diameter_mm": 1.0, "effective_length_mm": 24.0, "intrinsic_fwhm_mm": 3.0}
    with pytest.raises(InvalidInputError):
        Collimator(**{**settings, **change})


def test_attenuation_of_water_is_that_of_nist():
    # NIST XCOM, water at 140 keV: 0.1538 1/cm with coherent scattering (interpolated); lung goes with density.
    density = np.array([[[1.0, 0.26]]])
    with_coherent = mu_per_mm(density, energy_kev=140.0, has_coherent=True)[0, 0]
    without = mu_per_mm(density, energy_kev=140.0)[0, 0]
    # The body's soft tissue holds 0.5 % fewer electrons per gram than water.
    assert with_coherent[0] == pytest.approx(0.01538, rel=0.01)
    assert 0.97 < without[0] / with_coherent[0] < 0.99
    assert without[1] == pytest.approx(0.26 * without[0], rel=0.02)


def test_density_is_averaged_over_the_emission_voxels():
    fine = Grid(shape_zyx=(16, 16, 16), spacing_xyz_mm=(1.0, 1.0, 1.0), origin_lps_mm=(0.0, 0.0, 0.0))
    values = np.ones(fine.shape_zyx, dtype=np.float32)
    values[:, :, ::2] = 0.5
    coarse = Grid(shape_zyx=(4, 4, 4), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(1.5, 1.5, 1.5))
    averaged = density_on_grid(Volume(values=values, grid=fine, unit="g/mL"), grid=coarse)
    # A Gaussian of a voxel's variance leaves 0.1 % of the stripes.
    assert averaged[:, :, 1:-1] == pytest.approx(0.75, abs=1e-3)


def test_averaging_does_not_shift_the_patient():
    fine = Grid(shape_zyx=(4, 4, 40), spacing_xyz_mm=(1.0, 1.0, 1.0), origin_lps_mm=(0.0, 0.0, 0.0))
    values = np.full(fine.shape_zyx, 0.1, dtype=np.float32)
    values[:, :, 10:30] = 1.0
    coarse = Grid(shape_zyx=(1, 1, 10), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(1.5, 1.5, 1.5))
    averaged = density_on_grid(Volume(values=values, grid=fine, unit="g/mL"), grid=coarse)[0, 0]
    assert averaged == pytest.approx(averaged[::-1], abs=1e-5)


def test_a_ct_that_is_too_short_is_refused():
    ct = Grid(shape_zyx=(10, 8, 8), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
    emission = Grid(shape_zyx=(20, 8, 8), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
    density = Volume(values=np.ones(ct.shape_zyx, dtype=np.float32), grid=ct, unit="g/mL")
    with pytest.raises(GeometryMismatchError, match="40 mm"):
        density_on_grid(density, grid=emission)
    with pytest.raises(InvalidInputError, match="density"):
        density_on_grid(Volume(values=density.values, grid=ct, unit="HU"), grid=ct)
