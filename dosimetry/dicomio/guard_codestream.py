"""Read the image size from the first bytes of a JPEG, JPEG-LS or JPEG 2000 codestream."""

from dosimetry.dicomio.guard_walk import Buffer

LOOK_BYTES = 65_536
JPEG_START = b"\xff\xd8"
JPEG_2000_START = b"\xff\x4f\xff\x51"
JP2_BOX = b"\x00\x00\x00\x0cjP  "
MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})


def codestream_size(data: Buffer, *, start: int, n_bytes: int) -> tuple[int, int] | None:
    """Return (rows, columns) that a codestream states, (0, 0) when it is none, None when its size is not found.

    Parameters
    ----------
    data : bytes or mmap
        What holds the codestream.
    start, n_bytes : int
        First byte and length of its first fragment.

    References
    ----------
    .. [1] ITU-T T.81 B.2 (JPEG), ITU-T T.87 C.1 (JPEG-LS), ITU-T T.800 A.5.1 (JPEG 2000 SIZ).
    """
    head = bytes(data[start : start + min(n_bytes, LOOK_BYTES)])
    if head.startswith(JPEG_2000_START):
        return _jpeg_2000_size(head, start=4)
    if head.startswith(JP2_BOX):
        place = head.find(JPEG_2000_START)
        return _jpeg_2000_size(head, start=place + 4) if place >= 0 else None
    if head.startswith(JPEG_START):
        return _jpeg_size(head)
    return 0, 0


def _number(head: bytes, start: int, n_bytes: int) -> int:
    return int.from_bytes(head[start : start + n_bytes], "big")


def _jpeg_2000_size(head: bytes, *, start: int) -> tuple[int, int] | None:
    if len(head) < start + 20:
        return None
    width, height, left, top = (_number(head, start + 4 + 4 * n, 4) for n in range(4))
    return height - top, width - left


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(head):
        if head[position] != 0xFF:
            return None
        marker = head[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in MARKERS_WITHOUT_LENGTH:
            position += 2
        elif marker in FRAME_MARKERS:
            rows, columns = _number(head, position + 5, 2), _number(head, position + 7, 2)
            return (rows, columns) if rows else None
        else:
            position += 2 + _number(head, position + 2, 2)
    return None
