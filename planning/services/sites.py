"""Roles of people at a site."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from planning import permissions
from planning.errors import InvalidStateError
from planning.models import Membership, Site, User
from planning.models.sites import Role
from planning.permissions import Action
from planning.services.audit import audit_record


@transaction.atomic
def membership_add(*, actor: User, site: Site, user: User, role: Role) -> Membership:
    permissions.require(user=actor, action=Action.MANAGE_USERS, site=site)
    membership, _ = Membership.objects.get_or_create(user=user, site=site, role=role)
    audit_record(
        actor=actor, action="membership.add", target=membership, site=site, after={"user": user.pk, "role": role}
    )
    return membership


@transaction.atomic
def membership_remove(*, actor: User, site: Site, user: User, role: Role) -> None:
    """Take a role away; the last administrator of a site stays."""
    permissions.require(user=actor, action=Action.MANAGE_USERS, site=site)
    membership = Membership.objects.filter(user=user, site=site, role=role).first()
    if membership is None:
        raise InvalidStateError("This person does not hold this role.", code="no_role")
    others = Membership.objects.filter(site=site, role=Role.SITE_ADMINISTRATOR).exclude(pk=membership.pk)
    if role == Role.SITE_ADMINISTRATOR and not others.exists():
        raise InvalidStateError("A site keeps at least one administrator.", code="last_administrator")
    audit_record(
        actor=actor, action="membership.remove", target=membership, site=site, before={"user": user.pk, "role": role}
    )
    membership.delete()


@transaction.atomic
def user_create(*, actor: User, site: Site, username: str, full_name: str, password: str, role: Role) -> User:
    """Add a person with a first role; the password is handed over and changed by its owner."""
    permissions.require(user=actor, action=Action.MANAGE_USERS, site=site)
    if User.objects.filter(username=username).exists():
        raise InvalidStateError("This user name is taken.", code="username_taken")
    user = User(username=username, full_name=full_name)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    membership_add(actor=actor, site=site, user=user, role=role)
    return user
