"""Dead time of a camera from typed count rates, with the points and the curve to draw."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.dead_time_fit import fit_dead_time, observed_rate
from dosimetry.units import HOUR_S, US_S

FloatArray = NDArray[np.float64]
N_DRAWN = 60
"""Points of a drawn curve."""


def measure_dead_time(_image: object, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Fit rates of a decaying source (hours), or of known activities (MBq) whose sensitivity is fitted along."""
    rows = np.array(inputs["rows"], dtype=float)
    rates, places = rows[:, 1], rows[:, 0]
    is_decaying = inputs["is_decaying"]
    decay = get_nuclide(inputs["nuclide"]).decay_constant_per_s
    shape: dict[str, Any] = (
        {"times_s": (places * HOUR_S).tolist(), "decay_constant_per_s": decay}
        if is_decaying
        else {"expected_cps": places.tolist(), "is_scale_fitted": True}
    )
    if inputs["duration_s"] <= 0.0:
        raise InvalidInputError("Each count must last some time.", code="no_duration")
    deviations = np.sqrt(np.maximum(rates, 1.0) / inputs["duration_s"])
    background_cps = inputs.get("background_cps", 0.0)
    fit = fit_dead_time(
        rates.tolist(),
        standard_uncertainties_cps=deviations.tolist(),
        model=inputs["model"],
        background_cps=background_cps,
        **shape,
    )
    true = fit.scale * (np.exp(-decay * places * HOUR_S) if is_decaying else places) + background_cps
    highest = 1.05 * float(np.max(true))
    drawn = np.linspace(0.0, highest, N_DRAWN)
    return {
        "dead_time_us": fit.dead_time_s / US_S,
        "standard_uncertainty_us": fit.standard_uncertainty_s / US_S,
        "model": inputs["model"],
        "reduced_chi_square": fit.reduced_chi_square,
        "p_value": fit.p_value,
        "is_significant": fit.is_significant,
        "largest_loss_percent": 100.0 * fit.largest_loss,
        "points": {"x": true.tolist(), "y": rates.tolist(), "standard_uncertainty": deviations.tolist()},
        "line": fitted_line(
            drawn,
            observed_rate(drawn, dead_time_s=fit.dead_time_s, model=inputs["model"]),
            between=fit.interval_95(drawn),
        ),
    }


def fitted_line(x: FloatArray, y: FloatArray, *, between: tuple[FloatArray, FloatArray]) -> dict[str, list[float]]:
    """Return a fitted curve to draw, with its 95 % limits."""
    low, high = between
    return {"x": x.tolist(), "y": y.tolist(), "low_95": low.tolist(), "high_95": high.tolist()}
