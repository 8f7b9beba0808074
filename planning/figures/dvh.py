"""Dose-volume histograms of all regions of a calculation."""

from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from planning.figures.theme import DASHES, colour, figure_json
from planning.models import DoseCalculation


def dvh_figure(calculation: DoseCalculation, *, is_differential: bool = False) -> dict[str, Any]:
    """Return cumulative (or differential) histograms, labelled at the line, and the table beside them."""
    figure = go.Figure()
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
