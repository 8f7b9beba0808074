"""The template tags, and rules that every template keeps."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from planning.pages.urls import CYCLE_PAGES, SETTINGS_PAGES
from planning.templatetags import vite as vite_tag
from planning.templatetags.domain import person_name, with_nuclide

FRONTEND = Path(settings.BASE_DIR) / "frontend"
TEMPLATES = sorted((FRONTEND / "templates").rglob("*.html"))
PAGES = [
    *CYCLE_PAGES,
    *(f"settings_{page}" for page in SETTINGS_PAGES),
    "worklist",
    "import",
    "confirm",
    "course",
    "audit",
    "keys",
]


@pytest.mark.parametrize(
    ("agent", "nuclide", "shown"),
    [
        ("DOTATATE", "Lu-177", "<sup>177</sup>Lu-DOTATATE"),
        ("177Lu-DOTATATE", "Lu-177", "<sup>177</sup>Lu-DOTATATE"),
        ("[177Lu]Lu-PSMA-617", "Lu-177", "<sup>177</sup>Lu-PSMA-617"),
        ("", "Y-90", "<sup>90</sup>Y"),
        ("<script>", "Lu-177", "<sup>177</sup>Lu-&lt;script&gt;"),
        ("<b>", "unknown", "&lt;b&gt;"),
    ],
)
def test_an_agent_names_its_nuclide_once(agent, nuclide, shown):
    assert with_nuclide(agent, nuclide) == shown


@pytest.mark.parametrize(
    ("name", "shown"), [("ZZPHI^Anna^Maria^^", "ZZPHI, Anna Maria"), ("ZZPHI, Anna", "ZZPHI, Anna"), ("", "")]
)
def test_a_name_is_written_without_carets(name, shown):
    assert person_name(name) == shown


def render_entry(entry: str) -> str:
    return Template("{% load vite %}{% vite entry %}").render(Context({"entry": entry}))


def test_vite_links_script_styles_and_shared_chunks_once(monkeypatch, tmp_path):
    manifest = {
        "src/pages/a.ts": {"file": "assets/a.js", "imports": ["_b", "_c"]},
        "_b": {"file": "assets/b.js", "imports": ["_c"], "css": ["assets/b.css"]},
        "_c": {"file": "assets/c.js", "imports": ["_b"]},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    monkeypatch.setattr(vite_tag, "manifest_path", lambda: path)
    text = render_entry("src/pages/a.ts")
    assert '<script type="module" src="/static/app/assets/a.js"></script>' in text
    assert text.count("assets/c.js") == 1
    assert text.count("assets/b.css") == 1


def test_a_missing_build_says_so_in_the_page(monkeypatch, tmp_path):
    monkeypatch.setattr(vite_tag, "manifest_path", lambda: tmp_path / "absent.json")
    text = render_entry("src/pages/a.ts")
    assert "missing-build" in text
    assert "<script" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_style_or_handler(path):
    """The content security policy would drop it silently."""
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_its_template_and_its_module(name):
    assert (FRONTEND / "templates" / "pages" / f"{name}.html").is_file()
    assert (FRONTEND / "src" / "pages" / f"{name}.ts").is_file()


def test_every_icon_that_is_named_exists():
    sprite = (FRONTEND / "static" / "icons" / "sprite.svg").read_text()
    known = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    used = {name for path in TEMPLATES for name in re.findall(r'{% icon "([\w-]+)"', path.read_text())}
    for path in (FRONTEND / "src").rglob("*.ts"):
        used |= set(re.findall(r"\bicon\('([\w-]+)'", path.read_text()))
    assert used <= known


def test_sheets_use_colours_of_the_tokens_only():
    """Raw colours stand in tokens.css, and on image panes and primary buttons, which keep theirs in every theme."""
    for path in (FRONTEND / "static" / "css").glob("*.css"):
        if path.name in {"tokens.css", "viewer.css", "print.css"}:
            continue
        raw = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)))
        assert {colour for colour in raw if colour not in {"#page", "#fff", "#ffffff66", "#0009"}} == set(), path.name
