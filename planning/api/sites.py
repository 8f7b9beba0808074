from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.models import User
from planning.models.sites import Role
from planning.selectors.sites import people_of_site, sites_visible_to
from planning.services.sites import membership_add, membership_remove, user_create


class UserInput(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    full_name = serializers.CharField(max_length=255)
    password = serializers.CharField(min_length=12, max_length=255, trim_whitespace=False)
    role = serializers.ChoiceField(choices=Role.choices)


class UsersApi(APIView):
    @documented(UserInput, status=201)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = UserInput(data=request.data)
        fields.is_valid(raise_exception=True)
        user_create(actor=request.user, site=site, **fields.validated_data)
        return Response({"results": people_of_site(site)}, status=201)


class MembershipInput(serializers.Serializer):
    user_id = serializers.IntegerField()
    role = serializers.ChoiceField(choices=Role.choices)
    is_member = serializers.BooleanField()


class MembershipsApi(APIView):
    @documented(MembershipInput)
    def post(self, request, site_id):
        site = get_object_or_404(sites_visible_to(user=request.user), pk=site_id)
        fields = MembershipInput(data=request.data)
        fields.is_valid(raise_exception=True)
        values = fields.validated_data
        user = (
            get_object_or_404(User, pk=values["user_id"], memberships__site=site)
            if not values["is_member"]
            else (get_object_or_404(User, pk=values["user_id"]))
        )
        change = membership_add if values["is_member"] else membership_remove
        change(actor=request.user, site=site, user=user, role=Role(values["role"]))
        return Response({"results": people_of_site(site)})


urlpatterns = [
    path("sites/<uuid:site_id>/users", UsersApi.as_view(), name="users"),
    path("sites/<uuid:site_id>/memberships", MembershipsApi.as_view(), name="memberships"),
]
