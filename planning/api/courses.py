from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from planning.api.schema import documented
from planning.figures.course import course_figure
from planning.selectors.course_page import course_detail
from planning.selectors.courses import courses_visible_to
from planning.selectors.timeline import course_timeline
from planning.services.audit import audit_view


class CourseApi(APIView):
    @documented()
    def get(self, request, course_id):
        course = get_object_or_404(courses_visible_to(user=request.user), pk=course_id)
        audit_view(actor=request.user, patient=course.patient)
        timeline = course_timeline(course)
        return Response({**course_detail(course), "timeline": timeline, "figure": course_figure(timeline)})


urlpatterns = [path("courses/<uuid:course_id>", CourseApi.as_view(), name="course")]
