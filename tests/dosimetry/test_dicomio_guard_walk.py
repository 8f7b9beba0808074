"""The walk never reads beyond its buffer and the guard survives mutated files."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dosimetry.dicomio.guard import check_files
from dosimetry.dicomio.guard_codes import GuardCode, RefusedFileError
from dosimetry.dicomio.guard_codestream import codestream_size
from dosimetry.dicomio.guard_walk import end_of_meta, inflate, walk
from tests.phantoms import hostile

SEEDS = (hostile.small_ct(), hostile.small_ct() + hostile.nested(3), hostile.small_ct(syntax="1.2.840.10008.1.2"))


def test_the_walk_finds_the_pixels():
    content = hostile.small_ct()
    pixels = walk(content, start=end_of_meta(content), is_explicit=True)
    assert (pixels.tag, pixels.n_bytes, pixels.n_items) == (0x7FE00010, 2 * hostile.EDGE**2, 0)


def test_the_walk_finds_fragments_without_the_offset_table():
    frames = [hostile.rle_frame(1024, n_segments=2)] * 3
    content = hostile.rle_ct(frames, NumberOfFrames=3)
    pixels = walk(content, start=end_of_meta(content), is_explicit=True)
    assert len(pixels.fragments) == 3
    assert pixels.n_bytes == sum(len(frame) for frame in frames)
    start, length = pixels.fragments[0]
    assert content[start : start + length] == frames[0]


def test_pixels_inside_a_sequence_are_not_those_of_the_image():
    icon = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + hostile.element(0x7FE0, 0x0010, b"OW", bytes(8))
    icon += struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    content = hostile.element(0x0088, 0x0200, b"SQ", icon)
    assert walk(content, start=0, is_explicit=True).tag == 0


@pytest.mark.parametrize("is_explicit", [True, False])
@given(data=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_a_result_or_a_code(is_explicit, data):
    try:
        walk(data, start=0, is_explicit=is_explicit)
    except RefusedFileError as refusal:
        assert refusal.guard_code in GuardCode


@given(data=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_deflated_bytes_end_in_a_result_or_a_code(data):
    try:
        inflate(data, start=0)
    except RefusedFileError as refusal:
        assert refusal.guard_code in {GuardCode.BAD_DEFLATE, GuardCode.TRUNCATED}


@given(data=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_codestream_ends(data):
    codestream_size(b"\xff\xd8" + data, start=0, n_bytes=len(data) + 2)


@pytest.mark.parametrize("marker", [0xC0, 0xC3, 0xF7])
def test_the_size_of_a_jpeg_is_found(marker):
    head = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    head += bytes([0xFF, marker]) + struct.pack(">HBHHB", 11, 8, 512, 256, 1)
    assert codestream_size(head + bytes(20), start=0, n_bytes=len(head) + 20) == (512, 256)


@given(seed=st.integers(min_value=0, max_value=2**32 - 1))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mutants_never_kill_the_child(seed, tmp_path):
    paths = []
    for base_number, content in enumerate(SEEDS):
        for number, mutant in enumerate(hostile.mutants(content, seed=seed + base_number, n=30)):
            paths.append(tmp_path / f"{base_number}_{number}")
            paths[-1].write_bytes(mutant)
    codes = [verdict.code for _, verdict in check_files(paths)]
    assert len(codes) == len(paths)
    assert GuardCode.LIMIT_EXCEEDED not in codes
    assert GuardCode.OUT_OF_MEMORY not in codes
