"""Public real data: every transfer syntax, a CT, a FDG PET with contours, and a Lu-177 patient scanned twice."""

import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest

from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.pixels import read_stored_values
from dosimetry.dicomio.rtstruct import rasterise, read_rtstruct
from dosimetry.dicomio.series import group_series
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.activity import to_activity_concentration
from dosimetry.segmentation.regions import measure_region
from tests.phantoms import edits

LU177 = get_nuclide("Lu-177")
ADMINISTERED = datetime(2018, 11, 15, 9, 22, tzinfo=UTC)
ADMINISTERED_BQ = 7210.4256e6


def unpacked(shared_data, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("real")
    with zipfile.ZipFile(shared_data / name) as archive:
        archive.extractall(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def grouped(paths):
    return {series.kind: series for series in edits.grouped(paths)}


@pytest.fixture(scope="module")
def syntaxes(shared_data, tmp_path_factory):
    paths = unpacked(shared_data, tmp_path_factory, "transfer_syntaxes/wg04.zip")
    return {path.stem: path for path in paths}


@pytest.fixture(scope="module", params=[1, 2])
def lu177_scan(request, shared_data, tmp_path_factory):
    series = grouped(unpacked(shared_data, tmp_path_factory, f"lu177_dotatate_patient/scan_{request.param}.zip"))
    image = read_emission(series["emission"])
    structures = read_rtstruct(series["rtstruct"].paths[0])
    quantified = to_activity_concentration(
        image, nuclide=LU177, administration_time=ADMINISTERED, administered_activity_bq=ADMINISTERED_BQ
    )
    return request.param, series, image, structures, quantified


def test_every_transfer_syntax_opens(syntaxes):
    assert len(syntaxes) == 23
    for path in syntaxes.values():
        values, dataset = read_stored_values(path)
        assert values.shape == (int(dataset.get("NumberOfFrames", 1)), dataset.Rows, dataset.Columns)
        assert values.max() > values.min()


# By name of the sample: run length, JPEG lossless, JPEG-LS lossless, JPEG 2000 reversible.
@pytest.mark.parametrize("syntax", ["RLE", "JPLL", "JLSL", "J2KR"])
@pytest.mark.parametrize("image", ["CT1", "CT2", "NM1"])
def test_lossless_syntaxes_differ_by_nothing(syntaxes, image, syntax):
    plain, _ = read_stored_values(syntaxes[f"{image}_UNC"])
    compressed, _ = read_stored_values(syntaxes[f"{image}_{syntax}"])
    assert compressed.dtype.kind == plain.dtype.kind
    assert np.array_equal(compressed, plain)


@pytest.mark.parametrize("name", ["NM1_JPLY", "NM1_JLSN", "NM1_J2KI", "CT1_JLSN", "CT1_J2KI", "CT2_JLSN", "CT2_J2KI"])
def test_lossy_syntaxes_are_close_and_named(syntaxes, name):
    plain, _ = read_stored_values(syntaxes[f"{name[:3]}_UNC"])
    lossy, dataset = read_stored_values(syntaxes[name])
    difference = np.abs(lossy.astype(float) - plain)
    assert 0.0 < difference.mean() < 0.02 * np.ptp(plain)
    assert dataset.LossyImageCompression == "01"
    (series,) = group_series([read_header(syntaxes[name])])
    if series.kind in {"ct", "emission"}:
        assert edits.codes(series)["lossy"] == {"ct": "ask", "emission": "block"}[series.kind]


def test_an_enhanced_ct_is_read(syntaxes):
    (series,) = group_series([read_header(syntaxes["eCT_Supplemental"])])
    volume = read_ct(series)
    assert (series.kind, volume.unit, volume.values.shape) == ("ct", "HU", (2, 512, 512))
    # Air and tissue.
    assert volume.values.min() <= -900
    assert 0.0 < np.mean((volume.values > -200) & (volume.values < 200)) < 1.0


@pytest.mark.parametrize(
    ("name", "shape", "spacing_mm"),
    [
        ("ct_liver/ct_41_slices.zip", (41, 512, 512), (0.796875, 0.796875, 5.0)),
        ("ct_mct_j2k/ct_20_slices_jpeg2000.zip", (20, 512, 512), (0.9765625, 0.9765625, 2.0)),
    ],
    ids=["liver", "JPEG 2000"],
)
def test_real_ct_is_hu_on_its_grid(shared_data, tmp_path_factory, name, shape, spacing_mm):
    series = grouped(unpacked(shared_data, tmp_path_factory, name))["ct"]
    volume = read_ct(series)
    assert volume.values.shape == shape
    # 1e-3: coordinates have six digits.
    assert volume.grid.spacing_xyz_mm == pytest.approx(spacing_mm, abs=1e-3)
    assert edits.codes(series) == {"site_zone": "note"}
    soft = volume.values[(volume.values > -150) & (volume.values < 250)]
    # Fat lies near -100, liver and muscle near 50 to 120 HU.
    assert -100 < np.median(soft) < 130
    assert volume.values.min() <= -950


def test_fdg_pet_with_contours(shared_data, tmp_path_factory):
    series = grouped(unpacked(shared_data, tmp_path_factory, "fdg_pet_sarcoma/fdg_pet_rtstruct.zip"))
    emission = series["emission"]
    assert (emission.nuclide, emission.units, emission.decay_correction) == ("F-18", "BQML", "START")
    image = read_emission(emission)
    assert image.volume.values.shape == (267, 128, 128)
    proposal = emission.administration
    # The header states the time of day only.
    assert (proposal.start, proposal.is_day_assumed) == (datetime(2000, 9, 7, 10, 35, tzinfo=UTC), True)
    assert proposal.administered_activity_bq == 388777472.0
    quantified = to_activity_concentration(
        image,
        nuclide=get_nuclide("F-18"),
        administration_time=proposal.start,
        administered_activity_bq=proposal.administered_activity_bq,
    )
    # Whole torso: legs, arms and urine are missing, the rest of the remaining activity is there.
    remaining = proposal.administered_activity_bq * np.exp2(-quantified.time_s / get_nuclide("F-18").half_life_s)
    assert 0.5 < quantified.whole_image_activity_bq / remaining < 1.0
    structures = read_rtstruct(series["rtstruct"].paths[0])
    assert structures.referenced_series_uids == (emission.series_uid,)
    assert [region.name for region in structures.regions] == ["GTV_Mass", "GTV_Edema"]
    for region in structures.regions:
        mask = rasterise(region, image.volume.grid)
        volume_ml = mask.sum() * image.volume.grid.voxel_volume_ml
        # Two ways of counting contours of hundreds of mL.
        assert volume_ml == pytest.approx(region.volume_by_polygon_ml, rel=0.01)
    # SUV of the mass: above the body's mean of 1.
    mass = rasterise(structures.regions[0], image.volume.grid)
    suv = image.volume.values[mass].max() / (proposal.administered_activity_bq / (emission.weight_kg * 1e3))
    assert suv > 3.0


def test_the_lu177_patient_is_read_as_quantitative_spect(lu177_scan):
    number, series, image, structures, _ = lu177_scan
    emission = series["emission"]
    assert (emission.modality, emission.nuclide, emission.units) == ("PT", "Lu-177", "BQML")
    assert (emission.decay_correction, image.volume.values.shape) == ("ADMIN", (199, 256, 256))
    assert image.volume.grid.spacing_xyz_mm == pytest.approx((1.953, 1.953, 1.953), abs=1e-3)
    assert emission.administration.start == ADMINISTERED
    assert emission.administration.administered_activity_bq == pytest.approx(ADMINISTERED_BQ, rel=1e-6)
    assert structures.referenced_series_uids == (emission.series_uid,)
    assert {region.frame_of_reference_uid for region in structures.regions} == {emission.frame_of_reference_uid}
    # The study of the second scan carries the date of the first.
    assert emission.headers[0].dataset.StudyDate == "20181115"
    assert emission.acquisition_start.date().day == 14 + number


def test_lu177_times_are_hours_after_administration(lu177_scan):
    number, *_, quantified = lu177_scan
    # README of the data: mid-acquisition, two decimals.
    assert quantified.time_s / 3600.0 == pytest.approx({1: 3.95, 2: 27.93}[number], abs=0.005)
    # Header half-life 574300 s.
    assert quantified.decay_factor_applied == pytest.approx(np.exp2(-quantified.time_s / 574300.0), rel=1e-9)


def test_lu177_lesions_keep_their_volumes(lu177_scan):
    number, _, image, structures, quantified = lu177_scan
    expected_ml = {1: (106.98, 2.86), 2: (107.90, 2.91)}[number]
    for region, volume_ml in zip(structures.regions, expected_ml, strict=True):
        measured = measure_region(rasterise(region, image.volume.grid), image.volume.grid, quantified.volume)
        # One voxel in a thousand, and half a percent of the small one.
        assert measured.volume_ml == pytest.approx(volume_ml, rel=5e-3)
        # By polygon and by voxel: the small lesion differs by edge voxels.
        assert measured.volume_ml == pytest.approx(region.volume_by_polygon_ml, rel=0.03)
        assert measured.fraction_in_image == pytest.approx(1.0)
        # MBq/mL, as lesions of this therapy have at the first day.
        assert 5e5 < measured.mean_activity_concentration_bq_per_ml < 5e6


def test_lu177_activity_is_what_can_be_left(lu177_scan):
    number, *_, quantified = lu177_scan
    remaining = ADMINISTERED_BQ * np.exp2(-quantified.time_s / LU177.half_life_s)
    # One bed of a patient who has voided: a part of what physical decay leaves, less on the second day.
    share = quantified.whole_image_activity_bq / remaining
    assert 0.05 < share < 0.5
    assert quantified.whole_image_activity_bq == pytest.approx({1: 1327.6e6, 2: 882.2e6}[number], rel=1e-3)
    assert {finding.code for finding in quantified.findings} == {"site_zone"}
