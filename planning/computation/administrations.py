"""Net administered activity from two syringe measurements."""

from datetime import datetime

from dosimetry.nuclides.decay import get_nuclide
from dosimetry.quantification.decay import decay_factor


def net_activity(
    *,
    nuclide_name: str,
    before_bq: float,
    before_at: datetime,
    after_bq: float,
    after_at: datetime,
    administered_at: datetime,
) -> float:
    """Return activity before less residual, both decay-corrected to the administration, in Bq."""
    constant = get_nuclide(nuclide_name).decay_constant_per_s
    before = before_bq * decay_factor(
        decay_constant_per_s=constant, elapsed_s=(administered_at - before_at).total_seconds()
    )
    after = after_bq * decay_factor(
        decay_constant_per_s=constant, elapsed_s=(administered_at - after_at).total_seconds()
    )
    return before - after
