"""The timeline of a course, and the short way from a patient to the newest course."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from planning.pages.shell import patient_strip, render_page
from planning.selectors.courses import courses_visible_to
from planning.selectors.patients import patients_visible_to
from planning.services.audit import audit_view


@require_safe
@login_required
def course_page(request: HttpRequest, course_id: UUID) -> HttpResponse:
    course = get_object_or_404(courses_visible_to(user=request.user), pk=course_id)
    audit_view(actor=request.user, patient=course.patient)
    cycle = course.cycles.order_by("-number").first()
    data = {"course": course.pk, "patient": course.patient_id, "cycle": cycle.pk if cycle else ""}
    return render_page(request, page="course", context={"strip": patient_strip(course=course, cycle=cycle)}, data=data)


@require_safe
@login_required
def patient_page(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    patient = get_object_or_404(patients_visible_to(user=request.user), pk=patient_id)
    course = patient.courses.order_by("-number").first()
    if course is None:
        raise Http404("This patient has no course yet.")
    return redirect("page-course", course.pk)
