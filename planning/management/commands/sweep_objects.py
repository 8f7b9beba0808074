from django.core.management.base import BaseCommand

from planning.services.objects import objects_sweep


class Command(BaseCommand):
    help = "Count stored objects that no row names and that are older than OBJECT_KEEP_DAYS; with --remove delete them."

    def add_arguments(self, parser):
        parser.add_argument("--remove", action="store_true", help="delete them (else they are only counted)")

    def handle(self, *, remove, **_options):
        sweep = objects_sweep(is_removing=remove)
        words = f"removed, {sweep.n_bytes} bytes" if remove else "to remove; --remove does it"
        self.stdout.write(f"{sweep.n_objects} objects {words}.")
