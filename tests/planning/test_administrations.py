"""Administrations: half an entry, a wrong unit or a wrong date is refused (hazards 3, 5, 6)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from planning.errors import InvalidStateError, NotAllowedError
from planning.models.sites import Role
from planning.selectors.current import current_administration
from planning.services.administrations import administration_record

pytestmark = pytest.mark.django_db
AT = timezone.now() - timedelta(days=2)


def record(clinic, case, role=Role.TECHNOLOGIST, **fields):
    values = {"administered_at": AT, "reason": "corrected", **fields}
    return administration_record(actor=clinic.users[role], cycle=case.cycle, fields=values)


def test_net_activity_is_decay_corrected_to_the_administration(clinic, case):
    row = record(
        clinic,
        case,
        activity_before={"value": 7.5, "unit": "GBq"},
        measured_before_at=AT - timedelta(hours=24),
        activity_after={"value": 50.0, "unit": "MBq"},
        measured_after_at=AT,
    )
    # One day of Lu-177 leaves 0.90097326 (docs/verification.md, section 8).
    assert row.administered_activity_bq == pytest.approx(7.5e9 * 0.90097326 - 50e6, rel=1e-7)
    assert current_administration(case.cycle) == row
    assert row.number == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"activity_before": {"value": 7.5, "unit": "GBq"}, "measured_before_at": AT}, "half_entry"),
        ({"administered_activity": {"value": 7400, "unit": "GBq"}}, "activity_range"),
        ({"administered_activity": {"value": 7.4, "unit": "kBq"}}, "activity_range"),
        ({"administered_activity": {"value": 7.4, "unit": "Ci"}}, "unit_required"),
        ({}, "activity_required"),
        ({"administered_activity": {"value": 7.4, "unit": "GBq"}, "reason": ""}, "reason_required"),
        (
            {
                "administered_activity": {"value": 7.4, "unit": "GBq"},
                "administered_at": timezone.now() + timedelta(days=1),
            },
            "time_in_future",
        ),
    ],
)
def test_bad_entries_are_refused(clinic, case, fields, code):
    with pytest.raises(InvalidStateError) as caught:
        record(clinic, case, **fields)
    assert caught.value.code == code
    assert current_administration(case.cycle) == case.administration


def test_a_reader_cannot_record(clinic, case):
    with pytest.raises(NotAllowedError):
        record(clinic, case, role=Role.READER, administered_activity={"value": 7.4, "unit": "GBq"})
