"""Pictures of every page of the demonstration: `make screenshots`.

Signs in as the demonstration's people on the running site (BASE_URL) and photographs each page at
three widths, light and dark, left to right and right to left.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PASSWORD = "fair-clicks-only"
WIDTHS = (320, 768, 1280)
PAGES = {
    "": ["/", "/rules/", "/transparency/", "/accounts/login/", "/accounts/signup/", "/docs/errors"],
    "bea@example.org": [
        "/work/",
        "/work/batches/1/",
        "/work/mine/",
        "/earnings/",
        "/settings/",
        "/disputes/",
    ],
    "ada@example.org": [
        "/batches/",
        "/batches/1/",
        "/batches/1/assignments/",
        "/batches/1/sample/",
        "/disputes/",
        "/disputes/1/",
        "/batches/new/",
        "/money/",
        "/settings/keys/",
        "/settings/members/",
    ],
    "dia@example.org": [
        "/clients/to-verify/",
        "/console/",
        "/console/disputes/2/",
        "/console/reports/",
        "/console/suspensions/",
        "/console/log/",
    ],
}
FLAGS = ["--disable-gpu", "--disable-background-networking", "--disable-sync"]


def find_chromium() -> str:
    """Path of a Chromium on this machine. Raises SystemExit saying what to install."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise SystemExit("No Chromium found. On Debian: apt-get install chromium")


def sign_in(page: Page, base: str, email: str) -> None:
    page.goto(f"{base}/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit], main form button")
    page.wait_for_load_state()
    if "/accounts/login" in page.url:
        raise SystemExit(f"{email} could not sign in: is the demonstration loaded?")


def speak(page: Page, base: str, language: str) -> None:
    """Sets the language of the account that is signed in."""
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "csrftoken")
    form: dict[str, str | float | bool] = {
        "language": language,
        "csrfmiddlewaretoken": token,
        "next": "/",
    }
    page.request.post(f"{base}/language", form=form, headers={"Referer": base})


def context_for(browser: Browser, *, language: str, scheme: str) -> BrowserContext:
    return browser.new_context(
        locale=language, color_scheme="dark" if scheme == "dark" else "light"
    )


def photograph(page: Page, base: str, path: str, folder: Path, suffix: str) -> None:
    """One file a width. Raises SystemExit where the page is refused or scrolls sideways."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        response = page.goto(base + path)
        if response is None or not response.ok:
            raise SystemExit(f"{path} answers {response and response.status}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            raise SystemExit(f"{path} scrolls sideways at {width} px")
        name = path.strip("/").replace("/", "-") or "home"
        page.screenshot(path=folder / f"{name}-{width}{suffix}.png", full_page=True)


def claim_a_task(page: Page, base: str) -> str:
    """The path of a task page: what she holds already, or a new claim."""
    page.goto(f"{base}/work/")
    held = page.locator("a[href^='/work/tasks/']")
    if held.count() == 0:
        page.goto(f"{base}/work/batches/3/")
        page.click("form[action$='/claim'] button, form[action$='/claim/'] button")
        page.wait_for_url("**/work/tasks/**")
        return page.url.removeprefix(base)
    return held.first.get_attribute("href") or ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    base = os.environ["BASE_URL"]
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        no_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=FLAGS + no_sandbox
        )
        for language, scheme, suffix in (("en", "light", ""), ("ar", "dark", "-ar-dark")):
            for email, paths in PAGES.items():
                context = context_for(browser, language=language, scheme=scheme)
                page = context.new_page()
                if email:
                    sign_in(page, base, email)
                    speak(page, base, language)
                extra = [claim_a_task(page, base)] if email.startswith("bea") else []
                for path in paths + extra:
                    photograph(page, base, path, options.folder, suffix)
                if email:
                    speak(page, base, "en")
                context.close()
        browser.close()
    print(f"{len(list(options.folder.glob('*.png')))} pictures in {options.folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
