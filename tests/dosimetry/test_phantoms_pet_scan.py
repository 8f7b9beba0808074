"""Simulated PET images: large organs keep their mean, noise is what was stated, and DICOM brings it back."""

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest

from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.series import group_series
from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.dicomio.writing_pet import write_pet
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.pet_scan import MCT_FLOW_CPS_PER_BQ, MCT_FLOW_FWHM_MM, PetProtocol, scan_pet
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.quantification.point_spread import FWHM_PER_SIGMA
from tests.phantoms.spect_scans import STARTED

FINE = centred_grid(shape_zyx=(64, 80, 80), spacing_xyz_mm=(2.0, 2.0, 2.0))
PROTOCOL = PetProtocol(counts_per_bq=0.25 * MCT_FLOW_CPS_PER_BQ * 180.0)
"""Three minutes; a quarter of the photon pairs leaves the body."""
ORGAN_BQ_PER_ML, BODY_BQ_PER_ML = 2e4, 3e3


def points():
    return np.meshgrid(*[(np.arange(n) - 0.5 * (n - 1)) * 2.0 for n in FINE.shape_zyx], indexing="ij")


def activity():
    """Return a body that fills the grid, with a spherical organ of 45 mm radius (382 mL)."""
    z, y, x = points()
    return np.where(x**2 + y**2 + z**2 <= 45.0**2, ORGAN_BQ_PER_ML, BODY_BQ_PER_ML)


def test_a_large_organ_keeps_its_mean_and_everything_its_total():
    image = scan_pet(activity(), grid=FINE, protocol=PROTOCOL, seed=3)
    z, y, x = (values.reshape(32, 2, 40, 2, 40, 2).mean(axis=(1, 3, 5)) for values in points())
    inner = x**2 + y**2 + z**2 <= 35.0**2
    # 180 mL give some 7 million counts: the noise of the mean is far below.
    assert image.values[inner].mean() == pytest.approx(ORGAN_BQ_PER_ML, rel=0.01)
    quiet = scan_pet(activity(), grid=FINE, protocol=PROTOCOL, seed=None)
    total = quiet.values.sum(dtype=np.float64) * image.grid.voxel_volume_ml
    assert total == pytest.approx(activity().sum() * FINE.voxel_volume_ml, rel=1e-6)


def test_noise_is_as_stated():
    """White noise of variance A/(V n), smoothed by Gaussians: A / (n (2 sqrt(pi))^3 sx sy sz) remains."""
    flat = np.full(FINE.shape_zyx, ORGAN_BQ_PER_ML)
    protocol = replace(PROTOCOL, voxel_block=1)
    image = scan_pet(flat, grid=FINE, protocol=protocol, seed=5).values[8:-8, 8:-8, 8:-8]
    sigmas_cm = np.array(MCT_FLOW_FWHM_MM) / FWHM_PER_SIGMA / 10.0
    variance = ORGAN_BQ_PER_ML / (protocol.counts_per_bq * (2.0 * np.sqrt(np.pi)) ** 3 * np.prod(sigmas_cm))
    # 200,000 voxels of which about 10,000 are independent: 1 % of the standard deviation.
    assert image.std() == pytest.approx(np.sqrt(variance), rel=0.04)
    # Neighbours at distance d correlate as exp(-d^2 / (4 s^2)).
    middle = image - image.mean()
    found = (middle[:, :, 1:] * middle[:, :, :-1]).mean() / middle.var()
    assert found == pytest.approx(np.exp(-(0.2**2) / (4.0 * sigmas_cm[0] ** 2)), abs=0.02)
    more = scan_pet(flat, grid=FINE, protocol=replace(protocol, counts_per_bq=4 * protocol.counts_per_bq), seed=5)
    assert more.values[8:-8, 8:-8, 8:-8].std() == pytest.approx(0.5 * image.std(), rel=0.04)


def test_a_point_is_as_wide_as_the_resolution():
    point = np.zeros(FINE.shape_zyx)
    point[32, 40, 40] = 1e6
    image = scan_pet(point, grid=FINE, protocol=replace(PROTOCOL, voxel_block=1), seed=None).values
    for axis, fwhm_mm in zip((2, 1, 0), MCT_FLOW_FWHM_MM, strict=True):
        profile = image.sum(axis=tuple({0, 1, 2} - {axis}), dtype=np.float64)
        places = 2.0 * np.arange(profile.size)
        mean = np.average(places, weights=profile)
        sigma = np.sqrt(np.average((places - mean) ** 2, weights=profile))
        assert sigma * FWHM_PER_SIGMA == pytest.approx(fwhm_mm, rel=0.01)


@pytest.mark.parametrize("nuclide", ["Ga-68", "F-18"])
def test_it_comes_back_from_dicom(tmp_path, nuclide):
    image = scan_pet(activity(), grid=FINE, protocol=PROTOCOL, seed=3, frame_of_reference_uid="1.2.3.4")
    written = write_pet(
        image,
        folder=tmp_path,
        patient=PatientFacts(name="ZZPHI^Pet", patient_id="ZZPHI-12"),
        study=StudyFacts(study_uid="1.2.3", started=STARTED),
        series=SeriesFacts(series_uid="1.2.3.1", number=1, started=STARTED, seed="pet"),
        acquisition=AcquisitionFacts(started=STARTED, frame_duration_s=180.0),
        agent=AgentFacts(name="test", nuclide=nuclide, half_life_s=get_nuclide(nuclide).half_life_s),
        decay_correction="NONE",
    )
    (series,) = group_series((read_header(path) for path in written.paths), site_zone=UTC)
    back = read_emission(series)
    assert series.nuclide == nuclide
    assert back.volume.unit == "Bq/mL"
    assert back.volume.grid.matches(image.grid)
    assert np.abs(back.volume.values - image.values).max() <= 0.51 * image.values.max() / 65535


def test_what_cannot_be_is_refused():
    for wrong in ({"counts_per_bq": 0.0}, {"counts_per_bq": np.nan}, {"voxel_block": 0}):
        with pytest.raises(InvalidInputError):
            replace(PROTOCOL, **wrong)
    with pytest.raises(GeometryMismatchError, match="shape"):
        scan_pet(np.ones((2, 2, 2)), grid=FINE, protocol=PROTOCOL, seed=1)
    with pytest.raises(GeometryMismatchError, match="whole number"):
        scan_pet(activity(), grid=FINE, protocol=replace(PROTOCOL, voxel_block=3), seed=1)
    with pytest.raises(InvalidInputError, match="below zero"):
        scan_pet(-activity(), grid=FINE, protocol=PROTOCOL, seed=1)
    with pytest.raises(InvalidInputError, match="finer"):
        scan_pet(activity(), grid=FINE, protocol=replace(PROTOCOL, fwhm_mm=(1.0, 5.0, 5.0)), seed=1)
