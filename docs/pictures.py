"""The README's picture of the page at `/`, from the demo: `make pictures`."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from docs.demo_farm import running_demo

PICTURE = Path(__file__).parent / "static" / "farm-page.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZE = {"width": 1420, "height": 672}
KEPT_AS = "cuebot-gateway token"
"""Where the page has its token."""


def draw() -> None:
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with running_demo() as (url, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        page.add_init_script(f"sessionStorage.setItem('{KEPT_AS}', '{token}')")
        page.goto(url)
        panels = page.locator(".panel")
        panels.first.wait_for()
        for panel in panels.all():
            panel.locator("table").wait_for()
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    draw()
