"""The cumulative dose of one region over past and planned cycles."""

from typing import Any

import plotly.graph_objects as go

from planning.figures.theme import colour, faded, figure_json

BANDS = ((0.95, 0.10), (0.80, 0.16), (0.50, 0.22))


def plan_figure(*, region: dict[str, Any], trajectory: dict[str, Any]) -> dict[str, Any]:
    """Draw past doses solid, the what-if dotted with 50, 80 and 95 % bands, the label dashed, limits red."""
    token = region["colour"]
    done, planned = trajectory["done"], trajectory["planned"]
    figure = go.Figure()
    for probability, alpha in BANDS:
        _add_band(figure, planned, f"{int(probability * 100)}", faded(token, alpha))
    figure.add_scatter(
        x=[point["label"] for point in done],
        y=[point["dose_gy"] for point in done],
        error_y={"type": "data", "array": [point["u_gy"] for point in done], "color": colour(token)},
        mode="lines+markers",
        line={"color": colour(token), "width": 2.4},
        name="given",
    )
    figure.add_scatter(
        x=[point["label"] for point in planned],
        y=[point["dose_gy"] for point in planned],
        mode="lines+markers",
        line={"color": colour(token), "width": 1.8, "dash": "dot"},
        marker={"symbol": "circle-open", "size": 8},
        name="what if",
    )
    at_label = [point for point in planned if point.get("label_dose_gy") is not None]
    if at_label:
        figure.add_scatter(
            x=[point["label"] for point in at_label],
            y=[point["label_dose_gy"] for point in at_label],
            mode="lines",
            line={"color": colour("text-2"), "width": 1.2, "dash": "dash"},
            name="label activity",
        )
    for limit in trajectory["limits"]:
        figure.add_hline(y=limit["value_gy"], line={"color": colour("block"), "width": 1.4})
        figure.add_annotation(
            text=f"Limit {limit['value_gy']:g} Gy",
            x=0.0,
            xref="paper",
            y=limit["value_gy"],
            yanchor="bottom",
            showarrow=False,
            font={"color": colour("block")},
        )
    figure.update_layout(
        yaxis={"title": {"text": f"{region['name']}, cumulative dose (Gy)"}, "rangemode": "tozero"},
        xaxis={"type": "category", "categoryorder": "array", "categoryarray": _order(done, planned)},
        showlegend=False,
    )
    rows = [[point["label"], f"{point['dose_gy']:.2f}", f"{point['u_gy']:.2f}"] for point in [*done, *planned[1:]]]
    return figure_json(figure, head=["Cycle", "Cumulative (Gy)", "± Gy"], rows=rows)


def _order(done: list[dict], planned: list[dict]) -> list[str]:
    return list(dict.fromkeys(point["label"] for point in [*done, *planned]))


def _add_band(figure: go.Figure, planned: list[dict], key: str, fill: str) -> None:
    labels = [point["label"] for point in planned]
    lower = [point["bands"][key][0] for point in planned]
    upper = [point["bands"][key][1] for point in planned]
    figure.add_scatter(x=labels, y=lower, mode="lines", line={"width": 0}, hoverinfo="skip", name=f"{key} %, lower")
    figure.add_scatter(
        x=labels,
        y=upper,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=fill,
        hoverinfo="skip",
        name=f"{key} %, upper",
    )
