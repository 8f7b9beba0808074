from django.db import models
from django.db.models import Q

from planning.models.base import Timestamped


class SeriesKind(models.TextChoices):
    EMISSION = "emission", "SPECT or PET"
    PROJECTIONS = "projections", "SPECT projections"
    CT = "ct", "CT"
    RTSTRUCT = "rtstruct", "structure set"
    SEG = "seg", "segmentation"
    OTHER = "other", "other"


ACQUIRED_KINDS = (SeriesKind.EMISSION, SeriesKind.PROJECTIONS)
"""A time point is quantified from one of these; an image of the camera comes before its projections."""


class Series(Timestamped):
    """One imported DICOM series. Stays in quarantine (no time point) until a person confirms its use."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="series")
    upload = models.ForeignKey("planning.Upload", null=True, on_delete=models.PROTECT, related_name="series")
    patient = models.ForeignKey(
        "planning.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="series"
    )
    time_point = models.ForeignKey(
        "planning.TimePoint", null=True, blank=True, on_delete=models.PROTECT, related_name="series"
    )
    kind = models.CharField(max_length=16, choices=SeriesKind)
    modality = models.CharField(max_length=16)
    series_uid = models.CharField(max_length=64)
    study_uid = models.CharField(max_length=64)
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    part = models.PositiveIntegerField(default=0)  # a series that mixes grids is split into parts
    acquisition_start = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(default=dict, blank=True)  # non-identifying header facts of dosimetry.dicomio Series
    identity = models.JSONField(
        default=dict, blank=True
    )  # name, patient_id, birth_date, sex as in the files: never logged
    findings = models.JSONField(default=list, blank=True)
    preview_sha256 = models.CharField(max_length=64, blank=True)  # PNG; empty when the pixels could not be read
    is_discarded = models.BooleanField(default=False)

    class Meta:
        ordering = ["acquisition_start", "created_at"]
        indexes = [models.Index(fields=["site", "series_uid"]), models.Index(fields=["frame_of_reference_uid"])]


class SeriesFile(models.Model):
    """One stored DICOM instance: unchanged bytes, named by digest."""

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="files")
    sop_instance_uid = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    n_bytes = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["series", "sop_instance_uid"], name="instance_unique_in_series"),
        ]
        indexes = [models.Index(fields=["sop_instance_uid"])]


class CalibrationFactor(Timestamped):
    """Sensitivity of one camera for one nuclide and setting, valid between two dates."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="calibration_factors")
    camera = models.CharField(max_length=64)  # station name or model as in the header
    nuclide = models.CharField(max_length=16)
    imaged_kev = models.FloatField(null=True, blank=True)  # photon line of the window; none: of every window
    collimator = models.CharField(max_length=64, blank=True)
    reconstruction = models.CharField(max_length=255, blank=True)
    calibration_cps_per_bq = models.FloatField()
    calibration_standard_uncertainty_cps_per_bq = models.FloatField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=255)
    confirmed_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["camera", "nuclide", "-valid_from"]
        constraints = [
            models.CheckConstraint(name="calibration_positive", condition=Q(calibration_cps_per_bq__gt=0.0)),
            models.CheckConstraint(name="calibration_line_positive", condition=Q(imaged_kev__gt=0.0)),
            models.CheckConstraint(
                name="calibration_uncertainty_not_negative",
                condition=Q(calibration_standard_uncertainty_cps_per_bq__gte=0.0),
            ),
        ]


class DensityCurve(Timestamped):
    """Density by CT number of one CT scanner, valid from a day until a newer confirmed one; never edited."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="density_curves")
    scanner = models.CharField(max_length=64)  # station name or model as in the CT header
    points = models.JSONField()  # [[HU, g/mL], ...], rising HU
    source = models.CharField(max_length=255)
    valid_from = models.DateField()
    confirmed_by = models.ForeignKey("planning.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["scanner", "-valid_from", "-created_at"]
        constraints = [
            models.CheckConstraint(
                name="density_curve_second_person", condition=~Q(confirmed_by=models.F("created_by"))
            ),
            models.CheckConstraint(
                name="density_curve_confirmed_by_a_person",
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
        ]


class VolumeKind(models.TextChoices):
    CT = "ct", "CT"
    SPECT = "spect", "SPECT"
    PET = "pet", "PET"
    DOSE = "dose", "absorbed dose"
    UNCERTAINTY = "uncertainty", "relative standard uncertainty"
    LABELS = "labels", "labels"


class VolumeAsset(Timestamped):
    """A display volume: raw little-endian voxels (z, y, x), stored as gzip, with its geometry header."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("planning.Patient", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=VolumeKind)
    header = models.JSONField()  # as in frontend.md section 4
    voxels_sha256 = models.CharField(max_length=64)  # of the raw bytes: the ETag
    object_sha256 = models.CharField(max_length=64)  # of the stored gzip object


class QuantifiedImage(Timestamped):
    """Immutable revision: activity concentration of one time point in Bq/mL at mid-acquisition, with its CT."""

    time_point = models.ForeignKey("planning.TimePoint", on_delete=models.PROTECT, related_name="images")
    number = models.PositiveIntegerField()
    emission_series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="+")
    beds = models.ManyToManyField(Series, related_name="+")  # of one scan, the emission series among them
    ct_series = models.ForeignKey(Series, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    administration = models.ForeignKey("planning.Administration", on_delete=models.PROTECT, related_name="+")
    calibration = models.ForeignKey(
        CalibrationFactor, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    time_s = models.FloatField()  # mid-acquisition after administration
    mid_acquisition_at = models.DateTimeField()
    whole_image_activity_bq = models.FloatField()
    nuclide = models.CharField(max_length=16)
    steps = models.JSONField(default=list, blank=True)  # what was done to the stored values, in words
    findings = models.JSONField(default=list, blank=True)
    reconstruction = models.CharField(max_length=255, blank=True)  # of projections, in words; empty: the camera's
    emission_sha256 = models.CharField(max_length=64)  # npy float32 (z, y, x), Bq/mL
    emission_grid = models.JSONField()
    replicates_sha256 = models.CharField(max_length=64, blank=True)  # npz of NoiseReplicates; empty: none were made
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    ct_sha256 = models.CharField(max_length=64, blank=True)  # npy int16 (z, y, x), HU
    ct_grid = models.JSONField(null=True, blank=True)
    emission_display = models.ForeignKey(VolumeAsset, on_delete=models.PROTECT, related_name="+")
    ct_display = models.ForeignKey(VolumeAsset, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    label_grid = models.JSONField()  # the display grid on which contours of this time point lie
    inputs_digest = models.CharField(max_length=64)
    versions = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["time_point", "number"], name="image_number_unique"),
            models.CheckConstraint(name="image_after_administration", condition=Q(time_s__gt=0.0)),
        ]

    @property
    def site(self):
        return self.time_point.site
