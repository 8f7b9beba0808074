"""Masks from structure sets and segmentations; reads DICOM, so for workers only."""

from pathlib import Path
from typing import Any

from dosimetry.dicomio.rtstruct import rasterise, read_rtstruct
from dosimetry.dicomio.seg import read_seg
from dosimetry.segmentation.overlap import coverage_fraction
from dosimetry.volume import Grid
from planning import storage
from planning.models import Series

LESION_WORDS = ("lesion", "tumour", "tumor", "gtv", "ctv", "metast", "mass", "bone met", "node")
LESION_TYPES = {"GTV", "CTV", "PTV"}


def imported_masks(*, series: Series, grid: Grid) -> list[dict[str, Any]]:
    """Return name, kind, mask and volumes of each region of a structure set or segmentation, on the label grid."""
    paths = [storage.object_path(file.sha256) for file in series.files.all()]
    return [region for path in paths for region in _regions_of(path, series.kind, grid)]


def _regions_of(path: Path, kind: str, grid: Grid) -> list[dict[str, Any]]:
    if kind == "rtstruct":
        return [
            {
                "name": region.name,
                "kind": "lesion" if _is_lesion(region.name, region.interpreted_type) else "organ",
                "mask": rasterise(region, grid),
                "polygon_volume_ml": region.volume_by_polygon_ml,
                "tracking_uid": "",
            }
            for region in read_rtstruct(path).regions
        ]
    return [
        {
            "name": region.label,
            "kind": "lesion" if _is_lesion(f"{region.label} {region.property_type}", "") else "organ",
            "mask": coverage_fraction(region.mask.values >= 0.5, region.mask.grid, grid) >= 0.5,
            "polygon_volume_ml": None,
            "tracking_uid": region.tracking_uid,
        }
        for region in read_seg(path)
    ]


def _is_lesion(name: str, interpreted_type: str) -> bool:
    return interpreted_type in LESION_TYPES or any(word in name.lower() for word in LESION_WORDS)
