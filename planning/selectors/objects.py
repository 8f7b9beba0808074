"""Which stored objects the rows name."""

import re

from django.apps import apps
from django.db import models

DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def named_digests() -> set[str]:
    """Return every SHA-256 that stands anywhere in a row: in a column of its own, in JSON, in the audit trail.

    Asking all columns and not a list of them keeps the objects of a column that is added tomorrow.
    """
    found: set[str] = set()
    for model in apps.get_app_config("planning").get_models():
        texts = (models.CharField, models.TextField, models.JSONField)
        columns = [field.attname for field in model._meta.concrete_fields if isinstance(field, texts)]
        for row in model._base_manager.values_list(*columns).iterator() if columns else ():
            found.update(DIGEST.findall(str(row)))
    return found
