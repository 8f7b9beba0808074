"""The ways back: returned by who reviews or would approve, withdrawn also when stale (clinic.md section 6)."""

import pytest

from planning.errors import InvalidStateError, NotAllowedError
from planning.models.reviews import ResultState
from planning.models.sites import Role
from planning.selectors.current import current_result

pytestmark = pytest.mark.django_db


def page(worked, user) -> dict:
    return worked.clinic.client(user).get(f"/api/cycles/{worked.cycle.pk}/review").json()


def test_a_physician_returns_a_reviewed_result_with_a_reason(worked, clinic):
    reviewed = worked.signed("calculated", "reviewed")
    physician = clinic.users[Role.PHYSICIAN]
    with pytest.raises(InvalidStateError) as caught:
        worked.sign("returned", physician)
    assert caught.value.code == "reason_required"
    signature = worked.sign("returned", physician, reason="The left kidney is cut off.")
    assert (signature.role, signature.result) == (Role.PHYSICIAN, reviewed)
    newest = current_result(worked.cycle)
    assert (newest.number, newest.state) == (2, ResultState.OPEN)


def test_a_physician_does_not_return_what_is_only_calculated(worked, clinic):
    worked.signed("calculated")
    with pytest.raises(NotAllowedError):
        worked.sign("returned", clinic.users[Role.PHYSICIAN], reason="not mine to judge yet")
    assert current_result(worked.cycle).state == ResultState.CALCULATED


@pytest.mark.parametrize("meanings", [("calculated",), ("calculated", "reviewed")], ids=["calculated", "reviewed"])
def test_a_physicist_returns_as_before(worked, clinic, meanings):
    worked.signed(*meanings)
    assert worked.sign("returned", clinic.second, reason="kidney cut too low").role == Role.PHYSICIST


@pytest.mark.parametrize("role", [Role.TECHNOLOGIST, Role.PRESCRIBER, Role.READER])
def test_nobody_else_returns(worked, clinic, role):
    worked.signed("calculated", "reviewed")
    with pytest.raises(NotAllowedError):
        worked.sign("returned", clinic.users[role], reason="a reason")


def test_the_page_offers_the_approved_version_also_when_stale_or_superseded_at_work(worked, clinic):
    """What is withdrawn is what was approved, not what is at work: its own number and digest."""
    worked.calculated()
    assert page(worked, worked.physicist)["approved"] is None
    worked.approved()
    signed = current_result(worked.cycle)
    worked.draw(worked.points[0])
    stale = page(worked, worked.physicist)
    assert (stale["is_stale"], stale["result"]["state"], stale["result"]["number"]) == (True, "open", 2)
    assert (stale["approved"]["number"], stale["approved"]["digest"]) == (1, signed.digest)
    assert stale["approved"]["content"] == signed.content
    worked.recalculate()
    worked.sign("calculated")
    at_work = page(worked, clinic.users[Role.PHYSICIAN])
    assert (at_work["result"]["number"], at_work["approved"]["number"]) == (2, 1)
    assert at_work["digest"] != at_work["approved"]["digest"]
    worked.sign("withdrawn", reason="wrong kidney", digest=at_work["approved"]["digest"])
    assert page(worked, worked.physicist)["approved"] is None
