"""Whether a declared effective half-life can be: asked before a run replaces curves."""

from dosimetry.nuclides.decay import get_nuclide
from planning.errors import InvalidStateError

HOUR_S = 3600.0


def check_half_life(*, nuclide_name: str, hours: float | None) -> None:
    """Refuse a declared effective half-life above the physical one."""
    physical_h = get_nuclide(nuclide_name).half_life_s / HOUR_S
    if hours is not None and not 0.0 < hours <= physical_h * (1.0 + 1e-9):
        raise InvalidStateError(
            f"The effective half-life must lie between 0 and the physical {physical_h:.1f} h.", code="half_life_range"
        )
