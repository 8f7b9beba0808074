"""Links a page to its built module: the only reader of the front end's manifest."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
FOLDER = "app"


def manifest_path() -> Path:
    return Path(settings.BASE_DIR) / "frontend" / "static" / FOLDER / "manifest.json"


def read_manifest() -> dict[str, Any] | None:
    """Return the manifest of the last build, or None when the front end was never built."""
    path = manifest_path()
    if not path.is_file():
        return None
    return _parse(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _parse(path: Path, changed_ns: int) -> dict[str, Any]:
    return json.loads(path.read_text())


@register.simple_tag
def vite(entry: str) -> SafeString:
    """Return the style sheets, preloads and the module script of one entry.

    A missing build cannot be repaired here, so the page says what to run instead of staying silently empty.
    """
    manifest = read_manifest()
    if manifest is None or entry not in manifest:
        return format_html(
            '<meta name="missing-build" content="{}"><link rel="stylesheet" href="{}">',
            entry,
            static("css/missing-build.css"),
        )
    chunks = _imported(manifest, entry)
    styles = dict.fromkeys(sheet for chunk in [entry, *chunks] for sheet in manifest[chunk].get("css", []))
    return format_html(
        '{}{}<script type="module" src="{}"></script>',
        format_html_join("", '<link rel="stylesheet" href="{}">', ((_url(sheet),) for sheet in styles)),
        format_html_join("", '<link rel="modulepreload" href="{}">', ((_url(manifest[c]["file"]),) for c in chunks)),
        _url(manifest[entry]["file"]),
    )


def _imported(manifest: dict[str, Any], entry: str) -> list[str]:
    """Return the keys of all chunks that an entry imports statically, each once."""
    found: dict[str, None] = {}
    waiting = list(manifest[entry].get("imports", []))
    while waiting:
        chunk = waiting.pop()
        if chunk not in found:
            found[chunk] = None
            waiting.extend(manifest[chunk].get("imports", []))
    return list(found)


def _url(file: str) -> str:
    return static(f"{FOLDER}/{file}")
