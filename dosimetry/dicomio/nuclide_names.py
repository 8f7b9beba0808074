"""The radionuclide of an emission series, from codes, text or half-life."""

import re

from pydicom.dataset import Dataset

from dosimetry.dicomio.headers import items_of, number_of, text_of
from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide

ELEMENTS = {
    "actinium": "Ac",
    "astatine": "At",
    "bismuth": "Bi",
    "carbon": "C",
    "copper": "Cu",
    "fluorine": "F",
    "gallium": "Ga",
    "holmium": "Ho",
    "indium": "In",
    "iodine": "I",
    "lead": "Pb",
    "lutetium": "Lu",
    "radium": "Ra",
    "rhenium": "Re",
    "samarium": "Sm",
    "strontium": "Sr",
    "technetium": "Tc",
    "terbium": "Tb",
    "thallium": "Tl",
    "yttrium": "Y",
    "zirconium": "Zr",
}
SYMBOLS = {symbol.lower(): symbol for symbol in ELEMENTS.values()}
HALF_LIFE_TOLERANCE = 0.005
CANDIDATES = ("Lu-177", "Y-90", "I-131", "Tb-161", "Ga-68", "F-18", "Cu-64", "Zr-89", "Tc-99m", "In-111", "Ho-166")


def nuclide_of(dataset: Dataset) -> tuple[str | None, Dataset | None]:
    """Return the nuclide (as Lu-177) and the radiopharmaceutical item of an emission header.

    Code meaning and free text come first; the half-life identifies only when exactly one candidate agrees with it.
    """
    items = items_of(dataset, "RadiopharmaceuticalInformationSequence")
    if not items:
        return None, None
    item = items[0]
    texts = [text_of(code, "CodeMeaning") for code in items_of(item, "RadionuclideCodeSequence")]
    texts += [text_of(item, "Radiopharmaceutical")]
    for text in texts:
        found = parse_nuclide(text)
        if found is not None:
            return found, item
    return _by_half_life(number_of(item, "RadionuclideHalfLife")), item


def parse_nuclide(text: str) -> str | None:
    """Return the nuclide named in free text as ``177 Lutetium``, ``Lu-177``, ``^18^Fluorine`` or ``177Lu``."""
    lowered = text.lower().replace("^", " ")
    for match in re.finditer(r"(\d{1,3})\s*(m?)[\s-]*([a-z]+)|([a-z]+)[\s-]*(\d{1,3})(m?)", lowered):
        mass, meta = match.group(1) or match.group(5), match.group(2) or match.group(6) or ""
        word = match.group(3) or match.group(4)
        symbol = ELEMENTS.get(word) or SYMBOLS.get(word)
        if symbol is None:
            continue
        name = f"{symbol}-{mass}{meta}"
        try:
            get_nuclide(name)
        except InvalidInputError:
            continue
        return name
    return None


def _by_half_life(half_life_s: float | None) -> str | None:
    if half_life_s is None or half_life_s <= 0.0:
        return None
    close = [
        name for name in CANDIDATES if abs(get_nuclide(name).half_life_s / half_life_s - 1.0) < HALF_LIFE_TOLERANCE
    ]
    return close[0] if len(close) == 1 else None
