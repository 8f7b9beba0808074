from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class DoseEngine(models.TextChoices):
    LOCAL = "local", "Local deposition"
    KERNEL = "kernel", "Kernel, density-scaled"
    KERNEL_UNSCALED = "kernel_unscaled", "Kernel, unscaled"
    HYBRID_MC = "hybrid_mc", "Monte Carlo photons"
    FULL_MC = "full_mc", "Full Monte Carlo"


class DoseCalculation(Timestamped):
    """Immutable: absorbed dose of one cycle from exact revisions; others than ``engine`` stand beside it to compare."""

    cycle = models.ForeignKey("planning.Cycle", on_delete=models.PROTECT, related_name="dose_calculations")
    number = models.PositiveIntegerField()
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    curve_revision = models.ForeignKey("planning.CurveRevision", on_delete=models.PROTECT, related_name="+")
    registrations = models.ManyToManyField("planning.Registration", related_name="+")
    reference_image = models.ForeignKey("planning.QuantifiedImage", on_delete=models.PROTECT, related_name="+")
    engine = models.CharField(max_length=32)
    parameters = models.JSONField(default=dict, blank=True)
    density_origin = models.CharField(max_length=512)  # curve, scanner and source in words
    dose_sha256 = models.CharField(max_length=64)  # npy float32 (z, y, x), Gy, on the reference emission grid
    tia_sha256 = models.CharField(max_length=64)  # npy float32, Bq s per voxel
    # npy float32, standard uncertainty in Bq s, nan where noise is not known; empty before this map was kept
    tia_uncertainty_sha256 = models.CharField(max_length=64, blank=True)
    tia_uncertainty_display = models.ForeignKey(
        "planning.VolumeAsset", null=True, on_delete=models.PROTECT, related_name="+"
    )
    dose_display = models.ForeignKey("planning.VolumeAsset", on_delete=models.PROTECT, related_name="+")
    energy_balance = models.JSONField(default=dict, blank=True)
    findings = models.JSONField(default=list, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    inputs_digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["cycle", "number"], name="dose_number_unique")]

    @property
    def site(self):
        return self.cycle.site


class EngineDose(models.Model):
    """What one engine gave for a calculation; the calculation's own engine has a row too."""

    calculation = models.ForeignKey(DoseCalculation, on_delete=models.PROTECT, related_name="engine_doses")
    engine = models.CharField(max_length=32, choices=DoseEngine.choices)
    dose_sha256 = models.CharField(max_length=64)
    dose_display = models.ForeignKey("planning.VolumeAsset", on_delete=models.PROTECT, related_name="+")
    energy_balance = models.JSONField(default=dict, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    # [{region_id, absorbed_dose_gy, statistical_standard_uncertainty_gy, difference, reason}]
    regions = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["calculation", "engine"], name="engine_once_in_calculation"),
            models.CheckConstraint(name="engine_dose_known", condition=Q(engine__in=DoseEngine.values)),
        ]

    @property
    def site(self):
        return self.calculation.site


class RegionDose(models.Model):
    calculation = models.ForeignKey(DoseCalculation, on_delete=models.PROTECT, related_name="regions")
    region = models.ForeignKey("planning.Region", on_delete=models.PROTECT, related_name="doses")
    volume_ml = models.FloatField()
    mass_g = models.FloatField()
    mass_origin = models.CharField(max_length=64)
    absorbed_dose_gy = models.FloatField()  # mean from the region's own curve
    absorbed_dose_standard_uncertainty_gy = models.FloatField()
    voxel_mean_dose_gy = models.FloatField(null=True)  # mean of the voxel-wise dose map
    dose_per_activity_gy_per_bq = models.FloatField()
    bed_gy = models.FloatField(null=True)
    bed_standard_uncertainty_gy = models.FloatField(null=True)
    eqd2_gy = models.FloatField(null=True)
    alpha_beta_gy = models.FloatField(null=True)
    repair_half_time_s = models.FloatField(null=True)
    effective_half_life_s = models.FloatField(null=True)
    time_integrated_activity_bq_s = models.FloatField()
    time_integrated_activity_standard_uncertainty_bq_s = models.FloatField()
    dose_at_volume_gy = models.JSONField(
        default=dict, blank=True
    )  # {"98": 3.1, "50": ..., "2": ...}, null where too few voxels
    volume_at_dose_fraction = models.JSONField(default=dict, blank=True)
    # {"alpha": Gy, "electrons": Gy, "photons": Gy, "members": {nuclide: Gy}}; empty without alpha particles
    dose_by_radiation = models.JSONField(default=dict, blank=True)
    rbe = models.FloatField(null=True)
    rbe_weighted_dose_gy = models.FloatField(null=True)
    # {total_gy, statistical_standard_uncertainty_gy, self_gy, cross: [{source, dose_gy}], sphere_gy}; empty: not asked
    organ_level = models.JSONField(default=dict, blank=True)
    n_effective_voxels = models.FloatField(null=True)
    dvh = models.JSONField(default=dict, blank=True)  # {dose_gy: [...], volume_fraction: [...]}
    uncertainty_budget = models.JSONField(default=list, blank=True)  # [{component, percent, is_shared}]
    # {first_order_cv, monte_carlo_cv, dose, bed: {median, interval_68, interval_95} in Gy, band: factors, not_stated}
    uncertainty_chain = models.JSONField(default=dict, blank=True)
    findings = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["region__kind", "region__label"]
        constraints = [
            models.UniqueConstraint(fields=["calculation", "region"], name="region_once_in_dose"),
            models.CheckConstraint(name="region_dose_not_negative", condition=Q(absorbed_dose_gy__gte=0.0)),
        ]
