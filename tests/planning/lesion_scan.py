"""A scan with hot lesions for the worked case, and the candidates that a network would make of them."""

import numpy as np
from scipy.special import expit

from planning import models, storage
from planning.computation.volumes import emission_asset
from planning.models.contours import ContourSource
from planning.queue import TaskName
from planning.services.contour_proposals import contour_masks_add
from planning.services.regions import lesion_for
from tests.planning.virtual_scan import GRID, scan_added, virtual_scan

CENTRES_LPS_MM = ((-70.0, -10.0, 30.0), (-30.0, -45.0, 25.0), (10.0, 35.0, 70.0))
"""Two in the liver, one in the spine."""
RADII_MM = (16.0, 11.0, 10.0)
PROBABILITIES = (0.97, 0.81, 0.55)
LABEL = "lesions 0 (01234567)"
UNSTABLE = {"code": "unstable", "level": "ask", "message": "With a small change of calibration it gives 31% only."}


def distances_mm(centre) -> np.ndarray:
    z, y, x = np.indices(GRID.shape_zyx)
    points = GRID.index_to_lps_mm(np.stack([z, y, x], axis=-1).astype(float))
    return np.linalg.norm(points - np.asarray(centre), axis=-1)


def hot_scan_added(worked, time_point: models.TimePoint) -> models.QuantifiedImage:
    """Give a time point the virtual scan with three lesions, eight times as hot as the liver."""
    image = scan_added(worked, time_point)
    _, emission, truth = virtual_scan()
    liver = float(emission.values[truth["Liver"]].mean())
    values = emission.values.copy()
    for centre, radius in zip(CENTRES_LPS_MM, RADII_MM, strict=True):
        # About the blur of the scan at the border.
        values += (7.0 * liver * expit((radius - distances_mm(centre)) / 2.5)).astype(np.float32)
    hot = emission.with_values(values)
    owner = {"site": worked.clinic.site, "patient": worked.patient}
    image.emission_sha256 = storage.store_array(hot.values)
    image.emission_display = models.VolumeAsset.objects.create(**owner, **emission_asset(hot, kind="spect"))
    image.save(update_fields=["emission_sha256", "emission_display"])
    return image


def candidate_masks() -> list[np.ndarray]:
    return [distances_mm(c) <= r for c, r in zip(CENTRES_LPS_MM, RADII_MM, strict=True)]


def candidate_rows_put_in() -> list[dict]:
    """Return the rows that a network would make of this scan."""
    return [
        {
            "kind": "lesion",
            "mask": mask,
            "centre_lps_mm": centre,
            "source_detail": LABEL,
            "confidence": probability,
            "reasons": [UNSTABLE] if probability < 0.6 else [],
            "region_id": None,
        }
        for mask, centre, probability in zip(candidate_masks(), CENTRES_LPS_MM, PROBABILITIES, strict=True)
    ]


def candidates_added(worked, time_point: models.TimePoint) -> models.ContourRevision:
    """Add what a network would suspect, through the service that its run uses."""
    return contour_masks_add(
        actor=None,
        run=worked.run(TaskName.PROPOSE_CONTOURS),
        time_point=time_point,
        rows=candidate_rows_put_in(),
        source=ContourSource.MODEL,
        region_of=lambda row: lesion_for(actor=None, course=worked.course, known=row["region_id"]),
        note="3 lesion candidates",
    )
