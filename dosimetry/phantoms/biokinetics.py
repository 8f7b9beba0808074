"""Activity of every region of one virtual patient at any time, drawn from an agent's population."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide
from dosimetry.phantoms.agents import Agent, RegionUptake
from dosimetry.phantoms.kinetics import ActivityCurve, ActivityTerm, curve_from_half_lives
from dosimetry.units import HOUR_S

LN2 = float(np.log(2.0))
REST = "Rest of body"
BLADDER = "Bladder"
LARGEST_BOUND_SHARE = 0.85
"""Organs and lesions together never hold more of the activity: the rest circulates and is excreted."""
FASTEST_SHARE_OF_PHYSICAL = 0.98
"""An effective half-life stays below this share of the physical one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Biokinetics:
    """Curves of one patient.

    Parameters
    ----------
    agent : str
        Name.
    administered_activity_bq : float
        Net, Bq.
    curves : mapping of region name to ActivityCurve
        Every source region, the rest of the body and the bladder included.
    voiding_phases : floats
        For each scan, how full the bladder is against its mean: 0 after emptying, 2 before.
    """

    agent: str
    administered_activity_bq: float
    curves: Mapping[str, ActivityCurve]
    voiding_phases: tuple[float, ...]

    def activities_bq(self, time_s: float, *, scan: int | None = None) -> dict[str, float]:
        """Return the activity of every region at a time, Bq; the bladder as full as at a scan, or its mean."""
        found = {name: float(curve.activity_bq(time_s)) for name, curve in self.curves.items()}
        if scan is not None and BLADDER in found:
            found[BLADDER] *= self.voiding_phases[scan]
        return found


def draw_biokinetics(
    agent: Agent,
    *,
    regions_ml: Mapping[str, float],
    lesions: tuple[str, ...],
    seed: int,
    n_scans: int,
    administered_activity_bq: float | None = None,
) -> Biokinetics:
    """Draw one patient of an agent's population.

    The uptake of organs varies together (common correlation) and by itself. What lesions take is missing elsewhere:
    organs and rest share what they leave, so that a large tumour load lowers the dose of organs (tumour sink).
    Where all regions together would take more than ``LARGEST_BOUND_SHARE``, their shares are scaled down to it. What a
    region with an uptake phase has still to take is in the rest of the body.

    Parameters
    ----------
    agent : Agent
        Population.
    regions_ml : mapping of region name to float
        Volumes of the patient's regions, mL.
    lesions : tuple of str
        Which of them are lesions.
    seed : int
        0 or above; each region draws from a stream of its own, so that one more lesion changes no other region.
    n_scans : int
        Scans, for the filling of the bladder.
    administered_activity_bq : float or None
        None takes the agent's usual one.

    Returns
    -------
    Biokinetics
        Curves whose activities at administration sum to what was given, exactly but for rounding.

    Raises
    ------
    InvalidInputError
        Activity not above zero.
    """
    given = agent.administered_activity_bq if administered_activity_bq is None else administered_activity_bq
    if not np.isfinite(given) or given <= 0.0:
        raise InvalidInputError("The administered activity must be above zero.", code="bad_activity")
    physical_h = get_nuclide(agent.nuclide).half_life_s / HOUR_S
    common = float(_stream(seed, "patient").standard_normal())
    drawn = _lesions(agent, {name: regions_ml[name] for name in lesions}, seed, physical_h)
    sink = sum(part.share for part in drawn.values())
    for name, uptake in agent.organs.items():
        if name in regions_ml:
            drawn[name] = _organ(agent, name, uptake, seed, common, left=1.0 - sink, physical_h=physical_h)
    drawn = _bounded(drawn)
    curves = {name: _curve(given, part) for name, part in drawn.items()}
    excreted = _excreted(agent, given, free=1.0 - sum(part.share for part in drawn.values()))
    curves[REST] = ActivityCurve(terms=(*excreted.terms, *_still_to_rise(given, drawn)))
    if BLADDER in regions_ml:
        curves[BLADDER] = _bladder(agent, excreted)
    phases = _stream(seed, "voiding").uniform(0.2, 1.8, n_scans)
    return Biokinetics(
        agent=agent.name,
        administered_activity_bq=given,
        curves=curves,
        voiding_phases=tuple(float(phase) for phase in phases),
    )


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, 31, *name.encode()])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """Share of the activity and half-lives of one region."""

    share: float
    half_life_h: float
    rise_h: float = 0.0


def _lesions(agent: Agent, volumes_ml: Mapping[str, float], seed: int, physical_h: float) -> dict[str, _Drawn]:
    """Draw every lesion; together they take no more than the largest share."""
    found = agent.lesions
    load = float(np.exp(found.between_patients * _stream(seed, "tumour load").standard_normal()))
    drawn = {}
    for name, volume_ml in volumes_ml.items():
        own, washout = _stream(seed, name).standard_normal(2)
        share = found.uptake_per_ml * load * float(np.exp(found.between_lesions * own)) * volume_ml
        half_life_h = _below_physical(found.half_life_h * float(np.exp(found.half_life_spread * washout)), physical_h)
        drawn[name] = _Drawn(share=share, half_life_h=half_life_h)
    return _bounded(drawn)


def _organ(
    agent: Agent, name: str, uptake: RegionUptake, seed: int, common: float, *, left: float, physical_h: float
) -> _Drawn:
    own, washout = _stream(seed, name).standard_normal(2)
    mixed = np.sqrt(agent.common_correlation) * common + np.sqrt(1.0 - agent.common_correlation) * own
    half_life_h = uptake.half_life_h * float(np.exp(uptake.half_life_spread * washout))
    return _Drawn(
        share=left * uptake.uptake * float(np.exp(uptake.uptake_spread * mixed)),
        half_life_h=_below_physical(half_life_h, physical_h),
        rise_h=uptake.uptake_half_life_h,
    )


def _below_physical(half_life_h: float, physical_h: float) -> float:
    return min(half_life_h, FASTEST_SHARE_OF_PHYSICAL * physical_h)


def _curve(given_bq: float, part: _Drawn) -> ActivityCurve:
    if part.rise_h == 0.0:
        return curve_from_half_lives(
            administered_activity_bq=given_bq,
            fractions=(part.share,),
            effective_half_lives_s=(part.half_life_h * HOUR_S,),
        )
    return curve_from_half_lives(
        administered_activity_bq=given_bq,
        fractions=(part.share, -part.share),
        effective_half_lives_s=(part.half_life_h * HOUR_S, part.rise_h * HOUR_S),
    )


def _bounded(drawn: Mapping[str, _Drawn]) -> dict[str, _Drawn]:
    """Return the shares, scaled together where they exceed the largest bound share."""
    total = sum(part.share for part in drawn.values())
    scale = min(1.0, LARGEST_BOUND_SHARE / total) if total > 0.0 else 1.0
    return {name: replace(part, share=scale * part.share) for name, part in drawn.items()}


def _excreted(agent: Agent, given_bq: float, *, free: float) -> ActivityCurve:
    """Return what circulates and is excreted: the share that neither organs nor lesions take."""
    return curve_from_half_lives(
        administered_activity_bq=given_bq,
        fractions=tuple(free * share for share in agent.rest_shares),
        effective_half_lives_s=tuple(h * HOUR_S for h in agent.rest_half_lives_h),
    )


def _still_to_rise(given_bq: float, drawn: Mapping[str, _Drawn]) -> tuple[ActivityTerm, ...]:
    """Return what circulates until regions with an uptake phase have taken it up."""
    return tuple(
        ActivityTerm(activity_bq=given_bq * part.share, effective_decay_constant_per_s=LN2 / (part.rise_h * HOUR_S))
        for part in drawn.values()
        if part.rise_h > 0.0
    )


def _bladder(agent: Agent, excreted: ActivityCurve) -> ActivityCurve:
    """Return the mean content: half of what biology took from the circulating activity in one interval.

    The first filling is a rise with the half-life of half an interval, so that nothing is there at administration.
    """
    physical = get_nuclide(agent.nuclide).decay_constant_per_s
    half_interval_s = 0.5 * agent.voiding_interval_h * HOUR_S
    filling = LN2 / half_interval_s
    terms = []
    for term in excreted.terms:
        decay = term.effective_decay_constant_per_s
        # Content of an interval cannot exceed what was excreted in it.
        share = (1.0 - float(np.exp(-(decay - physical) * 2.0 * half_interval_s))) / 2.0
        terms += [
            ActivityTerm(activity_bq=share * term.activity_bq, effective_decay_constant_per_s=decay),
            ActivityTerm(activity_bq=-share * term.activity_bq, effective_decay_constant_per_s=decay + filling),
        ]
    return ActivityCurve(terms=tuple(terms))
