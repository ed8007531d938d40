"""A real Chromium (Debian's) against Django's live server, without anything from outside.

Without a browser these tests are skipped, and say so; with REQUIRE_BROWSER=1 they fail.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User

# Playwright's loop runs in this thread, and Django would take that for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
WIDTHS = (320, 768, 1280)
LANGUAGES = ("en", "es", "fr", "ar")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is marked `browser`."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each has a profile of its own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, but there is no chromium on PATH.")
        pytest.skip("NOT TESTED IN A BROWSER: there is no chromium on PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            # Chromium refuses to sandbox itself for root, as which CI runs.
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[Open]:
    """Opens a page in a profile of its own: `open_page(user, width=320, language="ar")`.

    After the test: no page asked for anything from elsewhere, wrote an error to its console,
    or broke its own content security policy.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(
        user: User | None = None, *, width: int = 1280, language: str = "en", **options: Any
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 900 if width > 600 else 640},
            locale=language,
            **options,
        )
        contexts.append(context)
        if user is not None:
            context.add_cookies([session_cookie(user, live_server.url)])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: note_foreign(request.url))
        page.on("console", lambda said: note_error(said.type, said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    def note_foreign(url: str) -> None:
        if not url.startswith((live_server.url, "data:")):
            wrong.append(f"asked for {url}")

    def note_error(kind: str, text: str) -> None:
        # A refusal answers 4xx on purpose; the browser notes each in its console.
        if kind == "error" and "the server responded with a status of 4" not in text:
            wrong.append(text)

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def session_cookie(user: User, url: str) -> Any:
    """What signing in leaves in the browser, without the form (its own test goes through it)."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": url}


def check_page(page: Page) -> None:
    """What holds for every page: axe finds nothing, nothing scrolls sideways, one main heading."""
    results = Axe().run(page)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than {page.viewport_size}"
    assert page.locator("h1").count() == 1, page.url
    assert page.locator("html").get_attribute("lang"), page.url
