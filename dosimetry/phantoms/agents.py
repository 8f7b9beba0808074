"""How agents spread in virtual patients: uptake and washout of each region, with their spread between patients.

These numbers make plausible patients for tests; they are no prior and no clinical default. Uptake is the share of the
administered activity that a mono-exponential curve would have at administration. Where a source gives absorbed dose per
activity, the uptake was taken from it: D/A = uptake x 1.4427 T x S.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dosimetry.errors import InvalidInputError

PLAUSIBLE = "plausible value of ours, between published cases; to be confirmed"
_GUIDE = "half-lives of physics.md 8 and doses of verification.md 10; to be confirmed against their sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionUptake:
    """Uptake of one region.

    Parameters
    ----------
    uptake : float
        Share of the administered activity in the whole region at administration, extrapolated back; of a paired organ
        the share of one.
    half_life_h : float
        Effective half-life, h.
    uptake_half_life_h : float
        Half-life of the rise, h; 0 for a region that is full at once.
    uptake_spread, half_life_spread : float
        Standard deviations of the natural logarithms between patients.
    source : str
        Where the numbers come from.
    """

    uptake: float
    half_life_h: float
    uptake_half_life_h: float = 0.0
    uptake_spread: float = 0.35
    half_life_spread: float = 0.2
    source: str = PLAUSIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionUptake:
    """Uptake of lesions, by volume.

    Parameters
    ----------
    uptake_per_ml : float
        Median share of the administered activity in a mL at administration.
    half_life_h : float
        Median effective half-life, h.
    between_patients, between_lesions : float
        Standard deviations of the logarithm of the uptake between patients, and between lesions of one.
    half_life_spread : float
        Of the logarithm of the half-life between lesions.
    source : str
        Where the numbers come from.
    """

    uptake_per_ml: float
    half_life_h: float
    between_patients: float = 0.6
    between_lesions: float = 0.5
    half_life_spread: float = 0.25
    source: str = PLAUSIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A radiopharmaceutical in virtual patients.

    Parameters
    ----------
    name, nuclide : str
        As ``DOTATATE`` and ``Lu-177``.
    administered_activity_bq : float
        Usual activity of a cycle, Bq.
    organs : mapping of region name to RegionUptake
        Organs; regions that a patient does not have are left out.
    lesions : LesionUptake
        All lesions.
    rest_shares, rest_half_lives_h : floats
        Exponentials of blood and remaining tissue: shares of what organs and lesions left, effective half-lives.
    voiding_interval_h : float
        Time between emptyings of the bladder; it holds what the rest of the body lost by biology since the last.
    common_correlation : float
        Correlation of the logarithms of uptake between the organs of one patient.
    """

    name: str
    nuclide: str
    administered_activity_bq: float
    organs: Mapping[str, RegionUptake]
    lesions: LesionUptake
    rest_shares: tuple[float, ...]
    rest_half_lives_h: tuple[float, ...]
    voiding_interval_h: float = 4.0
    common_correlation: float = 0.3


def _pair(name: str, uptake: RegionUptake) -> dict[str, RegionUptake]:
    return {f"{name} left": uptake, f"{name} right": uptake}


_DOTATATE = Agent(
    name="DOTATATE",
    nuclide="Lu-177",
    administered_activity_bq=7.4e9,
    organs=MappingProxyType(
        {
            **_pair("Kidney", RegionUptake(uptake=0.027, half_life_h=50.0, source=_GUIDE)),
            "Liver": RegionUptake(uptake=0.06, half_life_h=64.0),
            "Spleen": RegionUptake(uptake=0.025, half_life_h=68.0, uptake_spread=0.5),
            "Adrenals": RegionUptake(uptake=0.0006, half_life_h=68.0),
            **_pair("Parotid", RegionUptake(uptake=0.0006, half_life_h=40.0)),
            "Thyroid": RegionUptake(uptake=0.0004, half_life_h=55.0),
            "Bowel": RegionUptake(uptake=0.012, half_life_h=40.0),
            "Pancreas": RegionUptake(uptake=0.002, half_life_h=60.0),
            "Spine": RegionUptake(uptake=0.004, half_life_h=55.0),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=2.0e-4, half_life_h=80.0, source=_GUIDE),
    rest_shares=(0.85, 0.08),
    rest_half_lives_h=(2.5, 52.0),
)
_PSMA = Agent(
    name="PSMA-617",
    nuclide="Lu-177",
    administered_activity_bq=7.4e9,
    organs=MappingProxyType(
        {
            **_pair("Kidney", RegionUptake(uptake=0.028, half_life_h=35.5, half_life_spread=0.4, source=_GUIDE)),
            **_pair("Parotid", RegionUptake(uptake=0.0055, half_life_h=42.2, half_life_spread=0.4, source=_GUIDE)),
            **_pair("Submandibular", RegionUptake(uptake=0.0025, half_life_h=38.0)),
            **_pair("Lacrimal", RegionUptake(uptake=0.0003, half_life_h=38.0)),
            "Liver": RegionUptake(uptake=0.04, half_life_h=22.9, half_life_spread=0.35, source=_GUIDE),
            "Spleen": RegionUptake(uptake=0.01, half_life_h=16.8, uptake_spread=0.5, source=_GUIDE),
            "Bowel": RegionUptake(uptake=0.025, half_life_h=22.0),
            "Spine": RegionUptake(uptake=0.003, half_life_h=32.0, source=_GUIDE),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=2.0e-4, half_life_h=52.0),
    rest_shares=(0.88, 0.06),
    rest_half_lives_h=(2.0, 35.0),
)
_MIBG = Agent(
    name="mIBG",
    nuclide="I-131",
    administered_activity_bq=7.4e9,
    organs=MappingProxyType(
        {
            "Liver": RegionUptake(uptake=0.10, half_life_h=28.0),
            "Spleen": RegionUptake(uptake=0.008, half_life_h=30.0),
            "Heart": RegionUptake(uptake=0.01, half_life_h=20.0),
            **_pair("Kidney", RegionUptake(uptake=0.006, half_life_h=20.0)),
            **_pair("Parotid", RegionUptake(uptake=0.002, half_life_h=25.0)),
            **_pair("Lung", RegionUptake(uptake=0.01, half_life_h=20.0)),
            "Bowel": RegionUptake(uptake=0.02, half_life_h=25.0),
            "Thyroid": RegionUptake(uptake=0.0005, half_life_h=60.0),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=1.0e-4, half_life_h=60.0),
    rest_shares=(0.65, 0.25),
    rest_half_lives_h=(6.0, 30.0),
)
_NAI = Agent(
    name="NaI",
    nuclide="I-131",
    administered_activity_bq=3.7e9,
    organs=MappingProxyType(
        {
            "Thyroid": RegionUptake(uptake=0.02, half_life_h=80.0, uptake_half_life_h=6.0, uptake_spread=0.8),
            "Stomach": RegionUptake(uptake=0.04, half_life_h=9.0),
            **_pair("Parotid", RegionUptake(uptake=0.01, half_life_h=9.0)),
            **_pair("Submandibular", RegionUptake(uptake=0.005, half_life_h=9.0)),
            "Bowel": RegionUptake(uptake=0.05, half_life_h=14.0),
            "Liver": RegionUptake(uptake=0.02, half_life_h=30.0),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=1.0e-3, half_life_h=70.0),
    rest_shares=(0.85, 0.10),
    rest_half_lives_h=(10.0, 24.0),
)

AGENTS: Mapping[str, Agent] = MappingProxyType({agent.name: agent for agent in (_DOTATATE, _PSMA, _MIBG, _NAI)})
"""Agents by name."""


def get_agent(name: str) -> Agent:
    """Return an agent.

    Raises
    ------
    InvalidInputError
        There is none of that name.
    """
    if name not in AGENTS:
        raise InvalidInputError(f"No agent {name!r}; choose one of {', '.join(AGENTS)}.", code="unknown_agent")
    return AGENTS[name]
