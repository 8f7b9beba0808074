"""Small vector charts of the printed report: light paper, black lines, direct labels."""

from typing import Any

from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Circle, Drawing, Line, String
from reportlab.lib import colors

WIDTH, HEIGHT = 240.0, 130.0
LEFT, BOTTOM, TOP, RIGHT = 38.0, 24.0, 16.0, 8.0
PAPER_COLOURS = ("#0f6fa8", "#1c7a6c", "#99591a", "#6d45a6", "#7a6700", "#b02e6b", "#4a7a14", "#a34e28", "#5b6672")
FONT = "Helvetica"


def curve_drawing(shape: dict[str, Any]) -> Drawing:
    """Draw one region's activity over time with its measured points and error bars."""
    drawing = Drawing(WIDTH, HEIGHT)
    line = list(zip(shape["times_h"], shape["activities_mbq"], strict=True))
    top = max(
        [y for _, y in line] + [point["activity_mbq"] + point["standard_uncertainty_mbq"] for point in shape["points"]]
    )
    plot = _plot([line], x_max=shape["end_h"], y_max=top * 1.08, width=WIDTH)
    drawing.add(plot)
    for point in shape["points"]:
        x = plot.x + plot.width * point["time_h"] / shape["end_h"]
        y = plot.y + plot.height * point["activity_mbq"] / (top * 1.08)
        half = plot.height * point["standard_uncertainty_mbq"] / (top * 1.08)
        drawing.add(Line(x, y - half, x, y + half, strokeWidth=0.7))
        fill = None if point["is_excluded"] else colors.black
        drawing.add(Circle(x, y, 2.0, fillColor=fill, strokeColor=colors.black, strokeWidth=0.7))
    drawing.add(String(LEFT, HEIGHT - 9, f"{shape['name']}: activity (MBq) over h p.i.", fontName=FONT, fontSize=7.5))
    return drawing


def dvh_drawing(histograms: list[dict[str, Any]]) -> Drawing:
    """Draw the cumulative histograms of all regions with a key of line colours."""
    width, height = 2 * WIDTH, 190.0
    drawing = Drawing(width, height)
    shown = [item for item in histograms if item["dose_gy"]]
    if not shown:
        drawing.add(String(LEFT, height / 2, "No region has a histogram.", fontName=FONT, fontSize=8))
        return drawing
    lines = [
        [(dose, 100.0 * volume) for dose, volume in zip(item["dose_gy"], item["volume_fraction"], strict=True)]
        for item in shown
    ]
    plot = _plot(
        lines, x_max=max(item["dose_gy"][-1] for item in shown) or 1.0, y_max=100.0, width=width, height=height
    )
    drawing.add(plot)
    drawing.add(String(LEFT, height - 9, "Volume (%) over absorbed dose (Gy)", fontName=FONT, fontSize=7.5))
    for i, item in enumerate(shown):
        y = height - 22 - 10 * i
        stroke = colors.HexColor(PAPER_COLOURS[i % len(PAPER_COLOURS)])
        drawing.add(Line(width - 120, y + 2.5, width - 106, y + 2.5, strokeColor=stroke, strokeWidth=1.4))
        drawing.add(String(width - 102, y, item["name"], fontName=FONT, fontSize=7))
    return drawing


def _plot(lines: list, *, x_max: float, y_max: float, width: float, height: float = HEIGHT) -> LinePlot:
    plot = LinePlot()
    plot.x, plot.y = LEFT, BOTTOM
    plot.width, plot.height = width - LEFT - RIGHT, height - BOTTOM - TOP
    plot.data = lines
    plot.joinedLines = 1
    for i in range(len(lines)):
        plot.lines[i].strokeColor = colors.HexColor(PAPER_COLOURS[i % len(PAPER_COLOURS)])
        plot.lines[i].strokeWidth = 1.2
    plot.xValueAxis.valueMin, plot.xValueAxis.valueMax = 0.0, x_max
    plot.yValueAxis.valueMin, plot.yValueAxis.valueMax = 0.0, y_max
    for axis in (plot.xValueAxis, plot.yValueAxis):
        axis.labels.fontName, axis.labels.fontSize = FONT, 6.5
        axis.maximumTicks = 6
        axis.labelTextFormat = "%.4g"
    return plot
