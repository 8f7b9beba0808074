"""Limit sets and templates: versioned, sourced, confirmed by a second person, never edited (row 25)."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from planning import models
from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.selectors.current import current_limit_set
from planning.selectors.plans import limits_for_region
from planning.services.limits import limit_set_confirm, limit_set_create, template_confirm, template_create
from tests.planning.worked_case import add_limits

pytestmark = pytest.mark.django_db
KIDNEY = {"region_name": "Kidney", "quantity": "absorbed_dose", "limit_gy": 23.0, "source": "guideline"}
TEMPLATE = {"name": "Lu-DOTATATE", "nuclide": "Lu-177", "agent": "DOTATATE", "n_cycles": 4, "interval_days": 56}


def create(clinic, *, role=Role.SITE_ADMINISTRATOR, limits=(KIDNEY,), name="Limits"):
    return limit_set_create(actor=clinic.users[role], site=clinic.site, name=name, limits=[dict(i) for i in limits])


def confirm(clinic, limit_set, role=Role.QUALITY_LEAD):
    return limit_set_confirm(actor=clinic.users[role], limit_set=limit_set)


def test_a_change_is_a_new_version(clinic):
    first, second = create(clinic), create(clinic, limits=[{**KIDNEY, "limit_gy": 28.0}])
    assert (first.version, second.version) == (1, 2)
    assert first.limits.get().limit_gy == 23.0


def test_row_25_a_draft_never_replaces_a_confirmed_set(clinic):
    confirmed = confirm(clinic, create(clinic))
    draft = create(clinic, limits=[{**KIDNEY, "limit_gy": 40.0}])
    assert current_limit_set(clinic.site) == confirmed
    confirm(clinic, draft)
    assert current_limit_set(clinic.site) == draft


def test_row_25_the_limits_of_another_site_do_not_count(clinic):
    models.LimitSet.objects.create(site=clinic.other, name="Foreign limits")
    assert current_limit_set(clinic.site) is None


def test_the_author_does_not_confirm(clinic):
    limit_set = create(clinic)
    models.Membership.objects.create(
        user=clinic.users[Role.SITE_ADMINISTRATOR], site=clinic.site, role=Role.QUALITY_LEAD
    )
    with pytest.raises(NotAllowedError) as caught:
        confirm(clinic, limit_set, Role.SITE_ADMINISTRATOR)
    assert caught.value.code == "second_person_required"


def test_a_version_is_confirmed_once_by_the_quality_lead(clinic):
    limit_set = create(clinic)
    with pytest.raises(NotAllowedError):
        confirm(clinic, limit_set, Role.PHYSICIST)
    confirm(clinic, limit_set)
    with pytest.raises(InvalidStateError) as caught:
        confirm(clinic, limit_set)
    assert caught.value.code == "already_confirmed"


@pytest.mark.parametrize(
    "fields", [{"source": ""}, {"limit_gy": 0.0}, {"limit_gy": -1.0}, {"quantity": "effective_dose"}], ids=str
)
def test_a_limit_needs_a_source_a_positive_value_and_a_known_quantity(clinic, fields):
    with pytest.raises(ValidationError):
        create(clinic, limits=[{**KIDNEY, **fields}])


def test_the_database_refuses_a_limit_without_source(clinic):
    limit = add_limits(clinic).limits.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        models.DoseLimit.objects.filter(pk=limit.pk).update(source="")


def test_an_empty_set_is_refused(clinic):
    with pytest.raises(InvalidStateError) as caught:
        create(clinic, limits=[])
    assert caught.value.code == "no_limits"


@pytest.mark.parametrize(
    ("name", "kind", "is_covered"),
    [
        ("Kidney", "organ", True),
        ("Kidney left", "organ", True),
        ("kidney right", "organ", True),
        ("Kidneys", "organ", False),
        ("Left kidney", "organ", False),
        ("Kidney lesion", "lesion", False),
    ],
)
def test_a_limit_covers_an_organ_and_its_sides_but_no_lesion(clinic, name, kind, is_covered):
    region = models.Region(kind=kind, name=name)
    assert bool(limits_for_region(add_limits(clinic), region)) is is_covered


def test_a_template_is_versioned_and_confirmed_by_a_second_person(clinic):
    author = clinic.users[Role.PHYSICIST]
    first = template_create(actor=author, site=clinic.site, fields=dict(TEMPLATE))
    second = template_create(actor=author, site=clinic.site, fields={**TEMPLATE, "n_cycles": 6})
    assert (first.version, second.version, first.is_confirmed) == (1, 2, False)
    with pytest.raises(NotAllowedError):
        template_confirm(actor=author, template=second)
    assert template_confirm(actor=clinic.users[Role.QUALITY_LEAD], template=second).is_confirmed


def test_radiobiology_of_a_template_needs_numbers_and_source(clinic):
    client = clinic.client(clinic.users[Role.PHYSICIST])
    url = f"/api/sites/{clinic.site.pk}/templates"
    body = {**TEMPLATE, "scan_times_h": [24.0], "radiobiology": {"Kidney": {"alpha_beta_gy": 2.6}}}
    answer = client.post(url, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert "radiobiology" in answer.json()["fields"]


def test_settings_of_another_site_are_not_found(clinic):
    limit_set = create(clinic)
    foreign = clinic.client(clinic.foreigner)
    assert foreign.post(f"/api/limit-sets/{limit_set.pk}/confirm").status_code == 404
    assert foreign.get(f"/api/sites/{clinic.site.pk}/limit-sets").status_code == 404
    shown = clinic.client(clinic.users[Role.READER]).get(f"/api/sites/{clinic.site.pk}/limit-sets").json()["results"]
    assert shown[0]["limits"][0]["limit"] == {"value": 23.0, "unit": "Gy", "standard_uncertainty": None}
