"""Write regions as an RT Structure Set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from dosimetry.dicomio.writing_common import (
    PatientFacts,
    SeriesFacts,
    StudyFacts,
    WrittenSeries,
    date_text,
    make_uid,
    save,
    set_instance,
    start_dataset,
    time_text,
)
from dosimetry.dicomio.writing_contours import trace_loops
from dosimetry.errors import GeometryMismatchError, InvalidInputError
from dosimetry.volume import Grid

DETACHED_STUDY_MANAGEMENT_UID = "1.2.840.10008.3.1.2.3.1"
"""SOP class that an RT Referenced Study names by custom; retired, but readers expect it."""

APPROVAL_STATES = ("APPROVED", "UNAPPROVED", "REJECTED")
ALGORITHMS = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
LONGEST_LABEL = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionToWrite:
    """A region and how it was made.

    Parameters
    ----------
    name : str
        Name shown, at most 64 characters.
    values : (n_z, n_y, n_x) array of bool or float
        Mask on the grid of the image, or the fraction of each voxel inside the region (outline at one half).
    interpreted_type : str
        RT ROI interpreted type, as ``ORGAN``, ``GTV`` or ``AVOIDANCE``.
    algorithm : str
        ``AUTOMATIC``, ``SEMIAUTOMATIC`` or ``MANUAL``.
    colour_rgb : (r, g, b) int
        Colour, 0 to 255.
    description : str
        How the region is meant, as ``without lesions``.
    """

    name: str
    values: NDArray[Any]
    interpreted_type: str = "ORGAN"
    algorithm: str = "MANUAL"
    colour_rgb: tuple[int, int, int] = (255, 200, 0)
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """State of a structure set; an approved or rejected one names its reviewer and the time."""

    state: str = "UNAPPROVED"
    reviewer: str = ""
    reviewed_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.state not in APPROVAL_STATES:
            raise InvalidInputError(f"An approval state is one of {APPROVAL_STATES}; got {self.state!r}.")
        if self.state != "UNAPPROVED" and (not self.reviewer or self.reviewed_at is None):
            raise InvalidInputError("A reviewed structure set names its reviewer and the time of review.")


def write_rtstruct(
    regions: Sequence[RegionToWrite],
    *,
    image: WrittenSeries,
    path: Path,
    patient: PatientFacts,
    study: StudyFacts,
    series: SeriesFacts,
    label: str = "Regions",
    approval: ApprovalFacts | None = None,
) -> Path:
    """Write one structure set with CLOSED_PLANAR contours in the planes of an image series.

    Holes are loops of their own, to be filled by the even-odd rule. An empty region is written without contours.

    Parameters
    ----------
    regions : sequence of RegionToWrite
        Regions, numbered from 1 in this order; at least one.
    image : WrittenSeries
        The series on whose grid the masks are; its grid must be known.
    path : Path
        The file to write.
    patient, study, series : facts
        Identity and identifiers; ``series`` is the new series of the structure set.
    label : str
        Structure set label, at most 16 characters.
    approval : ApprovalFacts or None
        None writes UNAPPROVED.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GeometryMismatchError
        A mask is not on the grid of the image.
    InvalidInputError
        No region, an unknown algorithm, or a label that is too long.

    References
    ----------
    .. [1] DICOM PS3.3 A.19 RT Structure Set IOD; C.8.8.6.3 on inner and outer contours.
    """
    grid = _checked_grid(regions, image=image, label=label)
    dataset = start_dataset(
        sop_class_uid=RTStructureSetStorage, modality="RTSTRUCT", patient=patient, study=study, series=series
    )
    set_instance(dataset, uid=make_uid(series.series_uid, 0, seed=series.seed), number=1, moment=series.started)
    for keyword in ("ContentDate", "ContentTime", "BodyPartExamined"):
        delattr(dataset, keyword)
    dataset.StructureSetLabel = label
    dataset.StructureSetDate = date_text(series.started)
    dataset.StructureSetTime = time_text(series.started)
    dataset.OperatorsName = ""
    dataset.PositionReferenceIndicator = ""
    dataset.FrameOfReferenceUID = image.frame_of_reference_uid
    dataset.ReferencedFrameOfReferenceSequence = [_frame_item(image)]
    numbered = list(enumerate(regions, start=1))
    dataset.StructureSetROISequence = [_region_item(region, number=n, image=image) for n, region in numbered]
    dataset.ROIContourSequence = [_contours_item(region, number=n, image=image, grid=grid) for n, region in numbered]
    dataset.RTROIObservationsSequence = [_observation_item(region, number=n) for n, region in numbered]
    _add_approval(dataset, approval=approval or ApprovalFacts())
    return save(dataset, path=path)


def _checked_grid(regions: Sequence[RegionToWrite], *, image: WrittenSeries, label: str) -> Grid:
    if not regions:
        raise InvalidInputError("A structure set needs at least one region.", code="no_region")
    if len(label) > LONGEST_LABEL:
        raise InvalidInputError(f"A structure set label has at most {LONGEST_LABEL} characters.", code="long_label")
    if image.grid is None or len(image.sop_instance_uids) != image.grid.shape_zyx[0]:
        raise GeometryMismatchError("The image of a structure set needs a grid and one instance for each slice.")
    for region in regions:
        if region.values.shape != image.grid.shape_zyx:
            raise GeometryMismatchError(f"A mask has shape {region.values.shape}, the image {image.grid.shape_zyx}.")
        if region.algorithm not in ALGORITHMS:
            raise InvalidInputError(f"A region is made in one of the ways {ALGORITHMS}; got {region.algorithm!r}.")
    return image.grid


def _image_item(image: WrittenSeries, *, number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.sop_class_uid
    item.ReferencedSOPInstanceUID = image.sop_instance_uids[number]
    return item


def _frame_item(image: WrittenSeries) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = image.series_uid
    series.ContourImageSequence = [_image_item(image, number=n) for n in range(len(image.sop_instance_uids))]
    study = Dataset()
    study.ReferencedSOPClassUID = DETACHED_STUDY_MANAGEMENT_UID
    study.ReferencedSOPInstanceUID = image.study_uid
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = image.frame_of_reference_uid
    frame.RTReferencedStudySequence = [study]
    return frame


def _region_item(region: RegionToWrite, *, number: int, image: WrittenSeries) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = image.frame_of_reference_uid
    item.ROIName = region.name
    item.ROIGenerationAlgorithm = region.algorithm
    if region.description:
        item.ROIDescription = region.description
    return item


def _contours_item(region: RegionToWrite, *, number: int, image: WrittenSeries, grid: Grid) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = list(region.colour_rgb)
    item.ReferencedROINumber = number
    contours: list[Dataset] = []
    for index in np.flatnonzero(np.any(region.values > 0.5, axis=(1, 2))):
        for loop in trace_loops(region.values[index]):
            contours.append(_contour_item(loop, index=int(index), number=len(contours) + 1, image=image, grid=grid))
    if contours:
        item.ContourSequence = contours
    return item


def _contour_item(loop: NDArray[np.float64], *, index: int, number: int, image: WrittenSeries, grid: Grid) -> Dataset:
    zyx = np.column_stack([np.full(len(loop), float(index)), loop[:, 1], loop[:, 0]])
    points = grid.index_to_lps_mm(zyx)
    item = Dataset()
    item.ContourImageSequence = [_image_item(image, number=index)]
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    item.ContourNumber = number
    item.ContourData = [f"{value:.4f}" for value in points.ravel()]
    return item


def _observation_item(region: RegionToWrite, *, number: int) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIInterpretedType = region.interpreted_type
    item.ROIInterpreter = ""
    return item


def _add_approval(dataset: Dataset, *, approval: ApprovalFacts) -> None:
    dataset.ApprovalStatus = approval.state
    if approval.reviewed_at is not None:
        dataset.ReviewDate = date_text(approval.reviewed_at)
        dataset.ReviewTime = time_text(approval.reviewed_at)
        dataset.ReviewerName = approval.reviewer
