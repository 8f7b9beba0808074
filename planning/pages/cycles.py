"""The pages of one cycle: fetch what the user may see, record the view, render the shell of the step."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from planning.pages.shell import patient_strip, render_page
from planning.selectors.courses import cycles_visible_to
from planning.services.audit import audit_view


@require_safe
@login_required
def cycle_page(request: HttpRequest, cycle_id: UUID, page: str) -> HttpResponse:
    cycle = get_object_or_404(cycles_visible_to(user=request.user), pk=cycle_id)
    audit_view(actor=request.user, patient=cycle.patient)
    data = {"cycle": cycle.pk, "course": cycle.course_id, "patient": cycle.course.patient_id, "number": cycle.number}
    return render_page(
        request, page=page, context={"strip": patient_strip(course=cycle.course, cycle=cycle)}, data=data
    )
