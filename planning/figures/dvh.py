"""Dose-volume histograms of all regions of a calculation."""

from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from planning.figures.theme import DASHES, colour, faded, figure_json
from planning.models import DoseCalculation


def dvh_figure(
    calculation: DoseCalculation, *, is_differential: bool = False, band_of: str | None = None
) -> dict[str, Any]:
    """Return cumulative (or differential) histograms, labelled at the line, and the table beside them.

    ``band_of`` names the region whose cumulative histogram is drawn with its bands: doses times the factors between
    which 68 % and 95 % of the sampled doses lie.
    """
    figure = go.Figure()
    if band_of is not None and not is_differential:
        _add_bands(figure, calculation, band_of)
    rows = []
    for i, row in enumerate(calculation.regions.select_related("region")):
        doses, volumes = row.dvh.get("dose_gy", []), row.dvh.get("volume_fraction", [])
        if not doses:
            continue
        x, y = _differential(doses, volumes) if is_differential else (doses, [100.0 * value for value in volumes])
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=row.region.name,
            line={"color": colour(row.region.colour), "width": 1.6, "dash": DASHES[i % len(DASHES)]},
            hovertemplate="%{x:.2f} Gy, %{y:.1f} %<extra>" + row.region.name + "</extra>",
            meta={"region_id": str(row.region_id)},
        )
        rows.append([row.region.name, *(_shown(row.dose_at_volume_gy.get(percent)) for percent in ("98", "50", "2"))])
    y_title = "Volume per Gy (%/Gy)" if is_differential else "Volume (%)"
    figure.update_layout(
        xaxis={"title": {"text": "Absorbed dose (Gy)"}, "rangemode": "tozero"},
        yaxis={"title": {"text": y_title}, "rangemode": "tozero"},
        showlegend=False,
    )
    return figure_json(figure, head=["Region", "D98 (Gy)", "D50 (Gy)", "D2 (Gy)"], rows=rows)


def _add_bands(figure: go.Figure, calculation: DoseCalculation, region_id: str) -> None:
    rows = calculation.regions.select_related("region")
    row = next((item for item in rows if str(item.region_id) == region_id), None)
    if row is None or not row.dvh.get("dose_gy") or not row.uncertainty_chain:
        return
    low, lower, upper, high = row.uncertainty_chain["band"]
    doses = row.dvh["dose_gy"]
    volumes = [100.0 * value for value in row.dvh["volume_fraction"]]
    for first, last, share, text in ((low, high, 0.10, "95 %"), (lower, upper, 0.16, "68 %")):
        figure.add_scatter(
            x=[first * dose for dose in doses] + [last * dose for dose in reversed(doses)],
            y=volumes + volumes[::-1],
            mode="lines",
            fill="toself",
            fillcolor=faded(row.region.colour, share),
            line={"width": 0},
            hoverinfo="skip",
            name=f"{row.region.name}, {text}",
        )


def _differential(doses: list[float], volumes: list[float]) -> tuple[list[float], list[float]]:
    pairs = list(zip(doses, volumes, strict=True))
    x, y = [], []
    for (dose_1, volume_1), (dose_2, volume_2) in pairwise(pairs):
        if dose_2 > dose_1:
            x.append((dose_1 + dose_2) / 2.0)
            y.append(100.0 * (volume_1 - volume_2) / (dose_2 - dose_1))
    return x, y


def _shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
