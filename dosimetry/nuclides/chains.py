"""Decay chains: progeny per parent decay when nothing moves, and activities in time (Bateman)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dosimetry.errors import InvalidInputError
from dosimetry.nuclides.decay import get_nuclide

LONGEST_PROGENY_TO_PARENT_RATIO = 10.0
"""Progeny that live longer than this many parent half-lives do not decay while and where the parent does.

It leaves out Bi-207 (33 y) after At-211 (7.2 h) and Tc-99 after Mo-99, and keeps Pb-209 (3.3 h) after Bi-213 (46 min).
"""

BRANCHES: Mapping[str, tuple[tuple[str, float], ...]] = MappingProxyType(
    {
        "Ac-225": (("Fr-221", 1.0),),
        "At-211": (("Po-211", 0.582), ("Bi-207", 0.418)),
        "At-217": (("Bi-213", 0.99988),),
        "Bi-211": (("Tl-207", 0.99724), ("Po-211", 0.00276)),
        "Bi-212": (("Po-212", 0.6406), ("Tl-208", 0.3594)),
        "Bi-213": (("Po-213", 0.9791), ("Tl-209", 0.0209)),
        "Cs-137": (("Ba-137m", 0.94399),),
        "Dy-166": (("Ho-166", 1.0),),
        "Fr-221": (("At-217", 1.0),),
        "Ge-68": (("Ga-68", 1.0),),
        "I-131": (("Xe-131m", 0.011759),),
        "In-111": (("Cd-111m", 4.9998e-05),),
        "Lu-177m": (("Lu-177", 0.217),),
        "Mo-99": (("Tc-99m", 0.8773), ("Tc-99", 0.1227)),
        "Pb-211": (("Bi-211", 1.0),),
        "Pb-212": (("Bi-212", 1.0),),
        "Po-213": (("Pb-209", 1.0),),
        "Po-215": (("Pb-211", 1.0),),
        "Po-216": (("Pb-212", 1.0),),
        "Ra-223": (("Rn-219", 1.0),),
        "Ra-224": (("Rn-220", 1.0),),
        "Ra-225": (("Ac-225", 1.0),),
        "Rn-219": (("Po-215", 1.0),),
        "Rn-220": (("Po-216", 1.0),),
        "Sr-90": (("Y-90", 1.0),),
        "Tb-149": (("Gd-149", 0.833), ("Eu-145", 0.167)),
        "Tc-99m": (("Tc-99", 0.99996),),
        "Th-227": (("Ra-223", 1.0),),
        "Th-228": (("Ra-224", 1.0),),
        "Tl-209": (("Pb-209", 1.0),),
        "W-188": (("Re-188", 1.0),),
    }
)
"""Radioactive progeny and branching fractions of the nuclides of therapy and imaging, ICRP Publication 107.

Stable progeny are not listed. A nuclide that is not listed has no radioactive progeny here; a test compares every entry
with radioactivedecay.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progeny:
    """Name progeny that decay with their parent, and those left out because they live too long.

    Parameters
    ----------
    decays_per_parent_decay : mapping
        Nuclide -> decays per decay of the parent, in order of the chain; the parent itself is not in it.
    left_out : tuple of str
        Progeny that outlive the parent by ``LONGEST_PROGENY_TO_PARENT_RATIO`` or more; nothing after them counts.
    """

    decays_per_parent_decay: Mapping[str, float]
    left_out: tuple[str, ...]


def progeny_in_place(name: str) -> Progeny:
    """Return the decays of all progeny per decay of the parent when nothing moves.

    Product of branching fractions along every path, summed over paths; holds for times long against the half-lives of
    the progeny.

    Parameters
    ----------
    name : str
        Parent, as ``Ac-225``.

    Returns
    -------
    Progeny
        Decays per parent decay.

    Raises
    ------
    InvalidInputError
        The nuclide is not in the decay data.
    """
    longest_s = LONGEST_PROGENY_TO_PARENT_RATIO * get_nuclide(name).half_life_s
    decays: dict[str, float] = {}
    left_out: list[str] = []
    for member in _ordered(name):
        share = 1.0 if member == name else decays.get(member, 0.0)
        for daughter, fraction in BRANCHES.get(member, ()):
            if share == 0.0:
                continue
            if get_nuclide(daughter).half_life_s > longest_s:
                left_out.append(daughter)
                continue
            decays[daughter] = decays.get(daughter, 0.0) + share * fraction
    return Progeny(decays_per_parent_decay=MappingProxyType(decays), left_out=tuple(left_out))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainActivities:
    """Activities of a chain after a start with pure parent.

    Parameters
    ----------
    members : tuple of str
        Parent first, then progeny; a daughter never stands before its parent.
    activities_bq : (n_t, n_members) array
        Activity of each member at each time, Bq.
    decays : (n_t, n_members) array
        Decays of each member from time zero to each time (time-integrated activity, Bq s).
    """

    members: tuple[str, ...]
    activities_bq: NDArray[np.float64]
    decays: NDArray[np.float64]


def chain_activities(name: str, *, initial_activity_bq: float, times_s: NDArray[np.float64]) -> ChainActivities:
    """Solve the Bateman equations of a branched chain that stays in place.

    dN/dt = L N with L lower triangular. exp(L t) is formed from the eigenvectors of L, which for a triangular matrix
    with distinct decay constants are exact recursions; a general matrix exponential loses digits when decay constants
    differ by 12 orders of magnitude (Po-213 4.2 us, Ac-225 10 d).

    Parameters
    ----------
    name : str
        Parent; pure at time zero.
    initial_activity_bq : float
        Activity of the parent at time zero, Bq, 0 or above.
    times_s : (n_t,) array
        Times, s, 0 or above.

    Returns
    -------
    ChainActivities
        Exact but for rounding, about 1e-14 of the parent's activity.

    Raises
    ------
    InvalidInputError
        Unknown nuclide, a negative activity or a negative time.

    References
    ----------
    .. [1] Bateman, Proc. Cambridge Philos. Soc. 15 (1910) 423; Amaku et al., Comput. Phys. Commun. 181 (2010) 21-23.
    """
    times = np.atleast_1d(np.asarray(times_s, dtype=np.float64))
    if not (np.all(np.isfinite(times)) and np.all(times >= 0.0) and 0.0 <= initial_activity_bq < np.inf):
        raise InvalidInputError("A chain needs an activity and times that are finite and not negative.")
    members = _ordered(name)
    decay = np.array([get_nuclide(member).decay_constant_per_s for member in members])
    vectors = _eigenvectors(members, decay)
    start = np.zeros(len(members))
    start[0] = initial_activity_bq / decay[0]
    amplitudes = np.linalg.solve(vectors, start)
    exponent = -decay * times[:, None]
    activities = (amplitudes * np.exp(exponent)) @ vectors.T * decay
    integrals = (amplitudes * -np.expm1(exponent) / decay) @ vectors.T * decay
    return ChainActivities(
        members=members, activities_bq=np.maximum(activities, 0.0), decays=np.maximum(integrals, 0.0)
    )


def _eigenvectors(members: tuple[str, ...], decay: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(members)
    place = {member: i for i, member in enumerate(members)}
    feed = np.zeros((n, n))
    for j, member in enumerate(members):
        for daughter, fraction in BRANCHES.get(member, ()):
            feed[place[daughter], j] = fraction * decay[j]
    vectors = np.eye(n)
    for j in range(n):
        for i in range(j + 1, n):
            vectors[i, j] = feed[i, j:i] @ vectors[j:i, j] / (decay[i] - decay[j])
    return vectors


def _ordered(name: str) -> tuple[str, ...]:
    """Return the chain so that every nuclide stands after all that decay to it."""
    done: list[str] = []

    def visit(member: str) -> None:
        if member in done:
            return
        for daughter, _ in BRANCHES.get(member, ()):
            visit(daughter)
        done.append(member)

    visit(name)
    return tuple(reversed(done))
