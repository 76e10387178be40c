"""The pages in a real browser, used with a mouse, a keyboard and on a phone."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, Page, expect

from cuebot_simulator.server import SimulatedCuebot
from cuectl.client.openapi_document import read_document
from gateway_cli.client.search import methods_of, ranked
from tests.support.browser import (
    OTHER_NAME,
    needs_browser,
    read_clipboard,
    running_browser,
    settled,
    visiting,
)
from tests.support.patience import PATIENCE
from tests.support.searches import FIRST, NOTHING, queries
from tests.support.servers import Gateway, SharedGateway, free_port, gateway_for, token

pytestmark = [pytest.mark.anyio, pytest.mark.slow, needs_browser]

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}}
CLIPBOARD: dict[str, Any] = {"permissions": ["clipboard-read", "clipboard-write"]}
GET_SHOWS = "/docs#/show.ShowInterface/ShowInterface_GetShows"
FEW_METHODS: dict[str, object] = {"include_services": ("show.ShowInterface",)}
"""What Swagger UI does with a document, it does for each of its operations: with all methods of
OpenCue it takes some ten seconds of the processor."""
OPERATION = ".opblock.is-open"
ANSWER = f"{OPERATION} .live-responses-table .response .highlight-code pre"
QUERIES = 400
MOST_ELEMENTS = 2000
"""Of a documentation that is all closed, however many methods there are."""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest.fixture
async def demo(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway as the demo has it, whose pages are public."""
    return await shared_gateway(simulated_cuebot.endpoint, docs="public")


@pytest.fixture
async def small(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """As `demo`, with FEW_METHODS."""
    return await shared_gateway(simulated_cuebot.endpoint, docs="public", **FEW_METHODS)


@pytest.fixture
async def closed(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway as it is by default, whose pages ask for a token, with FEW_METHODS."""
    return await shared_gateway(simulated_cuebot.endpoint, **FEW_METHODS)


async def shows_of(gateway: Gateway) -> Any:
    return (await gateway.post("/show.ShowInterface/GetShows")).json()


async def run(line: str) -> Any:
    """The JSON that a line pasted into a shell prints."""
    environ = {"PATH": os.environ["PATH"], "TOKEN": token()}
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", line, env=environ, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return orjson.loads(out)


async def authorise(page: Page, given: str) -> None:
    """Give Swagger UI a token, with the mouse."""
    await page.get_by_role("button", name="Authorize").wait_for()
    await settled(page)  # what moves between the press and the release of a button is not clicked
    await page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    await dialog.locator("input").fill(given)
    await dialog.get_by_role("button", name="Apply credentials").click()
    await dialog.get_by_role("button", name="Close").last.click()


async def executed(page: Page) -> Any:
    """What the open operation of Swagger UI answers."""
    # Before it has its parameters, Swagger UI does not know which operation it is to execute.
    await page.locator(f"{OPERATION} .parameter__name").first.wait_for()
    await page.locator(f"{OPERATION} .execute").dispatch_event("click")
    return orjson.loads(await page.locator(ANSWER).first.inner_text())


async def test_an_unreachable_cuebot_is_shown(
    browser: Browser, simulated_cuebot: SimulatedCuebot
) -> None:
    endpoints = f"{simulated_cuebot.endpoint},127.0.0.1:{free_port()}"
    async with (
        gateway_for(endpoints, docs="public") as gateway,
        visiting(browser, gateway.url) as visit,
    ):
        await visit.page.goto("/")
        await expect(visit.page.get_by_text("1 of 2 reachable")).to_be_visible()


async def test_a_method_is_found_and_called(browser: Browser, demo: Gateway) -> None:
    async with visiting(browser, demo.url, **CLIPBOARD) as visit:
        page = visit.page
        await page.goto("/")
        await expect(page.get_by_text("reachable")).to_be_visible()
        await page.get_by_label("Search methods").fill("show getshows")
        await expect(page.locator("summary:visible")).to_have_text([re.compile("^GetShows List ")])
        await expect(page.get_by_role("status")).to_contain_text("1 of 2")
        await page.locator("summary:visible").click()
        await page.get_by_role("button", name="Copy").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        line = await read_clipboard(page)
    assert await run(line) == await shows_of(demo)


async def test_pages_find_the_same_as_commands(browser: Browser, demo: Gateway) -> None:
    """Of what people search for, and of words of methods in other forms, or mistyped."""
    document = (await demo.client.get("/openapi.json")).content
    methods = methods_of(read_document(document, demo.url))
    words = {word for each in methods for _, there in each.places for word in there}
    searched = [*FIRST, *NOTHING, *queries(sorted(words), QUERIES)]
    async with visiting(browser, demo.url) as visit:
        await visit.page.goto("/")
        await expect(visit.page.locator("summary").first).to_be_visible()
        found = await visit.page.evaluate(
            "(all) => all.map((query) => ranked(query, methods).map(({ path }) => path))", searched
        )
    for query, paths in zip(searched, found, strict=True):
        assert paths == [each.path for each in ranked(query, methods)], query


@pytest.mark.parametrize("query", ["pause job", "retry dead frames", "host down", "pirority"])
async def test_the_best_match_comes_first(browser: Browser, demo: Gateway, query: str) -> None:
    first = FIRST[query][0] if query in FIRST else "job.JobInterface/SetPriority"
    service, _, name = first.partition("/")
    async with visiting(browser, demo.url) as visit:
        page = visit.page
        await page.goto("/")
        search = page.get_by_label("Search methods")
        await expect(page.locator("summary").first).to_be_visible()
        listed = await page.locator("#methods h2").all_inner_texts()
        await search.fill(query)
        await expect(page.locator("h2:visible").first).to_have_text(service)
        await expect(page.locator("summary:visible").first).to_have_text(re.compile(f"^{name} "))
        await search.press("Enter")
        await expect(page.locator("details[open] summary")).to_have_text(re.compile(f"^{name} "))
        await search.fill("")
        await expect(page.locator("h2:visible")).to_have_text(listed)
        await page.goto("/docs")
        await page.locator(".operation-filter-input").fill(query)
        await expect(page.locator(".opblock-summary-path").first).to_have_text(f"/{first}")


async def test_every_alias_is_found(browser: Browser, demo: Gateway) -> None:
    async with visiting(browser, demo.url) as visit:
        await visit.page.goto("/")
        await visit.page.get_by_label("Search methods").fill("/frame.FrameInterface/Eat")
        await expect(visit.page.locator("h2:visible")).to_have_text(["job.FrameInterface"])


async def test_it_copies_without_a_clipboard(browser: Browser, demo: Gateway) -> None:
    url = f"http://{OTHER_NAME}:{demo.port}"
    async with visiting(browser, url) as visit:
        page = visit.page
        await page.goto("/")
        assert await page.evaluate("navigator.clipboard === undefined")
        search = page.get_by_label("Search methods")
        await search.fill("getshows")
        await page.locator("summary:visible").click()
        await page.get_by_role("button", name="Copy").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        await search.fill("")
        await search.press("Control+v")
        line = await search.input_value()
    assert url in line
    assert await run(line.replace(OTHER_NAME, "127.0.0.1")) == await shows_of(demo)


async def test_a_call_is_tried(browser: Browser, small: Gateway) -> None:
    async with visiting(browser, small.url) as visit:
        page = visit.page
        await page.goto("/")
        await page.get_by_role("link", name="Documentation").click()
        await authorise(page, token())
        await page.locator(".operation-filter-input").fill("ShowInterface/GetShows")
        await expect(page.locator(".opblock-summary-path")).to_have_text(
            ["/show.ShowInterface/GetShows"] * 2  # by GET and by POST
        )
        await page.locator(".opblock-post .opblock-summary-control").click()
        assert await executed(page) == await shows_of(small)
        assert token() not in "".join(visit.requests)


async def test_the_documentation_is_searched_by_words(browser: Browser, demo: Gateway) -> None:
    async with visiting(browser, demo.url) as visit:
        await visit.page.goto("/docs")
        paths = visit.page.locator(".opblock-summary-path")
        for phrase in ("/frame.FrameInterface/DropDep", "dropdep frame.frameinterface"):
            await visit.page.locator(".operation-filter-input").fill(phrase)
            await expect(paths).to_have_text(["/job.FrameInterface/DropDepends"])
            await visit.page.locator(".operation-filter-input").fill("nothing like that")
            await expect(paths).to_have_count(0)


async def test_a_wrong_token_is_refused(browser: Browser, small: Gateway) -> None:
    async with visiting(browser, small.url, refusals=1) as visit:
        await visit.page.goto(GET_SHOWS)
        await authorise(visit.page, token(seconds=-10))
        assert (await executed(visit.page))["error"] == "PERMISSION_DENIED"


async def test_the_documentation_opens_with_little_work(
    browser: Browser, demo: Gateway, record_property: Callable[[str, object], None]
) -> None:
    async with visiting(browser, demo.url) as visit:
        page = visit.page
        await page.goto("/docs")
        await expect(page.locator(".opblock-tag").first).to_be_visible()
        record_property("docs_open_ms", await page.evaluate("performance.now()"))
        assert sum("post" in item for item in await documented(demo)) >= 293
        assert sorted(each.removeprefix(demo.url) for each in visit.requests) == [
            "/docs",
            "/docs/swagger-ui-bundle.js",
            "/docs/swagger-ui.css",
            "/openapi.json",
        ]
        assert await page.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS
        await page.locator(".operation-filter-input").fill("job")
        assert await page.evaluate("document.querySelectorAll('*').length") < 5 * MOST_ELEMENTS


async def documented(gateway: Gateway) -> list[Any]:
    return list((await gateway.client.get("/openapi.json")).json()["paths"].values())


async def test_the_farm_page_asks_for_a_token(browser: Browser, closed: Gateway) -> None:
    async with visiting(browser, closed.url, refusals=2) as visit:
        page = visit.page
        await page.goto("/")
        field, problem = page.get_by_label("Token"), page.get_by_role("alert")
        await expect(field).to_be_focused()
        assert not any(each.endswith(".json") for each in visit.requests)
        for wrong, words in (("what?", "not a JWT"), (token(seconds=-10), "expired")):
            await field.fill(wrong)
            await page.get_by_role("button", name="Sign in").click()
            await expect(problem).to_contain_text(words)
        await field.fill(token())
        await field.press("Enter")
        await expect(page.locator("summary").first).to_be_visible()
        await page.reload()
        await expect(page.locator("summary").first).to_be_visible()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="OpenAPI (JSON)").click()
        assert (await download.value).suggested_filename == "openapi.json"
        await expect(page.get_by_text("Signed in with a token")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(field).to_be_focused()
        assert token() not in "".join(visit.requests)


async def test_the_documentation_asks_for_a_token(browser: Browser, closed: Gateway) -> None:
    async with visiting(browser, closed.url, refusals=1) as visit:
        page = visit.page
        await page.goto(GET_SHOWS)
        field = page.get_by_label("Token")
        await expect(field).to_be_focused()
        assert not any(each.endswith(".json") for each in visit.requests)
        await field.fill(token(seconds=-10))
        await field.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("expired")
        await field.fill(token())
        await field.press("Enter")
        assert await executed(page) == await shows_of(closed)
        assert token() not in "".join(visit.requests)


async def test_a_keyboard_is_enough(browser: Browser, small: Gateway) -> None:
    async with visiting(browser, small.url, **CLIPBOARD) as visit:
        page, keys = visit.page, visit.page.keyboard
        await page.goto("/")
        await expect(page.locator("summary").first).to_be_visible()
        await keys.press("/")
        await keys.type("getshows")
        await keys.press("Enter")
        await expect(page.locator("details[open] summary")).to_be_focused()
        await visit.tab_to("details[open] button")
        await keys.press("Enter")
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert (await read_clipboard(page)).startswith("curl ")
        await visit.tab_to("details[open] a")
        await keys.press("Enter")
        await page.locator(OPERATION).wait_for()
        await visit.tab_to("button.authorize")
        await keys.press("Enter")
        await visit.tab_to(".dialog-ux input")
        await keys.type(token())
        await keys.press("Enter")
        await visit.tab_to(".dialog-ux .btn-done")
        await keys.press("Enter")
        await visit.tab_to(".operation-filter-input")
        await keys.type("getshows")
        await visit.tab_to(".execute")
        await keys.press("Enter")
        assert orjson.loads(await page.locator(ANSWER).first.inner_text()) == await shows_of(small)


async def test_the_pages_fit_on_a_phone(browser: Browser, demo: Gateway, small: Gateway) -> None:
    async with visiting(browser, demo.url, **PHONE) as visit:
        page = visit.page
        await page.goto("/")
        for method in ("AddRenderPartition", "SetDefaultMinCores"):
            await page.get_by_label("Search methods").fill(method)
            await page.locator("summary:visible").first.click()
        await page.get_by_label("Search methods").fill("")
        assert await visit.overhang() == 0
    async with visiting(browser, small.url, **PHONE) as visit:
        await visit.page.goto(GET_SHOWS)
        await authorise(visit.page, token())
        await executed(visit.page)
        assert await visit.overhang() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read(
    browser: Browser, small: Gateway, closed: Gateway, scheme: str
) -> None:
    async with visiting(browser, small.url, color_scheme=scheme) as visit:
        page = visit.page
        await page.goto("/")
        await page.locator("summary").first.click()
        await page.get_by_label("Search methods").fill("e")
        assert await visit.poor_texts() == []
        assert await is_white(page) is (scheme == "light")
        await page.goto(GET_SHOWS)
        await authorise(page, token())
        await executed(page)
        assert await visit.poor_texts() == []
        assert await is_white(page) is (scheme == "light")
    async with visiting(browser, closed.url, refusals=2, color_scheme=scheme) as visit:
        for path in ("/", "/docs"):
            await visit.page.goto(path)
            await visit.page.get_by_label("Token").fill(token(seconds=-10))
            await visit.page.get_by_role("button", name="Sign in").click()
            await expect(visit.page.get_by_role("alert")).to_contain_text("expired")
            assert await visit.poor_texts() == []


async def is_white(page: Page) -> bool:
    """Whether the page uses the light scheme."""
    back = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return bool(back == "rgb(255, 255, 255)")
