from django.contrib import admin
from django.urls import include, path

handler404 = "planning.api.errors.not_found"
urlpatterns = [
    path("api/", include("planning.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("django-admin/", admin.site.urls),
    path("", include("planning.pages.urls")),
]
