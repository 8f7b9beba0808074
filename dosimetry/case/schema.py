"""The case file: read strictly, so that a mistake is named by its place and its mend."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dosimetry.dose.density import DensityCurve
from dosimetry.dose.engines import ENGINES
from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.models import FURTHER_MODELS, MODELS
from dosimetry.kinetics.population import PopulationPrior
from dosimetry.kinetics.voxel_maps import METHODS

FORMAT = "theranostics-case-1"
TEMPLATE: dict[str, Any] = {
    "format": FORMAT,
    "nuclide": "Lu-177",
    "agent": "DOTATATE",
    "patient_id": "as in the headers of the images",
    "time_zone": "Europe/Berlin",
    "administration": {"administered_activity_mbq": 7400.0, "administered_at": "2026-01-12T09:30:00+01:00"},
    "time_points": [
        {"label": "24 h", "images": "scan_1", "structures": "scan_1/structures.dcm"},
        {"label": "96 h", "images": "scan_2.zip"},
    ],
    "reference": "24 h",
    "contours": "propagate",
    "density": {"declared_g_per_ml": 1.04},
    "radiobiology": {
        "organ": {"alpha_beta_gy": 3.0, "repair_half_time_h": 2.5},
        "lesion": {"alpha_beta_gy": 10.0, "repair_half_time_h": 1.5},
    },
    "single_time_point": {
        "effective_half_life_h": 60.0,
        "standard_uncertainty_h": 12.0,
        "source": "where the value comes from",
    },
    "engines": ["local"],
    "engine_options": {"seed": 1},
    "organ_level": False,
    "curves": {"models": ["mono_exponential", "bi_exponential"], "wanted_cv_percent": 10.0},
    "voxel": {"method": "voxelwise", "residual_limit_mm": 5.0},
}
CURVE_KEYS = {"curve", "source"}
ENGINE_OPTIONS = ("seed", "max_histories", "target_relative_uncertainty", "progeny")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTimePoint:
    """One scan: label, image path, optional structure set, optional noise replicates of the image."""

    label: str
    images: Path
    structures: Path | None
    noise_replicates: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveChoices:
    """Models by protocol, curves chosen by name, priors by region, and the wanted uncertainty of the integral."""

    models: tuple[str, ...] | None = None
    choose: Mapping[str, str] = field(default_factory=dict)
    priors: Mapping[str, PopulationPrior] = field(default_factory=dict)
    wanted_cv: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A validated case file; paths are absolute, times aware, units as named."""

    nuclide: str
    agent: str
    patient_id: str
    time_zone: ZoneInfo
    administered_activity_bq: float
    administered_at: datetime
    time_points: tuple[CaseTimePoint, ...]
    reference: str | None
    contours: str
    declared_density_g_per_ml: float | None
    density_curve: DensityCurve | None
    radiobiology: Mapping[str, Mapping[str, float]]
    single_time_point: Mapping[str, Any] | None
    engines: tuple[str, ...]
    engine_options: Mapping[str, Any]
    organ_level: bool = False
    curves: CurveChoices = field(default_factory=CurveChoices)
    voxel: Mapping[str, Any] = field(default_factory=dict)


def read_case(path: Path) -> Case:
    """Read and validate a case file.

    Parameters
    ----------
    path : Path
        JSON as documented in docs/case_format.md.

    Returns
    -------
    Case
        With every path resolved against the file's folder.

    Raises
    ------
    InvalidInputError
        The file is missing, is no JSON, or a value is missing, unknown or of the wrong type; the message names the
        place in the file.
    """
    try:
        data = json.loads(path.read_text())
    except OSError:
        raise InvalidInputError(f"The case file cannot be read: {path.name}.", code="case_missing") from None
    except ValueError as error:
        raise InvalidInputError(f"The case file is no JSON: {error}.", code="case_json") from None
    node = _Node(value=data, place="$")
    node.only(set(TEMPLATE))
    if node.at("format").text() != FORMAT:
        raise node.at("format").wrong(f'"{FORMAT}"')
    administration = node.at("administration").only({"administered_activity_mbq", "administered_at"})
    density = node.at("density").only({"declared_g_per_ml", "from_ct", *CURVE_KEYS}) if "density" in data else None
    single = node.at("single_time_point") if "single_time_point" in data else None
    return Case(
        nuclide=node.at("nuclide").text(),
        agent=node.at("agent").text() if "agent" in data else "",
        patient_id=node.at("patient_id").text() if "patient_id" in data else "",
        time_zone=node.at("time_zone").zone(),
        administered_activity_bq=administration.at("administered_activity_mbq").positive() * 1e6,
        administered_at=administration.at("administered_at").time(),
        time_points=_time_points(node.at("time_points"), path.parent),
        reference=node.at("reference").text() if "reference" in data else None,
        contours=node.at("contours").choice({"own", "propagate"}) if "contours" in data else "own",
        declared_density_g_per_ml=_declared_density(density),
        density_curve=_density_curve(density),
        radiobiology=_radiobiology(node.at("radiobiology")) if "radiobiology" in data else {},
        single_time_point=_single(single) if single is not None else None,
        engines=_engines(node.at("engines")) if "engines" in data else ("local",),
        engine_options=_engine_options(node.at("engine_options")) if "engine_options" in data else {},
        organ_level=node.at("organ_level").yes_or_no() if "organ_level" in data else False,
        curves=_curves(node.at("curves"), path.parent) if "curves" in data else CurveChoices(),
        voxel=_voxel(node.at("voxel")) if "voxel" in data else {},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A JSON value and its place, for messages."""

    value: Any
    place: str

    def wrong(self, wanted: str) -> InvalidInputError:
        return InvalidInputError(
            f"{self.place}: expected {wanted}; got {json.dumps(self.value)[:80]}.", code="case_value"
        )

    def only(self, known: set[str]) -> "_Node":
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for key in self.value:
            if key not in known:
                text = f"{self.place}.{key}: unknown key; known are {', '.join(sorted(known))}."
                raise InvalidInputError(text, code="case_key")
        return self

    def at(self, key: str) -> "_Node":
        if not isinstance(self.value, dict) or key not in self.value:
            raise InvalidInputError(f"{self.place}.{key}: missing; add it.", code="case_missing_key")
        return _Node(value=self.value[key], place=f"{self.place}.{key}")

    def items(self) -> list["_Node"]:
        if not isinstance(self.value, list) or not self.value:
            raise self.wrong("a list with at least one entry")
        return [_Node(value=item, place=f"{self.place}[{i}]") for i, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("text")
        return self.value

    def yes_or_no(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def positive(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not self.value > 0:
            raise self.wrong("a number above zero")
        return float(self.value)

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong("a number")
        return float(self.value)

    def choice(self, known: set[str]) -> str:
        if self.value not in known:
            raise self.wrong(" or ".join(f'"{item}"' for item in sorted(known)))
        return str(self.value)

    def zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.text())
        except (ZoneInfoNotFoundError, ValueError):
            raise self.wrong("a time zone as Europe/Berlin") from None

    def time(self) -> datetime:
        try:
            found = datetime.fromisoformat(self.text())
        except ValueError:
            raise self.wrong("a time as 2026-01-12T09:30:00+01:00") from None
        if found.tzinfo is None:
            raise self.wrong("a time with its zone, as 2026-01-12T09:30:00+01:00")
        return found


def _time_points(node: _Node, folder: Path) -> tuple[CaseTimePoint, ...]:
    points = []
    for item in node.items():
        item.only({"label", "images", "structures", "noise_replicates"})
        beside = {
            name: None if item.value.get(name) is None else _existing(item.at(name), folder)
            for name in ("structures", "noise_replicates")
        }
        points.append(
            CaseTimePoint(
                label=item.at("label").text(),
                images=_existing(item.at("images"), folder),
                **beside,
            )
        )
    if len({point.label for point in points}) < len(points):
        raise InvalidInputError(f"{node.place}: labels must differ.", code="case_value")
    return tuple(points)


def _existing(node: _Node, folder: Path) -> Path:
    path = (folder / node.text()).resolve()
    if not path.exists():
        raise InvalidInputError(
            f"{node.place}: no file or folder {node.value!r} beside the case file.", code="case_path"
        )
    return path


def _declared_density(node: _Node | None) -> float | None:
    """Return the declared density, or None to take it from CT."""
    if node is None or node.value.get("from_ct") is True or CURVE_KEYS & set(node.value):
        return None
    return node.at("declared_g_per_ml").positive()


def _density_curve(node: _Node | None) -> DensityCurve | None:
    """Return the scanner's own curve, or None for the default one."""
    if node is None or not CURVE_KEYS & set(node.value):
        return None
    if "declared_g_per_ml" in node.value:
        raise InvalidInputError(
            f"{node.place}: declared_g_per_ml and curve exclude each other; keep one.", code="case_value"
        )
    curve = node.at("curve")
    points = []
    for item in curve.items():
        pair = item.items()
        if len(pair) != 2:
            raise item.wrong("a pair [HU, g/mL]")
        points.append((pair[0].number(), pair[1].number()))
    source = node.at("source").text()
    try:
        return DensityCurve(points=tuple(points), source=source)
    except InvalidInputError as error:
        raise InvalidInputError(f"{curve.place}: {error}", code="case_value") from None


def _radiobiology(node: _Node) -> dict[str, dict[str, float]]:
    if not isinstance(node.value, dict):
        raise node.wrong("an object of region names or kinds")
    table = {}
    for name in node.value:
        entry = node.at(name).only({"alpha_beta_gy", "repair_half_time_h"})
        table[name] = {key: entry.at(key).positive() for key in ("alpha_beta_gy", "repair_half_time_h")}
    return table


def _engines(node: _Node) -> tuple[str, ...]:
    names = tuple(item.choice(set(ENGINES)) for item in node.items())
    if len(set(names)) < len(names):
        raise InvalidInputError(f"{node.place}: name each engine once.", code="case_value")
    return names


def _curves(node: _Node, folder: Path) -> CurveChoices:
    data = node.only({"models", "choose", "priors", "wanted_cv_percent"}).value
    choose = node.at("choose").value if "choose" in data else {}
    priors = node.at("priors").value if "priors" in data else {}
    for key, value in (("choose", choose), ("priors", priors)):
        if not isinstance(value, dict):
            raise node.at(key).wrong("an object of region names")
    models = (
        tuple(item.choice({*MODELS, *FURTHER_MODELS}) for item in node.at("models").items()) if "models" in data else ()
    )
    return CurveChoices(
        models=models or None,
        choose={region: node.at("choose").at(region).text() for region in choose},
        priors={region: _prior(node.at("priors").at(region), folder) for region in priors},
        wanted_cv=node.at("wanted_cv_percent").positive() / 100.0 if "wanted_cv_percent" in data else None,
    )


def _prior(node: _Node, folder: Path) -> PopulationPrior:
    path = folder / node.text()
    try:
        stored = json.loads(path.read_text())
    except (OSError, ValueError):
        raise InvalidInputError(
            f"{node.place}: {node.value} is no readable JSON file of a prior.", code="case_missing"
        ) from None
    if not isinstance(stored, dict):
        raise node.wrong("a prior as the command population writes it")
    return PopulationPrior.from_dict(stored)


def _engine_options(node: _Node) -> dict[str, Any]:
    node.only(set(ENGINE_OPTIONS))
    options: dict[str, Any] = {}
    for key in node.value:
        item = node.at(key)
        if key == "progeny":
            options[key] = item.choice({"none", "in_place"})
        elif key == "target_relative_uncertainty":
            options[key] = item.positive()
        elif item.positive() != int(item.value):
            raise item.wrong("a whole number above zero")
        else:
            options[key] = int(item.value)
    return options


def _voxel(node: _Node) -> dict[str, Any]:
    node.only({"method", "scan", "noise_percent", "residual_limit_mm"})
    options: dict[str, Any] = {}
    if "method" in node.value:
        options["method"] = node.at("method").choice(set(METHODS))
    if "scan" in node.value:
        options["scan"] = node.at("scan").text()
    if "noise_percent" in node.value:
        options["noise"] = node.at("noise_percent").positive() / 100.0
    if "residual_limit_mm" in node.value:
        options["residual_limit_mm"] = node.at("residual_limit_mm").positive()
    return options


def _single(node: _Node) -> dict[str, Any]:
    node.only({"effective_half_life_h", "standard_uncertainty_h", "source"})
    return {
        "effective_half_life_h": node.at("effective_half_life_h").positive(),
        "standard_uncertainty_h": node.at("standard_uncertainty_h").positive(),
        "source": node.at("source").text(),
    }
