"""A number never travels without its unit."""

import math
from typing import Any


def quantity(
    value_si: float | None, *, unit: str, factor: float, standard_uncertainty: float | None = None
) -> dict[str, Any] | None:
    """Return value and standard uncertainty in the shown unit; ``factor`` is one shown unit in SI. Missing is None."""
    if value_si is None or not math.isfinite(value_si):
        return None
    u = None
    if standard_uncertainty is not None and math.isfinite(standard_uncertainty):
        u = standard_uncertainty / factor
    return {"value": value_si / factor, "unit": unit, "standard_uncertainty": u}
