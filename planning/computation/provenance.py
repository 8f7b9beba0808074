"""Digests and versions that every result carries."""

from django.conf import settings

from dosimetry.provenance import package_versions


def software_versions() -> dict[str, str]:
    """Return the versions of the product, its commit and the libraries that numbers depend on."""
    return {"theranostics_web": settings.VERSION, "commit": settings.COMMIT, **package_versions()}
