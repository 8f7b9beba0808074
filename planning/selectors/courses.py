"""Courses, cycles and time points that a user may see."""

from planning.models import Course, Cycle, TimePoint
from planning.selectors.sites import site_ids_of


def courses_visible_to(*, user):
    return Course.objects.filter(patient__site__in=site_ids_of(user=user)).select_related("patient__site", "template")


def cycles_visible_to(*, user):
    return Cycle.objects.filter(course__patient__site__in=site_ids_of(user=user)).select_related(
        "course__patient__site", "course__template", "assignee"
    )


def time_points_visible_to(*, user):
    return TimePoint.objects.filter(cycle__course__patient__site__in=site_ids_of(user=user)).select_related(
        "cycle__course__patient__site"
    )
