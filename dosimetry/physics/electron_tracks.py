"""Class-II condensed history of electrons, compiled: one step of the physics, and tracks in a uniform medium.

A step covers many soft collisions: its energy loss is drawn with their mean and variance, its deflection with the first
two moments of the multiple-scattering law, at a random point of the step (random hinge). Collisions above a cut
(Moller), elastic deflections above 18 degrees and bremsstrahlung photons are drawn one by one. Lengths are mass
lengths, g/cm2: a uniform medium needs no density.
"""

from typing import Any

import numpy as np

from dosimetry.physics.compiled import compile_kernel, seed_state, uniform
from dosimetry.physics.compton import ELECTRON_MASS_KEV
from dosimetry.physics.electron_medium import (
    ELASTIC,
    FIRST,
    LOSS,
    LOWEST_PHOTON_KEV,
    MOLLER,
    N_COLUMNS,
    N_ENERGIES,
    RADIATION,
    SECOND,
    STRAGGLING,
)
from dosimetry.physics.electron_scattering import N_QUANTILES
from dosimetry.physics.electrons import ENERGY_LIMITS_KEV

MASS = ELECTRON_MASS_KEV
LOG_LOWEST = float(np.log(ENERGY_LIMITS_KEV[0]))
PER_LOG_STEP = (N_ENERGIES - 1) / float(np.log(ENERGY_LIMITS_KEV[1] / ENERGY_LIMITS_KEV[0]))
MAX_LOSS_SHARE = 0.06
"""Largest share of its energy that an electron loses on average in one step."""
MAX_STRENGTH = 0.10
"""Largest scattering strength s G1 of one step (mean of 1 - cos theta)."""
MAJORANT = 1.2
"""The rate of hard events of a step is drawn with this factor over the rate at its start, then thinned at its end."""
STACK_SIZE = 64
X, Y, Z, U, V, W, ENERGY = range(7)
"""Columns of the stack of electrons: place, direction, kinetic energy (keV)."""


@compile_kernel
def look_up(table: Any, energy: float, found: Any) -> None:
    """Interpolate all columns of one material at an energy (keV)."""
    place = max((np.log(energy) - LOG_LOWEST) * PER_LOG_STEP, 0.0)
    i = int(place)
    i = min(i, N_ENERGIES - 2)
    f = place - i
    for k in range(found.size):
        found[k] = table[i, k] + f * (table[i + 1, k] - table[i, k])


@compile_kernel
def soft_loss(mean: float, variance: float, state: Any) -> float:
    """Draw an energy loss with this mean and variance, never negative.

    Normal when the mean is well above the spread, else uniform, else a share of no loss and a uniform rest.
    [Salvat, PENELOPE-2018, OECD NEA, section 4.2: the sums over steps keep both moments.]
    """
    spread = np.sqrt(variance)
    if mean > 3.05 * spread:
        # Cut at three standard deviations; the factor restores the variance.
        while True:
            radius = np.sqrt(-2.0 * np.log(uniform(state)))
            normal = radius * np.cos(2.0 * np.pi * uniform(state))
            if abs(normal) < 3.0:
                return float(mean + 1.015387 * spread * normal)
    if mean * mean > 3.0 * variance:
        return float(mean + np.sqrt(3.0) * spread * (2.0 * uniform(state) - 1.0))
    share_without = (3.0 * variance - mean * mean) / (3.0 * variance + 3.0 * mean * mean)
    if uniform(state) < share_without:
        return 0.0
    return uniform(state) * (3.0 * variance + 3.0 * mean * mean) / (2.0 * mean)


@compile_kernel
def deflection_cosine(first: float, second: float, state: Any) -> float:
    """Draw cos theta of a step with the mean of P1 and P2 of multiple scattering, exp(-first) and exp(-second).

    Two uniform pieces of (1 - cos theta)/2, joined where both moments come out.
    [Fernandez-Varea, Mayol, Baro & Salvat, Nucl. Instrum. Methods B 73 (1993) 447.]
    """
    mean = 0.5 * (1.0 - np.exp(-first))
    square = mean - (1.0 - np.exp(-second)) / 6.0
    join = (2.0 * mean - 3.0 * square) / (1.0 - 2.0 * mean)
    near = 1.0 - 2.0 * mean + join
    is_near = uniform(state) < near
    half = join * uniform(state) if is_near else join + (1.0 - join) * uniform(state)
    return float(min(max(1.0 - 2.0 * half, -1.0), 1.0))


@compile_kernel
def large_cosine(table: Any, energy: float, state: Any) -> float:
    """Draw cos theta of one large elastic deflection."""
    place = min(max((np.log(energy) - LOG_LOWEST) * PER_LOG_STEP, 0.0), N_ENERGIES - 1.0)
    i = int(place + 0.5)
    step = uniform(state) * (N_QUANTILES - 1)
    k = int(step)
    f = step - k
    return float(1.0 - 1.0 / (table[i, N_COLUMNS + k] * (1.0 - f) + table[i, N_COLUMNS + k + 1] * f))


@compile_kernel
def turn(electron: Any, cosine: float, azimuth: float) -> None:
    """Turn the direction of an electron by a polar and an azimuthal angle."""
    u, v, w = electron[U], electron[V], electron[W]
    sine = np.sqrt(max(1.0 - cosine * cosine, 0.0))
    a, b = sine * np.cos(azimuth), sine * np.sin(azimuth)
    across = np.sqrt(max(1.0 - w * w, 0.0))
    if across > 1e-6:
        electron[U] = u * cosine + (u * w * a - v * b) / across
        electron[V] = v * cosine + (v * w * a + u * b) / across
        electron[W] = w * cosine - across * a
    else:
        electron[U], electron[V] = a, b
        electron[W] = cosine if w > 0.0 else -cosine
    norm = 1.0 / np.sqrt(electron[U] ** 2 + electron[V] ** 2 + electron[W] ** 2)
    electron[U] *= norm
    electron[V] *= norm
    electron[W] *= norm


@compile_kernel
def moller_transfer(energy: float, cut: float, state: Any) -> float:
    """Draw the energy given to an electron, above the cut and up to half, from Moller's cross-section."""
    tau = energy / MASS
    b2 = (tau / (tau + 1.0)) ** 2
    b1 = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    low, high = 1.0 / cut, 2.0 / energy
    while True:
        transfer = 1.0 / (low + uniform(state) * (high - low))
        share = transfer / energy
        ratio = share / (1.0 - share)
        # Relative to 1/W^2; largest at one half, where it is 2 + b2/4 - 2 b1 or 1 at small shares.
        weight = 1.0 + ratio * ratio + b2 * share * share - b1 * ratio
        if uniform(state) * 1.25 < weight:
            return transfer


@compile_kernel
def emit_delta(stack: Any, top: int, cut: float, state: Any) -> int:
    """Let the electron below ``top`` strike another one; return the new height of the stack."""
    electron, delta = stack[top - 1], stack[top]
    energy = electron[ENERGY]
    transfer = moller_transfer(energy, cut, state)
    left = energy - transfer
    primary = np.sqrt(left * (energy + 2.0 * MASS) / (energy * (left + 2.0 * MASS)))
    secondary = np.sqrt(transfer * (energy + 2.0 * MASS) / (energy * (transfer + 2.0 * MASS)))
    azimuth = 2.0 * np.pi * uniform(state)
    delta[:] = electron
    delta[ENERGY] = transfer
    electron[ENERGY] = left
    turn(electron, primary, azimuth)
    turn(delta, secondary, azimuth + np.pi)
    return top + 1


@compile_kernel
def emit_photon(electron: Any, state: Any) -> float:
    """Let an electron lose energy to a bremsstrahlung photon (k dN/dk constant); return the energy of the photon."""
    photon = LOWEST_PHOTON_KEV * (electron[ENERGY] / LOWEST_PHOTON_KEV) ** uniform(state)
    electron[ENERGY] -= photon
    return float(photon)


@compile_kernel
def step_length(found: Any, energy: float, longest: float, state: Any) -> tuple[float, bool]:
    """Draw the length of a step, g/cm2, and whether a hard event may end it."""
    limit = min(MAX_LOSS_SHARE * energy / found[LOSS], MAX_STRENGTH / found[FIRST], longest)
    rate = MAJORANT * (found[MOLLER] + found[RADIATION] + found[ELASTIC])
    if rate <= 0.0:
        return limit, False
    free = -np.log(uniform(state)) / rate
    if free < limit:
        return free, True
    return limit, False


@compile_kernel
def draw_step(table: Any, found: Any, energy: float, length: float, state: Any) -> tuple[float, float]:
    """Draw the energy loss of a step and the cosine of its deflection, with the coefficients at its middle."""
    look_up(table, max(energy - 0.5 * found[LOSS] * length, 1.0), found)
    loss = min(soft_loss(found[LOSS] * length, found[STRAGGLING] * length, state), energy)
    return loss, deflection_cosine(found[FIRST] * length, found[SECOND] * length, state)


@compile_kernel
def hard_event(table: Any, found: Any, rate_at_start: float, stack: Any, top: int, cut: float, state: Any) -> Any:
    """Thin and carry out the hard event at the end of a step; return the height of the stack and a photon's energy."""
    energy = stack[top - 1, ENERGY]
    look_up(table, energy, found)
    draw = uniform(state) * MAJORANT * rate_at_start
    if draw < found[MOLLER] and energy > 2.0 * cut and top < STACK_SIZE:
        return emit_delta(stack, top, cut, state), 0.0
    draw -= found[MOLLER]
    if 0.0 <= draw < found[RADIATION]:
        return top, emit_photon(stack[top - 1], state)
    if found[RADIATION] <= draw < found[RADIATION] + found[ELASTIC]:
        turn(stack[top - 1], large_cosine(table, energy, state), 2.0 * np.pi * uniform(state))
    return top, 0.0


@compile_kernel
def _place_in_bins(stack: Any, last: int, along: float, is_radial: bool, per_bin: float) -> int:
    """Return the bin of a point ``along`` the electron's direction; -1 outside a half space."""
    e = stack[last]
    x, y, z = e[X] + along * e[U], e[Y] + along * e[V], e[Z] + along * e[W]
    if is_radial:
        return int(np.sqrt(x * x + y * y + z * z) * per_bin)
    return int(z * per_bin) if z >= 0.0 else -1


@compile_kernel
def track_uniform(
    table: Any,
    energy: float,
    n_histories: int,
    seed: int,
    stream: int,
    cut: float,
    absorb: float,
    is_radial: bool,
    tally: Any,
) -> tuple[float, float]:
    """Follow electrons in a uniform medium and add the energy they deposit to equal bins of radius or depth.

    Parameters
    ----------
    table : (n_energies, 137) array
        Coefficients of the medium.
    energy : float
        Kinetic energy at the start, keV.
    n_histories, seed, stream : int
        Number of electrons; seed and number of their random stream.
    cut, absorb : float
        Threshold of delta rays; energy below which an electron stops where it is, keV.
    is_radial : bool
        True: radius about a point source in an unbounded medium. False: depth below the plane where a pencil beam
        enters a half space; what leaves it is lost.
    tally : (n_bins + 1,) array
        Energy, keV; the last element is the bin edge spacing on input, g/cm2, and stays.

    Returns
    -------
    tuple of two floats
        Energy of bremsstrahlung photons and energy that left the half space, keV.
    """
    n_bins = tally.size - 1
    per_bin = 1.0 / tally[n_bins]
    state = np.empty(4, dtype=np.uint64)
    seed_state(state, seed, stream)
    found = np.empty(N_COLUMNS)
    stack = np.empty((STACK_SIZE + 1, 7))
    radiated = escaped = 0.0
    for _ in range(n_histories):
        stack[0, :] = 0.0
        stack[0, W] = 1.0
        stack[0, ENERGY] = energy
        top = 1
        while top > 0:
            last = top - 1
            e = stack[last]
            if e[ENERGY] <= absorb:
                i = _place_in_bins(stack, last, 0.0, is_radial, per_bin)
                if i < 0:
                    escaped += e[ENERGY]
                else:
                    tally[min(i, n_bins - 1)] += e[ENERGY]
                top -= 1
                continue
            if not is_radial and e[Z] < 0.0:
                escaped += e[ENERGY]
                top -= 1
                continue
            look_up(table, e[ENERGY], found)
            rate = found[MOLLER] + found[RADIATION] + found[ELASTIC]
            length, is_hard = step_length(found, e[ENERGY], np.inf, state)
            loss, cosine = draw_step(table, found, e[ENERGY], length, state)
            hinge = uniform(state)
            for part in range(2):
                share = hinge if part == 0 else 1.0 - hinge
                i = _place_in_bins(stack, last, share * length * uniform(state), is_radial, per_bin)
                if i < 0:
                    escaped += loss * share
                else:
                    tally[min(i, n_bins - 1)] += loss * share
                e[X] += share * length * e[U]
                e[Y] += share * length * e[V]
                e[Z] += share * length * e[W]
                if part == 0:
                    turn(e, cosine, 2.0 * np.pi * uniform(state))
            e[ENERGY] -= loss
            if is_hard and e[ENERGY] > absorb:
                top, photon = hard_event(table, found, rate, stack, top, cut, state)
                radiated += photon
    return radiated, escaped
