"""The worklist and the choice of the site that it starts from."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from planning.models import Membership
from planning.pages.shell import SITE_KEY, render_page


@require_safe
@login_required
def worklist_page(request: HttpRequest) -> HttpResponse:
    return render_page(request, page="worklist")


@require_POST
@login_required
def site_choice(request: HttpRequest) -> HttpResponse:
    """Remember the site for this session; a site without membership is not found."""
    chosen = request.POST.get("site", "")
    if chosen not in {str(m.site_id) for m in Membership.objects.filter(user=request.user)}:
        raise Http404("No such site.")
    request.session[SITE_KEY] = chosen
    return redirect("page-worklist")
