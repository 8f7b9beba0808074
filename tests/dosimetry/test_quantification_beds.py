"""Beds of one scan become one image: flat across the seam, complete in total, of one time."""

from dataclasses import replace
from datetime import UTC, date, timedelta
from functools import lru_cache

import numpy as np
import pytest
from scipy.special import ndtr

from dosimetry.dicomio.headers import read_header
from dosimetry.dicomio.projections import read_projections
from dosimetry.dicomio.series import group_series
from dosimetry.dicomio.writing_common import PatientFacts, SeriesFacts, StudyFacts
from dosimetry.dicomio.writing_emission import AcquisitionFacts, AgentFacts
from dosimetry.dicomio.writing_projections import OrbitFacts, write_projections
from dosimetry.errors import GeometryMismatchError, InsufficientDataError, InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.acquisition import acquire
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.quantification.beds import join_beds
from dosimetry.quantification.calibration import CalibrationFactor
from dosimetry.quantification.spect import reconstruct_spect
from dosimetry.quantification.spect_settings import SpectSettings
from dosimetry.volume import Grid, Volume, block_mean, coarser_grid
from tests.phantoms.spect_scans import PROTOCOL, STARTED

LU177, TC99M = get_nuclide("Lu-177"), get_nuclide("Tc-99m")
FINE = centred_grid(shape_zyx=(40, 40, 40), spacing_xyz_mm=(5.0, 5.0, 5.0))
N_OVERLAP = 4
QUIET = replace(PROTOCOL, scatter_histories=0)
TRUE_BQ_PER_ML = 2e5


def body() -> np.ndarray:
    """Return a cylinder of 140 mm, longer than both beds, on a bed's fine voxels."""
    y, x = np.meshgrid(*[(np.arange(n) - 0.5 * (n - 1)) * 5.0 for n in FINE.shape_zyx[1:]], indexing="ij")
    return np.broadcast_to(x**2 + y**2 <= 70.0**2, FINE.shape_zyx)


def written_bed(folder, number: int, *, activity_bq_per_ml: float):
    """Simulate, write and read one bed without noise; ``number`` beds towards the head."""
    inside = body()
    pixels = coarser_grid(FINE, 2)
    density = np.where(inside, 1.03, 0.00121).astype(np.float32)
    scan = acquire(
        activity_bq_per_ml=activity_bq_per_ml * inside, density_g_per_ml=density, grid=FINE, protocol=QUIET, seed=None
    )
    low = pixels.origin_lps_mm[2] + number * 10.0 * (pixels.shape_zyx[0] - N_OVERLAP)
    started = STARTED + timedelta(seconds=number * QUIET.duration_s)
    written = write_projections(
        np.rint(scan.counts),
        path=folder / f"bed_{number}.dcm",
        orbit=OrbitFacts(
            angles_deg=scan.orbit.angles_deg,
            radii_mm=scan.orbit.radii_mm,
            pixel_mm=(10.0, 10.0),
            lowest_row_z_mm=low,
            n_heads=2,
        ),
        patient=PatientFacts(name="ZZPHI^Beds", patient_id="ZZPHI-10"),
        study=StudyFacts(study_uid="1.2.3", started=STARTED),
        series=SeriesFacts(series_uid=f"1.2.3.{number + 1}", number=1, started=STARTED, seed="beds"),
        acquisition=AcquisitionFacts(
            started=started,
            frame_duration_s=QUIET.duration_s,
            corrections=(),
            energy_windows_kev=QUIET.windows_kev,
        ),
        agent=AgentFacts(name="DOTATATE", nuclide="Lu-177", half_life_s=LU177.half_life_s),
        frame_of_reference_uid="1.2.3.4",
    )
    (series,) = group_series([read_header(written.paths[0])], site_zone=UTC)
    grid = replace(pixels, origin_lps_mm=(pixels.origin_lps_mm[0], pixels.origin_lps_mm[1], low))
    return read_projections(series), Volume(values=block_mean(density, 2), grid=grid, unit="g/mL")


@lru_cache(maxsize=1)
def _beds(folder):
    calibration = CalibrationFactor(
        calibration_cps_per_bq=QUIET.calibration_cps_per_bq,
        standard_uncertainty_cps_per_bq=0.0,
        camera="Symbia ME",
        nuclide="Lu-177",
        valid_from=date(2026, 1, 1),
    )
    settings = SpectSettings(camera="Symbia ME", n_iterations=8, n_subsets=8, scatter="none")
    images = []
    for number in range(2):
        left = float(np.exp(-LU177.decay_constant_per_s * number * QUIET.duration_s))
        projections, density = written_bed(folder, number, activity_bq_per_ml=TRUE_BQ_PER_ML * left)
        images.append(
            reconstruct_spect(
                projections, nuclide=LU177, density=density, calibration=calibration, settings=settings
            ).image
        )
    return tuple(images)


@pytest.fixture(scope="module")
def beds(tmp_path_factory):
    return _beds(tmp_path_factory.mktemp("beds"))


def test_uniform_activity_is_flat_across_the_seam(beds):
    joined = join_beds(beds, nuclide=LU177)
    n_z = beds[0].volume.grid.shape_zyx[0]
    assert joined.volume.grid.shape_zyx[0] == 2 * n_z - N_OVERLAP
    per_slice = joined.volume.values.sum(axis=(1, 2), dtype=np.float64)
    seam = per_slice[n_z - N_OVERLAP - 2 : n_z + 2]
    assert seam == pytest.approx(np.full(seam.size, np.median(per_slice)), rel=0.01)
    # The two outermost slices lose counts over the edge of the simulated field (5 %).
    true_bq = TRUE_BQ_PER_ML * body()[0].sum() * FINE.voxel_volume_ml * 2 * (per_slice.size - 2)
    assert per_slice[1:-1].sum() * joined.volume.grid.voxel_volume_ml == pytest.approx(true_bq, rel=0.01)
    assert joined.mid_acquisition == beds[0].mid_acquisition
    assert [finding.code for finding in joined.findings][-1] == "beds_joined"


def test_the_order_does_not_matter_and_one_bed_stays_as_it_is(beds):
    joined, turned = (join_beds(images, nuclide=LU177) for images in (beds, beds[::-1]))
    assert np.array_equal(joined.volume.values, turned.volume.values)
    assert joined.volume.grid == turned.volume.grid
    assert join_beds(beds[:1], nuclide=LU177) is beds[0]


def at(image, *, slices: float = 0.0, later_s: float = 0.0, value=None, columns: float = 0.0, **changes):
    """Return an image some slices further up, later, and of another value for all slices or for each."""
    volume = image.volume
    x, y, z = volume.grid.origin_lps_mm
    step_x, _, step_z = volume.grid.spacing_xyz_mm
    grid = replace(volume.grid, origin_lps_mm=(x + columns * step_x, y, z + slices * step_z))
    values = volume.values
    if value is not None:
        per_slice = np.broadcast_to(np.asarray(value, dtype=np.float32), len(values))
        values = np.broadcast_to(per_slice[:, None, None], values.shape)
    start = image.series.acquisition_start + timedelta(seconds=later_s)
    frame = changes.pop("frame", volume.frame_of_reference_uid)
    moved = Volume(values=values, grid=grid, unit=changes.pop("unit", volume.unit), frame_of_reference_uid=frame)
    return replace(image, volume=moved, series=replace(image.series, acquisition_start=start, **changes))


def test_every_bed_is_brought_to_the_time_of_the_first(beds):
    """Tc-99m, three beds of half an hour: exact but for single precision."""
    value = 1000.0
    images = [
        at(
            beds[0],
            slices=16.0 * n,
            later_s=1800.0 * n,
            value=value * float(np.exp(-TC99M.decay_constant_per_s * 1800.0 * n)),
        )
        for n in range(3)
    ]
    joined = join_beds(images, nuclide=TC99M)
    assert joined.volume.values.shape[0] == 20 + 2 * 16
    assert joined.volume.values == pytest.approx(value, rel=1e-6)


def test_the_overlap_goes_over_linearly(beds):
    low, high = at(beds[0], value=0.0), at(beds[0], slices=16.0, value=1.0)
    joined = join_beds([low, high], nuclide=LU177)
    assert joined.volume.values[:, 0, 0][15:21] == pytest.approx([0.0, 0.0, 1 / 3, 2 / 3, 1.0, 1.0], abs=1e-7)
    single = join_beds([low, at(beds[0], slices=19.0, value=1.0)], nuclide=LU177)
    assert single.volume.values[:, 0, 0][18:21].tolist() == [0.0, 0.5, 1.0]
    touching = join_beds([low, at(beds[0], slices=20.0, value=1.0)], nuclide=LU177)
    assert touching.volume.values[:, 0, 0][18:22].tolist() == [0.0, 0.0, 1.0, 1.0]


def slice_means(cumulative, position: float, n: int) -> np.ndarray:
    """Return what slices of one unit hold of a profile along the axis, from its integral."""
    edges = position - 0.5 + np.arange(n + 1)
    return np.diff(cumulative(edges))


PROFILES = {
    "uniform": lambda z: z,
    "sloping": lambda z: z + 0.01 * z**2,
    "waves": lambda z: 2.0 * z - np.cos(z / 2.0),
    # Lesions of a slice and a half, in the overlap and near the far end; a body around them.
    "lesions": lambda z: 0.1 * z + 5.0 * ndtr((z - 17.3) / 1.5) + 5.0 * ndtr((z - 32.2) / 1.5),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("step", [16.1, 16.25, 16.5, 16.9, -15.7])
def test_a_bed_between_the_slices_of_the_first_keeps_its_activity(beds, name, step):
    """The first bed lies at 0 to 19; the other by a step that is no whole number of slices away, later."""
    n = beds[0].volume.values.shape[0]
    images = [
        at(beds[0], value=slice_means(PROFILES[name], 0.0, n)),
        at(beds[0], value=slice_means(PROFILES[name], step, n), slices=step, later_s=1.0),
    ]
    joined = join_beds(images, nuclide=LU177)
    low, high = min(0.0, step) - 0.5, max(0.0, step) + n - 0.5
    true = float(PROFILES[name](np.array(high)) - PROFILES[name](np.array(low)))
    per_slice = joined.volume.values[:, 0, 0].astype(np.float64)
    # What is asked of it: half a per cent. Decay over a second is 1e-6.
    assert per_slice.sum() == pytest.approx(true, rel=0.005)
    if name == "uniform":
        whole = per_slice[:-1] if step > 0.0 else per_slice[1:]
        assert whole == pytest.approx(1.0, abs=1e-5)
    codes = [finding.code for finding in joined.findings]
    assert codes[-2:] == ["beds_joined", "beds_moved"]
    moved_mm = 10.0 * abs(step - round(step))
    assert (
        f"1 of 2 beds lay between the slices of the first and were moved onto them linearly, by up to {moved_mm:.1f}"
        in (joined.findings[-1].message)
    )


def test_a_simulated_bed_between_the_slices_leaves_no_seam(beds):
    """The cylinder is the same at every step along it: only the header of the upper bed is moved, by 0.4 slices."""
    moved = join_beds([beds[0], at(beds[1], slices=0.4)], nuclide=LU177)
    per_slice = moved.volume.values.sum(axis=(1, 2), dtype=np.float64)
    n_z = beds[0].volume.grid.shape_zyx[0]
    seam = per_slice[n_z - N_OVERLAP - 2 : n_z + 2]
    assert seam == pytest.approx(np.full(seam.size, np.median(per_slice)), rel=0.01)
    whole = join_beds(beds, nuclide=LU177).volume.values.sum(axis=(1, 2), dtype=np.float64)
    assert per_slice.sum() == pytest.approx(whole.sum() + 0.4 * np.median(whole), rel=0.005)


def test_header_rounding_moves_nothing(beds):
    near = join_beds([beds[0], at(beds[1], slices=0.009)], nuclide=LU177)
    assert np.array_equal(near.volume.values, join_beds(beds, nuclide=LU177).volume.values)
    assert near.findings[-1].code == "beds_joined"


def test_a_middle_bed_may_lie_between_slices(beds):
    images = [at(beds[0], slices=16.0 * n + 0.5 * (n == 1), later_s=float(n), value=1.0) for n in range(3)]
    joined = join_beds(images, nuclide=LU177)
    assert joined.volume.values.shape[0] == 20 + 2 * 16
    assert joined.volume.values == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"slices": 21.0}, GeometryMismatchError, "bed_gap"),
        ({"slices": 20.4}, GeometryMismatchError, "bed_gap"),
        ({"slices": 16.0, "columns": 0.3}, GeometryMismatchError, "bed_shifted"),
        ({"slices": 0.0}, InvalidInputError, "bed_inside"),
        ({"slices": 16.0, "frame": "1.2.9"}, GeometryMismatchError, "bed_frame"),
        ({"slices": 16.0, "unit": "counts"}, InvalidInputError, "bed_units"),
        ({"slices": 16.0, "decay_correction": "START"}, InvalidInputError, "bed_decay"),
    ],
)
def test_beds_that_do_not_belong_together_are_refused(beds, change, error, code):
    with pytest.raises(error) as caught:
        join_beds([beds[0], at(beds[0], **change)], nuclide=LU177)
    assert caught.value.code == code


def test_other_refusals_say_why(beds):
    with pytest.raises(InvalidInputError, match="at least one"):
        join_beds([], nuclide=LU177)
    timeless = replace(beds[1], series=replace(beds[1].series, acquisition_start=None))
    with pytest.raises(InsufficientDataError, match="time"):
        join_beds([beds[0], timeless], nuclide=LU177)
    grid = beds[1].volume.grid
    thin = Grid(shape_zyx=grid.shape_zyx, spacing_xyz_mm=(10.0, 10.0, 9.0), origin_lps_mm=grid.origin_lps_mm)
    other = replace(beds[1], volume=replace(beds[1].volume, grid=thin))
    with pytest.raises(GeometryMismatchError, match="voxels"):
        join_beds([beds[0], other], nuclide=LU177)
    counts = [at(beds[0], unit="counts"), at(beds[0], slices=16.0, unit="counts", frame_duration_s=1.0)]
    with pytest.raises(InvalidInputError, match="differently long"):
        join_beds(counts, nuclide=LU177)
    three = [at(beds[0], slices=float(n)) for n in (0, 8, 16)]
    with pytest.raises(InvalidInputError, match="Three beds"):
        join_beds(three, nuclide=LU177)
