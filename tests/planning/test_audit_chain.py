"""The audit chain: every alteration is found, and the database refuses to make one."""

import pytest
from django.db import DatabaseError, connection, transaction

from planning.models import AuditHead, AuditRecord
from planning.models.sites import Role
from planning.services.audit import audit_record, audit_view
from planning.services.audit_chain import export_head, head_export_path, verify_chain

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_exported_heads():
    head_export_path().unlink(missing_ok=True)
    yield
    head_export_path().unlink(missing_ok=True)


@pytest.fixture
def chain(clinic, case):
    for i in range(5):
        audit_record(actor=clinic.users[Role.PHYSICIST], action=f"test.{i}", site=clinic.site, patient=case.patient)
    return list(AuditRecord.objects.order_by("number"))


def without_triggers():
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_update")
        cursor.execute("DROP TRIGGER audit_no_delete")


def test_an_untouched_chain_has_no_fault(chain):
    assert verify_chain().faults == ()
    assert verify_chain().n_records == len(chain)


@pytest.mark.parametrize(
    "statement", ["UPDATE planning_auditrecord SET action = 'x'", "DELETE FROM planning_auditrecord"]
)
def test_the_database_refuses_changes(chain, statement):
    with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("column", ["payload", "hash", "previous_hash", "action"])
def test_an_altered_line_is_found(chain, column):
    without_triggers()
    AuditRecord.objects.filter(number=chain[2].number).update(**{column: "0" * 64})
    assert verify_chain().faults


def test_a_removed_line_is_found(chain):
    without_triggers()
    AuditRecord.objects.filter(number=chain[1].number).delete()
    assert any("missing" in fault for fault in verify_chain().faults)


def test_a_cut_tail_is_found_by_the_head_and_by_the_exported_head(chain):
    export_head()
    without_triggers()
    last = chain[-1]
    AuditRecord.objects.filter(number=last.number).delete()
    assert any("cut off" in fault for fault in verify_chain().faults)
    # An attacker who also winds the head row back is found by the exported head only.
    AuditHead.objects.update(number=chain[-2].number, hash=chain[-2].hash)
    assert verify_chain().faults == (f"The exported head {last.number} is not in the chain.",)


def test_repeated_views_are_one_line(clinic, case):
    for _ in range(3):
        audit_view(actor=clinic.users[Role.READER], patient=case.patient)
    assert AuditRecord.objects.filter(action="patient.view").count() == 1
