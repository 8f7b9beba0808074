"""The voxel method of a calculation: chosen, kept, fallen back to, with its map of uncertainty stored and served."""

import gzip

import numpy as np
import pytest

from dosimetry.errors import InsufficientDataError, InvalidInputError
from dosimetry.volume import Grid, Volume
from planning import models, storage
from planning.api.doses import DoseStartInput
from planning.computation.doses import compute_dose
from planning.computation.volumes import MOST_SHOWN_PERCENT, tia_uncertainty_asset
from planning.queue import TaskName
from planning.selectors.doses import calculation_detail
from planning.services.doses import dose_save
from tests.planning import worked_phantom as phantom

pytestmark = pytest.mark.django_db


def calculate(worked, **parameters):
    result = compute_dose(cycle=worked.cycle, parameters=parameters, progress=phantom.no_progress)
    return dose_save(run=worked.run(TaskName.CALCULATE_DOSE), cycle=worked.cycle, result=result)


def codes(calculation):
    return {finding["code"]: finding["level"] for finding in calculation.findings}


@pytest.fixture
def fitted(worked):
    worked.fitted()
    for time_point in worked.points[1:]:
        worked.registration(time_point)
    return worked


def tia(calculation):
    return storage.load_array(calculation.tia_sha256)


def test_the_usual_method_and_its_limit_are_kept_with_the_result(fitted):
    calculation = calculate(fitted)
    assert calculation.parameters["voxel_method"] == "voxelwise"
    assert calculation.parameters["voxel_residual_limit_mm"] == 5.0
    assert calculation_detail(fitted.cycle)["voxel_method"] == "voxelwise"
    assert not {"region_scaled_chosen", "region_scaled_registration"} & set(codes(calculation))


def test_the_map_of_uncertainty_is_stored_and_served(fitted):
    calculation = calculate(fitted, voxel_noise_percent=8.0)
    u, activity = storage.load_array(calculation.tia_uncertainty_sha256), tia(calculation)
    assert u.shape == activity.shape == phantom.SHAPE_ZYX
    relative = u[phantom.KIDNEY] / activity[phantom.KIDNEY]
    # Noise of 8 % at the first of three scans; the fit of two parameters changes it by less than a factor of three.
    assert 0.03 < relative.min() <= relative.max() < 0.25
    shown = calculation_detail(fitted.cycle)["tia_uncertainty_volume"]
    asset = models.VolumeAsset.objects.get(pk=shown)
    assert (asset.kind, asset.header["unit"], asset.header["missing_value"]) == ("uncertainty", "%", -1.0)
    with storage.open_object(asset.object_sha256) as stored:
        voxels = np.frombuffer(gzip.decompress(stored.read()), dtype="<f4").reshape(phantom.SHAPE_ZYX)
    assert voxels[phantom.KIDNEY] == pytest.approx(100.0 * relative, rel=1e-5)


def test_the_volume_is_served_to_its_site_only(fitted):
    calculate(fitted)
    clinic = fitted.clinic
    url = f"/api/volumes/{calculation_detail(fitted.cycle)['tia_uncertainty_volume']}/header"
    assert clinic.client(fitted.physicist).get(url).json()["kind"] == "uncertainty"
    assert clinic.client(clinic.foreigner).get(url).status_code == 404


def test_a_voxel_of_noise_leaves_steps_for_the_others():
    """The browser spreads 8,000 steps up to the largest value: one voxel of millions of % would take them all."""
    grid = Grid(shape_zyx=(1, 1, 4), spacing_xyz_mm=(4.0, 4.0, 4.0), origin_lps_mm=(0.0, 0.0, 0.0))
    tia_values = np.array([[[100.0, 1e-6, 100.0, 0.0]]], dtype=np.float32)
    known = np.array([[[10.0, 1.0, np.nan, 1.0]]], dtype=np.float32)
    asset = tia_uncertainty_asset(
        Volume(values=tia_values, grid=grid, unit="Bq s"), Volume(values=known, grid=grid, unit="Bq s")
    )
    raw = gzip.decompress(storage.object_path(asset["object_sha256"]).read_bytes())
    assert np.frombuffer(raw, dtype="<f4") == pytest.approx([10.0, MOST_SHOWN_PERCENT, -1.0, -1.0])
    assert asset["header"]["value_range"][1] == MOST_SHOWN_PERCENT


def test_scaling_by_choice_is_another_result_and_warns(fitted):
    usual = calculate(fitted)
    scaled = calculate(fitted, voxel_method="region_scaled")
    assert scaled.number == usual.number + 1
    assert codes(scaled)["region_scaled_chosen"] == "ask"
    assert scaled.parameters["voxel_method"] == "region_scaled"
    # Every region of the phantom has one half-life, so both methods agree: float32, and the tolerance of the curve fit.
    inside = tia(usual)[phantom.KIDNEY]
    assert tia(scaled)[phantom.KIDNEY] == pytest.approx(inside, rel=1e-4)


def test_scaling_takes_the_chosen_scan(fitted):
    """The second scan becomes twice as hot after the curves were fitted, so the choice shows."""
    by_reference = calculate(fitted, voxel_method="region_scaled")
    other = fitted.points[1]
    fitted.image(other, scale=2.0)
    fitted.registration(other)
    by_other = calculate(fitted, voxel_method="region_scaled", voxel_scan=str(other.pk))
    ratio = tia(by_other)[phantom.KIDNEY] / tia(by_reference)[phantom.KIDNEY]
    assert ratio == pytest.approx(2.0, rel=1e-4)


def test_a_scan_that_is_not_registered_is_refused(worked):
    worked.fitted()
    worked.registration(worked.points[1])
    with pytest.raises(InsufficientDataError) as caught:
        calculate(worked, voxel_method="region_scaled", voxel_scan=str(worked.points[2].pk))
    assert caught.value.code == "scan_not_mapped"


def test_a_poor_registration_falls_back_to_the_regions_curve(fitted):
    """One scan lies one voxel of 10 mm beside the reference; the finding names regions and limit."""
    moved = [1.0, 0.0, 0.0, 10.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    fitted.registration(fitted.points[1], matrix=moved)
    calculation = calculate(fitted)
    assert codes(calculation)["region_scaled_registration"] == "ask"
    message = next(f["message"] for f in calculation.findings if f["code"] == "region_scaled_registration")
    assert "Kidney left" in message
    assert "5 mm" in message
    # The reference scan, on which the contours lie, gives the shape of the map: the true activity of one half-life.
    decay = np.log(2.0) / (phantom.KIDNEY_HALF_LIFE_H * phantom.HOUR_S)
    corner = tia(calculation)[1, 2, 2]
    assert corner == pytest.approx(phantom.KIDNEY_BQ_PER_ML / decay, rel=1e-3)


def test_voxels_outside_a_scan_are_not_taken_as_empty(fitted):
    """A scan moved by two voxels no longer reaches the first slices: their kidney voxels rest on the region's curve."""
    moved = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, -20.0, 0.0, 0.0, 0.0, 1.0]
    fitted.registration(fitted.points[2], matrix=moved)
    calculation = calculate(fitted, voxel_residual_limit_mm=90.0)
    assert codes(calculation)["voxels_outside_scan"] == "note"
    decay = np.log(2.0) / (phantom.KIDNEY_HALF_LIFE_H * phantom.HOUR_S)
    assert tia(calculation)[1, 2, 2] == pytest.approx(phantom.KIDNEY_BQ_PER_ML / decay, rel=1e-3)


def test_an_image_with_a_value_that_is_no_number_is_refused(fitted):
    values = phantom.scan_values(phantom.TIMES_H[1])
    values[0, 0, 0] = np.nan
    image = fitted.points[1].images.get()
    models.QuantifiedImage.objects.filter(pk=image.pk).update(emission_sha256=storage.store_array(values))
    with pytest.raises(InvalidInputError, match="Time point 2: the image holds a value that is not a finite number"):
        calculate(fitted)


def test_a_result_from_before_the_map_has_none(fitted):
    calculation = calculate(fitted)
    models.DoseCalculation.objects.filter(pk=calculation.pk).update(
        tia_uncertainty_sha256="", tia_uncertainty_display=None, parameters={}
    )
    shown = calculation_detail(fitted.cycle)
    assert shown["tia_uncertainty_volume"] is None
    assert shown["voxel_method"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("voxel_method", "mean"),
        ("voxel_scan", "first"),
        ("voxel_noise_percent", 0.0),
        ("voxel_noise_percent", "NaN"),
        ("voxel_residual_limit_mm", -1.0),
    ],
)
def test_the_api_refuses(field, value):
    fields = DoseStartInput(data={field: value})
    assert not fields.is_valid()
    assert field in fields.errors


def test_the_api_takes_every_choice():
    key = "7b3f4b0e-0a52-4b55-9a3d-6a1b0a2f9a11"
    data = {"voxel_method": "region_scaled", "voxel_scan": key, "voxel_noise_percent": 9, "voxel_residual_limit_mm": 4}
    fields = DoseStartInput(data=data)
    assert fields.is_valid()
    assert dict(fields.validated_data) == {"engines": ["local"], **data}
