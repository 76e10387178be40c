"""A real browser that looks at the pages of a gateway, and remembers what it disliked."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.support.patience import PATIENCE

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALLED = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_browser = pytest.mark.skipif(
    INSTALLED is None, reason="no Chromium or Chrome here (on Debian: apt-get install chromium)"
)
OTHER_NAME = "gateway.studio"
"""A name of the loopback for the browser. Over plain HTTP, it is no secure context as that is."""
NAMES = f"MAP {OTHER_NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parts = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, below) =>
    [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const own = element ? parts(getComputedStyle(element).backgroundColor) : parts("Canvas");
    return own[3] === 1 ? own : over(own, behind(element && element.parentElement));
  };
  const luminance = ([...colour]) => {
    const linear = colour.slice(0, 3).map((each) => each / 255)
      .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const poor = [];
  let looked = 0;
  const look = (element, text, pseudo) => {
    if (!text || !element.checkVisibility({ visibilityProperty: true })) return;
    looked += 1;
    const style = getComputedStyle(element, pseudo);
    const back = behind(element);
    const [one, other] = [over(parts(style.color), back), back].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)}: ${text.slice(0, 60)}`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) look(texts.currentNode.parentElement, texts.currentNode.data.trim());
  for (const field of document.querySelectorAll("input, textarea")) {
    look(field, field.value);
    look(field, field.placeholder, "::placeholder");
  }
  return { looked, poor };
}"""
"""What is harder to read than WCAG 2.2 (1.4.3, level AA) allows, and how many texts there are."""

SETTLED = """() => new Promise((settled) => {
  let changed = true;
  const observer = new MutationObserver(() => { changed = true; });
  observer.observe(document, { subtree: true, childList: true, attributes: true });
  const look = () => {
    if (changed) {
      changed = false;
      requestAnimationFrame(() => requestIdleCallback(look));
    } else {
      observer.disconnect();
      settled();
    }
  };
  look();
})"""
"""Until the page had nothing to do twice, and has not changed between."""


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """The installed browser. It knows no names but the loopback's, so nothing can leave it."""
    expect.set_options(timeout=PATIENCE * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=INSTALLED,
            timeout=PATIENCE * 1000,
            args=[f"--host-resolver-rules={NAMES}"],
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    page: Page
    requests: list[str] = field(default_factory=list)  # the URL of everything that a page asked for
    complaints: list[str] = field(default_factory=list)
    """Errors on the console (violations of the policy are among them), and uncaught ones."""

    def __post_init__(self) -> None:
        self.page.context.on("request", lambda request: self.requests.append(request.url))
        self.page.context.on("console", self._heard)
        self.page.context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    async def tab_to(self, selector: str) -> None:
        for _ in range(150):
            has_it = "(selector) => document.activeElement.matches(selector)"
            if await self.page.evaluate(has_it, selector):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"no way to {selector} with the keyboard")

    async def poor_texts(self) -> list[str]:
        found: dict[str, Any] = await self.page.evaluate(CONTRAST)
        assert found["looked"]
        return list(found["poor"])

    async def overhang(self) -> int:
        """By how many pixels the page is wider than the window."""
        width = "document.documentElement.scrollWidth - window.innerWidth"
        return int(await self.page.evaluate(width))


@asynccontextmanager
async def visiting(
    browser: Browser, url: str, *, refusals: int = 0, **options: Any
) -> AsyncIterator[Visit]:
    """A visit with nothing to complain of at its end but so many 401s and 403s."""
    async with await browser.new_context(base_url=url, **options) as context:
        context.set_default_timeout(PATIENCE * 1000)
        visit = Visit(await context.new_page())
        yield visit
        refused = [text for text in visit.complaints if "status of 401" in text or "403" in text]
        assert [text for text in visit.complaints if text not in refused] == []
        assert len(refused) == refusals
        assert visit.requests
        origins = {urlsplit(each)[:2] for each in visit.requests if not each.startswith("data:")}
        assert origins == {urlsplit(url)[:2]}


class QuietFiles(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a server for the files in a folder: an origin that is not the gateway's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFiles, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def read_clipboard(page: Page) -> str:
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def settled(page: Page) -> None:
    await page.evaluate(SETTLED)
