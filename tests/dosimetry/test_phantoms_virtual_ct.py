"""CT of virtual patients: CT numbers, noise, contrast, table, field of view, breathing, metal."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from dosimetry.dose.density import density_from_hu
from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.body_parts import TISSUES
from dosimetry.phantoms.habitus import Habitus
from dosimetry.phantoms.scanner import centred_grid
from dosimetry.phantoms.virtual_anatomy import Variant, make_anatomy, paint_labels
from dosimetry.phantoms.virtual_ct import CtOptions, make_ct
from dosimetry.phantoms.virtual_patient import VirtualPatientRequest, make_virtual_patient
from dosimetry.phantoms.virtual_table import GAP_MM, back_mm, table_density
from dosimetry.volume import Grid, RigidTransform, Volume

GRID = centred_grid(shape_zyx=(60, 110, 110), spacing_xyz_mm=(4.0, 4.0, 5.0))
HABITUS = Habitus(sex="male", height_cm=176.0, mass_kg=75.0)
PLAIN = CtOptions(dose_level="none", has_table=False, breathing_mm=0.0)


@lru_cache(maxsize=2)
def body(variants=frozenset()):
    anatomy = make_anatomy(seed=2, habitus=HABITUS, lesions=(), variants=variants)
    return anatomy, paint_labels(anatomy, grid=GRID)


def ct(options=PLAIN, *, seed=1, variants=frozenset()):
    anatomy, labels = body(variants)
    return make_ct(anatomy, labels, grid=GRID, seed=seed, options=options, frame_of_reference_uid="1.2").values


def inside(*names, margin=1):
    """Return voxels of parts, a voxel away from their border."""
    anatomy, labels = body()
    mask = np.isin(labels, [i + 1 for i, part in enumerate(anatomy.parts) if part.name in names])
    for axis in range(3 if margin else 0):
        mask &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return mask


@pytest.mark.parametrize(
    ("name", "tissue"), [("Liver", "liver"), ("Lung left", "lung"), ("Heart", "blood"), ("Spleen", "spleen")]
)
def test_organs_have_their_ct_numbers(name, tissue):
    values = ct()[inside(name)]
    # 4 HU (1 sd) between patients, texture, and the edge of the image's resolution.
    assert values.mean() == pytest.approx(TISSUES[tissue].hounsfield_units, abs=15.0)


def test_the_density_curve_gives_the_density_of_the_truth_back():
    anatomy, labels = body()
    volume = Volume(values=ct(), grid=GRID, unit="HU")
    found = density_from_hu(volume).values
    true = anatomy.density_g_per_ml(labels)
    for name in ("Liver", "Lung right", "Spleen", "Heart"):
        mask = inside(name)
        # CT numbers and densities of soft tissue are typical values of two sources.
        assert found[mask].mean() == pytest.approx(true[mask].mean(), rel=0.03)


def test_low_dose_is_noisier_than_diagnostic():
    liver = inside("Liver")
    still = ct(CtOptions(dose_level="none"))
    noise = {level: (ct(CtOptions(dose_level=level)) - still)[liver].std() for level in ("low_dose", "diagnostic")}
    assert noise["low_dose"] > 2.0 * noise["diagnostic"] > 5.0


def test_contrast_agent_brightens_kidneys_most():
    gain = ct(CtOptions(dose_level="none", has_contrast=True)).astype(int) - ct(CtOptions(dose_level="none"))
    kidney, liver = gain[inside("Kidney left cortex", margin=0)].mean(), gain[inside("Liver")].mean()
    assert kidney > 1.5 * liver > 40.0


def test_the_table_lies_under_the_back():
    anatomy, labels = body()
    with_table = ct(CtOptions(dose_level="none", breathing_mm=0.0))
    added = (with_table > ct() + 200) & (labels == 0)
    rows = np.argwhere(added)[:, 1]
    deepest = np.flatnonzero(np.any(labels > 0, axis=(0, 2)))[-1]
    assert rows.size > 0
    assert np.median(rows) >= deepest - 2
    density = table_density(anatomy, grid=GRID)
    assert 0.5 < density.max() < 1.0
    # The plate attenuates like one to four millimetres of tissue.
    assert 1.0 < (density[:, 55] - density.min()).sum() * 4.0 < 12.0


def table_y_mm(grid, **changes):
    """Return where the plate begins in the column at x = 0, mm."""
    density = table_density(body()[0], grid=grid, **changes)
    column = int(np.rint(grid.lps_mm_to_index(np.zeros(3))[2]))
    row = np.flatnonzero(density[:, column] > 0.05)[0]
    return float(grid.index_to_lps_mm(np.array([0.0, row, 0.0]))[1])


def test_the_table_has_one_place_in_every_bed_and_modality():
    patient = make_virtual_patient(VirtualPatientRequest(seed=5, scan_times_h=(24.0,), n_beds=2))
    pelvis = Grid(shape_zyx=(20, 128, 128), spacing_xyz_mm=(4.0,) * 3, origin_lps_mm=(-254.0, -254.0, -330.0))
    grids = (patient.fine_grid(0), patient.fine_grid(1), pelvis, GRID)
    # Rows of 2 and 4 mm.
    assert np.ptp([table_y_mm(grid) for grid in grids]) <= 4.0
    assert table_y_mm(grids[0]) == table_y_mm(grids[1])
    assert table_y_mm(grids[0]) == pytest.approx(back_mm(body()[0]) + GAP_MM, abs=2.0)


def test_the_back_is_the_deepest_point_of_the_painted_body_in_its_pose():
    anatomy, _ = body()
    whole = centred_grid(shape_zyx=(120, 180, 140), spacing_xyz_mm=(3.0, 2.0, 10.0))
    raised = RigidTransform.from_euler(angles_xyz_rad=(0.02, 0.0, 0.0), shift_lps_mm=(0.0, -15.0, 0.0))
    for pose in (None, raised):
        rows = np.flatnonzero(np.any(paint_labels(anatomy, grid=whole, pose=pose) > 0, axis=(0, 2)))
        deepest_mm = float(whole.index_to_lps_mm(np.array([0.0, rows[-1], 0.0]))[1])
        # Painted rows of 2 mm, so that the surface lies up to 2 mm below the middle of the last.
        assert back_mm(anatomy, pose=pose) == pytest.approx(deepest_mm + 1.0, abs=2.0)
    assert abs(table_y_mm(GRID, pose=raised) - table_y_mm(GRID)) >= 4.0


def test_a_body_without_skin_has_no_back():
    anatomy, _ = body()
    bare = replace(anatomy, parts=tuple(part for part in anatomy.parts if part.tissue != "skin"))
    with pytest.raises(InvalidInputError) as caught:
        back_mm(bare)
    assert caught.value.code == "no_skin"


def test_outside_the_field_of_view_there_is_nothing():
    values = ct(CtOptions(dose_level="low_dose", field_of_view_mm=300.0))
    assert np.all(values[:, 0, 0] == -1024)
    assert np.all(values[30, 50:60, 50:60] > -1024)


def test_breathing_blurs_the_dome_of_the_diaphragm():
    still, breathing = ct(), ct(CtOptions(dose_level="none", has_table=False, breathing_mm=8.0))
    z_mm = GRID.index_to_lps_mm(np.array([[z, 0, 0] for z in range(60)], dtype=float))[:, 2]
    change = np.abs(breathing.astype(int) - still).mean(axis=(1, 2))
    assert change[np.abs(z_mm - 70.0) < 20.0].mean() > 5.0 * change[np.abs(z_mm) > 140.0].mean()


def test_metal_throws_streaks():
    low = centred_grid(shape_zyx=(24, 110, 110), spacing_xyz_mm=(4.0, 4.0, 5.0))
    anatomy = make_anatomy(seed=2, habitus=HABITUS, lesions=(), variants=frozenset({Variant.IMPLANT}))
    grid = type(low)(
        shape_zyx=low.shape_zyx, spacing_xyz_mm=low.spacing_xyz_mm, origin_lps_mm=(*low.origin_lps_mm[:2], -360.0)
    )
    values = make_ct(anatomy, paint_labels(anatomy, grid=grid), grid=grid, seed=1, options=PLAIN).values
    assert values.max() > 1500
    muscle = values[(values > -400) & (values < 400)]
    assert muscle.std() > 60.0


def test_the_same_seed_gives_the_same_ct():
    assert np.array_equal(ct(CtOptions()), ct(CtOptions()))
    assert not np.array_equal(ct(CtOptions()), ct(CtOptions(), seed=2))
    assert ct().dtype == np.int16


@pytest.mark.parametrize("change", [{"dose_level": "high"}, {"breathing_mm": -1.0}, {"field_of_view_mm": -1.0}])
def test_options_that_cannot_be_are_refused(change):
    with pytest.raises(InvalidInputError):
        CtOptions(**change)
