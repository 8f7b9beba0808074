from django.db import models

from planning.models.base import Timestamped


class Sex(models.TextChoices):
    FEMALE = "F", "female"
    MALE = "M", "male"
    OTHER = "O", "other"
    UNKNOWN = "", "not recorded"


class Patient(Timestamped):
    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="patients")
    patient_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=1, choices=Sex, default=Sex.UNKNOWN, blank=True)
    weight_kg = models.FloatField(null=True, blank=True)
    height_m = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["name", "patient_id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "patient_id"], name="patient_id_unique_in_site"),
            models.CheckConstraint(name="patient_id_given", condition=~models.Q(patient_id="")),
        ]


class LabKind(models.TextChoices):
    HAEMOGLOBIN = "haemoglobin", "Haemoglobin"
    PLATELETS = "platelets", "Platelets"
    LEUCOCYTES = "leucocytes", "Leucocytes"
    CREATININE = "creatinine", "Creatinine"
    EGFR = "egfr", "eGFR"


class LabResult(Timestamped):
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="lab_results")
    kind = models.CharField(max_length=16, choices=LabKind)
    value = models.FloatField()
    unit = models.CharField(max_length=32)
    taken_at = models.DateTimeField()

    class Meta:
        ordering = ["taken_at"]
        constraints = [models.CheckConstraint(name="lab_value_positive", condition=models.Q(value__gt=0.0))]


class ExternalDose(Timestamped):
    """Absorbed dose to a region from a treatment outside this record, typed in with its source."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="external_doses")
    region_name = models.CharField(max_length=64)
    absorbed_dose_gy = models.FloatField()
    absorbed_dose_standard_uncertainty_gy = models.FloatField(null=True, blank=True)
    bed_gy = models.FloatField(null=True, blank=True)
    modality = models.CharField(max_length=64)
    source = models.CharField(max_length=255)
    treated_on = models.DateField(null=True, blank=True)
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(name="external_dose_not_negative", condition=models.Q(absorbed_dose_gy__gte=0.0)),
        ]
