from django.urls import path

from planning.pages.courses import course_page, patient_page
from planning.pages.cycles import cycle_page
from planning.pages.settings import audit_page, keys_page, settings_page
from planning.pages.uploads import confirm_page, import_page
from planning.pages.worklist import site_choice, worklist_page

CYCLE_PAGES = ("guard", "registration", "contours", "readings", "kinetics", "dose", "sign", "plan", "report")
SETTINGS_PAGES = ("cameras", "limits", "models", "populations", "templates", "users", "virtual")

urlpatterns = [
    path("", worklist_page, name="page-worklist"),
    path("site/", site_choice, name="page-site"),
    path("import/", import_page, name="page-import"),
    path("import/<uuid:upload_id>/", confirm_page, name="page-confirm"),
    path("patients/<uuid:patient_id>/", patient_page, name="page-patient"),
    path("courses/<uuid:course_id>/", course_page, name="page-course"),
    *[path(f"cycles/<uuid:cycle_id>/{page}/", cycle_page, {"page": page}, name=f"page-{page}") for page in CYCLE_PAGES],
    *[
        path(f"settings/{page}/", settings_page, {"page": f"settings_{page}"}, name=f"page-settings-{page}")
        for page in SETTINGS_PAGES
    ],
    path("audit/", audit_page, name="page-audit"),
    path("help/keys", keys_page, name="page-keys"),
]
