"""The true regions of a virtual patient as a reader would store them: structure set and segmentation."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dosimetry.dicomio.writing_common import WrittenSeries
from dosimetry.dicomio.writing_rtstruct import RegionToWrite, write_rtstruct
from dosimetry.dicomio.writing_seg import write_seg
from dosimetry.phantoms.demo_writer import COLOURS_RGB, INTERPRETED_TYPES
from dosimetry.phantoms.virtual_anatomy import VirtualAnatomy, paint_labels
from dosimetry.phantoms.virtual_headers import VirtualHeaders
from dosimetry.phantoms.virtual_patient import REST
from dosimetry.volume import Grid

SMALLEST_CONTOUR_ML = 0.3
UNREAD = ("Spine", "Ribs", "Bowel")
"""Regions that are simulated but not outlined by readers; their truth stands in truth.json."""


def write_true_regions(*, headers: VirtualHeaders, ct: WrittenSeries, grid: Grid, folder: Path) -> tuple[Path, Path]:
    """Write true contours on the CT of the first scan; return the paths of structure set and segmentation.

    Parameters
    ----------
    headers : VirtualHeaders
        Of the patient.
    ct : WrittenSeries
        CT of the first scan, on ``grid``.
    grid : Grid
        Its voxels.
    folder : Path
        Made when absent.
    """
    regions = true_regions(headers.virtual.anatomy, grid=grid)
    rtstruct = write_rtstruct(
        regions,
        image=ct,
        path=folder / "rtstruct.dcm",
        patient=headers.patient,
        study=headers.study(0),
        series=headers.series(0, "rtstruct", 3, "True regions"),
        label="True regions",
    )
    seg = write_seg(regions, image=ct, path=folder / "seg.dcm", series=headers.series(0, "seg", 4, "True regions"))
    return rtstruct, seg


def true_regions(anatomy: VirtualAnatomy, *, grid: Grid) -> list[RegionToWrite]:
    """Return the regions that readers outline, with their voxels on a grid."""
    labels = anatomy.region_labels(paint_labels(anatomy, grid=grid))
    regions: list[RegionToWrite] = []
    for number, name in enumerate(anatomy.region_names, start=1):
        mask = labels == number
        if name == REST or name in UNREAD or mask.sum() * grid.voxel_volume_ml < SMALLEST_CONTOUR_ML:
            continue
        regions.append(_region(anatomy, name, mask, len(regions)))
    return regions


def _region(anatomy: VirtualAnatomy, name: str, mask: NDArray[np.bool_], number: int) -> RegionToWrite:
    return RegionToWrite(
        name=name,
        values=mask,
        interpreted_type=INTERPRETED_TYPES[anatomy.kinds[name]],
        colour_rgb=COLOURS_RGB[number % len(COLOURS_RGB)],
        description="Known truth, without lesions inside",
    )
