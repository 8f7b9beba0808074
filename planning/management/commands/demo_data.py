import json

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from planning.errors import ConflictError
from planning.management.demo_case import PATIENT_ID, demo_case_create
from planning.models import Patient
from planning.services.demo import (
    PEOPLE,
    demo_case_is_complete,
    demo_labs_add,
    demo_passwords_renew,
    demo_site_create,
)


class Command(BaseCommand):
    help = "Create the demo site, people of every role and the demo patient; go on with a patient that is not complete."

    def add_arguments(self, parser):
        parser.add_argument("--no-case", action="store_true", help="site and people only")
        parser.add_argument("--passwords-to", help="also write the passwords as JSON to this file (tests)")

    def handle(self, *, no_case, passwords_to, **_options):
        try:
            site, passwords = demo_site_create()
        except ConflictError as error:
            raise CommandError(str(error)) from None
        if not passwords:
            if no_case or demo_case_is_complete(site=site, patient_id=PATIENT_ID):
                self.stdout.write("The demo site exists already.")
                return
            self.stdout.write("The demo patient is not complete: going on where it stopped.")
            self.stdout.write("The passwords are new; those that were printed before no longer hold.")
            passwords = demo_passwords_renew(site=site)
        self._show(passwords, passwords_to)
        if not no_case:
            demo_case_create(site=site, passwords=passwords, say=self.stdout.write)
            demo_labs_add(patient=Patient.objects.get(site=site, patient_id=PATIENT_ID))
        self.stdout.write(f"Data folder: {settings.DATA_DIR}")

    def _show(self, passwords: dict[str, str], passwords_to: str | None) -> None:
        self.stdout.write("Demo accounts (printed once):")
        for username, printed_name, roles in PEOPLE:
            labels = ", ".join(role.label for role in roles)
            self.stdout.write(f"  {username:14s} {passwords[username]}   {printed_name}, {labels}")
        if passwords_to:
            with open(passwords_to, "w", encoding="utf-8") as file:  # noqa: PTH123 - any path the caller names
                json.dump(passwords, file)
