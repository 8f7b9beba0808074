"""Bring a folder, a file or an archive into quarantine, as the browser does."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from planning import storage
from planning.errors import PlanningError
from planning.models import Site, Upload, UploadFile, User
from planning.services.uploads import upload_complete, upload_create


class Command(BaseCommand):
    help = "Store DICOM files of PATH as an upload of a site and queue its reading; confirm it in the browser."

    def add_arguments(self, parser):
        parser.add_argument("path", type=Path)
        parser.add_argument("--site", help="name of the site; needed when there are several")
        parser.add_argument("--user", required=True, help="user name in whose name the upload is made")

    def handle(self, *, path, site, user, **_options):
        files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
        if not files:
            raise CommandError(f"No file at {path}.")
        try:
            upload = self._upload(files, _site(site), _user(user))
        except PlanningError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Upload {upload.pk}: {len(files)} files queued. Confirm it at /import/{upload.pk}/")

    @transaction.atomic
    def _upload(self, files: list[Path], site: Site, actor: User) -> Upload:
        n_bytes = sum(item.stat().st_size for item in files)
        upload = upload_create(actor=actor, site=site, n_files=len(files), n_bytes=max(n_bytes, 1))
        for number, item in enumerate(files, start=1):
            UploadFile.objects.create(
                upload=upload,
                number=number,
                name=item.name[:255],
                n_bytes=item.stat().st_size,
                sha256=storage.store_file(item),
            )
        return upload_complete(actor=actor, upload=upload)


def _site(name: str | None) -> Site:
    sites = Site.objects.all() if name is None else Site.objects.filter(name=name)
    if sites.count() != 1:
        known = ", ".join(Site.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"Name one site with --site. Known: {known}.")
    return sites.get()


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"No user {username}.")
    return user
