"""Published half-lives of populations, as data. None is a clinical default: a person must choose and confirm one."""

from dataclasses import dataclass

from dosimetry.units import HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedHalfLife:
    """Effective half-lives of one organ in one population.

    Parameters
    ----------
    key : str
        Stable name.
    agent, organ, nuclide : str
        What was given, where it was measured.
    median_s : float
        Median effective half-life of the late phase, s.
    log_standard_deviation : float
        Standard deviation of its natural logarithm.
    n_patients : int or None
        Patients behind it; None where the source gives none.
    source : str
        Where the numbers stand and how the spread was taken from them.
    """

    key: str
    agent: str
    organ: str
    nuclide: str
    median_s: float
    log_standard_deviation: float
    n_patients: int | None
    source: str


_PSMA = (
    "Normal-organ effective half-lives for 177Lu-PSMA-617, AAPM annual meeting 2026 (abstract), 20 patients, scans to "
    "72 h: median and range; spread = ln(range) / 3.73, the expected range of 20 normal values. To confirm."
)
_DOTATATE = (
    "Range of published averages, {range_h} h, taken as one standard deviation either way (design text physics.md 8). "
    "To confirm against the sources and the clinic's own patients."
)

PUBLISHED_HALF_LIVES: tuple[PublishedHalfLife, ...] = (
    PublishedHalfLife(
        key="lu177-dotatate-kidney",
        agent="DOTATATE",
        organ="kidney",
        nuclide="Lu-177",
        median_s=49.0 * HOUR_S,
        log_standard_deviation=0.203,
        n_patients=None,
        source=_DOTATATE.format(range_h="40 to 60"),
    ),
    PublishedHalfLife(
        key="lu177-dotatate-tumour",
        agent="DOTATATE",
        organ="tumour",
        nuclide="Lu-177",
        median_s=63.2 * HOUR_S,
        log_standard_deviation=0.235,
        n_patients=None,
        source=_DOTATATE.format(range_h="50 to 80"),
    ),
    PublishedHalfLife(
        key="lu177-psma617-kidney",
        agent="PSMA-617",
        organ="kidney",
        nuclide="Lu-177",
        median_s=35.5 * HOUR_S,
        log_standard_deviation=0.773,
        n_patients=20,
        source=_PSMA,
    ),
    PublishedHalfLife(
        key="lu177-psma617-parotid",
        agent="PSMA-617",
        organ="parotid",
        nuclide="Lu-177",
        median_s=42.2 * HOUR_S,
        log_standard_deviation=0.574,
        n_patients=20,
        source=_PSMA,
    ),
)
"""Half-lives of verification.md 10 and physics.md 8; log-normal as in Hou et al. 2021 (PMC8882881)."""
