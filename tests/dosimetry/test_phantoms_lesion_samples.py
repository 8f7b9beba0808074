"""Training samples with lesions: the same everywhere, of all sizes and sites, and what is faint is not asked for."""

from types import MappingProxyType

import numpy as np
import pytest

from dosimetry.phantoms import lesion_foci, lesion_samples
from dosimetry.phantoms.lesion_foci import LARGEST_ML, PaintedFoci, blob, paint_foci
from dosimetry.phantoms.lesion_samples import faint_voxels, foci_concentrations, lesion_sample, peak_recovery
from dosimetry.phantoms.training_emission import EmissionDraw
from dosimetry.phantoms.training_samples import UNSEEN
from dosimetry.phantoms.virtual_anatomy import make_anatomy, paint_labels
from dosimetry.volume import Grid

GRID = Grid(shape_zyx=(100, 60, 80), spacing_xyz_mm=(5.0, 5.0, 5.0), origin_lps_mm=(-197.5, -147.5, -330.0))


@pytest.fixture(scope="module")
def body():
    anatomy = make_anatomy(seed=11, lesions=())
    return anatomy, paint_labels(anatomy, grid=GRID)


def painted(body, seed: int) -> PaintedFoci:
    anatomy, labels = body
    return paint_foci(anatomy, labels, spacing_mm=5.0, generator=np.random.default_rng(seed))


def test_a_sample_is_the_same_whenever_it_is_made():
    first = lesion_sample(seed=3, number=5)
    lesion_samples._body.cache_clear()
    second = lesion_sample(seed=3, number=5)
    np.testing.assert_array_equal(first.channels, second.channels)
    np.testing.assert_array_equal(first.classes, second.classes)
    assert first.channels.dtype == np.float32 and first.channels[4].any()
    assert all(size % 8 == 0 for size in first.classes.shape)
    assert set(np.unique(first.classes)) <= {0, 1, UNSEEN}
    assert not np.any(first.classes[first.numbers == 0] == 1)


def test_two_samples_share_a_body_and_not_an_image():
    first, second = (lesion_sample(seed=3, number=number) for number in (4, 5))
    np.testing.assert_array_equal(first.numbers, second.numbers)
    assert not np.allclose(first.channels[2], second.channels[2])


def test_lesions_lie_at_all_sites_in_all_sizes_and_in_their_hosts(body):
    anatomy, labels = body
    hosts, volumes = set(), []
    for seed in range(12):
        found = painted(body, seed)
        numbers = found.lesion_numbers()
        for number, focus in enumerate((f for f in found.foci if f.kind == "lesion"), start=1):
            hosts.add(anatomy.parts[focus.host - 1].source_region)
            own = numbers == number
            volumes.append(np.count_nonzero(own) * 0.125)
            # Never in the air around the patient.
            assert np.all(labels[own] > 0)
    assert {"Liver", "Rest of body"} <= hosts and hosts & {"Spine", "Pelvis", "Ribs"}
    assert min(volumes) < 2.0 and max(volumes) > 30.0
    assert max(volumes) <= max(LARGEST_ML.values()) + 0.2


def test_foci_that_are_no_lesions_are_painted_and_are_no_lesions(body):
    kinds = set()
    for seed in range(12):
        found = painted(body, seed)
        kinds |= {focus.kind for focus in found.foci}
        others = [focus.label for focus in found.foci if focus.kind in {"urine", "bile", "bowel"}]
        assert not np.any(found.lesion_numbers()[np.isin(found.labels, others)])
    assert kinds == {"lesion", "core", "urine", "bile", "bowel"}


def test_a_dead_core_belongs_to_its_lesion_and_is_colder(body):
    found = next(p for p in (painted(body, seed) for seed in range(30)) if any(f.kind == "core" for f in p.foci))
    values = foci_concentrations(found, np.random.default_rng(1))
    place = next(n for n, focus in enumerate(found.foci) if focus.kind == "core")
    core, lesion = found.foci[place], found.foci[place - 1]
    assert lesion.kind == "lesion"
    assert values[core.label] < values[lesion.label]
    numbers = found.lesion_numbers()
    assert set(np.unique(numbers[found.labels == core.label])) == set(np.unique(numbers[found.labels == lesion.label]))


def test_a_blob_has_the_volume_that_was_asked_for_and_is_in_one_piece():
    for seed in range(5):
        mask, level = blob((40, 40, 40), np.array([20.0, 20.0, 20.0]), 500, np.random.default_rng(seed))
        assert abs(np.count_nonzero(mask) - 500) <= 1
        assert lesion_foci.ndimage.label(mask)[1] == 1
        assert level[20, 20, 20] < 0.3
    cut, _ = blob((40, 40, 40), np.array([0.0, 20.0, 20.0]), 500, np.random.default_rng(0))
    assert 150 < np.count_nonzero(cut) < 400


def test_a_lesion_that_blur_and_noise_hide_is_not_asked_for(body):
    found = next(p for p in (painted(body, seed) for seed in range(30)) if any(f.kind == "lesion" for f in p.foci))
    values = foci_concentrations(found, np.random.default_rng(1))
    clear = EmissionDraw(fwhm_mm=5.0, overshoot=0.0, noise=0.02, noise_fwhm_mm=5.0, breathing_mm=0.0)
    lesions = found.lesion_numbers() > 0
    hot, faint = values.copy(), values.copy()
    for focus in found.foci:
        if focus.kind == "lesion":
            hot[focus.label], faint[focus.label] = 20.0 * values[focus.host], 1.1 * values[focus.host]
    assert not faint_voxels(found, hot, clear)[lesions].any()
    assert faint_voxels(found, faint, clear)[lesions].all()


def test_the_middle_of_a_sphere_keeps_what_a_gaussian_leaves():
    # Against a blurred sphere on a fine grid: 4 mL, 10 mm. The voxels of 0.5 mm make the sphere 1 % uneven.
    axis = np.arange(-30.0, 30.5, 0.5)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    radius = (4000.0 * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    sphere = (z**2 + y**2 + x**2 <= radius**2).astype(np.float32)
    blurred = lesion_foci.ndimage.gaussian_filter(sphere, 10.0 / 2.3548 / 0.5)
    assert peak_recovery(4.0, 10.0) == pytest.approx(float(blurred[60, 60, 60]), rel=0.01)
    assert peak_recovery(100.0, 5.0) == pytest.approx(1.0, abs=1e-3)


def test_sites_are_shares():
    assert isinstance(lesion_foci.SITES, MappingProxyType)
    assert sum(lesion_foci.SITES.values()) == pytest.approx(1.0)
    assert set(lesion_foci.SITES) == set(LARGEST_ML)
