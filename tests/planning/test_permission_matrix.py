"""Every route and method, as every role, at the own and at another site, and without a sign-in."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from planning.models.sites import Role
from planning.permissions import TABLE, Action
from tests.factories import make_case, make_drafts, make_people, make_reconstructed, make_site
from tests.planning.permission_matrix import API, OTHER_PAGES, OWN, PAGES, PATIENT, Row

pytestmark = pytest.mark.django_db
METHODS = {"get", "post", "put", "patch", "delete"}
SEES_PATIENTS = TABLE[Action.VIEW_PATIENT]
CASES = [(name, method) for name, rows in (API | PAGES).items() for method in rows]
ACCOUNT_PREFIXES = ("account_", "mfa_", "socialaccount_")
BACKEND = "django.contrib.auth.backends.ModelBackend"


def walk(patterns, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, pattern.namespace or namespace)
        else:
            yield namespace, pattern


def test_every_route_and_method_has_a_row():
    known = {(name, method.lower()) for name, rows in API.items() for method in rows}
    found = set()
    for namespace, pattern in walk(get_resolver().url_patterns):
        name = pattern.name or ""
        if namespace == "admin" or name.startswith(ACCOUNT_PREFIXES):
            continue  # tested in test_identity.py
        view = getattr(pattern.callback, "view_class", getattr(pattern.callback, "cls", None))
        if view is None:
            assert name in set(PAGES) | OTHER_PAGES, f"the page {name or pattern} has no row"
            continue
        found |= {(name, method) for method in METHODS if hasattr(view, method)}
    assert found == known


@pytest.fixture
def world(db):
    """A case at one site, and people of every role there and at another site."""
    site, other = make_site("Site A"), make_site("Site B")
    case = make_case(site)
    own, foreign = make_people(site), make_people(other, prefix="other-")
    make_reconstructed(case)
    make_drafts(case, [*own.values(), *foreign.values()])
    case.rows["member"] = own[Role.READER]
    return case, own, foreign


def expected_refusal(row: Row, role: Role, *, is_own: bool) -> int | None:
    """Return the status that must come, or None where the call is permitted."""
    if row.scope != OWN and not is_own:
        return 404
    if row.scope == PATIENT and role not in SEES_PATIENTS:
        return 404
    if row.action is not None and role not in TABLE[row.action]:
        return 403
    return None


def call(client: Client, *, name: str, method: str, row: Row, case) -> tuple[int, bytes]:
    """Send one request and undo what it wrote; return status and body."""
    pattern = next(p for _, p in walk(get_resolver().url_patterns) if p.name == name)
    wanted = {key: value for key, value in case.ids().items() if key in pattern.pattern.converters}
    body = row.body(case) if callable(row.body) else row.body
    content_type = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    options = {} if body is None else {"data": body, "content_type": content_type}
    send = getattr(client, method.lower())
    with transaction.atomic():
        response = send(reverse(name, kwargs=wanted), headers=row.headers, **options)
        content = response.getvalue() if response.streaming else response.content
        transaction.set_rollback(True)
    return response.status_code, content


@pytest.mark.parametrize(("name", "method"), CASES, ids=[f"{method}-{name}" for name, method in CASES])
def test_route(world, name, method):
    case, own, foreign = world
    row = (API | PAGES)[name][method]
    is_page = name in PAGES
    wrong = []
    for people, is_own in ((own, True), (foreign, False)):
        for role, user in people.items():
            client = Client()
            client.force_login(user, backend=BACKEND)
            status, content = call(client, name=name, method=method, row=row, case=case)
            wanted = expected_refusal(row, role, is_own=is_own)
            permitted = status not in {401, 403, 404} and status < 500 and (method != "GET" or status in {200, 302})
            if not (permitted if wanted is None else status == wanted):
                place = "own" if is_own else "other"
                wrong.append(f"{role} at {place} site: {status}, not {wanted or 'permitted'}: {content[:300]}")
            if not is_own and str(case.patient.pk).encode() in content:
                wrong.append(f"{role} at other site reads the patient's id")
    status, _ = call(Client(), name=name, method=method, row=row, case=case)
    if status != (302 if is_page else 403):
        wrong.append(f"anonymous: {status}")
    assert not wrong, "\n".join(wrong)
