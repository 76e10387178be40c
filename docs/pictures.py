"""The README's picture of the page at `/`, from the demo: `make pictures`."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "static" / "farm-page.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZE = {"width": 1200, "height": 680}
KEPT_AS = "cuebot-gateway token"
"""Where the page has its token."""


@contextmanager
def running_demo() -> Iterator[tuple[str, str]]:
    """The URL and the token of a demo on a free port."""
    command = [sys.executable, "-m", "gateway_cli", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            found = {}
            for line in process.stdout:
                if told := re.fullmatch(r"\s+export (GATEWAY_URL|TOKEN)=(\S+)\s*", line):
                    found[told[1]] = told[2]
                if len(found) == 2:
                    break
            yield found["GATEWAY_URL"], found["TOKEN"]
        finally:
            process.terminate()


def draw() -> None:
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with running_demo() as (url, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        page.add_init_script(f"sessionStorage.setItem('{KEPT_AS}', '{token}')")
        page.goto(url)
        for table in page.locator(".panel table").all():
            table.wait_for()
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    draw()
