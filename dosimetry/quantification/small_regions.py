"""How uncertain the correction of small and of faint regions is where the reconstruction models resolution."""

import numpy as np

from dosimetry.errors import InvalidInputError

CONVERGENCE_FACTOR = 2.5
"""Factor of (1 - W)^2, from simulated spheres and lesions of known activity (docs/validation.md, small regions)."""
SPILL_FACTOR = 2.0
"""Of what spills in: where convergence is slow the blur is two to three times as wide as stated, and spill grows with
it. From a faint pancreas and adrenals beside hot organs (same place)."""


def convergence_cv(own_recovery: float, *, spill_share: float) -> float:
    """Return the relative standard uncertainty that slow convergence gives a corrected region.

    u^2 = (2.5 (1 - W)^2)^2 + (2 s)^2. A reconstruction with resolution modelling recovers small things last, and later
    the deeper they lie: one width for the whole image, measured with a sphere of 10 mL, is right for large regions and
    too narrow for small deep ones. The lost share 1 - W is what a correction must give back; its square separates
    regions that have settled (spheres from 2.5 mL: within 6 %) from those that have not (nodes of 1 to 2 mL in the
    depth of a body: half of the truth). What spills in from hot neighbours is uncertain for the same reason, which
    counts for faint regions of any size.

    Parameters
    ----------
    own_recovery : float
        W, the share of its own activity that a uniform region keeps at the image's resolution: its diagonal element of
        the transfer matrix; above 0, at most 1.
    spill_share : float
        s, what spills in from all other regions at that resolution over the region's own concentration; 0 or more.

    Returns
    -------
    float
        Common to all scans of the region. Without spill 0.3 % for an organ that keeps 0.965, 5 % at 0.86, 44 % at 0.58.

    Raises
    ------
    InvalidInputError
        A share out of its range.

    Notes
    -----
    Measured at 150 updates of OSEM on voxels of 4 mm with a medium-energy collimator; fewer updates leave more. It says
    nothing about images without resolution modelling, whose width holds for small regions too. The error is one-sided,
    too low: the interval round a result that is too low covers the truth, its mean stays too low.
    """
    if not 0.0 < own_recovery <= 1.0 + 1e-9:
        raise InvalidInputError(
            f"A region keeps a share of 0 to 1 of its activity; got {own_recovery}.", code="bad_recovery"
        )
    if not 0.0 <= spill_share < np.inf:
        raise InvalidInputError(f"What spills in is zero or more; got {spill_share}.", code="bad_recovery")
    lost = max(1.0 - own_recovery, 0.0)
    return float(np.hypot(CONVERGENCE_FACTOR * lost**2, SPILL_FACTOR * spill_share))
