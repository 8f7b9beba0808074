"""Activity of virtual patients, their simulated scans, their truth, and the command that writes them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import pydicom
import pytest

from dosimetry.__main__ import main
from dosimetry.case.schema import read_case
from dosimetry.dicomio.ct import read_ct
from dosimetry.dicomio.emission import read_emission
from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.projections import read_projections
from dosimetry.dicomio.rtstruct import read_rtstruct
from dosimetry.dicomio.series import group_series
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.phantoms import virtual_patient as virtual_patient_module
from dosimetry.phantoms import virtual_writer as virtual_writer_module
from dosimetry.phantoms.acquisition import ScanProtocol, acquire
from dosimetry.phantoms.biokinetics import REST
from dosimetry.phantoms.protocols import get_protocol
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.phantoms.virtual_ct import CtOptions
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.phantoms.virtual_writer import VirtualWriter
from dosimetry.quantification.dead_time import true_rate_non_paralysable, true_rate_paralysable
from dosimetry.quantification.spect_settings import USUAL_SETTINGS
from dosimetry.volume import block_mean, coarser_grid
from tests.phantoms.spect_scans import FINE, PROTOCOL, STARTED, small_scan

HOUR_S = 3600.0


def test_a_scan_counts_what_the_sensitivity_says_in_thin_air():
    activity = np.zeros(FINE.shape_zyx, dtype=np.float32)
    activity[18:22, 30:34, 30:34] = 1e6
    thin = np.full(FINE.shape_zyx, 0.00121, dtype=np.float32)
    thin[18:22, 30:34, 30:34] = 0.06  # something for the detector to turn round
    quiet = replace(PROTOCOL, scatter_histories=0)
    scan = acquire(activity_bq_per_ml=activity, density_g_per_ml=thin, grid=FINE, protocol=quiet, seed=None)
    total_bq = 64 * FINE.voxel_volume_ml * 1e6
    expected = total_bq * PROTOCOL.calibration_cps_per_bq * PROTOCOL.view_duration_s * PROTOCOL.n_views
    # The thin source takes 0.9 % of its own photons on 10 mm, the air the rest.
    assert scan.counts[0].sum() == pytest.approx(expected, rel=0.012)
    assert scan.counts[0].sum() < expected
    assert np.all(scan.live_shares == 1.0)


def test_noise_is_poisson_and_seeds_repeat():
    first, expected = small_scan(4).acquisition.counts[0], small_scan(None).acquisition.counts[0]
    bright = expected > 20.0
    z = (first - expected)[bright] / np.sqrt(expected[bright])
    # Scatter of two seeds differs a little; 5,000 pixels give 1 % of the variance.
    assert z.var() == pytest.approx(1.0, rel=0.15)
    assert np.array_equal(first, np.rint(first))


@pytest.mark.parametrize("model", ["paralysable", "non_paralysable"])
def test_dead_time_is_undone_view_by_view(model):
    """A source near one side: views differ in rate, and each loses what its own rate says."""
    tau_s = 1e-4
    busy = replace(PROTOCOL, dead_time_s=tau_s, dead_time_model=model, scatter_histories=0)
    scan = small_scan(None)
    arguments = {"activity_bq_per_ml": scan.activity, "density_g_per_ml": scan.density, "grid": FINE}
    taken = acquire(**arguments, protocol=busy, seed=None)
    quiet = acquire(**arguments, protocol=replace(busy, dead_time_s=0.0), seed=None)
    true_cps = quiet.counts.sum(axis=(0, 2, 3), dtype=np.float64) / busy.view_duration_s
    observed_cps = taken.counts.sum(axis=(0, 2, 3), dtype=np.float64) / busy.view_duration_s
    assert true_cps.max() > 1.3 * true_cps.min()
    assert 0.5 < taken.live_shares.min() < taken.live_shares.max() - 0.02 < 0.95
    undo = {"paralysable": true_rate_paralysable, "non_paralysable": true_rate_non_paralysable}[model]
    found_cps = [undo(observed_cps=float(rate), dead_time_s=tau_s) for rate in observed_cps]
    # Counts are single precision.
    assert found_cps == pytest.approx(true_cps.tolist(), rel=1e-5)
    assert observed_cps / true_cps == pytest.approx(taken.live_shares, rel=1e-5)


def test_a_dead_time_of_another_model_is_refused():
    with pytest.raises(InvalidInputError, match="hybrid"):
        replace(PROTOCOL, dead_time_model="hybrid")


def test_protocols_and_grids_that_cannot_be_are_refused():
    for change in ({"n_views": 41}, {"n_heads": 0}, {"view_duration_s": 0.0}, {"fine_per_pixel": 0}):
        with pytest.raises(InvalidInputError):
            replace(PROTOCOL, **change)
    odd = centred_grid(shape_zyx=(5, 8, 8), spacing_xyz_mm=(5.0,) * 3)
    ones = np.ones(odd.shape_zyx)
    with pytest.raises(GeometryMismatchError):
        acquire(activity_bq_per_ml=ones, density_g_per_ml=ones, grid=odd, protocol=PROTOCOL, seed=1)
    assert isinstance(PROTOCOL, ScanProtocol)


def test_blocks_of_voxels_keep_means_and_places():
    grid = centred_grid(shape_zyx=(5, 4, 6), spacing_xyz_mm=(2.0, 2.0, 3.0))
    values = np.arange(120.0).reshape(5, 4, 6)
    coarse = coarser_grid(grid, 2)
    assert coarse.shape_zyx == (3, 2, 3)
    assert block_mean(values, 2)[0, 0, 0] == pytest.approx(values[:2, :2, :2].mean())
    assert block_mean(values, 2)[2, 0, 0] == pytest.approx(0.5 * values[4, :2, :2].mean())
    assert block_mean(values, 2, is_edge_repeated=True)[2, 0, 0] == pytest.approx(values[4, :2, :2].mean())
    assert coarse.origin_lps_mm == pytest.approx(grid.index_to_lps_mm(np.array([0.5, 0.5, 0.5])).tolist())
    with pytest.raises(InvalidInputError):
        block_mean(values, 0)


@lru_cache(maxsize=1)
def virtual_patient():
    return make_virtual_patient(VirtualPatientRequest(seed=5, scan_times_h=(24.0, 96.0)))


def test_the_activity_of_all_regions_is_in_the_map():
    patient = virtual_patient()
    found = patient.concentrations_bq_per_ml(0)
    total = sum(found[name] * volume for name, volume in patient.volumes_ml.items())
    assert total == pytest.approx(sum(patient.biokinetics.activities_bq(24 * HOUR_S, scan=0).values()), rel=1e-9)
    assert patient.poses[0].matrix != patient.poses[1].matrix
    assert found["Lung left"] == found[REST]
    fine, pixels = patient.fine_grid(), patient.spect_grid()
    assert coarser_grid(fine, 2).matches(pixels)
    assert patient.spect_grid(1).origin_lps_mm[2] - pixels.origin_lps_mm[2] == pytest.approx(360.0)


@pytest.mark.parametrize(
    "change",
    [
        {"scan_times_h": ()},
        {"scan_times_h": (24.0, 24.0)},
        {"scan_times_h": (-1.0,)},
        {"n_beds": 0},
        {"agent": "Water"},
        {"line_kev": 140.5},
    ],
)
def test_requests_that_cannot_be_are_refused(change):
    with pytest.raises(InvalidInputError):
        make_virtual_patient(VirtualPatientRequest(**change))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write one scan of a patient without reconstruction, as the command does."""
    folder = tmp_path_factory.mktemp("virtual")
    arguments = ["--seed", "5", "--scans", "24", "--engine", "local", "--projections-only", "--out", str(folder)]
    assert main(["phantom", *arguments]) == 0
    return folder


def test_the_command_writes_dicom_that_reads_back(written):
    paths = sorted(written.rglob("*.dcm"))
    assert all(verdict.is_accepted for _, verdict in check_files(paths))
    series = {item.kind: item for item in group_series([read_header(p) for p in paths], site_zone=UTC)}
    assert {"ct", "projections", "rtstruct", "seg"} <= set(series)
    projections = read_projections(series["projections"])
    assert projections.counts.shape == (3, 60, 100, 128)
    assert projections.counts[0].sum() > 1e5
    hu = read_ct(series["ct"])
    assert hu.frame_of_reference_uid == projections.series.frame_of_reference_uid
    names = {region.name for region in read_rtstruct(series["rtstruct"].paths[0]).regions}
    assert {"Liver", "Kidney left", "Kidney right", "Spleen"} <= names
    with pytest.raises(Exception, match="not SPECT"):
        read_emission(series["projections"])


def test_two_beds_become_one_emission_image(tmp_path, monkeypatch):
    """Large voxels, few views and no scatter: fast; accuracy is tested where beds are joined."""
    coarse = {"PIXEL_MM": 8.0, "N_COLUMNS": 64, "FINE_PER_PIXEL": 1, "TRUTH_GRID_MM": 8.0}
    for name, value in coarse.items():
        monkeypatch.setattr(virtual_patient_module, name, value)
    monkeypatch.setattr(virtual_writer_module, "CT_COLUMNS", 64)
    monkeypatch.setattr(virtual_writer_module, "CT_SPACING_XYZ_MM", (8.0, 8.0, 8.0))
    fast = {**get_protocol("Lu-177"), "n_views": 16, "scatter_histories": 0}
    monkeypatch.setattr(virtual_patient_module, "get_protocol", lambda nuclide, *, line_kev: fast)
    chosen = ["--scans", "24", "--beds", "2", "--engine", "local", "--scatter", "none", "--iterations", "2"]
    assert main(["phantom", "--seed", "5", *chosen, "--emission", "NM", "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.glob("scan_1/projections_*.dcm"))) == 2
    paths = sorted((tmp_path / "scan_1" / "emission").glob("*.dcm"))
    (series,) = group_series([read_header(path) for path in paths], site_zone=UTC)
    image = read_emission(series)
    assert series.modality == "NM"
    assert image.volume.unit == "Bq/mL"
    assert image.volume.grid.shape_zyx == (95, 64, 64)
    truth = json.loads((tmp_path / "truth.json").read_text())
    whole_body = sum(row["activities_bq"][0] for row in truth["regions"])
    found = float(image.volume.values.sum(dtype=np.float64)) * image.volume.grid.voxel_volume_ml
    # Two beds hold the trunk and most of the head; legs and arms lie outside.
    assert 0.7 < found / whole_body < 1.0
    middle = image.mid_acquisition - datetime.fromisoformat(truth["administered_at"])
    assert middle.total_seconds() == pytest.approx(24 * HOUR_S, abs=1.0)


def test_an_unknown_kind_of_emission_image_is_refused(tmp_path):
    """The command's parser refuses it before; the writer says so too."""
    with pytest.raises(InvalidInputError, match="PT or NM"):
        VirtualWriter(
            folder=tmp_path,
            patient=virtual_patient(),
            start=STARTED,
            ct_options=CtOptions(),
            settings=USUAL_SETTINGS,
            is_reconstructed=True,
            log=print,
            emission_kind="CT",
        )


def test_the_truth_is_written_with_it(written):
    truth = json.loads((written / "truth.json").read_text())
    header = pydicom.dcmread(next(written.rglob("projections_1.dcm")), stop_before_pixels=True)
    assert truth["patient_id"] == header.PatientID
    assert truth["scan_times_s"] == [24 * HOUR_S]
    regions = {row["name"]: row for row in truth["regions"]}
    kidney = regions["Kidney left"]
    assert kidney["activities_bq"][0] == pytest.approx(kidney["concentrations_bq_per_ml"][0] * kidney["volume_ml"])
    assert kidney["time_integrated_activity_bq_s"] > kidney["activities_bq"][0] * 24 * HOUR_S
    # Local deposition: 147.9 keV of electrons per decay in the organ's own mass.
    local = kidney["time_integrated_activity_bq_s"] * 147.9 * 1.602176634e-13 / kidney["mass_in_dose_map_g"]
    assert kidney["absorbed_dose_gy"] == pytest.approx(local, rel=5e-3)
    dose = pydicom.dcmread(written / "truth" / "rtdose.dcm")
    gy = dose.pixel_array * float(dose.DoseGridScaling)
    assert gy.max() > kidney["absorbed_dose_gy"]
    assert dose.DoseUnits == "GY"


@pytest.mark.parametrize(
    "change", [["--scans", "a,b"], ["--scans", "96,24"], ["--start", "2026-03-02"], ["--seed", "-1"]]
)
def test_the_command_says_what_is_wrong(tmp_path, capsys, change):
    assert main(["phantom", "--scans", "24", "--engine", "local", "--out", str(tmp_path / "none"), *change]) == 2
    assert "[" in capsys.readouterr().err
    assert not (tmp_path / "none" / "truth.json").exists()


def test_a_reconstructed_patient_comes_with_its_case_file(tmp_path):
    """The case names folders that exist; analyse takes it as it is."""
    patient = virtual_patient()
    writer = VirtualWriter(
        folder=tmp_path,
        patient=patient,
        start=STARTED,
        ct_options=CtOptions(),
        settings=USUAL_SETTINGS,
        is_reconstructed=True,
        log=print,
    )
    for name in ("scan_1", "scan_2", "truth"):
        (tmp_path / name).mkdir()
    (tmp_path / "truth" / "rtstruct.dcm").touch()
    (tmp_path / "case.json").write_text(json.dumps(writer.case()))
    case = read_case(tmp_path / "case.json")
    assert [point.label for point in case.time_points] == ["24 h", "96 h"]
    assert case.administered_at == STARTED
    assert case.patient_id == writer.headers.patient.patient_id == "VIRTUAL-DOTATATE-5"
    assert case.administered_activity_bq == pytest.approx(patient.biokinetics.administered_activity_bq)
