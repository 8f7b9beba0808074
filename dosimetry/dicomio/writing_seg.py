"""Write regions as a DICOM Segmentation, the master form of a contour set."""

from collections.abc import Sequence
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from dosimetry.dicomio.writing_common import (
    MANUFACTURER,
    SOFTWARE_VERSION,
    SeriesFacts,
    WrittenSeries,
    date_text,
    date_time_text,
    make_uid,
    offset_text,
    save,
    set_instance,
    time_text,
)
from dosimetry.dicomio.writing_rtstruct import RegionToWrite
from dosimetry.errors import GeometryMismatchError, InvalidInputError

ORGAN_CODES = {"kidney": codes.SCT.Kidney, "liver": codes.SCT.Liver, "spleen": codes.SCT.Spleen}
"""SNOMED CT codes of organs by the first word of the region's name."""


def write_seg(
    regions: Sequence[RegionToWrite],
    *,
    image: WrittenSeries,
    path: Path,
    series: SeriesFacts,
    tracking_uids: Sequence[str] | None = None,
) -> Path:
    """Write one BINARY segment for each region, on the grid of an image series whose files are at hand.

    Patient and study are those of the image.

    Parameters
    ----------
    regions : sequence of RegionToWrite
        Regions, numbered from 1 in this order; a voxel above one half is inside.
    image : WrittenSeries
        The series on whose grid the masks are; its files are read for identity and geometry.
    path : Path
        The file to write.
    series : SeriesFacts
        The new series of the segmentation.
    tracking_uids : sequence of str or None
        Identifiers that each region keeps for life; None makes them from the seed of the series.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GeometryMismatchError
        A mask is not on the grid of the image.
    InvalidInputError
        No region, or an empty mask.

    References
    ----------
    .. [1] DICOM PS3.3 A.51 Segmentation IOD.
    """
    if not regions or image.grid is None:
        raise InvalidInputError("A segmentation needs regions and an image with a grid.", code="no_region")
    for region in regions:
        if region.values.shape != image.grid.shape_zyx:
            raise GeometryMismatchError(f"A mask has shape {region.values.shape}, the image {image.grid.shape_zyx}.")
    uids = tracking_uids or [make_uid(series.series_uid, "track", r.name, seed=series.seed) for r in regions]
    masks = np.stack([region.values > 0.5 for region in regions], axis=-1).astype(np.uint8)
    if not np.all(masks.any(axis=(0, 1, 2))):
        raise InvalidInputError("A region is empty; a segmentation holds regions with voxels.", code="empty_region")
    dataset = highdicom.seg.Segmentation(
        source_images=[pydicom.dcmread(path, stop_before_pixels=True) for path in image.paths],
        pixel_array=masks,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(region, number=number, tracking_uid=uid)
            for number, (region, uid) in enumerate(zip(regions, uids, strict=True), start=1)
        ],
        series_instance_uid=series.series_uid,
        series_number=series.number,
        sop_instance_uid=make_uid(series.series_uid, 0, seed=series.seed),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=SOFTWARE_VERSION,
        device_serial_number="0",
        series_description=series.description,
        content_label="REGIONS",
    )
    set_instance(dataset, uid=dataset.SOPInstanceUID, number=1, moment=series.started)
    dataset.TimezoneOffsetFromUTC = offset_text(series.started)
    dataset.SeriesDate = date_text(series.started)
    dataset.SeriesTime = time_text(series.started)
    organisation_uid = make_uid(series.series_uid, "dimensions", seed=series.seed)
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = organisation_uid
    for item in dataset.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = date_time_text(series.started)
    return save(dataset, path=path)


def _description(region: RegionToWrite, *, number: int, tracking_uid: str) -> highdicom.seg.SegmentDescription:
    algorithm = None
    if region.algorithm != "MANUAL":
        algorithm = highdicom.AlgorithmIdentificationSequence(
            name=MANUFACTURER, version=SOFTWARE_VERSION, family=codes.DCM.ArtificialIntelligence
        )
    category, kind = _codes(region)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=region.name,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues[region.algorithm],
        algorithm_identification=algorithm,
        tracking_uid=tracking_uid,
        tracking_id=region.name,
    )


def _codes(region: RegionToWrite) -> tuple[Code, Code]:
    if region.interpreted_type == "GTV":
        return codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Lesion
    words = region.name.lower().split()
    return codes.SCT.Organ, ORGAN_CODES.get(words[0] if words else "", codes.SCT.Organ)
