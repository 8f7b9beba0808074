"""Two sites, a person of every role at the first, a physicist at the second, and a case at each."""

from types import SimpleNamespace

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from planning import models
from planning.models.sites import Role
from tests.planning.worked_case import make_worked_case

PASSWORD = "a long enough password"


@pytest.fixture
def clinic(db):
    """Return site, other_site, users by role (and ``foreigner``), and a function that signs a client in."""
    site = models.Site.objects.create(name="Clinic A", time_zone="Europe/Berlin")
    other = models.Site.objects.create(name="Clinic B")
    users = {}
    for role in Role:
        user = models.User.objects.create_user(username=role, password=PASSWORD, full_name=f"{role.label} A")
        models.Membership.objects.create(user=user, site=site, role=role)
        users[role] = user
    second = models.User.objects.create_user(username="physicist2", password=PASSWORD, full_name="Physicist B")
    models.Membership.objects.create(user=second, site=site, role=Role.PHYSICIST)
    foreigner = models.User.objects.create_user(username="foreigner", password=PASSWORD, full_name="Foreigner")
    for role in Role:
        models.Membership.objects.create(user=foreigner, site=other, role=role)

    def client(user) -> APIClient:
        signed_in = APIClient()
        if user is not None:
            signed_in.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return signed_in

    return SimpleNamespace(
        site=site, other=other, users=users, second=second, foreigner=foreigner, client=client, password=PASSWORD
    )


@pytest.fixture
def case(clinic):
    """Return patient, course, cycle, administration and time point of the first site."""
    patient = models.Patient.objects.create(site=clinic.site, patient_id="ZZPHI-1", name="ZZPHI^Anna")
    course = models.Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
    cycle = models.Cycle.objects.create(course=course, number=1)
    administration = models.Administration.objects.create(
        cycle=cycle,
        number=1,
        administered_at=timezone.now() - timezone.timedelta(days=10),
        administered_activity_bq=7.4e9,
        source="typed",
    )
    time_point = models.TimePoint.objects.create(cycle=cycle, number=1, is_reference=True)
    return SimpleNamespace(
        patient=patient, course=course, cycle=cycle, administration=administration, time_point=time_point
    )


@pytest.fixture
def worked(clinic):
    """Return a small case with three scans; its methods take it through the real services."""
    return make_worked_case(clinic)
