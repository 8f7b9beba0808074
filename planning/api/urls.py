from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from planning.api import (
    audit,
    courses,
    doses,
    kinetics,
    labs,
    limits,
    plans,
    reports,
    reviews,
    runs,
    sites,
    uploads,
    worklist,
)

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    *audit.urlpatterns,
    *courses.urlpatterns,
    *doses.urlpatterns,
    *kinetics.urlpatterns,
    *labs.urlpatterns,
    *limits.urlpatterns,
    *plans.urlpatterns,
    *reports.urlpatterns,
    *reviews.urlpatterns,
    *runs.urlpatterns,
    *sites.urlpatterns,
    *uploads.urlpatterns,
    *worklist.urlpatterns,
]
