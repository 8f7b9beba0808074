"""Steps of a second reading, through the real services, that tests share."""

import numpy as np

from planning.models.contours import ContourSource
from planning.models.readings import ReadingStart
from planning.queue import TaskName
from planning.selectors.current import current_contours
from planning.selectors.readings import open_copy
from planning.services.contour_operations import contour_voxels_save
from planning.services.contour_proposals import contour_masks_add
from planning.services.contour_states import contour_state_set
from planning.services.reading_adjudications import Choice, second_reading_adjudicate
from planning.services.readings import second_reading_open, second_reading_submit
from tests.planning.test_contours import painted
from tests.planning.worked_phantom import KIDNEY, KIDNEY_ML, SHAPE_ZYX

SMALL = np.s_[1:4, 2:6, 2:6]
"""Three of the kidney's four slices: 48 of 64 voxels of 1 mL."""
SMALL_ML = 48.0
CV = (KIDNEY_ML - SMALL_ML) / (np.sqrt(2.0) * 56.0)


def opened(worked, readers, *, start=ReadingStart.NOTHING, i_point=0):
    return second_reading_open(
        actor=worked.physicist,
        time_point=worked.points[i_point],
        start=start,
        reader_ids=[reader.pk for reader in readers],
    )


def read(worked, reader, part=KIDNEY, *, region=None, i_point=0):
    """Draw one region on the reader's own copy and accept it."""
    point, region = worked.points[i_point], region or worked.kidney
    copy = open_copy(point, user=reader)
    base = current_contours(point, copy)
    saved = contour_voxels_save(
        actor=reader,
        time_point=point,
        kind=region.kind,
        base_number=base.number if base else 0,
        voxels=painted(region, part),
        changed={region.label},
        note="read",
        copy=copy,
    )
    return contour_state_set(
        actor=reader, time_point=point, base_number=saved.number, region=region, state="accepted", copy=copy
    )


def submitted(worked, readers, *, parts=(KIDNEY, SMALL), i_point=0, **fields):
    reading = opened(worked, readers, i_point=i_point, **fields)
    for reader, part in zip(readers, parts, strict=True):
        read(worked, reader, part, i_point=i_point)
        second_reading_submit(actor=reader, reading=reading)
    reading.refresh_from_db()
    return reading


def propose(worked, part=KIDNEY, **fields):
    mask = np.zeros(SHAPE_ZYX, bool)
    mask[part] = True
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.IMPORT_CONTOURS),
        time_point=worked.points[0],
        rows=[{"region": worked.kidney, "mask": mask, "source_detail": "organs 1.0 (12ab34cd)", **fields}],
        source=ContourSource.MODEL,
        region_of=lambda row: row["region"],
        note="proposed",
    )


def decided(worked, reading, take, *, actor=None, region=None, **fields):
    current = current_contours(worked.points[0])
    return second_reading_adjudicate(
        actor=actor or worked.physicist,
        reading=reading,
        base_number=current.number if current else 0,
        choices=[Choice(region=region or worked.kidney, take=take, **fields)],
    )
