"""Patients and their doses from elsewhere that a user may see."""

from planning.models import ExternalDose, Patient
from planning.selectors.sites import site_ids_of


def patients_visible_to(*, user):
    return Patient.objects.filter(site__in=site_ids_of(user=user)).select_related("site")


def external_doses_visible_to(*, user):
    return ExternalDose.objects.filter(patient__site__in=site_ids_of(user=user)).select_related("patient__site")
