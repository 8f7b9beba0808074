from django.db import models

from planning.models.base import Timestamped


class VirtualPatient(Timestamped):
    """A simulated cycle whose truth is known, taken through the chain by itself. Its patient is no person."""

    site = models.ForeignKey("planning.Site", on_delete=models.PROTECT, related_name="virtual_patients")
    patient_id = models.CharField(max_length=48)
    request = models.JSONField()  # as the page asks for it, see VirtualPatientInput
    settings = models.JSONField(default=dict, blank=True)  # {images, curves, dose}: parameters of these runs
    run = models.ForeignKey("planning.Run", null=True, on_delete=models.PROTECT, related_name="+")
    truth = models.JSONField(default=dict, blank=True)  # as dosimetry.phantoms.virtual_truth writes it; empty: not yet
    upload = models.OneToOneField(
        "planning.Upload", null=True, on_delete=models.PROTECT, related_name="virtual_patient"
    )
    cycle = models.OneToOneField("planning.Cycle", null=True, on_delete=models.PROTECT, related_name="virtual_patient")
    is_automatic = models.BooleanField(default=True)  # False: import and images only, the rest is for people
    is_finished = models.BooleanField(default=False)
    error_message = models.CharField(max_length=1000, blank=True)  # why it goes on no further by itself

    class Meta:
        ordering = ["-created_at"]

    @property
    def name(self) -> str:
        """Return the name in the files, in DICOM's order."""
        return f"Virtual^{self.patient_id}"
