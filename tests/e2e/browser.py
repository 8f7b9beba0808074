"""What every browser test does: sign in, wait until a page has its data."""

from pathlib import Path

from django.conf import settings

PASSWORD = "a long enough password"
FRONTEND = Path(settings.BASE_DIR) / "frontend"


def sign_in(page, live_server, username: str) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    wait_ready(page)


def wait_ready(page) -> None:
    page.wait_for_selector('#page[data-ready="true"]')


def open_page(page, live_server, case, name: str):
    """Open a page of the cycle of a worked case."""
    page.goto(f"{live_server.url}/cycles/{case.cycle.pk}/{name}/")
    wait_ready(page)
    return page


def broken_rules(page) -> list[tuple[str, str]]:
    """Return what the accessibility rules find wrong with a page: rule and element."""
    source = (FRONTEND / "node_modules" / "axe-core" / "axe.min.js").read_text()
    page.evaluate(f"{source}; undefined")
    rules = "['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']"
    result = page.evaluate(f"axe.run(document, {{runOnly: {rules}}})")
    return [(item["id"], item["nodes"][0]["target"]) for item in result["violations"]]
