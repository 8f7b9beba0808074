from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class RecoveryCurve(Timestamped):
    """A measured recovery curve that a second person confirms before scans may be corrected with it; never edited."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="recovery_curves")
    measurement = models.ForeignKey("planning.CalibrationMeasurement", on_delete=models.PROTECT, related_name="+")
    camera = models.CharField(max_length=64)  # station name or model as in the header of the scans
    confirmed_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["camera", "-created_at"]
        constraints = [
            models.CheckConstraint(
                name="recovery_curve_second_person", condition=~Q(confirmed_by=models.F("created_by"))
            ),
            models.CheckConstraint(
                name="recovery_curve_confirmed_by_a_person",
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
        ]

    @property
    def nuclide(self) -> str:
        return self.measurement.inputs["nuclide"]

    @property
    def reconstruction(self) -> str:
        measurement = self.measurement
        return measurement.result.get("reconstruction") or measurement.inputs["reconstruction"]
