"""The course on one axis of days: administrations, scans, cumulative dose against limits, labs."""

from typing import Any

import plotly.graph_objects as go

from planning.figures.theme import DASHES, colour, faded, figure_json


def course_figure(timeline: dict[str, Any]) -> dict[str, Any]:
    """Draw the rows of the course page from its timeline; days count from the first administration."""
    figure = go.Figure()
    dose_rows, lab_rows = timeline["dose_rows"], timeline["lab_rows"]
    heights = [0.10, 0.05, *[0.30 if i == 0 else 0.15 for i in range(len(dose_rows))], *[0.10] * len(lab_rows)]
    domains = _domains(heights)
    _add_administrations(figure, timeline)
    _add_scans(figure, timeline)
    layout: dict[str, Any] = {
        "yaxis": {"domain": domains[0], "rangemode": "tozero", "title": {"text": "Administered (GBq)"}},
        "yaxis2": {"domain": domains[1], "visible": False, "range": [-1, 1]},
    }
    for i, row in enumerate(dose_rows):
        axis = 3 + i
        _add_dose_row(figure, row, axis)
        layout[f"yaxis{axis}"] = {
            "domain": domains[2 + i],
            "rangemode": "tozero",
            "title": {"text": f"{row['name']} dose (Gy)"},
        }
    for i, row in enumerate(lab_rows):
        axis = 3 + len(dose_rows) + i
        figure.add_scatter(
            x=row["days"],
            y=row["values"],
            yaxis=f"y{axis}",
            mode="lines+markers",
            line={"color": colour("text-2"), "width": 1.4},
            marker={"size": 6},
            name=row["name"],
            hovertemplate="day %{x:.0f}, %{y:.4g} " + row["unit"] + "<extra>" + row["name"] + "</extra>",
        )
        layout[f"yaxis{axis}"] = {"domain": domains[2 + len(dose_rows) + i], "title": {"text": _lab_title(row)}}
    figure.add_vline(x=timeline["today_day"], line={"color": colour("accent"), "width": 1.2})
    last_axis = 2 + len(dose_rows) + len(lab_rows)
    layout["xaxis"] = {
        "title": {"text": "days since first administration"},
        "anchor": f"y{last_axis}",
        "range": timeline["day_range"],
    }
    figure.update_layout(showlegend=False, **layout)
    return figure_json(figure, head=["Day", "What", "Value"], rows=timeline["table"])


def _domains(heights: list[float], gap: float = 0.025) -> list[list[float]]:
    scale = (1.0 - gap * (len(heights) - 1)) / sum(heights)
    domains, top = [], 1.0
    for height in heights:
        bottom = max(top - height * scale, 0.0)
        domains.append([round(bottom, 4), round(top, 4)])
        top = bottom - gap
    return domains


def _add_administrations(figure: go.Figure, timeline: dict[str, Any]) -> None:
    for is_planned in (False, True):
        bars = [row for row in timeline["administrations"] if row["is_planned"] is is_planned]
        if not bars:
            continue
        line = {"color": colour("text-3"), "width": 1}
        figure.add_bar(
            x=[row["day"] for row in bars],
            y=[row["activity_gbq"] for row in bars],
            width=2.0,
            marker={"color": "rgba(0,0,0,0)" if is_planned else colour("text-2"), "line": line},
            text=["planned" if is_planned else f"{row['activity_gbq']:.2f} GBq" for row in bars],
            textposition="outside",
            cliponaxis=False,
            name="planned" if is_planned else "administered",
            meta={"urls": [row["url"] for row in bars]},
        )


def _add_scans(figure: go.Figure, timeline: dict[str, Any]) -> None:
    scans = timeline["scans"]
    figure.add_scatter(
        x=[scan["day"] for scan in scans],
        y=[0.0] * len(scans),
        yaxis="y2",
        mode="markers",
        marker={"size": 9, "color": colour("text-2")},
        text=[scan["text"] for scan in scans],
        hovertemplate="%{text}<extra>scan</extra>",
        name="scans",
        meta={"urls": [scan["url"] for scan in scans]},
    )


def _add_dose_row(figure: go.Figure, row: dict[str, Any], axis: int) -> None:
    for i, line in enumerate(row["lines"]):
        token, days, doses, u = line["colour"], line["days"], line["doses_gy"], line["u_gy"]
        figure.add_scatter(
            x=days + days[::-1],
            y=[dose + spread for dose, spread in zip(doses, u, strict=True)]
            + [max(dose - spread, 0.0) for dose, spread in zip(doses, u, strict=True)][::-1],
            yaxis=f"y{axis}",
            fill="toself",
            fillcolor=faded(token, 0.16),
            line={"width": 0, "shape": "hv"},
            mode="lines",
            hoverinfo="skip",
            name=f"{line['name']}, k = 1",
        )
        figure.add_scatter(
            x=days,
            y=doses,
            yaxis=f"y{axis}",
            mode="lines",
            line={"color": colour(token), "width": 2.0, "shape": "hv", "dash": DASHES[i % len(DASHES)]},
            name=line["name"],
            hovertemplate="day %{x:.0f}, %{y:.2f} Gy<extra>" + line["name"] + "</extra>",
        )
    if row["limit_gy"] is not None:
        figure.add_hline(y=row["limit_gy"], yref=f"y{axis}", line={"color": colour("block"), "width": 1.4})
        figure.add_annotation(
            text=f"Limit {row['limit_gy']:g} Gy, {row['limit_source']}",
            x=0.0,
            xref="paper",
            xanchor="left",
            y=row["limit_gy"],
            yref=f"y{axis}",
            yanchor="bottom",
            showarrow=False,
            font={"color": colour("block")},
        )


def _lab_title(row: dict[str, Any]) -> str:
    return f"{row['name']} ({row['unit']})"
