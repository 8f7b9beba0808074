"""Camera calibration factors as the settings page shows them."""

from typing import Any

from planning.models import CalibrationFactor
from planning.selectors.quantities import quantity
from planning.selectors.sites import sites_visible_to


def calibrations_visible_to(*, user):
    return CalibrationFactor.objects.filter(site__in=sites_visible_to(user=user)).select_related("site")


def calibration_summary(factor: CalibrationFactor) -> dict[str, Any]:
    return {
        "id": str(factor.pk),
        "camera": factor.camera,
        "nuclide": factor.nuclide,
        "collimator": factor.collimator,
        "reconstruction": factor.reconstruction,
        "calibration": quantity(
            factor.calibration_cps_per_bq,
            unit="cps/MBq",
            factor=1e-6,
            standard_uncertainty=factor.calibration_standard_uncertainty_cps_per_bq,
        ),
        "valid_from": factor.valid_from.isoformat(),
        "valid_to": factor.valid_to and factor.valid_to.isoformat(),
        "source": factor.source,
        "is_confirmed": factor.confirmed_at is not None,
        "confirmed_by": factor.confirmed_by.printed_name if factor.confirmed_by else None,
        "is_withdrawn": factor.is_withdrawn,
        "author": factor.created_by.printed_name if factor.created_by else "system",
    }
