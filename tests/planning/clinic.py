"""Two sites, a person of every role at the first, and one person with all roles at the second."""

from types import SimpleNamespace

from rest_framework.test import APIClient

from planning import models
from planning.models.sites import Role
from tests.factories import PASSWORD


def make_clinic() -> SimpleNamespace:
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
