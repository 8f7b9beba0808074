"""Whether images are of a human body, before a network draws on them: networks see organs and lesions in anything."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dosimetry.errors import InvalidInputError
from dosimetry.nn.channels import emission_scale

SeenImage = tuple[NDArray[np.float32] | None, NDArray[np.bool_] | None]

SOLID_ABOVE_HU, TABLE_VOXELS, SKIN_VOXELS = -500.0, 2, 2
"""What is solid; half the thickness of what is a table or an arm of a holder; depth of what a surface blurs."""
LEAST_SOLID_ML = 1000.0
FAT_HU, BONE_ABOVE_HU = (-150.0, -30.0), 150.0
LEAST_FAT_SHARE, LEAST_BONE_SHARE = 0.02, 0.005
"""Of the volume: about a tenth of what adults have. Of the reference man and woman adipose tissue is 25 and 37 %,
cortical and trabecular bone 7 % of the mass (ICRP Publication 89, 2002, table 2.8); water and plastic have neither."""
SMOOTHED_VOXELS = 2.0
ACTIVE_SHARE = 0.1
"""Of the scale of the emission, after smoothing: what holds activity."""
LEAST_ACTIVE_ML = 500.0
MOST_ACTIVE_SHARE, WIDE_MM, ORGAN_VOXELS = 0.93, 400.0, 5.0
"""A body is round: an image as wide as one that holds activity everywhere is noise, or of an obese patient in a narrow
field. Smoothed over the size of organs (20 mm) noise becomes even, and organs do not."""
LEAST_UNEVENNESS = 1.4
"""Brightest tenth over the median of what holds activity. Organs of patients take up several times what the rest does;
of a uniform liquid, with or without small spheres, only the blurred border differs (1.3 in imitated images)."""


def require_human_images(ct: SeenImage, emission: SeenImage, *, spacing_mm: float) -> None:
    """Refuse images of phantoms, point sources and noise.

    A CT tells by its tissues: a body has fat and bone. Without one the emission must tell, by how much of it holds
    activity and how unevenly: less certain, and it refuses parts of a body without any organ.

    Parameters
    ----------
    ct, emission : pair of (n_z, n_y, n_x) float32 and bool array, or of None
        Values (HU; any unit) and where the image covers the grid, cropped to what is not air.
    spacing_mm : float
        Side of a voxel, mm.

    Raises
    ------
    InvalidInputError
        Not a human body (``out_of_domain``).
    """
    if ct[0] is not None and ct[1] is not None:
        _require_tissues(ct[0], ct[1], spacing_mm)
    elif emission[0] is not None and emission[1] is not None:
        _require_organs(emission[0], emission[1], spacing_mm)


def _require_tissues(hu: NDArray[np.float32], seen: NDArray[np.bool_], spacing_mm: float) -> None:
    solid = ndimage.binary_opening(seen & (hu > SOLID_ABOVE_HU), iterations=TABLE_VOXELS)
    # The border of the image is no surface: a body goes on there.
    inner = ndimage.binary_erosion(solid, iterations=SKIN_VOXELS, border_value=1)
    volume_ml = float(np.count_nonzero(inner)) * spacing_mm**3 / 1000.0
    if volume_ml < LEAST_SOLID_ML:
        raise _not_human(f"the CT shows {volume_ml:.0f} mL of solid matter")
    inside = hu[inner]
    fat = float(np.mean((inside > FAT_HU[0]) & (inside < FAT_HU[1])))
    bone = float(np.mean(inside > BONE_ABOVE_HU))
    if fat < LEAST_FAT_SHARE or bone < LEAST_BONE_SHARE:
        raise _not_human(f"{fat:.1%} of the CT has the numbers of fat and {bone:.1%} those of bone")


def _require_organs(values: NDArray[np.float32], seen: NDArray[np.bool_], spacing_mm: float) -> None:
    smooth = ndimage.gaussian_filter(np.where(seen, values, np.float32(0.0)), SMOOTHED_VOXELS)
    active = seen & (smooth > ACTIVE_SHARE * emission_scale(values, seen))
    n_active = int(np.count_nonzero(active))
    volume_ml = n_active * spacing_mm**3 / 1000.0
    if volume_ml < LEAST_ACTIVE_ML:
        raise _not_human(f"{volume_ml:.0f} mL hold activity")
    if values.shape[2] * spacing_mm >= WIDE_MM and n_active > MOST_ACTIVE_SHARE * np.count_nonzero(seen):
        wide = ndimage.gaussian_filter(smooth, np.sqrt(ORGAN_VOXELS**2 - SMOOTHED_VOXELS**2))
        if _unevenness(wide[active]) < LEAST_UNEVENNESS:
            raise _not_human("activity is everywhere in it, with no air round a body and no organ that takes up more")
    uneven = _unevenness(smooth[active])
    if uneven < LEAST_UNEVENNESS:
        raise _not_human(f"its activity is even (brightest tenth {uneven:.2f} times the median)")


def _unevenness(values: NDArray[np.float32]) -> float:
    median, bright = np.percentile(values, (50.0, 90.0))
    return float(bright / median)


def _not_human(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"The image does not look like a human body: {why}. It is of a phantom, of noise, or of a part without organs: "
        "draw by hand.",
        code="out_of_domain",
    )
