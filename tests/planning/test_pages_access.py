"""Pages: who gets which, what of another site is not found, what every answer carries."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from planning.models import AuditRecord, Course, Cycle, Membership, Patient, Site, Upload, User
from planning.models.sites import Role
from planning.pages.urls import CYCLE_PAGES, SETTINGS_PAGES

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough password"


def person(name: str, *places: tuple[Site, Role]) -> User:
    user = User.objects.create_user(username=name, password=PASSWORD, full_name=f"Person {name}")
    for site, role in places:
        Membership.objects.create(user=user, site=site, role=role)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def case_at(site: Site) -> Cycle:
    patient = Patient.objects.create(site=site, patient_id="ZZPHI-1", name="ZZPHI, Anna", sex="F")
    course = Course.objects.create(patient=patient, number=1, nuclide="Lu-177", agent="DOTATATE")
    return Cycle.objects.create(course=course, number=1)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Site A", time_zone="Europe/Berlin")


@pytest.fixture
def other_site() -> Site:
    return Site.objects.create(name="Site B")


@pytest.fixture
def physicist(site) -> Client:
    return signed_in(person("physicist", (site, Role.PHYSICIST)))


def case_urls(cycle: Cycle) -> list[str]:
    urls = [f"/cycles/{cycle.pk}/{page}/" for page in CYCLE_PAGES]
    return [*urls, f"/courses/{cycle.course_id}/", f"/import/?cycle={cycle.pk}"]


def test_every_page_of_a_case_shows_the_patient_to_its_own_site(site, physicist):
    cycle = case_at(site)
    for url in case_urls(cycle)[:-1]:
        response = physicist.get(url)
        assert response.status_code == 200, url
        text = response.content.decode()
        assert "ZZPHI, Anna" in text
        assert "<sup>177</sup>Lu-DOTATATE" in text
        assert "not a cleared medical device" in text
        assert "ZZPHI" not in text[text.index("<title>") : text.index("</title>")]


def test_pages_of_another_site_are_not_found(site, other_site, physicist):
    """A case of another site answers like one that does not exist (hazards 34, 39)."""
    foreign = case_at(other_site)
    upload = Upload.objects.create(site=other_site, n_files=1, n_bytes=1)
    urls = [*case_urls(foreign), f"/patients/{foreign.course.patient_id}/", f"/import/{upload.pk}/"]
    for url in urls:
        assert physicist.get(url).status_code == 404, url
        assert physicist.get(url.replace(str(foreign.pk), str(uuid4()))).status_code == 404


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.QUALITY_LEAD, Role.SITE_ADMINISTRATOR, Role.RESEARCHER])
def test_roles_that_see_no_patients_find_no_case(site, role):
    client = signed_in(person("nobody", (site, role)))
    for url in case_urls(case_at(site)):
        assert client.get(url).status_code == 404, url


def test_a_page_needs_a_sign_in(site):
    cycle = case_at(site)
    settings = [f"/settings/{page}/" for page in SETTINGS_PAGES]
    for url in [*case_urls(cycle), *settings, "/", "/audit/", "/help/keys"]:
        response = Client().get(url)
        assert response.status_code == 302, url
        assert response["Location"].startswith("/accounts/login/")


def test_opening_a_case_is_recorded(site, physicist):
    cycle = case_at(site)
    before = AuditRecord.objects.count()
    physicist.get(f"/cycles/{cycle.pk}/kinetics/")
    assert AuditRecord.objects.count() == before + 1


def test_a_patient_without_a_course_is_not_found_and_one_with_courses_opens_the_newest(site, physicist):
    patient = Patient.objects.create(site=site, patient_id="ZZPHI-2", name="ZZPHI, Berta")
    assert physicist.get(f"/patients/{patient.pk}/").status_code == 404
    courses = [Course.objects.create(patient=patient, number=i, nuclide="Lu-177", agent="A") for i in (1, 2)]
    assert physicist.get(f"/patients/{patient.pk}/")["Location"] == f"/courses/{courses[1].pk}/"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.PHYSICIST, {"cameras", "limits", "models", "populations", "templates", "virtual"}),
        (Role.QUALITY_LEAD, {"cameras", "limits", "models", "populations", "templates", "audit"}),
        (Role.SITE_ADMINISTRATOR, {"cameras", "limits", "models", "populations", "templates", "users"}),
        (Role.AUDITOR, {"audit"}),
        (Role.RESEARCHER, set()),
    ],
)
def test_settings_and_audit_open_by_role(site, role, allowed):
    client = signed_in(person("somebody", (site, role)))
    urls = {page: f"/settings/{page}/" for page in SETTINGS_PAGES} | {"audit": "/audit/"}
    for page, url in urls.items():
        assert client.get(url).status_code == (200 if page in allowed else 403), page
        assert (f'href="{url}"' in client.get("/").content.decode()) == (page in allowed)


def test_the_audit_page_checks_the_chain_on_request(site):
    client = signed_in(person("auditor", (site, Role.AUDITOR)))
    assert "Check the chain" in client.get("/audit/").content.decode()
    assert "Chain unbroken" in client.get("/audit/?check=1").content.decode()


def test_the_site_is_chosen_among_own_sites_only(site, other_site, physicist):
    both = signed_in(person("both", (site, Role.PHYSICIST), (other_site, Role.READER)))
    assert f'data-site="{site.pk}"' in both.get("/").content.decode()
    assert both.post("/site/", {"site": str(other_site.pk)}).status_code == 302
    assert f'data-site="{other_site.pk}"' in both.get("/").content.decode()
    assert physicist.post("/site/", {"site": str(other_site.pk)}).status_code == 404
    assert physicist.get("/site/").status_code == 405


def test_pages_carry_security_headers_and_are_not_stored(site, physicist):
    response = physicist.get(f"/cycles/{case_at(site).pk}/dose/")
    policy = response["Content-Security-Policy"]
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-store"


def test_a_person_without_a_site_gets_a_worklist_without_areas():
    response = signed_in(person("new")).get("/")
    assert response.status_code == 200
    assert "/settings/" not in response.content.decode()


def test_pages_refuse_writing(site, physicist):
    assert physicist.post(f"/cycles/{case_at(site).pk}/dose/").status_code == 405


@pytest.mark.parametrize("name", ["account_login", "account_change_password", "mfa_index", "account_reauthenticate"])
def test_account_pages_use_the_own_frame(site, physicist, name):
    client = Client() if name == "account_login" else physicist
    response = client.get(reverse(name), follow=True)
    assert response.status_code == 200
    text = response.content.decode()
    assert "entrance-form" in text
    assert "For research and evaluation" in text


def test_unknown_addresses_get_the_own_error_page(physicist):
    response = physicist.get("/nothing/here/")
    assert response.status_code == 404
    assert "Not found" in response.content.decode()
