"""The worklist: own sites only, next step and flag of each cycle, filters, search, assignment under a lock."""

from datetime import timedelta

import pytest
from django.utils import timezone

from planning import models
from planning.errors import ConflictError, InvalidStateError
from planning.models.runs import RunState
from planning.models.sites import Role
from planning.queue import TaskName
from planning.services.cycles import cycle_assign

pytestmark = pytest.mark.django_db


def make_cycle(site, *, number=1, name="ZZPHI^Berta", patient_id="ZZPHI-2", agent="PSMA-617", **fields):
    patient, _ = models.Patient.objects.get_or_create(site=site, patient_id=patient_id, defaults={"name": name})
    course, _ = models.Course.objects.get_or_create(patient=patient, number=1, nuclide="Lu-177", agent=agent)
    return models.Cycle.objects.create(course=course, number=number, **fields)


def listed(client, **query) -> dict:
    answer = client.get("/api/worklist", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(client, **query) -> set[str]:
    return {row["cycle_id"] for row in listed(client, **query)["results"]}


@pytest.fixture
def client(clinic):
    return clinic.client(clinic.users[Role.PHYSICIST])


def test_row_34_only_cycles_of_the_own_sites_are_listed(clinic, case, client):
    foreign = make_cycle(clinic.other)
    assert ids(client) == {str(case.cycle.pk)}
    assert ids(clinic.client(clinic.foreigner)) == {str(foreign.pk)}
    assert ids(client, site=str(clinic.other.pk)) == set()
    assert ids(clinic.client(clinic.users[Role.QUALITY_LEAD])) == set()


@pytest.mark.parametrize("query", ["zzphi^b", "ZZPHI-2", "psma"])
def test_search_finds_name_id_and_agent(clinic, case, client, query):
    other = make_cycle(clinic.site)
    assert ids(client, q=query) == {str(other.pk)}
    assert ids(client, q="zzphi") == {str(case.cycle.pk), str(other.pk)}
    assert ids(client, q="nobody") == set()


def test_filters_and_counts_agree(clinic, case, client):
    physicist = clinic.users[Role.PHYSICIST]
    now = timezone.now()
    mine = make_cycle(clinic.site, assignee=physicist, due_at=now + timedelta(hours=12))
    late = make_cycle(clinic.site, number=2, due_at=now - timedelta(days=3))
    make_cycle(clinic.site, number=3, due_at=now + timedelta(days=3))
    models.Administration.objects.filter(cycle=case.cycle).delete()
    assert ids(client, filter="mine") == {str(mine.pk)}
    assert ids(client, filter="due") == {str(mine.pk), str(late.pk)}
    # The case has a time point but no administration any more.
    assert ids(client, filter="blocked") == {str(case.cycle.pk)}
    counts = listed(client)["counts"]
    assert counts == {"all": 4, "mine": 1, "due": 2, "blocked": 1, "sign": 0, "stale": 0}


def test_a_row_names_its_next_step(worked, client):
    worked.fitted()
    (row,) = listed(client)["results"]
    assert row["next_step"]["key"] == "registration"
    assert row["next_step"]["url"] == f"/cycles/{worked.cycle.pk}/registration/"
    assert row["last_scan"] == {"value": 168.0, "unit": "h", "standard_uncertainty": None}
    assert (row["cycle_number"], row["n_cycles"], row["group"]) == (1, 4, "progress")


def test_cycles_to_sign_and_stale_cycles_are_found(worked, client):
    worked.calculated()
    assert ids(client, filter="sign") == {str(worked.cycle.pk)}
    worked.draw(worked.points[0])
    (row,) = listed(client, filter="stale")["results"]
    assert row["flag"]["level"] == "stale"
    assert "contours were changed" in row["flag"]["text"]
    assert ids(client, filter="sign") == set()


def test_a_failed_run_blocks_its_step_with_its_message(worked, client):
    run = worked.run(TaskName.REGISTER)
    models.Run.objects.filter(pk=run.pk).update(state=RunState.FAILED, error_message="The scans do not overlap.")
    (row,) = listed(client, filter="blocked")["results"]
    assert row["flag"] == {"level": "block", "text": "The scans do not overlap."}


@pytest.mark.parametrize("query", [{"filter": "everything"}, {"assignee": "me"}], ids=str)
def test_an_unknown_filter_is_an_error_in_one_shape(client, query):
    answer = client.get("/api/worklist", query)
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown_filter")
    assert set(answer.json()) == {"code", "message", "fields"}


def test_filter_by_assignee_and_nobody(clinic, case, client):
    physicist = clinic.users[Role.PHYSICIST]
    mine = make_cycle(clinic.site, assignee=physicist)
    assert ids(client, assignee=str(physicist.pk)) == {str(mine.pk)}
    assert ids(client, assignee="none") == {str(case.cycle.pk)}


def test_pages_hold_25_rows(clinic, client):
    for number in range(1, 28):
        make_cycle(clinic.site, number=number)
    first, second = (listed(client, page=str(number)) for number in (1, 2))
    assert (first["count"], len(first["results"]), first["next"], first["previous"]) == (27, 25, 2, None)
    assert (len(second["results"]), second["next"], second["previous"]) == (2, None, 1)
    assert listed(client, page="99")["page"] == 2


def patch(client, cycle, *, version='"0"', **body):
    headers = {"If-Match": version} if version else {}
    return client.patch(f"/api/cycles/{cycle.pk}", body, format="json", headers=headers)


def test_row_30_assignment_under_a_lock(clinic, case, client):
    answer = patch(client, case.cycle, assignee_id=clinic.second.pk, due_at="2026-03-09T08:00:00Z")
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json()["assignee"]["name"] == "Physicist B"
    late = patch(client, case.cycle, assignee_id=None)
    assert (late.status_code, late.json()["code"]) == (409, "stale_version")
    assert patch(client, case.cycle, version=None, assignee_id=None).status_code == 428
    case.cycle.refresh_from_db()
    assert (case.cycle.assignee, case.cycle.version) == (clinic.second, 1)


def test_assigning_keeps_the_due_date_and_nobody_can_be_assigned(clinic, case, client):
    due_at = timezone.now() + timedelta(days=1)
    models.Cycle.objects.update(due_at=due_at, assignee=clinic.second)
    assert patch(client, case.cycle, assignee_id=None).json()["assignee"] is None
    case.cycle.refresh_from_db()
    assert case.cycle.due_at == due_at


def test_a_person_of_another_site_cannot_be_assigned(clinic, case, client):
    with pytest.raises(InvalidStateError) as caught:
        cycle_assign(actor=clinic.second, cycle=case.cycle, version=0, assignee=clinic.foreigner, due_at=None)
    assert caught.value.code == "not_at_site"
    assert patch(client, case.cycle, assignee_id="everybody").status_code == 400
    assert patch(client, case.cycle, assignee_id=10**6).status_code == 404


def test_a_stale_version_is_refused_by_the_service(clinic, case):
    with pytest.raises(ConflictError):
        cycle_assign(actor=clinic.second, cycle=case.cycle, version=7, assignee=None, due_at=None)


def test_the_audit_log_refuses_an_actor_that_is_no_number(clinic):
    answer = clinic.client(clinic.users[Role.AUDITOR]).get("/api/audit", {"actor": "me"})
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown_filter")
