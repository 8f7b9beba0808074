"""Density of a dose calculation: declared, or from the CT by the scanner's own curve or the published default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dosimetry.dose.density import DEFAULT_DENSITY_CURVE, DensityCurve, density_from_hu
from dosimetry.volume import Grid, Volume, resample
from planning import storage
from planning.computation.grids import grid_from_dict
from planning.models import DensityCurve as CurveRow
from planning.models import QuantifiedImage
from planning.selectors.density_curves import density_curve_for

DECLARED_DENSITY_G_PER_ML = 1.04
"""Soft tissue, ICRU Report 44 average; the user sees and may change it when there is no CT."""
AIR_HU = -1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """What the engines take, where it comes from in words, and what is stored to tell when it is stale."""

    g_per_ml: Volume | float
    origin: str
    provenance: dict[str, Any] = field(default_factory=dict)


def density_of(image: QuantifiedImage, *, grid: Grid, parameters: Mapping[str, Any]) -> Density:
    if "density_g_per_ml" in parameters:
        value = float(parameters["density_g_per_ml"])
        return Density(g_per_ml=value, origin=f"declared {value:g} g/mL")
    if not image.ct_sha256:
        origin = f"no CT: declared {DECLARED_DENSITY_G_PER_ML:g} g/mL"
        return Density(g_per_ml=DECLARED_DENSITY_G_PER_ML, origin=origin)
    row = density_curve_for(image.ct_series)
    curve = DEFAULT_DENSITY_CURVE if row is None else curve_of(row.points, source=row.source)
    hu = Volume(values=storage.load_array(image.ct_sha256), grid=grid_from_dict(image.ct_grid), unit="HU")
    return Density(
        g_per_ml=density_from_hu(resample(hu, onto=grid, fill_value=AIR_HU), curve=curve),
        origin=_origin(row),
        provenance={
            "density_curve": {
                "id": None if row is None else str(row.pk),
                "points": [list(point) for point in curve.points],
                "source": curve.source,
            }
        },
    )


def curve_of(points: list[list[float]], *, source: str) -> DensityCurve:
    """Return the curve of stored or typed points; it refuses points that make none and says which."""
    return DensityCurve(points=tuple((float(hu), float(density)) for hu, density in points), source=source)


def default_curve() -> dict[str, Any]:
    """Return the published curve that stands in where no scanner's own is confirmed."""
    return {
        "points": [list(point) for point in DEFAULT_DENSITY_CURVE.points],
        "source": DEFAULT_DENSITY_CURVE.source,
    }


def _origin(row: CurveRow | None) -> str:
    if row is None:
        return "from CT by the default curve (Schneider 2000)"
    return f"from CT by the curve of {row.scanner}, valid from {row.valid_from.isoformat()} ({row.source})"
