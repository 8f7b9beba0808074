"""Colours of figures: the dark tokens of the style sheet; the page maps them to the theme in use."""

TOKENS = {
    "r1": "#56b4e9",
    "r2": "#8fd0c5",
    "r3": "#d9a066",
    "r4": "#b797e0",
    "r5": "#e6d66b",
    "r6": "#f08fb6",
    "r7": "#9fd16a",
    "r8": "#f0b49a",
    "r9": "#a3adb9",
    "text": "#d7dde5",
    "text-2": "#a3adb9",
    "text-3": "#8793a1",
    "block": "#f47f77",
    "ask": "#dcab50",
    "accent": "#68b0ea",
    "line": "#20262e",
    "chart-grid": "#1d232b",
}
DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot")


def colour(token: str) -> str:
    return TOKENS[token]


def faded(token: str, alpha: float) -> str:
    """Return a token as rgba text, for bands."""
    value = TOKENS[token].lstrip("#")
    red, green, blue = (int(value[i : i + 2], 16) for i in (0, 2, 4))
    return f"rgba({red},{green},{blue},{alpha})"


def figure_json(figure, *, head: list[str], rows: list[list]) -> dict:
    """Return a figure as plain JSON with the table that stands beside it."""
    plain = figure.to_plotly_json()
    layout = {key: value for key, value in plain["layout"].items() if key != "template"}
    return {"data": _plain(plain["data"]), "layout": _plain(layout), "table": {"head": head, "rows": rows}}


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
