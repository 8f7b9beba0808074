from django.core.management.base import BaseCommand

from planning.services.runs import requeue_stale


class Command(BaseCommand):
    help = "Give up on runs whose worker was lost too often and ring again for those that nobody claims."

    def handle(self, **_options):
        self.stdout.write(f"{requeue_stale()} rung")
