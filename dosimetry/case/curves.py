"""Curves of the regions of a read case."""

from collections.abc import Mapping

from dosimetry.case.pipeline import Scan
from dosimetry.case.schema import Case
from dosimetry.errors import DosimetryError, InvalidInputError
from dosimetry.kinetics.region_curves import Curve, DeclaredHalfLife, FitOptions, RegionCurves, fit_region_curves
from dosimetry.nuclides.decay import Nuclide
from dosimetry.segmentation.regions import RegionMeasurement
from dosimetry.units import HOUR_S


def region_fits(
    case: Case,
    scans: list[Scan],
    measured: Mapping[str, Mapping[str, RegionMeasurement]],
    nuclide: Nuclide,
    *,
    warnings: list[str],
) -> dict[str, Curve]:
    """Fit the recommended curve of every region that has one.

    Parameters
    ----------
    case : Case
        Holds the declared half-life, if any.
    scans : list of Scan
        In order of time.
    measured : mapping
        Region -> label of the scan -> measurement.
    nuclide : Nuclide
        Decay data.
    warnings : list of str
        Findings and refusals are added.

    Returns
    -------
    dict
        Region -> curve; a region without an admissible curve is left out.
    """
    fits = {}
    for name, by_scan in measured.items():
        points = [(scan.image.time_s, by_scan[scan.label]) for scan in scans if scan.label in by_scan]
        try:
            found = fit_region_curves(
                times_s=[time_s for time_s, _ in points],
                activities_bq=[measurement.activity_bq for _, measurement in points],
                standard_uncertainties_bq=[measurement.activity_standard_uncertainty_bq for _, measurement in points],
                nuclide=nuclide,
                options=_options(case, name),
            )
            fits[name] = _chosen(found, case.curves.choose.get(name))
        except DosimetryError as error:
            warnings.append(f"{name}: {error}")
            continue
        warnings += [f"{name}: {text}" for text in _said(found)]
    return fits


def _options(case: Case, region: str) -> FitOptions:
    single = case.single_time_point
    declared = None
    if single is not None:
        declared = DeclaredHalfLife(
            effective_half_life_s=single["effective_half_life_h"] * HOUR_S,
            standard_uncertainty_s=single["standard_uncertainty_h"] * HOUR_S,
            source=single["source"],
        )
    return FitOptions(
        models=case.curves.models,
        declared=declared,
        prior=case.curves.priors.get(region),
        administered_activity_bq=case.administered_activity_bq,
        wanted_cv=case.curves.wanted_cv,
    )


def _chosen(found: RegionCurves, wanted: str | None) -> Curve:
    """Return the curve that the case names, else the recommended one."""
    name = wanted or found.recommended_model
    if not name:
        raise InvalidInputError(
            "Only a prior that is to be confirmed gives a curve; choose posterior in $.curves.choose.",
            code="unconfirmed_prior",
        )
    if name not in found.curves:
        raise InvalidInputError(f"No curve {name!r}; the scans give {', '.join(found.curves)}.", code="unknown_model")
    return found.curves[name]


def _said(found: RegionCurves) -> list[str]:
    said = [finding.message for finding in found.findings]
    if found.next_scan is not None:
        best = found.next_scan.best
        is_enough = "are enough" if found.next_scan.is_enough else "are not enough"
        said.append(
            f"The scans at hand {is_enough} for {100 * found.next_scan.wanted_cv:g} %; one more at "
            f"{best.time_s / HOUR_S:.0f} h would leave {100 * best.expected_cv:.1f} %."
        )
    return said
