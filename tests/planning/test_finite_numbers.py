"""NaN passes every comparison with a limit: it is refused where a number enters, in the words of its field."""

import importlib
import pkgutil

import pytest
from rest_framework import serializers

import planning.api
from planning import models
from planning.api.fields import FiniteFloatField
from planning.models.sites import Role
from tests.planning.worked_case import add_limits

pytestmark = pytest.mark.django_db
WORDS = ["NaN", "Infinity", "-Infinity", "1e999", '"nan"', '"inf"', "9" * 400]
"""As they stand in a JSON body: constants of JavaScript, an overflow, texts that read as a number, a huge integer."""

LAB = '{"kind": "platelets", "value": %s, "unit": "10/L", "taken_at": "2026-03-01T08:00:00Z"}'
DOSE = '{"region_name": "Kidney", "absorbed_dose_gy": %s, "modality": "external beam", "source": "letter"}'
LIMIT = '{"region_name": "Kidney", "quantity": "absorbed_dose", "limit_gy": %s, "source": "guideline"}'
GIVEN = '{"administered_activity": {"value": %s, "unit": "GBq"}, "administered_at": "2026-03-02T09:30:00Z"}'
TEMPLATE = (
    '{"name": "T", "nuclide": "Lu-177", "agent": "DOTATATE", "n_cycles": 4, "interval_days": 56, '
    '"scan_times_h": [24.0], '
)
ALPHA_BETA = '"radiobiology": {"Kidney": {"alpha_beta_gy": %s, "repair_half_time_h": 2.8, "source": "paper"}}}'
ENTRIES = {
    "lab": ("/api/patients/{patient}/labs", LAB, "value"),
    "external dose": ("/api/patients/{patient}/external-doses", DOSE, "absorbed_dose_gy"),
    "limit": ("/api/sites/{site}/limit-sets", '{"name": "L", "limits": [' + LIMIT + "]}", "limits"),
    "template": ("/api/sites/{site}/templates", TEMPLATE + ALPHA_BETA, "radiobiology"),
    "hard limit": ("/api/sites/{site}/templates", TEMPLATE + '"hard_limit_activity_bq": %s}', "hard_limit_activity_bq"),
    "administration": ("/api/cycles/{cycle}/administrations", GIVEN, "administered_activity"),
    "plan": ("/api/courses/{course}/plans", '{"activity_gbq": %s}', "activity_gbq"),
}
OPERATIONS = [
    ("margin", '"margin_mm": %s', "margin_mm"),
    ("smooth", '"radius_mm": %s', "radius_mm"),
    ("islands", '"minimum_ml": %s', "minimum_ml"),
    ("threshold", '"minimum_bq_per_ml": %s', "minimum_bq_per_ml"),
    ("threshold_sphere", '"centre_lps_mm": [0, 0, 0], "radius_mm": 5, "fraction": %s', "fraction"),
    ("grow", '"centre_lps_mm": [0, %s, 0], "minimum_bq_per_ml": 1000', "centre_lps_mm"),
]


def everybody(clinic) -> models.User:
    """Return a person whom no right stops, so that only the number can be refused."""
    user = clinic.users[Role.PHYSICIST]
    others = set(Role) - {Role.PHYSICIST}
    models.Membership.objects.bulk_create(models.Membership(user=user, site=clinic.site, role=role) for role in others)
    return user


def places(worked) -> dict:
    case = {"patient": worked.patient.pk, "course": worked.course.pk, "cycle": worked.cycle.pk}
    return case | {"site": worked.clinic.site.pk}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_is_not_finite_is_refused_with_its_field(worked, clinic, entry):
    client = clinic.client(everybody(clinic))
    url, body, field = ENTRIES[entry]
    found = {}
    for word in WORDS:
        answer = client.post(url.format(**places(worked)), body % word, content_type="application/json")
        found[word] = (answer.status_code, answer.json()["code"], list(answer.json()["fields"]))
    assert found == dict.fromkeys(WORDS, (400, "invalid_input", [field]))


@pytest.mark.parametrize(("operation", "parameters", "field"), OPERATIONS, ids=[row[0] for row in OPERATIONS])
def test_a_contour_parameter_that_is_not_finite_is_refused(worked, clinic, operation, parameters, field):
    worked.contoured()
    client = clinic.client(worked.editor)
    url = f"/api/time-points/{worked.points[0].pk}/contours/operations"
    start = f'{{"operation": "{operation}", "region_id": "{worked.kidney.pk}", "parameters": {{'
    for word in WORDS:
        body = start + parameters % word + "}}"
        answer = client.post(url, body, content_type="application/json", headers={"If-Match": '"1"'})
        assert (answer.status_code, list(answer.json()["fields"]["parameters"])) == (400, [field]), word
    assert worked.points[0].contour_revisions.count() == 1


def test_an_operation_without_its_parameter_says_which(worked, clinic):
    worked.contoured()
    url = f"/api/time-points/{worked.points[0].pk}/contours/operations"
    body = {"operation": "margin", "region_id": str(worked.kidney.pk), "parameters": {}}
    answer = clinic.client(worked.editor).post(url, body, format="json", headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["fields"]) == (
        400,
        {"parameters": {"margin_mm": "This field is required."}},
    )


def test_two_regions_are_combined_over_http(worked, clinic):
    """The page names the kind of combination ``boolean``; what is subtracted is gone from the kidney."""
    worked.contoured()
    url = f"/api/time-points/{worked.points[0].pk}/contours/operations"
    parameters = {"boolean": "difference", "other_region_id": str(worked.lesion.pk)}
    body = {"operation": "boolean", "region_id": str(worked.kidney.pk), "parameters": parameters}
    before = worked.points[0].contour_revisions.get().contours.get(region=worked.kidney)
    answer = clinic.client(worked.editor).post(url, body, format="json", headers={"If-Match": '"1"'})
    assert answer.status_code == 201, answer.json()
    after = worked.points[0].contour_revisions.get(number=2).contours.get(region=worked.kidney)
    assert after.contour_volume_ml < before.contour_volume_ml


def test_the_question_of_the_plan_page_is_finite(worked, clinic):
    add_limits(clinic)
    url = f"/api/courses/{worked.course.pk}/plan"
    for word in ("nan", "inf"):
        answer = clinic.client(worked.physicist).get(url, {"activity_gbq": word})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["activity_gbq"])


def float_fields(field) -> list[serializers.Field]:
    """Return the numbers inside a serializer, list or dictionary field."""
    if isinstance(field, serializers.FloatField):
        return [field]
    child = getattr(field, "child", None)
    members = list(getattr(field, "fields", {}).values()) + ([child] if child is not None else [])
    return [found for member in members for found in float_fields(member)]


def test_every_number_of_every_input_is_finite():
    names = [module.name for module in pkgutil.iter_modules(planning.api.__path__)]
    modules = [importlib.import_module(f"planning.api.{name}") for name in names]
    inputs = {
        item
        for module in modules
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, serializers.Serializer) and item is not serializers.Serializer
    }
    numbers = {(item.__name__, f.field_name): f for item in inputs for f in float_fields(item())}
    assert len(numbers) > 20
    assert [place for place, f in numbers.items() if not isinstance(f, FiniteFloatField)] == []
