"""Segmentations: sparse frames, other grids, overlap, fractions, and hostile frames."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from dosimetry.dicomio.seg import read_seg
from dosimetry.dicomio.writing_rtstruct import RegionToWrite
from dosimetry.dicomio.writing_seg import write_seg
from dosimetry.errors import InvalidInputError, UnsupportedDicomError
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid
from tests.phantoms import edits, objects


def masks(*slices_of_each):
    """One block for each region, on the slices named; later blocks overlap earlier ones."""
    made = []
    for number, slices in enumerate(slices_of_each):
        mask = np.zeros((5, 20, 24), dtype=bool)
        mask[list(slices), 3 + number : 12, 4 : 18 - number] = True
        made.append(mask)
    return made


def written_seg(folder, *parts):
    image = edits.ct_series(folder / "ct")
    regions = [RegionToWrite(name=f"Region {n}", values=mask) for n, mask in enumerate(parts, start=1)]
    return write_seg(regions, image=image, path=folder / "seg.dcm", series=objects.series("seg", number=3))


def placed(region):
    """Return the mask on the grid of the image, through patient coordinates."""
    mask = np.zeros((5, 20, 24), dtype=bool)
    points = np.argwhere(region.mask.values > 0.5).astype(float)
    z, y, x = np.rint(objects.grid().lps_mm_to_index(region.mask.grid.index_to_lps_mm(points))).astype(int).T
    mask[z, y, x] = True
    return mask


def refused(path, *, error=InvalidInputError):
    with pytest.raises(error) as caught:
        read_seg(path)
    return caught.value.code, str(caught.value)


def frames(dataset):
    return dataset.PerFrameFunctionalGroupsSequence


def fractional(values, *, largest=200):
    """Return an edit that stores one byte for each voxel, values from 0 to 1."""

    def edit(dataset):
        dataset.SegmentationType, dataset.SegmentationFractionalType = "FRACTIONAL", "OCCUPANCY"
        dataset.MaximumFractionalValue = largest
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        stored = np.rint(np.asarray(values) * (largest or 200)).astype(np.uint8)
        dataset.PixelData = stored.tobytes()
        dataset["PixelData"].VR = "OB"

    return edit


def test_overlapping_segments_keep_their_voxels_and_their_names(tmp_path):
    parts = masks((1, 2, 3), (2, 3), (0, 4))
    path = written_seg(tmp_path, *parts)
    found = read_seg(path)
    assert [(region.number, region.label, region.algorithm_type) for region in found] == [
        (1, "Region 1", "MANUAL"),
        (2, "Region 2", "MANUAL"),
        (3, "Region 3", "MANUAL"),
    ]
    assert len({region.tracking_uid for region in found}) == 3
    assert all(np.array_equal(placed(region), part) for region, part in zip(found, parts, strict=True))
    assert {region.mask.frame_of_reference_uid for region in found} == {"2.25.77"}


@pytest.mark.parametrize("slices", [(0, 4), (1, 3), (2,), (0, 3)])
def test_sparse_frames_are_placed_by_position_and_keep_their_volume(tmp_path, slices):
    (part,) = masks(slices)
    (region,) = read_seg(written_seg(tmp_path, part))
    assert np.array_equal(placed(region), part)
    volume_ml = np.count_nonzero(region.mask.values) * region.mask.grid.voxel_volume_ml
    assert volume_ml == pytest.approx(np.count_nonzero(part) * objects.grid().voxel_volume_ml, rel=1e-6)


def test_frames_in_any_order(tmp_path):
    parts = masks((1, 2, 3), (2, 3))
    path = written_seg(tmp_path, *parts)
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array[::-1]
    frames(dataset)[:] = frames(dataset)[::-1]
    dataset.PixelData = pydicom.pixels.pack_bits(pixels.astype(np.uint8))
    dataset.save_as(path)
    found = read_seg(path)
    assert all(np.array_equal(placed(region), part) for region, part in zip(found, parts, strict=True))


def test_without_a_stated_distance_the_frames_give_it(tmp_path):
    (part,) = masks((1, 2, 3))
    path = written_seg(tmp_path, part)

    def edit(dataset):
        for item in (*dataset.SharedFunctionalGroupsSequence, *frames(dataset)):
            for measures in item.get("PixelMeasuresSequence", []):
                del measures.SpacingBetweenSlices

    edits.change(path, edit)
    (region,) = read_seg(path)
    assert region.mask.grid.spacing_xyz_mm == pytest.approx((2.0, 2.5, 3.125))
    assert np.array_equal(placed(region), part)


def test_a_grid_other_than_the_image_gives_the_same_volume_on_it(tmp_path):
    (part,) = masks((1, 2, 3))
    (region,) = read_seg(written_seg(tmp_path, part))
    image_grid = Grid(shape_zyx=(40, 40, 40), spacing_xyz_mm=(1.7, 1.6, 1.5), origin_lps_mm=(-15.0, 15.0, -145.0))
    fraction = coverage_fraction(region.mask.values >= 0.5, region.mask.grid, image_grid)
    expected_ml = np.count_nonzero(part) * objects.grid().voxel_volume_ml
    assert float(fraction.sum()) * image_grid.voxel_volume_ml == pytest.approx(expected_ml, rel=1e-5)


def test_fractions_are_divided_by_the_largest_value(tmp_path):
    path = written_seg(tmp_path, *masks((1, 2, 3)))
    values = np.linspace(0.0, 1.0, 3 * 20 * 24).reshape(3, 20, 24)
    edits.change(path, fractional(values))
    (region,) = read_seg(path)
    # The writer stores the highest slice first. Half a step of 200 levels.
    assert np.abs(region.mask.values - values[::-1]).max() <= 0.5 / 200 + 1e-6


@pytest.mark.parametrize("largest", [None, 0])
def test_fractions_without_a_largest_value_are_refused(tmp_path, largest):
    path = written_seg(tmp_path, *masks((1, 2, 3)))
    edits.change(path, fractional(np.zeros((3, 20, 24)), largest=largest))
    code, message = refused(path)
    assert code == "no_fraction"
    assert "which value is one" in message


@pytest.mark.parametrize(
    ("change", "error", "code", "message"),
    [
        ({"SegmentationType": "LABELMAP"}, UnsupportedDicomError, "seg_type", "binary and fractional"),
        ({"SegmentSequence": []}, UnsupportedDicomError, "seg_count", "1 to 255 segments"),
        ({"PixelData": b"\0\0"}, InvalidInputError, "pixel_bytes", "do not fill"),
        ({"Rows": 60000, "Columns": 60000}, InvalidInputError, "pixel_bytes", "do not fill"),
        ({"PerFrameFunctionalGroupsSequence": []}, InvalidInputError, "frames_differ", "differ in number"),
    ],
    ids=["label map", "no segment", "short", "huge matrix", "no descriptions"],
)
def test_headers_that_do_not_fit_are_refused(tmp_path, change, error, code, message):
    path = written_seg(tmp_path, *masks((1, 2, 3)))
    edits.change(path, edits.setting(**change))
    found, text = refused(path, error=error)
    assert found == code
    assert message in text


def test_compressed_binary_segmentations_are_refused(tmp_path):
    path = written_seg(tmp_path, *masks((1, 2, 3)))

    def edit(dataset):
        dataset.PixelData = pydicom.encaps.encapsulate([b"\0" * 200] * 3)
        dataset.file_meta.TransferSyntaxUID = RLELossless

    edits.change(path, edit)
    code, message = refused(path, error=UnsupportedDicomError)
    assert code == "seg_compressed"
    assert "Compressed" in message


def moved(number, *, along_mm=0.0, across_mm=0.0):
    def edit(dataset):
        place = frames(dataset)[number].PlanePositionSequence[0]
        x, y, z = (float(value) for value in place.ImagePositionPatient)
        place.ImagePositionPatient = [f"{x + across_mm:.4f}", f"{y:.4f}", f"{z + along_mm:.4f}"]

    return edit


@pytest.mark.parametrize(
    ("edit", "error", "code", "message"),
    [
        (moved(1, along_mm=0.9), InvalidInputError, "uneven_slices", "unevenly"),
        (moved(1, along_mm=3.125), InvalidInputError, "duplicate_slice", "two frames on one plane"),
        (moved(1, across_mm=3.0), InvalidInputError, "mixed_geometry", "shifted"),
        (moved(2, along_mm=3.125e5), UnsupportedDicomError, "seg_slices", "at most 5000 slices"),
    ],
    ids=["uneven", "twice", "across", "far"],
)
def test_frames_that_make_no_stack_are_refused_before_memory_is_taken(tmp_path, edit, error, code, message):
    path = written_seg(tmp_path, *masks((1, 2, 3)))
    edits.change(path, edit)
    found, text = refused(path, error=error)
    assert found == code
    assert message in text


def test_rounding_between_segments_makes_no_thin_slices(tmp_path):
    parts = masks((1, 2, 3), (1, 2, 3))
    path = written_seg(tmp_path, *parts)
    edits.change(path, moved(3, along_mm=0.001))
    found = read_seg(path)
    assert found[0].mask.grid.shape_zyx == (3, 20, 24)
    assert all(np.array_equal(placed(region), part) for region, part in zip(found, parts, strict=True))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda frame: delattr(frame, "PlanePositionSequence"), "no_geometry"),
        (lambda frame: delattr(frame, "SegmentIdentificationSequence"), "no_geometry"),
    ],
    ids=["no position", "no segment"],
)
def test_frames_without_place_or_segment_are_refused(tmp_path, edit, code):
    path = written_seg(tmp_path, *masks((1, 2, 3), (1, 2)))
    edits.change(path, lambda dataset: edit(frames(dataset)[1]))
    found, message = refused(path)
    assert found == code
    assert "states no segment, position or orientation" in message


def test_one_frame_without_distance_or_thickness_is_refused(tmp_path):
    path = written_seg(tmp_path, *masks((2,)))

    def edit(dataset):
        for item in (*dataset.SharedFunctionalGroupsSequence, *frames(dataset)):
            for measures in item.get("PixelMeasuresSequence", []):
                for keyword in ("SpacingBetweenSlices", "SliceThickness"):
                    if keyword in measures:
                        delattr(measures, keyword)

    edits.change(path, edit)
    code, message = refused(path)
    assert code == "no_geometry"
    assert "distance between slices" in message


def test_mixed_orientations_are_refused(tmp_path):
    path = written_seg(tmp_path, *masks((1, 2, 3)))

    def edit(dataset):
        plane = pydicom.Dataset()
        plane.ImageOrientationPatient = ["1", "0", "0", "0", "0.8", "0.6"]
        frames(dataset)[1].PlaneOrientationSequence = [plane]

    edits.change(path, edit)
    code, message = refused(path)
    assert code == "mixed_geometry"
    assert "mixes orientations" in message
