"""Structure sets: holes, keyholes, crossing loops, planes off the grid, missing images, hostile contours."""

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from dosimetry.dicomio import rtstruct
from dosimetry.dicomio.rtstruct import ContouredRegion, rasterise, read_rtstruct
from dosimetry.dicomio.writing_rtstruct import RegionToWrite, write_rtstruct
from dosimetry.errors import InvalidInputError
from dosimetry.volume import Grid
from tests.phantoms import edits, objects

GRID = Grid(shape_zyx=(6, 20, 24), spacing_xyz_mm=(1.0, 1.0, 2.0), origin_lps_mm=(0.0, 0.0, 0.0))


def square(x0, x1, y0, y1, *, z=4.0):
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], dtype=float)


def region(*polygons):
    return ContouredRegion(
        number=1,
        name="Liver",
        interpreted_type="ORGAN",
        polygons_lps_mm=tuple(np.asarray(polygon, dtype=float) for polygon in polygons),
        frame_of_reference_uid="2.25.77",
    )


def plane(*polygons, k=2):
    mask = rasterise(region(*polygons), GRID)
    assert not mask[:k].any()
    assert not mask[k + 1 :].any()
    return mask[k]


def block(*parts):
    mask = np.zeros((20, 24), dtype=bool)
    for x0, x1, y0, y1 in parts:
        mask[y0:y1, x0:x1] ^= True
    return mask


OUTER, INNER = (1.5, 11.5, 1.5, 9.5), (4.5, 7.5, 3.5, 6.5)


def test_a_hole_is_a_loop_of_its_own_in_any_turn():
    expected = block((2, 12, 2, 10), (5, 8, 4, 7))
    assert np.array_equal(plane(square(*OUTER), square(*INNER)), expected)
    assert np.array_equal(plane(square(*OUTER), square(*INNER)[::-1]), expected)


def test_an_island_in_a_hole_is_inside_again():
    island = (5.5, 6.5, 4.5, 5.5)
    expected = block((2, 12, 2, 10), (5, 8, 4, 7), (6, 7, 5, 6))
    assert np.array_equal(plane(square(*OUTER), square(*INNER), square(*island)), expected)


def test_a_keyhole_gives_the_same_hole():
    outer, inner = square(*OUTER), square(*INNER)[::-1]
    # Out to the hole along a line and back along the same line.
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1], outer[:1]])
    assert np.array_equal(plane(keyhole), block((2, 12, 2, 10), (5, 8, 4, 7)))
    # The same loop at two planes: the area stands for the distance between them.
    lifted = keyhole + np.array([0.0, 0.0, 2.0])
    assert region(keyhole, lifted).volume_by_polygon_ml == pytest.approx(2 * (10 * 8 - 9) * 2.0 / 1e3)


def test_a_loop_that_crosses_itself_is_filled_by_the_even_odd_rule():
    bow = np.array([[1.5, 1.5, 4.0], [11.5, 9.5, 4.0], [11.5, 1.5, 4.0], [1.5, 9.5, 4.0]])
    filled = plane(bow)
    assert filled.any()
    # Two triangles that meet in the middle: mirror images of each other, nothing above or below the crossing.
    assert np.array_equal(filled[2:10, 2:12], filled[2:10, 2:12][:, ::-1])
    assert not filled[2, 6:8].any()
    lifted = bow + np.array([0.0, 0.0, 2.0])
    # By polygon the two parts cancel: the difference of both volumes is what shows the reader the crossing.
    assert region(bow, lifted).volume_by_polygon_ml == pytest.approx(0.0, abs=1e-12)


def test_doubled_loops_cancel_and_separate_loops_add():
    assert not rasterise(region(square(*OUTER), square(*OUTER)), GRID).any()
    far = (14.5, 17.5, 1.5, 4.5)
    assert np.array_equal(plane(square(*OUTER), square(*far)), block((2, 12, 2, 10), (15, 18, 2, 5)))


@given(
    corners=st.lists(st.tuples(st.floats(-3.0, 26.0), st.floats(-3.0, 22.0)), min_size=3, max_size=9),
)
@settings(max_examples=60, deadline=None)
def test_any_loop_is_filled_as_counting_crossings_says(corners):
    polygon = np.array([(x, y, 4.0) for x, y in corners])
    mask = rasterise(region(polygon), GRID)[2]
    for y, x in ((3, 4), (10, 12), (0, 0), (19, 23), (7, 18), (15, 2)):
        n_crossings, is_near = 0, False
        for (x1, y1, _), (x2, y2, _) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (y1 > y) != (y2 > y):
                at = x1 + (y - y1) / (y2 - y1) * (x2 - x1)
                is_near |= abs(at - x) < 1e-9
                n_crossings += x < at
            is_near |= y in (y1, y2)
        if not is_near:
            assert mask[y, x] == (n_crossings % 2 == 1)


@pytest.mark.parametrize(
    ("levels_mm", "expected"),
    [
        ((4.0, 6.0), [2, 3]),
        ((4.3, 6.3), [2, 3]),
        ((3.7, 5.7), [2, 3]),
        ((4.0, 8.0), [1, 2, 3, 4]),
        ((4.0, 5.0, 6.0), [2, 3]),
        ((3.0, 5.0), [1, 2]),
        ((4.0,), [2]),
        ((5.0,), [2]),
    ],
    ids=["on", "above", "below", "coarse", "fine", "half-way", "one", "one half-way"],
)
def test_planes_off_the_slices_keep_their_volume(levels_mm, expected):
    mask = rasterise(region(*(square(*OUTER, z=z) for z in levels_mm)), GRID)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == expected


def test_points_slightly_off_their_plane_are_taken():
    polygon = square(*OUTER)
    polygon[:, 2] += [0.02, -0.02, 0.01, 0.0]
    assert np.array_equal(plane(polygon), block((2, 12, 2, 10)))


def test_planes_across_the_slices_are_refused():
    polygon = square(*OUTER)
    polygon[2:, 2] += 3.0
    with pytest.raises(InvalidInputError, match="not parallel") as caught:
        rasterise(region(polygon), GRID)
    assert caught.value.code == "oblique_contour"


def test_regions_outside_the_image_are_empty_and_cut_ones_are_cut():
    assert not rasterise(region(square(*OUTER, z=500.0)), GRID).any()
    assert not rasterise(region(square(100.5, 110.5, 1.5, 9.5)), GRID).any()
    assert np.array_equal(plane(square(-10.5, 1.5, -5.5, 1.5)), block((0, 2, 0, 2)))


def test_volume_by_polygon_needs_two_planes():
    assert region(square(*OUTER)).volume_by_polygon_ml is None
    two = region(square(*OUTER), square(*OUTER, z=6.0))
    assert two.volume_by_polygon_ml == pytest.approx(2 * 80.0 * 2.0 / 1e3)
    hole = region(square(*OUTER), square(*INNER), square(*OUTER, z=6.0))
    assert hole.volume_by_polygon_ml == pytest.approx((2 * 80.0 - 9.0) * 2.0 / 1e3)


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    image = edits.ct_series(tmp_path / "ct")
    mask = np.zeros((5, 20, 24), dtype=bool)
    mask[1:4, 3:15, 4:20] = True
    mask[2, 7:10, 8:12] = False
    regions = [
        RegionToWrite(name="Liver", values=mask),
        RegionToWrite(name="Lesion", values=mask & (np.arange(24) < 7), interpreted_type="GTV"),
    ]
    return write_rtstruct(
        regions, image=image, path=tmp_path / "rt.dcm", series=objects.series("rt", number=2), **edits.FACTS
    )


def refused(path):
    with pytest.raises(InvalidInputError) as caught:
        read_rtstruct(path)
    return caught.value.code, str(caught.value)


def contours(dataset):
    return [contour for roi in dataset.ROIContourSequence for contour in roi.ContourSequence]


def test_a_structure_set_without_its_image_still_names_frame_and_series(path):
    back = read_rtstruct(path)
    assert [(part.name, part.interpreted_type) for part in back.regions] == [("Liver", "ORGAN"), ("Lesion", "GTV")]
    assert back.frame_of_reference_uid == "2.25.77"
    assert back.referenced_series_uids == (objects.make_uid("series", "ct", seed="tests"),)
    (series,) = edits.grouped([path])
    assert series.kind == "rtstruct"
    assert series.referenced_frame_uids == ("2.25.77",)


def test_regions_of_several_frames_keep_their_own(path):
    edits.change(path, lambda d: setattr(d.StructureSetROISequence[1], "ReferencedFrameOfReferenceUID", "2.25.78"))
    assert [part.frame_of_reference_uid for part in read_rtstruct(path).regions] == ["2.25.77", "2.25.78"]
    assert edits.only([path]).referenced_frame_uids == ("2.25.77", "2.25.78")


def test_xor_contours_are_contours(path):
    expected = [rasterise(part, objects.grid()) for part in read_rtstruct(path).regions]

    def edit(dataset):
        for contour in contours(dataset):
            contour.ContourGeometricType = "CLOSEDPLANAR_XOR"

    edits.change(path, edit)
    found = [rasterise(part, objects.grid()) for part in read_rtstruct(path).regions]
    assert np.array_equal(found, expected)


def test_points_lines_and_unnamed_regions_are_left_out(path):
    def edit(dataset):
        contours(dataset)[0].ContourGeometricType = "OPEN_PLANAR"
        dataset.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "POINT"
        dataset.StructureSetROISequence[1].ROINumber = 9

    n_before = len(read_rtstruct(path).regions[0].polygons_lps_mm)
    edits.change(path, edit)
    (liver,) = read_rtstruct(path).regions
    assert len(liver.polygons_lps_mm) == n_before - 1


def test_names_lose_control_characters_and_empty_ones_get_a_number(path):
    def edit(dataset):
        dataset.StructureSetROISequence[0].ROIName = "Li\u202ever\x07"
        dataset.StructureSetROISequence[1].ROIName = ""

    edits.change(path, edit)
    assert [part.name for part in read_rtstruct(path).regions] == ["Liver", "Region 2"]


@pytest.mark.parametrize(
    "data", [["1", "2"], ["1", "2", "3", "4"], "5", None], ids=["two", "four", "one number", "none"]
)
def test_incomplete_coordinates_are_refused(path, data):
    edits.change(path, lambda dataset: edits.setting(ContourData=data)(contours(dataset)[0]))
    code, message = refused(path)
    assert code == "bad_contour"
    assert "coordinates" in message


def test_a_structure_set_without_contours_is_refused(path):
    edits.change(path, edits.setting(ROIContourSequence=None))
    assert refused(path) == ("no_contours", "The structure set holds no closed contours.")


def test_too_many_points_are_refused(path, monkeypatch):
    monkeypatch.setattr(rtstruct, "MAX_POINTS", 10)
    assert refused(path) == ("too_many_points", "The structure set has too many points.")


@given(texts=st.lists(st.text(alphabet="0123456789.eE+-naif ", max_size=12), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_coordinates_are_points_or_refused(texts):
    try:
        points = rtstruct._points(texts)
    except InvalidInputError as error:
        assert error.code == "bad_contour"
    else:
        assert points.shape[1] == 3
        assert np.isfinite(points).all()


def test_a_file_that_is_no_structure_set_is_refused(tmp_path):
    assert refused(edits.ct_series(tmp_path).paths[0])[0] == "no_contours"
    (tmp_path / "text").write_text("no DICOM")
    assert refused(tmp_path / "text")[0] == "unreadable"


def test_sequences_of_the_wrong_kind_read_as_absent():
    dataset = Dataset()
    dataset.add_new(0x30060039, "LO", "ROI Contours")
    assert pydicom.datadict.keyword_for_tag(0x30060039) == "ROIContourSequence"
    assert rtstruct._by_number(dataset, "ROIContourSequence", "ReferencedROINumber") == {}
