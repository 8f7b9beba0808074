from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/", include("planning.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("django-admin/", admin.site.urls),
    path("", include("planning.pages.urls")),
]
