"""Maps as NIfTI-1 files, compressed, in RAS coordinates."""

import gzip
import struct
from pathlib import Path

import numpy as np

from dosimetry.volume import Volume

HEADER_BYTES = 348
DATA_OFFSET = 352.0
FLOAT32, FLOAT32_BITS = 16, 32
MM_AND_SECONDS = 2 | 8
SCANNER_COORDINATES = 1


def write_nifti(volume: Volume, path: Path, *, description: str) -> None:
    """Write a volume as float32 NIfTI-1 with its sform; LPS becomes RAS by the signs of x and y.

    Parameters
    ----------
    volume : Volume
        Any unit; name it in ``description``.
    path : Path
        Target ending in ``.nii.gz``.
    description : str
        At most 79 ASCII characters.

    References
    ----------
    .. [1] NIfTI-1 data format, Data Format Working Group, 2003.
    """
    n_z, n_y, n_x = volume.grid.shape_zyx
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.grid.affine
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, n_x, n_y, n_z, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, FLOAT32, FLOAT32_BITS)
    struct.pack_into("<8f", header, 76, 1.0, *volume.grid.spacing_xyz_mm, 0.0, 0.0, 0.0, 0.0)
    struct.pack_into("<3f", header, 108, DATA_OFFSET, 1.0, 0.0)
    struct.pack_into("<B", header, 123, MM_AND_SECONDS)
    struct.pack_into("<80s", header, 148, description.encode("ascii", "replace")[:79])
    struct.pack_into("<2h", header, 252, 0, SCANNER_COORDINATES)
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    struct.pack_into("<4s", header, 344, b"n+1\0")
    with gzip.GzipFile(path, "wb", compresslevel=4, mtime=0) as file:
        file.write(bytes(header) + b"\0\0\0\0")
        file.write(np.ascontiguousarray(volume.values, dtype="<f4").tobytes())
