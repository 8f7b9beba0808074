"""Sites, people and roles."""

from typing import Any

from planning.models.sites import Membership, Role, Site, User

PATIENT_ROLES = (
    Role.TECHNOLOGIST,
    Role.CONTOUR_EDITOR,
    Role.PHYSICIST,
    Role.PHYSICIAN,
    Role.PRESCRIBER,
    Role.READER,
)
"""Roles that see patients; auditors, quality leads, administrators and researchers do not."""


def sites_visible_to(*, user):
    return Site.objects.filter(memberships__user=user).distinct()


def site_ids_of(*, user):
    """Return a query of the sites whose patients a user may see."""
    return Membership.objects.filter(user_id=user.pk, role__in=PATIENT_ROLES).values("site_id")


def roles_of(*, user, site) -> list[str]:
    return list(Membership.objects.filter(user_id=user.pk, site=site).values_list("role", flat=True))


def people_of_site(site: Site) -> list[dict[str, Any]]:
    people: dict[int, dict[str, Any]] = {}
    memberships = Membership.objects.filter(site=site, user__is_active=True).select_related("user")
    for membership in memberships.order_by("user__full_name"):
        person = people.setdefault(
            membership.user_id, {"id": membership.user_id, "name": membership.user.printed_name, "roles": []}
        )
        person["roles"].append(membership.role)
    return list(people.values())


def people_with_roles(site: Site, roles: set[str], *, without: set[int]) -> list[str]:
    users = User.objects.filter(memberships__site=site, memberships__role__in=roles, is_active=True).distinct()
    return sorted(user.printed_name for user in users.exclude(pk__in=without))
