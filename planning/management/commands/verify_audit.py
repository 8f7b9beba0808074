from django.core.management.base import BaseCommand, CommandError

from planning.services.audit_chain import verify_chain


class Command(BaseCommand):
    help = "Check the audit chain against its hashes, its head and the exported heads."

    def handle(self, **_options):
        report = verify_chain()
        for fault in report.faults:
            self.stderr.write(fault)
        if report.faults:
            raise CommandError(f"{len(report.faults)} faults in {report.n_records} lines.")
        self.stdout.write(f"{report.n_records} lines, no fault.")
