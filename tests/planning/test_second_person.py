"""Two persons at least: who calculated or edited neither reviews nor approves (row 28)."""

import pytest

from planning import models
from planning.errors import NotAllowedError
from planning.models.reviews import ResultState
from planning.models.sites import Role
from planning.selectors.current import current_result
from planning.services.contour_states import contour_state_set
from planning.services.kinetics import point_exclude

pytestmark = pytest.mark.django_db
PATHS = {
    ResultState.OPEN: (),
    ResultState.CALCULATED: ("calculated",),
    ResultState.REVIEWED: ("calculated", "reviewed"),
    ResultState.APPROVED: ("calculated", "reviewed", "approved"),
}
PERMITTED = {
    ("open", "calculated"): "calculated",
    ("calculated", "reviewed"): "reviewed",
    ("calculated", "returned"): "superseded",
    ("reviewed", "approved"): "approved",
    ("reviewed", "returned"): "superseded",
    ("approved", "withdrawn"): "withdrawn",
}
"""State before and meaning -> state of the signed version after; every other pair is refused."""


def add_role(clinic, user, role):
    models.Membership.objects.create(user=user, site=clinic.site, role=role)


def test_row_28_who_calculated_neither_reviews_nor_approves(worked, clinic):
    worked.signed("calculated")
    add_role(clinic, worked.physicist, Role.PHYSICIAN)
    with pytest.raises(NotAllowedError) as caught:
        worked.sign("reviewed", worked.physicist)
    assert caught.value.code == "second_person_required"
    worked.sign("reviewed")
    with pytest.raises(NotAllowedError) as caught:
        worked.sign("approved", worked.physicist)
    assert caught.value.code == "second_person_required"
    assert current_result(worked.cycle).state == ResultState.REVIEWED


def test_row_28_the_reviewer_may_approve_when_a_physician_too(worked, clinic):
    worked.signed("calculated", "reviewed")
    add_role(clinic, clinic.second, Role.PHYSICIAN)
    assert worked.sign("approved", clinic.second).role == Role.PHYSICIAN


def exclude_and_take_back(worked, user):
    for is_excluded in (True, False):
        point_exclude(
            actor=user,
            region=worked.lesion,
            time_point=worked.points[1],
            is_excluded=is_excluded,
            reason="patient moved",
        )


def lock_a_region(worked, user):
    contour_state_set(actor=user, time_point=worked.points[1], base_number=1, region=worked.kidney, is_locked=True)


def move_a_scan(worked, user):
    worked.registration(worked.points[1], created_by=user, method="nudged")


@pytest.mark.parametrize("edit", [exclude_and_take_back, lock_a_region, move_a_scan])
def test_row_28_an_editor_of_the_version_is_never_its_reviewer(worked, clinic, edit):
    worked.calculated()
    edit(worked, clinic.second)
    worked.recalculate()
    worked.sign("calculated")
    with pytest.raises(NotAllowedError) as caught:
        worked.sign("reviewed", clinic.second)
    assert caught.value.code == "second_person_required"


def test_a_role_of_another_site_signs_nothing(worked, clinic):
    worked.calculated()
    with pytest.raises(NotAllowedError):
        worked.sign("calculated", clinic.foreigner)
