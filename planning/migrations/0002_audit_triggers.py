"""Audit lines are added, never changed: the database itself refuses UPDATE and DELETE."""

from django.db import migrations

TABLE = "planning_auditrecord"
SQLITE = [
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
    "BEGIN SELECT RAISE(ABORT, 'audit lines cannot be changed'); END"
    for verb in ("UPDATE", "DELETE")
]
POSTGRESQL = [
    "CREATE FUNCTION audit_refuse() RETURNS trigger AS $$ "
    "BEGIN RAISE EXCEPTION 'audit lines cannot be changed'; END; $$ LANGUAGE plpgsql",
    f"CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
]


def add_triggers(apps, schema_editor):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("planning", "0001_initial")]
    operations = [migrations.RunPython(add_triggers, migrations.RunPython.noop)]
