"""Fit a population to the accepted curves of a site and print it, or write it to a file."""

import json
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from dosimetry.errors import DosimetryError
from planning.computation.populations import fit_site_population
from planning.models import Site


class Command(BaseCommand):
    help = (
        "Fit a population prior to the newest accepted curve of every patient of a site; nothing of a patient is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--site", required=True, help="name of the site")
        parser.add_argument("--agent", required=True)
        parser.add_argument("--organ", required=True, help="a region's name, its first word, organ or lesion")
        parser.add_argument("--nuclide", required=True, help="as Lu-177")
        parser.add_argument("--out", type=Path, help="file for the prior; without it the prior is printed")

    def handle(self, *args, **options) -> None:
        site = Site.objects.filter(name=options["site"]).first()
        if site is None:
            known = ", ".join(Site.objects.values_list("name", flat=True))
            raise CommandError(f"No site is named {options['site']!r}; known are {known}.")
        try:
            result = fit_site_population(
                site=site,
                agent=options["agent"],
                organ=options["organ"],
                nuclide=options["nuclide"],
                progress=lambda _fraction, text: self.stderr.write(text),
            )
        except DosimetryError as error:
            raise CommandError(str(error)) from None
        for finding in result["findings"]:
            self.stderr.write(finding)
        text = json.dumps(result["document"], indent=2, ensure_ascii=False, allow_nan=False)
        if options["out"] is None:
            self.stdout.write(text)
            return
        options["out"].write_text(text + "\n")
        self.stderr.write(f"Written to {options['out'].name}; import it under Settings, Populations.")
