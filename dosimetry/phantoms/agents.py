"""How agents spread in virtual patients: uptake and washout of each region, with their spread between patients.

These numbers make plausible patients for tests; they are no prior and no clinical default. Uptake is the share of the
administered activity that a mono-exponential curve would have at administration. Where a source gives absorbed dose per
activity, the uptake was taken from it: D/A = uptake x 1.4427 T x S.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.units import HOUR_S

PLAUSIBLE = "plausible value of ours, between published cases; to be confirmed"
THERAPY_SCANS_H = (24.0, 48.0, 96.0, 168.0)
_WALKER = (
    "absorbed doses of Walker et al., J Nucl Med 54:855, 2013, as tabled in PMC4472480 (kidneys 0.092, liver 0.045, "
    "spleen 0.282 mGy/MBq), by self dose of a standard adult's organ and washout slower than decay"
)
_SANDGREN = (
    "Sandgren et al., EJNMMI Phys 6:2, 2019, 10.1186/s40658-018-0239-2 (abstract): kidneys 40 mGy for 160 MBq, "
    "lacrimal glands 0.12 mGy/MBq, blood half-lives of 6.5 min (91 %) and 4.4 h (9 %); by self dose of a standard "
    "adult's organ"
)
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
        Exponentials of blood and remaining tissue, the fastest first: shares of what organs and lesions left (their sum
        is 1: all activity is in the body at administration), effective half-lives.
    voiding_interval_h : float
        Time between emptyings of the bladder; it holds what the rest of the body lost by biology since the last.
    common_correlation : float
        Correlation of the logarithms of uptake between the organs of one patient.
    scan_times_h : floats
        Scans that suit its half-lives, h after administration.

    Raises
    ------
    InvalidInputError
        Shares of the rest that do not sum to 1 (``bad_agent``).
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
    scan_times_h: tuple[float, ...] = THERAPY_SCANS_H

    def __post_init__(self) -> None:
        if not np.isclose(sum(self.rest_shares), 1.0, rtol=0.0, atol=1e-9):
            raise InvalidInputError(
                f"The shares of {self.name}'s rest of the body sum to {sum(self.rest_shares):g}, not to 1; give the "
                "fastest one what is left.",
                code="bad_agent",
            )


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
    rest_shares=(0.92, 0.08),
    rest_half_lives_h=(2.5, 52.0),
)


def _decaying_faster(agent: Agent, *, name: str, nuclide: str, administered_activity_bq: float) -> Agent:
    """Return the same biology with another nuclide: effective half-lives change with the physical one."""
    before, after = (get_nuclide(known).half_life_s / HOUR_S for known in (agent.nuclide, nuclide))

    def changed(half_life_h: float) -> float:
        return 1.0 / (1.0 / half_life_h - 1.0 / before + 1.0 / after)

    return replace(
        agent,
        name=name,
        nuclide=nuclide,
        administered_activity_bq=administered_activity_bq,
        organs=MappingProxyType(
            {region: replace(organ, half_life_h=changed(organ.half_life_h)) for region, organ in agent.organs.items()}
        ),
        lesions=replace(agent.lesions, half_life_h=changed(agent.lesions.half_life_h)),
        rest_half_lives_h=tuple(changed(half_life_h) for half_life_h in agent.rest_half_lives_h),
    )


_Y_DOTATATE = replace(
    _decaying_faster(_DOTATATE, name="90Y-DOTATATE", nuclide="Y-90", administered_activity_bq=3.7e9),
    scan_times_h=(4.0, 24.0, 48.0, 96.0),
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
    rest_shares=(0.94, 0.06),
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
    rest_shares=(0.75, 0.25),
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
    rest_shares=(0.90, 0.10),
    rest_half_lives_h=(10.0, 24.0),
)

_GA_DOTATATE = Agent(
    name="68Ga-DOTATATE",
    nuclide="Ga-68",
    administered_activity_bq=1.85e8,
    organs=MappingProxyType(
        {
            **_pair("Kidney", RegionUptake(uptake=0.019, half_life_h=1.08, half_life_spread=0.03, source=_WALKER)),
            "Liver": RegionUptake(uptake=0.105, half_life_h=1.10, half_life_spread=0.02, source=_WALKER),
            "Spleen": RegionUptake(
                uptake=0.070, half_life_h=1.10, uptake_spread=0.5, half_life_spread=0.02, source=_WALKER
            ),
            "Adrenals": RegionUptake(uptake=0.0012, half_life_h=1.10, half_life_spread=0.02),
            **_pair("Parotid", RegionUptake(uptake=0.0012, half_life_h=1.08, half_life_spread=0.03)),
            "Thyroid": RegionUptake(uptake=0.0008, half_life_h=1.10, half_life_spread=0.02),
            "Bowel": RegionUptake(uptake=0.02, half_life_h=1.08, half_life_spread=0.03),
            "Pancreas": RegionUptake(uptake=0.004, half_life_h=1.10, half_life_spread=0.02),
            "Spine": RegionUptake(uptake=0.006, half_life_h=1.08, half_life_spread=0.03),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=3.0e-4, half_life_h=1.11, half_life_spread=0.01),
    rest_shares=(0.75, 0.25),
    rest_half_lives_h=(0.25, 0.95),
    voiding_interval_h=1.5,
    scan_times_h=(0.5, 1.0, 2.0, 3.0),
)
_GA_PSMA = Agent(
    name="68Ga-PSMA-11",
    nuclide="Ga-68",
    administered_activity_bq=1.6e8,
    organs=MappingProxyType(
        {
            **_pair("Kidney", RegionUptake(uptake=0.052, half_life_h=1.10, half_life_spread=0.02, source=_SANDGREN)),
            **_pair(
                "Lacrimal", RegionUptake(uptake=0.00015, half_life_h=1.10, half_life_spread=0.02, source=_SANDGREN)
            ),
            **_pair("Parotid", RegionUptake(uptake=0.007, half_life_h=1.10, half_life_spread=0.02)),
            **_pair("Submandibular", RegionUptake(uptake=0.003, half_life_h=1.10, half_life_spread=0.02)),
            "Liver": RegionUptake(uptake=0.13, half_life_h=1.08, half_life_spread=0.03),
            "Spleen": RegionUptake(uptake=0.018, half_life_h=1.06, uptake_spread=0.5, half_life_spread=0.03),
            "Bowel": RegionUptake(uptake=0.03, half_life_h=1.05, half_life_spread=0.03),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=3.0e-4, half_life_h=1.11, half_life_spread=0.01),
    # Half-lives of the blood with decay: 1/(1/6.5 min + 1/67.7 min) and 1/(1/4.4 h + 1/1.128 h).
    rest_shares=(0.91, 0.09),
    rest_half_lives_h=(0.099, 0.898),
    voiding_interval_h=1.5,
    scan_times_h=(0.5, 1.0, 2.0, 4.0),
)
_F_PSMA = Agent(
    name="18F-PSMA-1007",
    nuclide="F-18",
    administered_activity_bq=2.5e8,
    organs=MappingProxyType(
        {
            **_pair("Kidney", RegionUptake(uptake=0.030, half_life_h=1.72, half_life_spread=0.03)),
            **_pair("Lacrimal", RegionUptake(uptake=0.00015, half_life_h=1.78, half_life_spread=0.01)),
            **_pair("Parotid", RegionUptake(uptake=0.007, half_life_h=1.78, half_life_spread=0.01)),
            **_pair("Submandibular", RegionUptake(uptake=0.003, half_life_h=1.78, half_life_spread=0.01)),
            "Liver": RegionUptake(uptake=0.18, half_life_h=1.75, half_life_spread=0.02),
            "Spleen": RegionUptake(uptake=0.025, half_life_h=1.72, uptake_spread=0.5, half_life_spread=0.03),
            "Pancreas": RegionUptake(uptake=0.004, half_life_h=1.72, half_life_spread=0.03),
            "Bowel": RegionUptake(uptake=0.05, half_life_h=1.75, half_life_spread=0.02),
        }
    ),
    lesions=LesionUptake(uptake_per_ml=3.0e-4, half_life_h=1.80, half_life_spread=0.005),
    rest_shares=(0.60, 0.40),
    rest_half_lives_h=(0.4, 1.6),
    voiding_interval_h=2.0,
    scan_times_h=(1.0, 2.0, 4.0),
)

AGENTS: Mapping[str, Agent] = MappingProxyType(
    {agent.name: agent for agent in (_DOTATATE, _Y_DOTATATE, _PSMA, _MIBG, _NAI, _GA_DOTATATE, _GA_PSMA, _F_PSMA)}
)
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
