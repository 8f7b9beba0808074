"""Curves as plain JSON and back: a fit, a posterior or an average of models."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from dosimetry.kinetics.averaging import AVERAGE, average_models
from dosimetry.kinetics.curve_fit import CurveFit
from dosimetry.kinetics.region_curves import Curve


def curve_to_dict(curve: Curve) -> dict[str, Any]:
    """Return a curve as plain JSON in SI units; an average holds the fits that it was made of."""
    if isinstance(curve, CurveFit):
        return _plain_fit(curve)
    heaviest = curve.fits[0]
    return {
        "model": AVERAGE,
        "members": [_plain_fit(fit) for fit in curve.fits],
        "n_parameters": max(fit.n_parameters for fit in curve.fits),
        "aicc": None,
        "weight": None,
        "is_interpolation": False,
        "r_squared": None,
        "time_integrated_activity_bq_s": curve.time_integrated_activity_bq_s,
        "time_integrated_activity_standard_uncertainty_bq_s": curve.time_integrated_activity_standard_uncertainty_bq_s,
        "effective_half_life_s": heaviest.effective_half_life_s,
        "effective_half_life_standard_uncertainty_s": heaviest.effective_half_life_standard_uncertainty_s,
        "extrapolated_fraction": curve.extrapolated_fraction,
        "checks": [
            {"text": finding.message, "guide": "", "level": finding.level, "code": finding.code}
            for finding in curve.findings
        ],
    }


def curve_from_dict(stored: Mapping[str, Any]) -> Curve:
    """Return the curve that was stored; the average is made again from its members.

    Raises
    ------
    KeyError
        A field is missing: the record is none of ``curve_to_dict``.
    """
    if stored["model"] == AVERAGE:
        return average_models([CurveFit.from_dict(member) for member in stored["members"]])
    return CurveFit.from_dict(stored)


def _plain_fit(fit: CurveFit) -> dict[str, Any]:
    return {key: _plain(value) for key, value in asdict(fit).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
