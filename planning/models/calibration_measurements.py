from django.db import models

from planning.models.base import Timestamped


class MeasurementMethod(models.TextChoices):
    PLANAR = "planar", "Planar source in air"
    CYLINDER = "cylinder", "Filled cylinder"
    SPHERE = "sphere", "Hot sphere"
    DEAD_TIME = "dead_time", "Dead time"
    RECOVERY = "recovery", "Recovery of spheres"


class CalibrationMeasurement(Timestamped):
    """Immutable: what a phantom scan or typed counts said about a camera; a factor is made from it by a person."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="calibration_measurements")
    method = models.CharField(max_length=16, choices=MeasurementMethod)
    series = models.ForeignKey("planning.Series", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    inputs = models.JSONField()  # as typed: activities in MBq, rates in cps, sizes in mm
    result = models.JSONField()  # as planning.computation.calibration_measurements returns it

    class Meta:
        ordering = ["-created_at"]
