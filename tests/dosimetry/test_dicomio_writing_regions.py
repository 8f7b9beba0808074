"""Contours and segmentations come back voxel by voxel, holes and single voxels too."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dosimetry.dicomio.rtstruct import rasterise, read_rtstruct
from dosimetry.dicomio.seg import read_seg
from dosimetry.dicomio.writing_contours import signed_area, trace_loops
from dosimetry.dicomio.writing_ct import write_ct
from dosimetry.dicomio.writing_rtstruct import ApprovalFacts, RegionToWrite, write_rtstruct
from dosimetry.dicomio.writing_seg import write_seg
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from tests.phantoms import objects

FACTS = {"patient": objects.PATIENT, "study": objects.study()}


def is_inside(loops, *, x, y):
    """Even-odd rule by counting crossings to the right, written apart from the code under test."""
    n_crossings = 0
    for loop in loops:
        for (x1, y1), (x2, y2) in zip(loop, np.roll(loop, -1, axis=0), strict=True):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
                n_crossings += 1
    return n_crossings % 2 == 1


@given(mask=arrays.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
@settings(max_examples=60, deadline=None)
def test_any_mask_comes_back_from_its_loops(mask):
    loops = trace_loops(mask)
    filled = [[is_inside(loops, x=x, y=y) for x in range(mask.shape[1])] for y in range(mask.shape[0])]
    assert np.array_equal(filled, mask)


def test_a_ring_has_two_loops_of_opposite_turn():
    mask = np.zeros((9, 9), dtype=bool)
    mask[1:8, 1:8] = True
    mask[3:6, 3:6] = False
    loops = trace_loops(mask)
    areas = sorted(signed_area(loop) for loop in loops)
    assert len(loops) == 2
    # Each loop cuts four corners of an eighth of a pixel: outer 49 - 0.5, hole 9 - 0.5.
    assert areas[0] * areas[1] < 0.0
    assert sorted(abs(area) for area in areas) == pytest.approx([8.5, 48.5])


def test_fractions_give_the_area_of_a_disc_within_one_percent():
    y, x = np.mgrid[0:40, 0:40].astype(float)
    radius = 12.3
    fractions = np.clip(radius + 0.5 - np.hypot(x - 19.7, y - 20.2), 0.0, 1.0)
    (loop,) = trace_loops(fractions)
    assert abs(signed_area(loop)) == pytest.approx(np.pi * radius**2, rel=0.01)


def test_corners_that_touch_stay_apart():
    assert len(trace_loops(np.array([[True, False], [False, True]]))) == 2


def test_nothing_to_trace_gives_no_loop():
    assert trace_loops(np.zeros((4, 4))) == []
    with pytest.raises(InvalidInputError, match="finite plane"):
        trace_loops(np.zeros(4))


def shapes():
    """A block with a hole, a single voxel, and two parts on several slices."""
    block = np.zeros((5, 20, 24), dtype=bool)
    block[1:4, 3:15, 4:20] = True
    block[2, 7:10, 8:12] = False
    voxel = np.zeros_like(block)
    voxel[2, 8, 9] = True
    parts = np.zeros_like(block)
    parts[0:2, 16:19, 2:5] = True
    parts[1:5, 0:2, 21:24] = True
    return [
        RegionToWrite(name="Liver", values=block, description="without lesions"),
        RegionToWrite(name="Liver lesion 1", values=voxel, interpreted_type="GTV", algorithm="SEMIAUTOMATIC"),
        RegionToWrite(name="Kidney left", values=parts),
    ]


@pytest.fixture(params=[None, objects.TILTED], ids=["straight", "oblique"])
def image(request, tmp_path):
    volume = objects.volume(unit="HU", direction=request.param)
    return write_ct(volume, folder=tmp_path / "ct", series=objects.series("ct"), **FACTS)


def write_structures(image, path, **changes):
    arguments = {"image": image, "path": path, "series": objects.series("rt", number=2), **FACTS, **changes}
    return write_rtstruct(shapes(), **arguments)


def test_structure_sets_come_back(image, tmp_path):
    path = write_structures(image, tmp_path / "rt.dcm")
    back = read_rtstruct(path)
    assert [region.name for region in back.regions] == [shape.name for shape in shapes()]
    assert back.frame_of_reference_uid == image.frame_of_reference_uid
    assert back.approval_status == "UNAPPROVED"
    for region, shape in zip(back.regions, shapes(), strict=True):
        index = [image.grid.lps_mm_to_index(polygon) for polygon in region.polygons_lps_mm]
        filled = np.zeros(image.grid.shape_zyx, dtype=bool)
        for z in range(5):
            loops = [polygon[:, :0:-1] for polygon in index if abs(polygon[0, 0] - z) < 0.01]
            filled[z] = [[is_inside(loops, x=x, y=y) for x in range(24)] for y in range(20)]
        assert np.array_equal(filled, shape.values)
        if image.grid.is_axis_aligned:
            assert np.array_equal(rasterise(region, image.grid), shape.values)


def test_contours_name_the_image_that_they_lie_on(image, tmp_path):
    dataset = pydicom.dcmread(write_structures(image, tmp_path / "rt.dcm"))
    for region in dataset.ROIContourSequence:
        for contour in region.ContourSequence:
            points = np.array([float(value) for value in contour.ContourData]).reshape(-1, 3)
            number = round(image.grid.lps_mm_to_index(points)[0, 0])
            stated = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
            assert stated == image.sop_instance_uids[number]
            assert contour.NumberOfContourPoints == len(points)


def test_approved_structure_sets_name_their_reviewer(image, tmp_path):
    approval = ApprovalFacts(state="APPROVED", reviewer="ZZPHI^Reviewer", reviewed_at=objects.STARTED)
    dataset = pydicom.dcmread(write_structures(image, tmp_path / "rt.dcm", approval=approval))
    assert (dataset.ApprovalStatus, dataset.ReviewDate) == ("APPROVED", "20240305")
    with pytest.raises(InvalidInputError, match="reviewer"):
        ApprovalFacts(state="APPROVED")


def test_segmentations_come_back(image, tmp_path):
    path = write_seg(shapes(), image=image, path=tmp_path / "seg.dcm", series=objects.series("seg", number=3))
    again = write_seg(shapes(), image=image, path=tmp_path / "seg2.dcm", series=objects.series("seg", number=3))
    assert path.read_bytes() == again.read_bytes()
    back = read_seg(path)
    assert [region.label for region in back] == [shape.name for shape in shapes()]
    for region, shape in zip(back, shapes(), strict=True):
        points = np.argwhere(region.mask.values > 0.5).astype(float)
        places = image.grid.lps_mm_to_index(region.mask.grid.index_to_lps_mm(points))
        assert {tuple(place) for place in np.rint(places).astype(int)} == {
            tuple(place) for place in np.argwhere(shape.values)
        }
        assert np.abs(places - np.rint(places)).max() < 1e-3


def test_masks_on_another_grid_are_refused(image, tmp_path):
    wrong = [replace(shapes()[0], values=np.zeros((5, 20, 23), dtype=bool))]
    seg = {"image": image, "path": tmp_path / "x.dcm", "series": objects.series("x")}
    for write, arguments in ((write_rtstruct, {**seg, **FACTS}), (write_seg, seg)):
        with pytest.raises(GeometryMismatchError, match="mask"):
            write(wrong, **arguments)
        with pytest.raises(InvalidInputError, match="region"):
            write([], **arguments)
    with pytest.raises(InvalidInputError, match="empty"):
        write_seg([replace(shapes()[0], values=np.zeros((5, 20, 24), dtype=bool))], **seg)
    with pytest.raises(InvalidInputError, match="label"):
        write_structures(image, tmp_path / "x.dcm", label="a label that is too long")


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="the DICOM validator dciodvfy is not installed")
def test_the_validator_finds_no_error(image, tmp_path):
    structures = write_structures(image, tmp_path / "rt.dcm")
    segments = write_seg(shapes(), image=image, path=tmp_path / "seg.dcm", series=objects.series("seg"))
    for path in (structures, segments):
        answer = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        lines = (answer.stdout + answer.stderr).splitlines()
        assert [line for line in lines if line.startswith("Error")] == []
