"""Time-activity curves: one large plot with residuals, and the small one of the region list."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from planning.computation.curve_shapes import CurveShape, curve_shape, residuals
from planning.figures.theme import DASHES, colour, faded, figure_json
from planning.models import RegionCurve
from planning.selectors.kinetics import chosen_fit, fitted_points, model_label

HOUR, MBQ = 3600.0, 1e6
N_SAMPLES = 161
TAIL_FACTOR = 1.5


def curve_figure(
    curve: RegionCurve, *, is_log: bool, shows_all: bool, earlier: Sequence[RegionCurve] = ()
) -> dict[str, Any]:
    """Return the large plot: points with error bars, the chosen curve with its band, other models thin, residuals.

    ``earlier`` are the same region's curves of earlier cycles, drawn behind.
    """
    token = curve.region.colour
    chosen = chosen_fit(curve)
    used = fitted_points(curve)
    last_s = max((point["time_s"] for point in used), default=0.0)
    end_s = max(last_s * TAIL_FACTOR, last_s + 24 * HOUR)
    figure = go.Figure()
    for i, other in enumerate(earlier):
        _add_earlier(figure, other, dash=DASHES[1 + i % 5], end_s=end_s)
    if shows_all:
        _add_prior(figure, curve, end_s=end_s)
    others = [fit for fit in curve.fits if fit is not chosen] if shows_all else []
    for i, fit in enumerate(others):
        shape = curve_shape(fit, end_s=end_s, n_samples=N_SAMPLES)
        figure.add_scatter(**_line(shape, token, name=model_label(fit["model"]), dash=DASHES[1 + i % 5], width=1.0))
    if chosen is not None:
        shape = curve_shape(chosen, end_s=end_s, n_samples=N_SAMPLES)
        _add_band(figure, shape, token)
        _add_chosen(figure, shape, token, name=model_label(chosen["model"]), assumed_until_s=assumed_until_s(curve))
        _add_residuals(figure, chosen, used, token)
    _add_points(figure, curve.points, token, used=used)
    figure.add_vrect(x0=last_s / HOUR, x1=end_s / HOUR, fillcolor=faded("text-3", 0.08), line_width=0, layer="below")
    figure.update_layout(**_axes(chosen, used, end_s=end_s, is_log=is_log), showlegend=False)
    return figure_json(figure, head=["h p.i.", "MBq", "± MBq", "used"], rows=_point_rows(curve.points, used=used))


def _axes(chosen: dict[str, Any] | None, used: list[dict], *, end_s: float, is_log: bool) -> dict[str, Any]:
    """Return the axes: activity above residuals; without a curve there are no residuals to show."""
    x = {"title": {"text": "h p.i., mid-acquisition"}, "range": [0, end_s / HOUR]}
    y = {"title": {"text": "Activity (MBq)"}, "type": "log" if is_log else "linear"}
    if chosen is None:
        return {"xaxis": x, "yaxis": y}
    residual = {"title": {"text": "Residual / u"}, "zeroline": True, "range": _residual_range(chosen, used)}
    return {
        "xaxis": {**x, "anchor": "y2"},
        "yaxis": {**y, "domain": [0.27, 1.0]},
        "yaxis2": {**residual, "domain": [0.0, 0.17]},
    }


def assumed_until_s(curve: RegionCurve) -> float:
    """Return the time up to which no scan supports the curve: that of the one scan of a declared half-life, else 0."""
    fit, points = chosen_fit(curve), fitted_points(curve)
    return points[0]["time_s"] if fit is not None and fit["model"] == "single_time_point" and points else 0.0


def small_curve(curve: RegionCurve) -> dict[str, Any] | None:
    """Return sampled hours and MBq of the chosen curve for the region list, and its points."""
    chosen = chosen_fit(curve)
    used = fitted_points(curve)
    if chosen is None or not used:
        return None
    end_s = max(point["time_s"] for point in used) * 1.15
    shape = curve_shape(chosen, end_s=end_s, n_samples=41)
    return {
        "times_h": [time / HOUR for time in shape.times_s],
        "activities_mbq": [value / MBQ for value in shape.activities_bq],
        "points": [
            {
                "time_h": point["time_s"] / HOUR,
                "activity_mbq": point["activity_bq"] / MBQ,
                "standard_uncertainty_mbq": point["activity_standard_uncertainty_bq"] / MBQ,
                "is_excluded": point not in used,
            }
            for point in curve.points
        ],
        "last_scan_h": max(point["time_s"] for point in used) / HOUR,
        "end_h": end_s / HOUR,
        "assumed_until_h": assumed_until_s(curve) / HOUR,
    }


def _add_prior(figure: go.Figure, curve: RegionCurve, *, end_s: float) -> None:
    """Draw what the prior alone expects, with its 68 % band, at the height of the posterior."""
    prior = curve.diagnostics.get("prior")
    posterior = next((fit for fit in curve.fits if fit["model"] == "posterior"), None)
    if prior is None or posterior is None:
        return
    tia = posterior["time_integrated_activity_bq_s"]
    n = sum(time <= end_s for time in prior["times_s"])
    hours = [time / HOUR for time in prior["times_s"][:n]]
    low, median, high = ([tia * value / MBQ for value in prior[name][:n]] for name in ("low_68", "median", "high_68"))
    figure.add_scatter(
        x=hours + hours[::-1],
        y=high + low[::-1],
        fill="toself",
        fillcolor=faded("text-3", 0.14),
        line={"width": 0},
        hoverinfo="skip",
        mode="lines",
        name="prior, 68 % of patients",
    )
    figure.add_scatter(
        x=hours,
        y=median,
        mode="lines",
        name="prior",
        line={"color": colour("text-3"), "width": 1.2, "dash": "dashdot"},
        hovertemplate="%{x:.1f} h, %{y:.3g} MBq<extra>prior: " + prior["source"][:60] + "</extra>",
    )


def _add_earlier(figure: go.Figure, curve: RegionCurve, *, dash: str, end_s: float) -> None:
    """Draw an earlier cycle in grey: its chosen curve and its points."""
    fit = chosen_fit(curve)
    if fit is None:
        return
    name = f"cycle {curve.revision.cycle.number}"
    line = _line(curve_shape(fit, end_s=end_s, n_samples=N_SAMPLES), "text-3", name=name, dash=dash, width=1.4)
    figure.add_scatter(**line)
    points = [point for point in fitted_points(curve) if point["time_s"] <= end_s]
    figure.add_scatter(
        x=[point["time_s"] / HOUR for point in points],
        y=[point["activity_bq"] / MBQ for point in points],
        mode="markers",
        marker={"color": colour("text-3"), "size": 7, "symbol": "diamond-open"},
        name=f"{name}, measured",
        hovertemplate="%{x:.1f} h, %{y:.4g} MBq<extra>" + name + "</extra>",
    )


def _line(shape: CurveShape, token: str, *, name: str, dash: str, width: float) -> dict[str, Any]:
    return {
        "x": [time / HOUR for time in shape.times_s],
        "y": [value / MBQ for value in shape.activities_bq],
        "mode": "lines",
        "name": name,
        "line": {"color": colour(token), "width": width, "dash": dash},
        "hovertemplate": "%{x:.1f} h, %{y:.3g} MBq<extra>" + name + "</extra>",
    }


def _add_chosen(figure: go.Figure, shape: CurveShape, token: str, *, name: str, assumed_until_s: float) -> None:
    """Draw the chosen curve: dotted where it is assumed back to the administration, solid from the first used scan."""
    line = _line(shape, token, name=name, dash="solid", width=2.4)
    n_assumed = sum(time < assumed_until_s for time in shape.times_s)
    if n_assumed:
        dotted = _line(shape, token, name=f"{name}, assumed", dash="dot", width=1.6)
        figure.add_scatter(**{**dotted, "x": line["x"][: n_assumed + 1], "y": line["y"][: n_assumed + 1]})
    figure.add_scatter(**{**line, "x": line["x"][n_assumed:], "y": line["y"][n_assumed:]})


def _add_band(figure: go.Figure, shape: CurveShape, token: str) -> None:
    hours = [time / HOUR for time in shape.times_s]
    upper = [(value + u) / MBQ for value, u in zip(shape.activities_bq, shape.band_bq, strict=True)]
    lower = [max(value - u, 1e-3 * value) / MBQ for value, u in zip(shape.activities_bq, shape.band_bq, strict=True)]
    figure.add_scatter(
        x=hours + hours[::-1],
        y=upper + lower[::-1],
        fill="toself",
        fillcolor=faded(token, 0.16),
        line={"width": 0},
        hoverinfo="skip",
        mode="lines",
        name="band, k = 1",
    )


def _add_points(figure: go.Figure, points: list[dict], token: str, *, used: list[dict]) -> None:
    for is_hollow in (False, True):
        chosen = [point for point in points if (point not in used) is is_hollow]
        if not chosen:
            continue
        figure.add_scatter(
            x=[point["time_s"] / HOUR for point in chosen],
            y=[point["activity_bq"] / MBQ for point in chosen],
            error_y={
                "type": "data",
                "array": [point["activity_standard_uncertainty_bq"] / MBQ for point in chosen],
                "color": colour(token),
            },
            mode="markers",
            marker={"color": colour(token), "size": 9, "symbol": "circle-open" if is_hollow else "circle"},
            name="not used" if is_hollow else "measured",
            hovertemplate="%{x:.1f} h, %{y:.4g} MBq<extra></extra>",
        )


def _add_residuals(figure: go.Figure, fit: dict, points: list[dict], token: str) -> None:
    figure.add_scatter(
        x=[point["time_s"] / HOUR for point in points],
        y=residuals(fit, points),
        mode="markers",
        marker={"color": colour(token), "size": 8},
        yaxis="y2",
        name="residual",
        hovertemplate="%{x:.1f} h, %{y:.2f} u<extra>residual</extra>",
    )


def _residual_range(fit: dict, points: list[dict]) -> list[float]:
    """Show at least two standard uncertainties, so that tiny residuals look tiny."""
    largest = max((abs(value) for value in residuals(fit, points)), default=0.0)
    top = max(2.5, 1.2 * largest)
    return [-top, top]


def _point_rows(points: list[dict], *, used: list[dict]) -> list[list]:
    return [
        [
            f"{point['time_s'] / HOUR:.2f}",
            f"{point['activity_bq'] / MBQ:.4g}",
            f"{point['activity_standard_uncertainty_bq'] / MBQ:.2g}",
            "yes" if point in used else f"no: {point['reason'] or 'half-life declared for the last scan'}",
        ]
        for point in points
    ]
