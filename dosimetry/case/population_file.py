"""The file of accepted curves, and the population prior that is fitted to it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dosimetry.errors import InvalidInputError
from dosimetry.kinetics.population_fit import DEFAULT_MODELS, PatientCurve, fit_population
from dosimetry.units import HOUR_S, MBQ_BQ

CURVES_FORMAT = "theranostics-curves-1"
NEEDED = ("format", "agent", "organ", "nuclide", "source", "patients")
PATIENT_NEEDED = ("times_h", "activities_mbq", "standard_uncertainties_mbq")


def fit_population_file(curves_path: Path, *, log: Callable[[str], None]) -> str:
    """Fit a population to a file of curves and return the prior as JSON text.

    Parameters
    ----------
    curves_path : Path
        JSON as documented in docs/case_format.md; holds no names or numbers of patients.
    log : callable
        Takes a line for each model.

    Returns
    -------
    str
        The prior of the best model by AICc; its key ``fit`` compares the models and holds the doubts.

    Raises
    ------
    InvalidInputError
        The file cannot be read, or a value is missing, unknown or of the wrong type.
    InsufficientDataError
        Too few patients.
    """
    data = _read(curves_path)
    fits = fit_population(
        [_patient(item, place=f"$.patients[{i}]") for i, item in enumerate(_list(data["patients"], "$.patients"))],
        agent=_text(data["agent"], "$.agent"),
        organ=_text(data["organ"], "$.organ"),
        nuclide=_text(data["nuclide"], "$.nuclide"),
        source=_text(data["source"], "$.source"),
        models=[_text(name, "$.models") for name in _list(data.get("models", list(DEFAULT_MODELS)), "$.models")],
    )
    best = fits[0]
    for fit in fits:
        log(f"{fit.prior.model}: AICc {fit.aicc:.1f}, scatter about the curve {100.0 * fit.prior.residual_cv:.1f} %")
    for finding in best.findings:
        log(f"{finding.level}: {finding.message}")
    stored = json.loads(best.prior.to_json())
    stored["fit"] = {
        "models": [
            {
                "model": fit.prior.model,
                "aicc": fit.aicc,
                "residual_cv": fit.prior.residual_cv,
                "steps": fit.n_iterations,
            }
            for fit in fits
        ],
        "shrinkage": list(best.shrinkage),
        "findings": [{"code": f.code, "level": f.level, "message": f.message} for f in best.findings],
    }
    return json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except OSError:
        raise InvalidInputError(f"The file of curves cannot be read: {path.name}.", code="case_missing") from None
    except ValueError as error:
        raise InvalidInputError(f"The file of curves is no JSON: {error}.", code="case_json") from None
    _keys(data, place="$", needed=NEEDED, optional=("models",))
    if data["format"] != CURVES_FORMAT:
        raise InvalidInputError(f'$.format: expected "{CURVES_FORMAT}".', code="case_value")
    return dict(data)


def _patient(item: Any, *, place: str) -> PatientCurve:
    _keys(item, place=place, needed=PATIENT_NEEDED, optional=("administered_activity_mbq",))
    administered = item.get("administered_activity_mbq")
    return PatientCurve(
        times_s=_numbers(item["times_h"], f"{place}.times_h", factor=HOUR_S),
        activities_bq=_numbers(item["activities_mbq"], f"{place}.activities_mbq", factor=MBQ_BQ),
        standard_uncertainties_bq=_numbers(
            item["standard_uncertainties_mbq"], f"{place}.standard_uncertainties_mbq", factor=MBQ_BQ
        ),
        administered_activity_bq=None
        if administered is None
        else _numbers([administered], f"{place}.administered_activity_mbq", factor=MBQ_BQ)[0],
    )


def _keys(item: Any, *, place: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
    if not isinstance(item, dict):
        raise InvalidInputError(f"{place}: expected an object.", code="case_value")
    for key in item:
        if key not in (*needed, *optional):
            # A name or a number of a patient has no place here, and an unknown key may hold one: never quote its value.
            raise InvalidInputError(
                f"{place}.{key}: unknown key; known are {', '.join((*needed, *optional))}.", code="case_key"
            )
    for key in needed:
        if key not in item:
            raise InvalidInputError(f"{place}.{key}: missing; add it.", code="case_missing_key")


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise InvalidInputError(f"{place}: expected a list with at least one entry.", code="case_value")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(f"{place}: expected text.", code="case_value")
    return value


def _numbers(value: Any, place: str, *, factor: float) -> tuple[float, ...]:
    numbers = _list(value, place)
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise InvalidInputError(f"{place}: expected numbers.", code="case_value")
    return tuple(float(number) * factor for number in numbers)
