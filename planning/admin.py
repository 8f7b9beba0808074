from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from planning.models import Membership, Site, User


@admin.register(User)
class AccountAdmin(UserAdmin):
    fieldsets = (*UserAdmin.fieldsets, ("Printed name", {"fields": ("full_name",)}))


admin.site.register([Site, Membership])
