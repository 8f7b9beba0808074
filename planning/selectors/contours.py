"""Regions and contours that a user may see."""

from planning.models import Region
from planning.selectors.sites import site_ids_of


def regions_visible_to(*, user):
    return Region.objects.filter(course__patient__site__in=site_ids_of(user=user)).select_related(
        "course__patient__site"
    )
