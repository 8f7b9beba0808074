"""People and roles of a site: deny by default, at least one administrator, passwords that hold."""

import pytest
from django.core.exceptions import ValidationError

from planning import models
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.permissions import TABLE, Action, allowed_actions, is_allowed
from planning.selectors.sites import people_of_site, site_ids_of, sites_visible_to
from planning.services.sites import membership_add, membership_remove, user_create

pytestmark = pytest.mark.django_db
NEWCOMER = {"username": "newcomer", "full_name": "New Comer", "password": "a long new password 7", "role": Role.READER}


@pytest.fixture
def admin(clinic):
    return clinic.users[Role.SITE_ADMINISTRATOR]


def test_roles_hold_at_their_site_only(clinic):
    physicist = clinic.users[Role.PHYSICIST]
    assert is_allowed(user=physicist, action=Action.RUN_CALCULATION, site=clinic.site)
    assert not is_allowed(user=physicist, action=Action.RUN_CALCULATION, site=clinic.other)
    assert allowed_actions(user=physicist, site=clinic.other) == []


def test_every_action_has_roles_and_nobody_without_a_role_may_act(clinic):
    assert set(TABLE) == set(Action)
    nobody = models.User.objects.create_user(username="nobody")
    assert allowed_actions(user=nobody, site=clinic.site) == []
    assert not sites_visible_to(user=nobody).exists()


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.QUALITY_LEAD, Role.SITE_ADMINISTRATOR, Role.AUDITOR])
def test_row_34_roles_without_patients_see_none(clinic, role):
    assert not site_ids_of(user=clinic.users[role]).exists()


def test_a_role_is_given_and_taken_with_audit_lines(clinic, admin):
    reader = clinic.users[Role.READER]
    membership_add(actor=admin, site=clinic.site, user=reader, role=Role.PHYSICIAN)
    assert is_allowed(user=reader, action=Action.SIGN_APPROVED, site=clinic.site)
    membership_remove(actor=admin, site=clinic.site, user=reader, role=Role.PHYSICIAN)
    assert not is_allowed(user=reader, action=Action.SIGN_APPROVED, site=clinic.site)
    assert list(models.AuditRecord.objects.values_list("action", flat=True)) == ["membership.add", "membership.remove"]


def test_the_last_administrator_stays(clinic, admin):
    with pytest.raises(InvalidStateError) as caught:
        membership_remove(actor=admin, site=clinic.site, user=admin, role=Role.SITE_ADMINISTRATOR)
    assert caught.value.code == "last_administrator"
    membership_add(actor=admin, site=clinic.site, user=clinic.second, role=Role.SITE_ADMINISTRATOR)
    membership_remove(actor=admin, site=clinic.site, user=admin, role=Role.SITE_ADMINISTRATOR)


def test_a_role_that_is_not_held_cannot_be_taken(clinic, admin):
    with pytest.raises(InvalidStateError) as caught:
        membership_remove(actor=admin, site=clinic.site, user=clinic.second, role=Role.PHYSICIAN)
    assert caught.value.code == "no_role"


def test_an_administrator_rules_the_own_site_only(clinic, admin):
    for site in (clinic.other,):
        with pytest.raises(NotAllowedError):
            membership_add(actor=admin, site=site, user=admin, role=Role.PHYSICIST)
    with pytest.raises(NotAllowedError):
        membership_add(actor=clinic.second, site=clinic.site, user=clinic.second, role=Role.PHYSICIAN)


def test_a_new_person_has_one_role_and_a_hashed_password(clinic, admin):
    user = user_create(actor=admin, site=clinic.site, **NEWCOMER)
    assert user.check_password(NEWCOMER["password"])
    assert NEWCOMER["password"] not in user.password
    (person,) = [row for row in people_of_site(clinic.site) if row["name"] == "New Comer"]
    assert person["roles"] == [Role.READER]


@pytest.mark.parametrize("password", ["short", "password1234", "newcomer1234"])
def test_a_weak_password_is_refused_by_the_service(clinic, admin, password):
    with pytest.raises(ValidationError):
        user_create(actor=admin, site=clinic.site, **{**NEWCOMER, "password": password})
    assert not models.User.objects.filter(username="newcomer").exists()


def test_a_user_name_is_taken_once(clinic, admin):
    with pytest.raises(InvalidStateError) as caught:
        user_create(actor=admin, site=clinic.site, **{**NEWCOMER, "username": "physicist"})
    assert caught.value.code == "username_taken"


def test_the_api_shows_a_weak_password_as_a_field_error(clinic, admin):
    body = {**NEWCOMER, "password": "newcomer1234", "role": "reader"}
    answer = clinic.client(admin).post(f"/api/sites/{clinic.site.pk}/users", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert clinic.client(admin).get(f"/api/sites/{clinic.other.pk}/people").status_code == 404
