from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. Roles are held per site, in Membership."""

    full_name = models.CharField(max_length=255, blank=True)

    @property
    def printed_name(self) -> str:
        return self.full_name or self.username


class Site(models.Model):
    """An institution. Every clinical row belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    TECHNOLOGIST = "technologist", "Technologist"
    CONTOUR_EDITOR = "contour_editor", "Contour editor"
    PHYSICIST = "physicist", "Physicist"
    PHYSICIAN = "physician", "Physician"
    PRESCRIBER = "prescriber", "Prescriber"
    READER = "reader", "Reader"
    RESEARCHER = "researcher", "Researcher"
    QUALITY_LEAD = "quality_lead", "Quality lead"
    SITE_ADMINISTRATOR = "site_administrator", "Site administrator"
    AUDITOR = "auditor", "Auditor"


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=32, choices=Role)

    class Meta:
        ordering = ["site", "user", "role"]
        constraints = [models.UniqueConstraint(fields=["user", "site", "role"], name="role_once_per_site")]
