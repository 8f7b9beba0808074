"""The phantom of the worked case: voxels of 1 mL, a kidney of 64 voxels of which 8 belong to a lesion.

Every region decays with one known half-life, so that numbers can be checked by hand.
"""

from datetime import timedelta

import numpy as np

HOUR_S = 3600.0
SHAPE_ZYX = (6, 10, 10)
GRID = {
    "shape_zyx": list(SHAPE_ZYX),
    "spacing_xyz_mm": [10.0, 10.0, 10.0],
    "origin_lps_mm": [0.0, 0.0, 0.0],
    "direction": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
}
KIDNEY, LESION = np.s_[1:5, 2:6, 2:6], np.s_[2:4, 3:5, 3:5]
KIDNEY_ML, LESION_ML = 64.0, 8.0
KIDNEY_BQ_PER_ML, LESION_BQ_PER_ML = 1e6, 3e6
KIDNEY_HALF_LIFE_H, LESION_HALF_LIFE_H = 50.0, 80.0
TIMES_H = (24.0, 96.0, 168.0)
ADMINISTERED_BQ = 7.4e9
PLAN_LIMIT_GY = 26.0
"""Puts 7.4 GBq inside the proposed range: three more cycles of it give the kidney 5.9 Gy each."""
ADMINISTERED_AGO = timedelta(days=10)


def no_progress(_fraction: float, _text: str) -> None:
    """Take progress and do nothing with it."""


def scan_values(time_h: float, *, scale: float = 1.0) -> np.ndarray:
    """Return activity concentration in Bq/mL at a time after administration."""
    values = np.full(SHAPE_ZYX, 1e3, np.float32)
    values[KIDNEY] = scale * KIDNEY_BQ_PER_ML * 0.5 ** (time_h / KIDNEY_HALF_LIFE_H)
    values[LESION] = scale * LESION_BQ_PER_ML * 0.5 ** (time_h / LESION_HALF_LIFE_H)
    return values
