"""The report as PDF: one page of results first, then methods, curves and histograms."""

from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from planning.figures.report_charts import curve_drawing, dvh_drawing

BANNER = (
    "For research and evaluation. This software is not a cleared medical device. Its results are estimates with "
    "stated uncertainty. Treat according to the approved product information and the judgement of the responsible "
    "physician and physicist."
)
INK = colors.HexColor("#1d242c")
GREY = colors.HexColor("#5b6672")
LINE = colors.HexColor("#c3cbd5")


def report_pdf(document: dict[str, Any]) -> bytes:
    """Lay out the report document of ``selectors.report_document`` and return the PDF."""
    styles = _styles()
    story = [
        *_head(document, styles),
        *_results(document, styles),
        *_signatures(document, styles),
        *_warnings(document, styles),
        PageBreak(),
        *_methods(document, styles),
        *_curves(document, styles),
        *_histograms(document, styles),
    ]
    buffer = BytesIO()
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=16 * mm,
        rightMargin=16 * mm,
        topMargin=20 * mm,
        bottomMargin=18 * mm,
        title=f"Dosimetry report, cycle {document['cycle']}",
        author="Theranostics Web",
        invariant=True,
    )

    def decorate(canvas: Canvas, _template: SimpleDocTemplate) -> None:
        _decorate(canvas, document)

    template.build(story, onFirstPage=decorate, onLaterPages=decorate)
    return buffer.getvalue()


def show(value: dict[str, Any] | None) -> str:
    """Write value ± standard uncertainty with unit; the uncertainty sets the digits; missing is a dash."""
    if value is None or value.get("value") is None:
        return "—"
    number, u = value["value"], value.get("standard_uncertainty")
    unit = "" if value["unit"] == "1" else f" {value['unit']}"
    if u is None or u <= 0.0:
        return f"{number:.3g}{unit}"
    decimals = max(0, 1 - _exponent(u))
    return f"{number:.{decimals}f} ± {u:.{decimals}f}{unit}"


def _exponent(number: float) -> int:
    return int(f"{number:e}".split("e")[1])


def _styles() -> dict[str, ParagraphStyle]:
    base = getSampleStyleSheet()["Normal"]
    text = ParagraphStyle("text", parent=base, fontName="Helvetica", fontSize=8.5, leading=11, textColor=INK)
    return {
        "text": text,
        "small": ParagraphStyle("small", parent=text, fontSize=7.5, leading=9.5, textColor=GREY),
        "h1": ParagraphStyle("h1", parent=text, fontName="Helvetica-Bold", fontSize=15, leading=19),
        "h2": ParagraphStyle("h2", parent=text, fontName="Helvetica-Bold", fontSize=10, leading=13, spaceBefore=8),
    }


def _decorate(canvas: Canvas, document: dict[str, Any]) -> None:
    width, height = A4
    canvas.saveState()
    canvas.setFont("Helvetica", 6.5)
    canvas.setFillColor(GREY)
    canvas.drawString(16 * mm, height - 10 * mm, BANNER[:150])
    canvas.drawString(16 * mm, height - 13 * mm, BANNER[150:])
    canvas.drawString(16 * mm, 10 * mm, f"Digest {document['digest'] or 'none'}")
    canvas.drawRightString(width - 16 * mm, 10 * mm, f"Version {document['version']}, page {canvas.getPageNumber()}")
    if document["is_draft"]:
        canvas.setFillColor(colors.Color(0.68, 0.15, 0.13, alpha=0.14))
        canvas.setFont("Helvetica-Bold", 62)
        canvas.translate(width / 2, height / 2)
        canvas.rotate(52)
        canvas.drawCentredString(0, 0, "DRAFT, UNAPPROVED")
    canvas.restoreState()


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


def _table(rows: list[list], styles: dict, *, widths: list[float] | None = None, n_text: int = 1) -> Table:
    cells = [[_paragraph(str(cell), styles["small"]) for cell in rows[0]]]
    cells += [[_paragraph(str(cell), styles["text"]) for cell in row] for row in rows[1:]]
    table = Table(cells, colWidths=widths, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.7, GREY),
                ("LINEBELOW", (0, 1), (-1, -1), 0.3, LINE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
                ("LEFTPADDING", (0, 0), (n_text - 1, -1), 0),
            ]
        )
    )
    return table


def _head(document: dict[str, Any], styles: dict) -> list:
    patient, content = document["patient"], document["content"]
    course, administration = content["course"], content["administration"]
    facts = [
        ["Patient", "ID", "Born", "Sex", "Course", "Cycle", "Version", "State"],
        [
            patient["name"],
            patient["patient_id"],
            patient["birth_date"] or "—",
            patient["sex"] or "—",
            f"{course['number']}, {course['nuclide']} {course['agent']}",
            str(document["cycle"]),
            str(document["version"]),
            document["state"].upper(),
        ],
    ]
    given = (
        f"Administered {show(administration['administered_activity'])}, net of residual, at "
        f"{administration['administered_at']}. Source: {administration['source']}."
    )
    return [
        _paragraph("Dosimetry report", styles["h1"]),
        _table(facts, styles),
        Spacer(1, 4),
        _paragraph(given, styles["text"]),
    ]


def _results(document: dict[str, Any], styles: dict) -> list:
    content = document["content"]
    head = ["Region", "Volume", "Mass", "Absorbed dose", "Dose per activity", "BED", "EQD2", "T eff"]
    rows = [
        [
            row["region"]["name"],
            show(row["volume"]),
            show(row["mass"]),
            show(row["absorbed_dose"]),
            show(row["dose_per_activity"]),
            show(row["bed"]),
            show(row["eqd2"]),
            show(row["effective_half_life"]),
        ]
        for row in content["dose"]["regions"]
    ]
    engines = content["dose"]["engines"]
    method = f"Engine: {engines[0]['label']}; density {content['dose']['density_origin']}. Uncertainty: k = 1."
    return [
        _paragraph("Results", styles["h2"]),
        _table([head, *rows], styles),
        Spacer(1, 3),
        _paragraph(method, styles["small"]),
        *_uncertainty(content, styles),
        *_engines(content, styles),
        *_organ_level(content, styles),
    ]


def _engines(content: dict[str, Any], styles: dict) -> list:
    """Return the doses of every engine that was run beside each other; nothing for one engine."""
    first, *others = content["dose"]["engines"]
    if not others:
        return []
    head = ["Region", first["label"]]
    for item in others:
        head += [item["label"], "Difference", "From"]
    rows = []
    for row in content["dose"]["regions"]:
        region_id = row["region"]["id"]
        cells = [row["region"]["name"], show(first["regions"][region_id]["absorbed_dose"])]
        for item in others:
            other = item["regions"][region_id]
            cells += [show(other["absorbed_dose"]), show(other["difference"]), other["reason"] or "—"]
        rows.append(cells)
    return [_paragraph("Dose by engine", styles["h2"]), _table([head, *rows], styles)]


def _uncertainty(content: dict[str, Any], styles: dict) -> list:
    """Return intervals and components of each region's uncertainty; nothing for results from before they were kept."""
    rows = []
    for row in content["dose"]["regions"]:
        chain = row.get("uncertainty")
        if chain is None:
            continue
        parts = sorted(row["budget"], key=lambda part: -part["percent"])
        rows.append(
            [
                row["region"]["name"],
                _interval(chain["dose_interval_95"], chain["unit"]),
                "—" if chain["bed_interval_95"] is None else _interval(chain["bed_interval_95"], chain["unit"]),
                f"{show(chain['first_order'])} / {show(chain['monte_carlo'])}",
                ", ".join(f"{part['component']} {part['percent']:.1f} %" for part in parts),
                ", ".join(chain["not_stated"]) or "—",
            ]
        )
    if not rows:
        return []
    head = ["Region", "Dose, 95 %", "BED, 95 %", "First order / Monte Carlo", "Components (k = 1)", "Not stated"]
    return [_paragraph("Uncertainty", styles["h2"]), _table([head, *rows], styles)]


def _interval(ends: dict[str, float], unit: str) -> str:
    return f"{ends['lower']:.3g} to {ends['upper']:.3g} {unit}"


def _organ_level(content: dict[str, Any], styles: dict) -> list:
    """Return doses by S-values between the contours; nothing where they were not asked for."""
    rows = []
    for row in content["dose"]["regions"]:
        found = row.get("organ_level")
        if found is not None:
            from_others = ", ".join(f"{item['source']} {show(item['dose'])}" for item in found["cross"][:3])
            rows.append(
                [row["region"]["name"], show(found["total"]), show(found["self"]), from_others, show(found["sphere"])]
            )
    if not rows:
        return []
    head = ["Region", "Dose by S-values", "Own activity", "From others, largest three", "Sphere of this mass"]
    return [_paragraph("Organ level", styles["h2"]), _table([head, *rows], styles)]


def _signatures(document: dict[str, Any], styles: dict) -> list:
    story = [_paragraph("Signatures", styles["h2"])]
    if not document["signatures"]:
        return [*story, _paragraph("None. This result is not approved.", styles["text"])]
    head = ["Meaning", "Name", "Role", "UTC", "Reason", "Digest"]
    rows = [
        [item["meaning"], item["printed_name"], item["role"], item["at"], item["reason"] or "—", item["digest"][:16]]
        for item in document["signatures"]
    ]
    return [*story, _table([head, *rows], styles)]


def _warnings(document: dict[str, Any], styles: dict) -> list:
    warnings = document["content"]["warnings"]
    story = [_paragraph("Warnings and answers", styles["h2"])]
    if not warnings:
        return [*story, _paragraph("None.", styles["text"])]
    head = ["Step", "Region", "Warning", "Answer"]
    rows = [
        [
            item["step"],
            item["region"] or "—",
            item["message"],
            f"{item['answer']['text']} ({item['answer']['by']})" if item["answer"] else "—",
        ]
        for item in warnings
    ]
    return [*story, _table([head, *rows], styles, widths=[20 * mm, 26 * mm, 82 * mm, 50 * mm])]


def _methods(document: dict[str, Any], styles: dict) -> list:
    content = document["content"]
    story = [_paragraph("Scans and quantification", styles["h2"])]
    for time_point in content["time_points"]:
        image = time_point["image"]
        if image is None:
            continue
        reference = ", reference" if time_point["is_reference"] else ""
        text = f"Time point {time_point['number']}{reference}: {show(image['time'])} p.i., "
        text += f"{show(image['whole_image_activity'])} in the image. "
        story.append(_paragraph(text + " ".join(image["steps"]), styles["text"]))
    story.append(_paragraph("Contours", styles["h2"]))
    head = ["Time point", "Region", "Source", "As drawn", "Counted", "Activity", "Rule"]
    rows = [
        [
            str(revision["time_point"]),
            region["name"],
            f"{region['source']} {region['source_detail']}",
            show(region["contour_volume"]),
            show(region["volume"]),
            show(region["activity"]),
            " ".join(region["statements"]) or "—",
        ]
        for revision in content["contours"]
        for region in revision["regions"]
    ]
    story.append(_table([head, *rows], styles))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(content["versions"].items()))
    return [*story, _paragraph("Versions", styles["h2"]), _paragraph(versions, styles["small"])]


def _curves(document: dict[str, Any], styles: dict) -> list:
    story = [_paragraph("Time-activity curves", styles["h2"])]
    head = ["Region", "Model", "T eff", "TIA", "TIAC", "Tail", "Reason for the choice"]
    rows = []
    for curve in document["content"]["curves"]:
        fit = next((item for item in curve["fits"] if item["is_chosen"]), None)
        if fit is None:
            continue
        cells = [show(fit[key]) for key in ("effective_half_life", "tia", "tiac", "tail")]
        rows.append([curve["region"]["name"], fit["label"], *cells, curve["choice_reason"] or "—"])
    story.append(_table([head, *rows], styles))
    lines = [*partial_volume_lines(document["content"]), *image_noise_lines(document["content"])]
    story += [_paragraph(text, styles["small"]) for text in lines]
    drawings = [curve_drawing(curve) for curve in document["curve_shapes"]]
    story += [Spacer(1, 6), *_grid(drawings)]
    return story


def partial_volume_lines(content: dict[str, Any]) -> list[str]:
    """Return how partial volume was corrected, and by how much in every region; nothing where it was not."""
    found = [warning for warning in content["warnings"] if warning["code"] == "partial_volume"]
    if not found:
        return []
    parts = [warning["message"].removesuffix(".").partition(": ") for warning in found]
    changes = "; ".join(
        f"{warning['region']} {told.rpartition(' by ')[2]}" for warning, (told, _, _) in zip(found, parts, strict=True)
    )
    return [f"Partial volume: {parts[0][2]}. Change of the activity at each scan: {changes}."]


def image_noise_lines(content: dict[str, Any]) -> list[str]:
    """Return the counting noise of every region; nothing where it was not found."""
    found = [warning for warning in content["warnings"] if warning["code"] == "image_noise"]
    if not found:
        return []
    parts = [warning["message"].partition(": ")[2].removesuffix(".") for warning in found]
    regions = "; ".join(f"{warning['region']} {part}" for warning, part in zip(found, parts, strict=True))
    return [f"Counting noise of the activity at each scan, part of its uncertainty (k = 1): {regions}."]


def _histograms(document: dict[str, Any], styles: dict) -> list:
    return [_paragraph("Dose-volume histograms", styles["h2"]), dvh_drawing(document["histograms"])]


def _grid(drawings: list, n_columns: int = 2) -> list:
    rows = [drawings[i : i + n_columns] for i in range(0, len(drawings), n_columns)]
    return [Table([row + [""] * (n_columns - len(row))]) for row in rows]
