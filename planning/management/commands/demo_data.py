import json

from django.conf import settings
from django.core.management.base import BaseCommand

from planning.management.demo_case import PATIENT_ID, demo_case_create
from planning.models import Patient
from planning.services.demo import PEOPLE, demo_labs_add, demo_site_create


class Command(BaseCommand):
    help = "Create the demo site, people of every role and the demo patient, once; print the passwords once."

    def add_arguments(self, parser):
        parser.add_argument("--no-case", action="store_true", help="site and people only")
        parser.add_argument("--passwords-to", help="also write the passwords as JSON to this file (tests)")

    def handle(self, *, no_case, passwords_to, **_options):
        site, passwords = demo_site_create()
        if not passwords:
            self.stdout.write("The demo site exists already.")
            return
        self.stdout.write("Demo accounts (printed once):")
        for username, printed_name, roles in PEOPLE:
            labels = ", ".join(role.label for role in roles)
            self.stdout.write(f"  {username:14s} {passwords[username]}   {printed_name}, {labels}")
        if passwords_to:
            with open(passwords_to, "w", encoding="utf-8") as file:  # noqa: PTH123 - any path the caller names
                json.dump(passwords, file)
        if not no_case:
            demo_case_create(site=site, passwords=passwords, say=self.stdout.write)
            demo_labs_add(patient=Patient.objects.get(site=site, patient_id=PATIENT_ID))
        self.stdout.write(f"Data folder: {settings.DATA_DIR}")
