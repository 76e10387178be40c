"""The pages in a real browser, used with a mouse, a keyboard and on a phone."""

import asyncio
import csv
import json
import os
import re
import shlex
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from cuebot_simulator.log_files import LogFiles
from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.frame_actions import kill_frames
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.studio import build_farm
from gateway.core.schema.method_search import ranked
from gateway_cli.client.search import methods_of
from gateway_client.openapi_document import read_document
from tests.support.browser import (
    OTHER_NAME,
    Visit,
    needs_browser,
    read_clipboard,
    running_browser,
    settled,
    visiting,
)
from tests.support.farms import running_farm, still_farm
from tests.support.foreign import PROFILE, foreign_files
from tests.support.javascript import axe
from tests.support.needs import needs
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule
from tests.support.searches import FIRST, NOTHING, queries
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    free_port,
    gateway_for,
    running_cuebot,
    token,
)

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
FAILING = "harbor-hb110-tomas_light_v004"
"""A job of the demo's farm that has dead frames."""
COMMENTED = "demo-sh010-artist1_light_v012"
RETRY = "#explore/job.JobInterface/RetryFrames"


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
    await page.locator(f"{OPERATION} .parameter__name:visible").first.wait_for()
    await page.locator(f"{OPERATION} .execute").dispatch_event("click")
    return orjson.loads(await page.locator(ANSWER).first.inner_text())


@pytest.fixture
async def farm(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway as it is by default: without a token, its pages show nothing."""
    return await shared_gateway(simulated_cuebot.endpoint)


@asynccontextmanager
async def signed_in(
    browser: Browser, url: str, user: str = "tester", **options: Any
) -> AsyncIterator[Visit]:
    """A visit with a token, as after the form."""
    async with visiting(browser, url, **options) as visit:
        await visit.page.add_init_script(
            f"sessionStorage.setItem('cuebot-gateway token', '{token(user)}')"
        )
        yield visit


@pytest.fixture
async def visit(browser: Browser, farm: Gateway) -> AsyncIterator[Visit]:
    """One with a token."""
    async with signed_in(browser, farm.url) as visit:
        yield visit


@dataclass(frozen=True)
class Still:
    """A visit to a farm of its own, whose clock stands."""

    visit: Visit
    cuebot: SimulatedCuebot

    @property
    def called(self) -> set[str]:
        """The paths that have been called."""
        return {path for path, _ in self.cuebot.calls}


@pytest.fixture
async def still(browser: Browser) -> AsyncIterator[Still]:
    async with (
        running_farm(still_farm()) as cuebot,
        gateway_for(cuebot.endpoint) as gateway,
        signed_in(browser, gateway.url) as visit,
    ):
        yield Still(visit, cuebot)


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True).and_(page.locator("section"))


async def menu(page: Page, row: str, entry: str) -> None:
    """Choose what is to be done with a row."""
    await page.get_by_role("button", name=f"What can be done with {row}").first.click()
    await in_menu(page, entry).click()


def in_menu(page: Page, entry: str) -> Locator:
    """An entry of the menu that is open: a link, or what opens a dialog."""
    text = re.compile(f"^{re.escape(entry)}$")
    return page.locator("#menu").locator("a, button").filter(has_text=text)


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog")


async def run_method(page: Page) -> None:
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator(".answers").get_by_role("status")).to_contain_text("200 in")


# --- the farm -----------------------------------------------------------------------------------


async def test_the_farm_shows_what_runs_and_fails(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    shows = panel(page, "Shows")
    await expect(shows.get_by_role("row").nth(1)).to_contain_text("demo")
    await expect(shows).to_contain_text("frames run on 48 cores")
    await expect(panel(page, "Jobs that fail")).to_contain_text(f"{FAILING}3 of 24")
    hosts = panel(page, "Hosts that are down or locked").locator("tbody tr")
    for host in ("07.*DOWN.*OPEN", "desk-202.*UP.*NIMBY_LOCKED", "06.*UP.*LOCKED"):
        await expect(hosts.filter(has_text=re.compile(host))).to_have_count(1)
    oldest = panel(page, "Frames that run the longest").locator("tbody tr").first
    await expect(oldest).to_have_text(re.compile("(render-node|desk)-[0-9]+[^0-9/]"))
    await expect(panel(page, "Who uses what")).to_contain_text("lena")
    await expect(panel(page, "Allocations")).to_contain_text("local.general")
    await expect(panel(page, "All jobs")).to_have_count(0)
    await expect(shows.locator(".fresh")).to_have_text(re.compile("ago|live"))
    await expect(page.get_by_text("Cuebot: reachable")).to_be_visible()
    assert not any("openapi" in each for each in visit.requests)


AHEAD_SECONDS, SILENT_SECONDS = 50, 250
"""A farm's clock is ahead, so that hosts that report seem to for as long as a test may take."""


async def test_silent_hosts_are_among_those_that_are_down(browser: Browser) -> None:
    """For Cuebot they are up, with all that ran there; idle is what can be used."""
    clock = StoppedClock(time.time() + AHEAD_SECONDS - SILENT_SECONDS)
    farm = build_farm(read_messages(), clock=clock)
    (host,) = (each for each in farm.hosts.values() if each.name == "render-node-01")
    farm.silent.add(host.id)
    clock.advance(SILENT_SECONDS)
    farm.catch_up()
    async with (
        running_farm(farm) as cuebot,
        gateway_for(cuebot.endpoint) as gateway,
        signed_in(browser, gateway.url) as visit,
    ):
        page = visit.page
        await page.goto("/")
        hosts = panel(page, "Hosts that are down or locked").locator("tbody tr")
        silent = hosts.filter(has_text=re.compile("node-01.*UP.*silent.*OPEN"))
        await expect(silent.locator(".alert")).to_contain_text("silent")
        await expect(hosts).to_have_count(4)
        general = [each for each in farm.hosts.values() if each.alloc_name == "local.general"]
        usable = [each for each in general if (each.state, each.lock_state) == (0, 0)]
        idle = sum(each.idle_cores for each in usable)
        assert idle < sum(each.idle_cores for each in general)
        allocation = panel(page, "Allocations").get_by_role("row", name="local.general")
        await expect(allocation.get_by_role("cell").nth(2)).to_have_text(f"{idle:g}")
        await page.get_by_role("link", name="Running frames").click()
        frames = panel(page, "Running frames").locator("tbody tr")
        lost = frames.filter(has_text="node-01")
        await expect(lost).to_have_count(len(farm.procs_on(host)))
        await expect(frames.filter(has_text="silent")).to_have_count(len(farm.procs_on(host)))


async def test_a_row_leads_from_a_show_to_its_frames(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    await panel(page, "Shows").get_by_role("link", name="harbor").click()
    await panel(page, "Jobs of the show harbor").get_by_role("link", name=FAILING).click()
    await panel(page, f"Layers of {FAILING}").get_by_role("link", name="beauty").click()
    frames = panel(page, "Frames of beauty")
    await expect(frames).to_contain_text("1006-beauty")
    await expect(frames.locator(".alert").first).to_contain_text("DEAD")
    where = page.url
    await page.reload()
    await expect(frames).to_contain_text("1006-beauty")
    await page.go_back()
    await expect(panel(page, f"Layers of {FAILING}")).to_be_visible()
    await page.goto(where)
    await page.get_by_role("link", name="Farm").last.click()
    await panel(page, "Shows").get_by_role("link", name="demo").click()
    waiting = "demo-sh020-marco_smoke_v001"
    await menu(page, waiting, "Layers")
    mesh = panel(page, f"Layers of {waiting}").get_by_role("row", name="mesh")
    await expect(mesh).to_contain_text("mesh0 of 1200012")
    await expect(mesh).to_contain_text("––")  # it has used no memory, and taken no time
    await page.go_back()
    await menu(page, waiting, "What it waits for")
    depends = panel(page, f"What {waiting} waits for").locator("tbody tr")
    await expect(depends).to_have_text([re.compile(f"^mesh.*{waiting}sim.*yes⋯$")])
    await page.go_back()
    await menu(page, COMMENTED, "Comments")
    await expect(panel(page, f"Comments on {COMMENTED}")).to_contain_text("new grass")


async def test_links_show_where_a_panel_is_and_what_is_beside_it(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    crumbs = page.get_by_role("navigation", name="Where this is")
    await panel(page, "Shows").get_by_role("link", name="harbor").click()
    await panel(page, "Jobs of the show harbor").get_by_role("link", name=FAILING).click()
    await page.get_by_role("link", name="Dead frames", exact=True).click()
    way = f"Farm › Jobs of the show harbor › Dead frames of {FAILING}"
    await expect(crumbs).to_have_text(way)
    await expect(page.get_by_role("link", name="Dead frames", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    await page.reload()
    await expect(crumbs).to_have_text(way)
    await page.get_by_role("link", name="Layers", exact=True).click()
    await panel(page, f"Layers of {FAILING}").get_by_role("link", name="beauty").click()
    await expect(crumbs).to_have_text(
        f"Farm › Jobs of the show harbor › Layers of {FAILING} › Frames of beauty"
    )
    await crumbs.get_by_role("link", name="Jobs of the show harbor").click()
    await expect(crumbs).to_have_text("Farm › Jobs of the show harbor")
    await page.get_by_label("Filter rows").fill("light")
    await page.get_by_role("link", name=FAILING).click()
    await crumbs.get_by_role("link", name="Jobs of the show harbor").click()
    await expect(page.get_by_label("Filter rows")).to_have_value("light")
    await expect(page.locator("tbody tr")).to_have_count(1)
    began = page.locator("tbody td", has_text="ago")
    await expect(began).to_have_attribute("title", re.compile(r"20\d\d.*:\d\d"))
    await crumbs.get_by_role("link", name="Farm").click()
    await page.get_by_role("link", name="Finished jobs").click()
    await expect(crumbs).to_have_text("Farm › Finished jobs")
    await expect(panel(page, "Finished jobs")).to_contain_text("1 job, the last to finish first")
    await page.get_by_role("link", name="All hosts").click()
    hosts = panel(page, "All hosts")
    await expect(hosts).to_contain_text("1 host is down, 2 locked")
    locked = hosts.get_by_role("row", name="render-node-06")
    await expect(locked).to_have_text(re.compile("LOCKED––"))  # what is idle there cannot be used


@pytest.mark.parametrize(("user", "jobs"), [("lena", "1 job:"), ("zoë", "None")])
async def test_a_token_has_its_users_jobs(
    browser: Browser, farm: Gateway, user: str, jobs: str
) -> None:
    async with signed_in(browser, farm.url, user) as visit:
        page = visit.page
        await page.goto("/")
        await page.get_by_role("link", name="My jobs").click()
        await expect(panel(page, f"My jobs (you are {user})")).to_contain_text(jobs)
        await expect(page.get_by_role("link", name="All hosts")).to_be_visible()


async def test_logs_of_dead_frames_are_told(visit: Visit) -> None:
    """By their jobs' folder, however their panel was reached."""
    page = visit.page
    await page.goto("/")
    log = re.compile(rf"^/\S+/{FAILING}\.1006-beauty\.rqlog$")
    await menu(page, FAILING, "Dead frames")
    row = panel(page, f"Dead frames of {FAILING}").get_by_role("row", name="1006-beauty")
    await expect(row.locator("td .path > span")).to_have_text(log)
    await page.get_by_role("link", name="Layers", exact=True).click()
    await panel(page, f"Layers of {FAILING}").get_by_role("link", name="beauty").click()
    frames = panel(page, "Frames of beauty")
    await expect(
        frames.get_by_role("row", name="1006-beauty").locator(".path > span")
    ).to_have_text(log)
    await expect(frames.get_by_role("row", name="1001-beauty")).to_contain_text("–⋯")
    await frames.get_by_role("button", name="1001-beauty", exact=True).click()
    term = dialog_of(page).locator("div", has=page.locator("dt", has_text="Log")).first
    await expect(term).to_contain_text(f"/{FAILING}.1001-beauty.rqlog")


@needs("logs")
async def test_the_log_of_a_frame_is_followed(browser: Browser, tmp_path: Path) -> None:
    """Without its colours, which a terminal has; a frame that has not run has none."""
    logs = LogFiles(tmp_path)
    async with (
        running_farm(still_farm()) as cuebot,
        gateway_for(cuebot.endpoint, log_roots=logs.roots) as gateway,
        signed_in(browser, gateway.url) as visit,
    ):
        cuebot.logs = logs
        page, dialog = visit.page, dialog_of(visit.page)
        await page.goto("/")
        await menu(page, FAILING, "All frames")
        await menu(page, "1009-beauty", "Log")
        text = dialog.get_by_role("log")
        await expect(text).to_contain_text("loading the scene")
        frames = cuebot.farm.frames_of(cuebot.farm.pending[FAILING])
        frame = next(each for each in frames if each.name == "1009-beauty")
        folder = cuebot.farm.job_of(frame).log_dir.removeprefix("/shots/")
        with (tmp_path / folder / f"{FAILING}.1009-beauty.rqlog").open("a") as log:
            log.write("\x1b[33mWARNING\x1b[0m written meanwhile\n")
        await expect(text).to_contain_text("\nWARNING written meanwhile\n")
        frame.retry_count = 9
        kill_frames(cuebot.farm, [frame])
        await expect(dialog).to_contain_text("nothing more is written")
        await dialog.get_by_role("button", name="Close").click()
        await page.get_by_role("button", name="What can be done with 1024-beauty").first.click()
        await expect(in_menu(page, "Log")).to_be_disabled()


@needs("logs")
async def test_why_there_is_no_log_is_told(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    await menu(page, FAILING, "Dead frames")
    await menu(page, "1006-beauty", "Log")
    await expect(dialog_of(page)).to_contain_text("LOG_ROOTS")
    assert ["404" in each for each in visit.complaints] == [True]
    visit.complaints.clear()


async def test_pages_of_a_job_tell_its_state_and_what_can_be_done(still: Still) -> None:
    """After a reload, too, and until the job has finished."""
    page, dialog = still.visit.page, dialog_of(still.visit.page)
    await page.goto("/#farm/jobs")
    waiting = "demo-sh020-marco_smoke_v001"
    await page.get_by_role("link", name=waiting).click()
    layers = panel(page, f"Layers of {waiting}")
    await expect(layers).to_contain_text("paused, priority 80, marco, demo")
    await page.reload()
    await expect(layers).to_contain_text("paused, priority 80, marco, demo")
    await menu(page, waiting, "Resume…")
    await expect(dialog).to_contain_text(f"In “Layers of {waiting}”.")
    await dialog.get_by_role("button", name="Resume").click()
    await expect(dialog.get_by_role("status")).to_have_text("Done")
    await page.keyboard.press("Enter")
    await expect(layers).not_to_contain_text("paused")
    await page.get_by_role("link", name="Comments", exact=True).click()
    comments = panel(page, f"Comments on {waiting}")
    await comments.get_by_role("button", name="Comment…").click()
    await dialog.get_by_label("Text").fill("too much smoke")
    await dialog.get_by_role("button", name="Comment").click()
    await expect(comments.locator("tbody")).to_contain_text("too much smoke")
    await page.goto("/#farm/finished-jobs")
    await page.locator("tbody a").first.click()
    await expect(page.locator("h2", has_text="Layers of")).to_be_visible()
    await page.get_by_role("link", name="Comments", exact=True).click()
    await expect(page.get_by_text("The job has finished, or was killed")).to_be_visible()
    await expect(page.get_by_role("button", name="Comment…")).to_be_hidden()
    await page.goto("/#farm/hosts")
    await page.get_by_role("link", name="render-node-06").click()
    runs = panel(page, "What runs on render-node-06")
    await expect(runs).to_contain_text("UP, LOCKED, local.general")
    await expect(runs.get_by_role("button", name="Comment…")).to_have_count(0)


async def test_numbers_that_stand_out_lead_to_what_they_count(visit: Visit) -> None:
    """And names to their pages."""
    page = visit.page
    await page.goto("/")
    dead = panel(page, "Jobs that fail").get_by_role("row", name=FAILING)
    await dead.get_by_role("link", name="3 of 24").click()
    await expect(panel(page, f"Dead frames of {FAILING}").locator("tbody tr")).to_have_count(3)
    await page.goto("/#farm")
    shows = panel(page, "Shows")
    await expect(shows.get_by_role("row", name="northwind").get_by_role("link")).to_have_count(1)
    await shows.get_by_role("row", name="harbor").get_by_role("link", name="3").click()
    failing = panel(page, "Jobs of the show harbor that fail")
    await expect(failing.locator("tbody tr")).to_have_count(1)
    await failing.get_by_role("link", name=FAILING).click()
    beauty = panel(page, f"Layers of {FAILING}").get_by_role("row", name="beauty")
    await beauty.get_by_role("link", name="3").click()
    await expect(panel(page, "Dead frames of beauty").locator("tbody tr")).to_have_count(3)
    await page.get_by_role("link", name="Running frames").click()
    running = panel(page, "Running frames")
    host = await running.locator("tbody td:nth-child(3)").first.inner_text()
    job = await running.locator("tbody td:nth-child(2)").first.inner_text()
    await running.get_by_role("link", name=job).first.click()
    await panel(page, f"The job {job}").get_by_role("link", name=job, exact=True).click()
    await expect(panel(page, f"Layers of {job}")).to_contain_text("priority")
    await page.get_by_role("link", name="Running frames").first.click()
    await running.get_by_role("link", name=host).first.click()
    await expect(panel(page, f"The host {host}").locator("tbody tr")).to_have_count(1)


async def test_a_path_is_copied_whole(browser: Browser, farm: Gateway) -> None:
    """From the table, where it does not wrap, and from what is known of a row."""
    async with signed_in(browser, farm.url, **CLIPBOARD) as visit:
        page = visit.page
        await page.goto("/")
        await menu(page, FAILING, "Dead frames")
        row = panel(page, f"Dead frames of {FAILING}").get_by_role("row", name="1006-beauty")
        path = row.locator(".path > span")
        assert await path.evaluate("each => each.scrollWidth > each.clientWidth")
        assert await path.evaluate(
            "each => each.clientHeight < 2 * parseFloat(getComputedStyle(each).lineHeight)"
        )
        whole = await path.get_attribute("title")
        assert whole is not None
        await row.get_by_role("button", name="Copy").click()
        await expect(row.get_by_role("button", name="Copied")).to_be_visible()
        assert await read_clipboard(page) == whole
        await page.evaluate("navigator.clipboard.writeText('')")
        await row.get_by_role("button", name="1006-beauty", exact=True).click()
        shown = dialog_of(page).locator(".path > span")
        await expect(shown).to_have_text(whole)
        assert await shown.evaluate("each => each.scrollWidth <= each.offsetWidth")
        await dialog_of(page).get_by_role("button", name="Copy").click()
        await expect(dialog_of(page).get_by_role("button", name="Copied")).to_be_visible()
        assert await read_clipboard(page) == whole


async def test_a_menu_names_its_row_and_leaves_it_to_be_seen(visit: Visit) -> None:
    page = visit.page
    await page.set_viewport_size({"width": 1360, "height": 720})
    await page.goto("/#farm/hosts")
    for name in ("render-node-01", "render-node-07"):
        row = page.get_by_role("row", name=name)
        await row.get_by_role("button", name="What can be done").click()
        shown = page.locator("#menu")
        await expect(shown.locator("p")).to_have_text(name)
        box, line = await shown.bounding_box(), await row.locator("td").first.bounding_box()
        assert box is not None
        assert line is not None
        middle = line["y"] + 10
        assert not box["y"] < middle < box["y"] + box["height"]
        await page.keyboard.press("Escape")


async def test_dead_frames_are_retried(still: Still) -> None:
    page = still.visit.page
    await page.goto("/")
    await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)
    await menu(page, FAILING, "Retry its dead frames…")
    dialog = dialog_of(page)
    await expect(dialog.get_by_role("heading")).to_have_text(f"Retry its dead frames: {FAILING}")
    await expect(dialog).to_contain_text("Retry the frames of a job")
    await expect(dialog.get_by_role("button", name="Retry its dead frames")).to_be_focused()
    await dialog.get_by_role("link", name="Open in the explorer").click()
    await expect(page.get_by_label("job", exact=True)).to_have_value(FAILING)
    await expect(page.get_by_role("checkbox", name="DEAD")).to_be_checked()
    await page.get_by_role("button", name="Dry run").click()
    await expect(page.locator(".dry")).to_contain_text("/job.JobInterface/RetryFrames")
    await expect(page.get_by_text("Nothing was called")).to_contain_text("whether FindJob")
    await page.get_by_label("job", exact=True).press("Enter")
    await expect(page.get_by_role("button", name="Run", exact=True)).to_be_focused()
    assert "/job.JobInterface/RetryFrames" not in still.called
    await run_method(page)
    assert "/job.JobInterface/RetryFrames" in still.called


async def test_a_job_is_paused_in_place(still: Still) -> None:
    page, keys = still.visit.page, still.visit.page.keyboard
    await page.goto("/")
    await panel(page, "Shows").get_by_role("link", name="harbor").click()
    jobs, dialog = panel(page, "Jobs of the show harbor"), dialog_of(page)
    await expect(jobs).to_contain_text(FAILING)
    await page.get_by_role("button", name=f"What can be done with {FAILING}").click()
    await expect(in_menu(page, "Resume…")).to_be_disabled()
    await expect(page.locator("#menu")).to_contain_text("Resume…it is not paused")
    await in_menu(page, "Pause…").click()
    await keys.press("Escape")
    await expect(dialog).to_be_hidden()
    assert "/job.JobInterface/Pause" not in still.called
    await menu(page, FAILING, "Pause…")
    await keys.press("Enter")
    await expect(dialog.get_by_role("status")).to_have_text("Done")
    await expect(jobs.get_by_role("row", name=FAILING)).to_contain_text("yes")
    await keys.press("Enter")
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name=f"What can be done with {FAILING}").click()
    await expect(in_menu(page, "Pause…")).to_be_disabled()
    await expect(in_menu(page, "Resume…")).to_be_enabled()


async def test_a_dialog_asks_for_what_an_action_needs(still: Still) -> None:
    """With the present value, and with what is wrong in place."""
    page, keys = still.visit.page, still.visit.page.keyboard
    await page.goto("/#farm/jobs")
    dialog, jobs = dialog_of(page), panel(page, "All jobs")
    await menu(page, FAILING, "Set its priority…")
    field, told = dialog.get_by_label("Priority"), dialog.get_by_role("status")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("100")
    await keys.press("Enter")
    await expect(told).to_have_text("It is already 100")
    await keys.type("high")
    await keys.press("Enter")
    await expect(told).to_contain_text("expected a 32-bit integer, got the string 'high'")
    assert "/job.JobInterface/SetPriority" not in still.called
    await field.fill("77")
    await keys.press("Enter")
    await expect(told).to_have_text("Done")
    await expect(jobs.get_by_role("row", name=FAILING)).to_contain_text("77")
    await keys.press("Escape")
    await jobs.get_by_role("link", name=FAILING).click()
    layers = panel(page, f"Layers of {FAILING}")
    await menu(page, "beauty", "Set the memory of a frame…")
    await expect(dialog.get_by_label("Memory a frame")).to_have_value("16 GB")
    await keys.type("4.5 gb")
    await keys.press("Enter")
    await expect(told).to_have_text("Done")
    await expect(layers.get_by_role("row", name="beauty")).to_contain_text("4.5 GB")
    await page.goto("/#farm/hosts")
    field = dialog.get_by_label("Allocation")
    await menu(page, "render-node-01", "Move to another allocation…")
    await field.fill("local.desktop")
    await keys.press("Enter")
    await expect(told).to_contain_text("on this host, which cannot be moved")
    await keys.press("Escape")
    await menu(page, "render-node-06", "Move to another allocation…")
    await expect(field).to_have_attribute("placeholder", "now: local.general")
    await expect(field).to_have_value("")
    names = page.locator(f"#{await field.get_attribute('list')} option")
    await expect(names.and_(page.locator("[value='local.desktop']"))).to_have_count(1)
    await expect(names.and_(page.locator("[value='local.general']"))).to_have_count(0)
    await field.fill("local.general")
    await keys.press("Enter")
    await expect(told).to_have_text("It is already local.general")
    await field.fill("nowhere")
    await keys.press("Enter")
    await expect(told).to_contain_text("no allocation 'nowhere'")
    await field.fill("local.desktop")
    await keys.press("Enter")
    await expect(told).to_have_text("Done")
    moved = panel(page, "All hosts").get_by_role("row", name="render-node-06")
    await expect(moved).to_contain_text("local.desktop")
    await page.goto("/#farm/jobs")
    await menu(page, FAILING, "Set its priority…")
    await dialog.get_by_label("Priority").fill("88")
    await dialog.get_by_role("link", name="Open in the explorer").click()
    await expect(page.get_by_label("val")).to_have_value("88")
    still.visit.complaints = [
        each for each in still.visit.complaints if not re.search("status of (40[049]|500)", each)
    ]


async def test_a_row_that_is_gone_has_ended(still: Still) -> None:
    """A call for it has no error of Cuebot, and what was known of it stays."""
    page = still.visit.page
    frame = {"frameName": "0001-sea", "jobName": "x", "logPath": "/logs/x.rqlog", "id": "1"}
    snapshot = {"id": 0, "data": {"procs": {"procs": [frame]}}}
    change = {"id": 0, "data": {"added": [], "changed": [], "removed": ["1"]}}
    events = [f"event: snapshot\ndata: {json.dumps(snapshot)}\n\n"]
    await page.route(
        "**/batch",
        lambda route: route.fulfill(content_type="text/event-stream", body="".join(events)),
    )
    await page.clock.install()
    await page.goto("/#farm/procs")
    dialog = dialog_of(page)
    await menu(page, "0001-sea", "Kill…")
    await dialog.get_by_role("button", name="Kill").click()
    await expect(dialog.get_by_role("status")).to_have_text("The frame has ended")
    await page.keyboard.press("Escape")
    await menu(page, "0001-sea", "Details")
    await expect(dialog).not_to_contain_text("The frame has ended")
    events.append(f"event: change\ndata: {json.dumps(change)}\n\n")
    await page.clock.fast_forward(3_000)
    await expect(dialog).to_contain_text("The frame has ended")
    await expect(dialog).to_contain_text("/logs/x.rqlog")
    still.visit.complaints = [
        each for each in still.visit.complaints if "status of 404" not in each
    ]


async def test_headings_order_rows(visit: Visit) -> None:
    """By values, also while they are refreshed, and of all rows where not all are shown."""
    page = visit.page
    stats = [{"deadFrames": 5, "runningFrames": 9}, {"deadFrames": 4, "runningFrames": 30}]
    rows = [
        {"id": str(n), "name": f"job{n}", "user": "lena", "jobStats": each}
        for n, each in enumerate([*stats, {"deadFrames": 3, "runningFrames": 100}])
    ]
    asked: list[str] = []

    async def answer(route: Route) -> None:
        items: Any = route.request.post_data_json
        asked.append(items[0]["view"]["_sort"])
        first = {**rows[0], "user": "tomas"}
        events = (
            ("snapshot", {"jobs": {"jobs": rows}}),
            ("change", {"added": [], "changed": [first], "removed": []}),
        )
        text = "".join(
            f"event: {kind}\ndata: {json.dumps({'id': 0, 'data': data})}\n\n"
            for kind, data in events
        )
        await route.fulfill(content_type="text/event-stream", body=text)

    await page.route("**/batch", answer)
    await page.goto("/#farm/failing-jobs")
    names = page.locator("tbody tr td:first-child")
    heading = page.get_by_role("columnheader", name="Running")
    await expect(names).to_have_text(["job0", "job1", "job2"])
    await expect(page.get_by_role("columnheader", name="Dead")).to_have_attribute(
        "aria-sort", "descending"
    )
    await heading.get_by_role("button").click()
    await expect(names).to_have_text(["job2", "job1", "job0"])
    await expect(heading).to_have_attribute("aria-sort", "descending")
    await heading.get_by_role("button").click()
    await expect(names).to_have_text(["job0", "job1", "job2"])
    await expect(heading).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("columnheader", name="User").get_by_role("button").click()
    await expect(names).to_have_text(["job1", "job2", "job0"])
    assert {*asked} == {"-jobStats.deadFrames,name"}
    rows += [{**rows[0], "id": f"more{n}", "name": f"more{n}"} for n in range(17)]
    await page.clock.install(time=0)
    await page.reload()
    await expect(names).to_have_count(20)
    await page.get_by_label("Filter rows").fill("sea")
    await expect(
        page.get_by_text("None of these 20 has that, and there may be more")
    ).to_be_visible()
    await page.get_by_label("Filter rows").fill("")
    await page.clock.pause_at(60_000)  # no stream comes back by itself
    await heading.get_by_role("button").click()
    await until(lambda: asked[-1] == "-jobStats.runningFrames,-jobStats.deadFrames,name")


async def test_rows_that_are_shown_are_saved_as_csv(visit: Visit) -> None:
    page = visit.page
    await page.goto("/#farm/jobs")
    await page.get_by_label("Filter rows").fill("demo")
    await page.get_by_role("columnheader", name="Priority").get_by_role("button").click()
    await expect(page.locator("tbody tr")).to_have_count(3)
    name, lines = await saved_rows(page)
    assert re.fullmatch(r"All-jobs-20\d\d-\d\d-\d\d\.csv", name)
    assert [*lines[0]][:2] == ["Job", "Done"]
    assert [each["Priority"] for each in lines] == ["120", "100", "80"]
    assert {each["Show"] for each in lines} == {"demo"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:.*Z", each["Began"]) for each in lines)
    names = ['say "hi", all', "=1+1", " ＝1", "-5", "\tx"]
    comments = [{"id": str(n), "subject": each} for n, each in enumerate(names)]
    event = {"id": 0, "data": {"comments": {"comments": comments}}}
    body = f"event: snapshot\ndata: {json.dumps(event)}\n\n"
    await page.route(
        "**/batch", lambda route: route.fulfill(content_type="text/event-stream", body=body)
    )
    await page.goto("/#farm/comments?job.id=x&name=x")
    await expect(page.locator("tbody tr")).to_have_count(5)
    _, lines = await saved_rows(page)
    assert [each["Subject"] for each in lines] == [names[0], "'=1+1", "' ＝1", "-5", "'\tx"]


async def saved_rows(page: Page) -> tuple[str, list[dict[str, str]]]:
    """The name of the CSV that a panel is saved as, and its lines."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name="as CSV").click()
    saved = await download.value
    text = await asyncio.to_thread(Path(await saved.path()).read_text, encoding="utf-8")
    return saved.suggested_filename, [*csv.DictReader(text.splitlines())]


async def test_all_rows_are_changed_at_once(still: Still) -> None:
    """Those that are shown, after a question, and with what has failed."""
    page = still.visit.page
    await page.goto("/")
    await panel(page, "Shows").get_by_role("link", name="demo").click()
    rows, dialog = page.locator("tbody tr"), dialog_of(page)
    of_all = page.get_by_role("button", name="What can be done with all rows")
    await expect(rows).to_have_count(3)
    await page.get_by_label("Filter rows").fill("demo light")
    await expect(rows).to_have_count(1)
    await page.get_by_label("Filter rows").fill("demo")
    await expect(rows).to_have_count(3)
    await of_all.click()
    await in_menu(page, "Pause: 2 of 3 jobs…").click()  # the third is paused
    await expect(dialog.locator("pre")).to_contain_text("demo-sh010-lena_comp_v003")
    await expect(dialog.locator("pre")).not_to_contain_text("marco_smoke")
    await page.keyboard.press("Escape")
    assert "/job.JobInterface/Pause" not in still.called
    await of_all.click()
    await expect(page.locator("#menu")).to_contain_text("left out: it is paused")
    await in_menu(page, "Pause: 2 of 3 jobs…").click()
    await expect(dialog.get_by_role("heading")).to_have_text("Pause: 2 jobs")
    await dialog.get_by_role("button", name="Pause").click()
    await expect(dialog.get_by_role("status")).to_have_text("Done: 2 of 2")
    await expect(rows.locator("td .alert", has_text="yes")).to_have_count(3)
    await page.keyboard.press("Escape")
    await of_all.click()
    await expect(in_menu(page, "Pause: 0 of 3 jobs…")).to_be_disabled()
    await in_menu(page, "Set its priority: all 3 jobs…").click()
    field = dialog.get_by_label("Priority")
    await expect(field).to_have_value("")
    await expect(field).to_have_attribute("placeholder", re.compile("they differ"))
    await field.fill("55")
    await page.keyboard.press("Enter")
    await expect(rows.filter(has_text="55")).to_have_count(3)
    await page.keyboard.press("Escape")
    refused = {"id": 1, "status": 404, "error": {"message": "no such job"}}
    answers = [{"id": 0, "status": 200, "answer": {}}, refused]
    await page.route("**/batch", lambda route: route.fulfill(json=answers))
    await of_all.click()
    await in_menu(page, "Kill: all 3 jobs…").click()
    await expect(dialog).to_contain_text("In “Jobs of the show demo”.")
    await expect(dialog).to_contain_text("Cuebot has no undo.")
    await dialog.get_by_role("button", name="Kill").click()
    told = re.compile("^1 of 2 done; demo.*: no such job$")
    await expect(dialog.get_by_role("status")).to_have_text(told)
    await page.keyboard.press("Escape")
    await of_all.click()
    await page.go_back()
    await expect(panel(page, "Shows")).to_contain_text("harbor")
    await expect(page.locator("#menu")).to_be_hidden()


async def test_what_destroys_asks_first(still: Still) -> None:
    page = still.visit.page
    await page.goto("/")
    await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)
    await menu(page, FAILING, "Kill…")
    run, dialog = page.get_by_role("button", name="Run…"), dialog_of(page)
    await expect(dialog).to_contain_text("Cuebot has no undo.")
    await expect(dialog.get_by_role("heading")).to_be_focused()  # so that Enter does nothing
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("button", name="Kill")).to_be_visible()
    await dialog.get_by_role("link", name="Open in the explorer").click()
    row = page.get_by_text(f"Kill: {FAILING}, in “Jobs that fail”")
    await expect(row).to_be_visible()
    await run.click()
    await expect(dialog.get_by_role("heading")).to_have_text(f"Kill: {FAILING}?")
    await expect(dialog).to_contain_text("In “Jobs that fail”.")
    await expect(dialog.get_by_role("heading")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await run.click()
    await dialog.get_by_role("button", name="Cancel").click()
    assert "/job.JobInterface/Kill" not in still.called
    await run.click()
    await dialog.get_by_role("button", name="Kill").click()
    await expect(page.locator(".answers").get_by_role("status")).to_contain_text("200 in")
    assert "/job.JobInterface/Kill" in still.called
    await page.get_by_label("job", exact=True).fill("another")
    await expect(row).to_have_count(0)
    await run.click()
    await expect(dialog.get_by_role("heading")).to_have_text("Kill?")
    await expect(dialog).not_to_contain_text("Jobs that fail")


async def test_panels_go_on_when_they_fail(visit: Visit) -> None:
    page = visit.page
    jobs = "**/show.ShowInterface/GetActiveShows?*"
    await page.route("**/batch", lambda route: route.abort())
    await page.route(jobs, lambda route: route.abort())
    await page.clock.install()
    await page.goto("/")
    await expect(panel(page, "Shows")).to_contain_text("not responding")
    await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)
    await page.unroute(jobs)
    await page.clock.fast_forward(11_000)
    await expect(panel(page, "Shows")).to_contain_text("harbor")
    await expect(panel(page, "Shows")).not_to_contain_text("not responding")
    await page.unroute("**/batch")
    await page.clock.fast_forward(11_000)
    await expect(panel(page, "Shows").locator(".fresh")).to_have_text("live")
    visit.complaints = [each for each in visit.complaints if "ERR_FAILED" not in each]


async def test_what_has_not_changed_is_not_sent_again(visit: Visit) -> None:
    """Where no event streams are served."""
    page = visit.page
    await page.route("**/batch", lambda route: route.fulfill(json=[]))
    await page.clock.install()
    await page.goto("/")
    await expect(panel(page, "Shows")).to_contain_text("harbor")
    asked = await page.locator("section").count()
    await expect(page.locator(".fresh", has_text="ago")).to_have_count(asked)
    await settled(page)  # all have been answered, and are waiting
    async with page.expect_response("**/show.ShowInterface/GetActiveShows?*") as answer:
        await page.clock.fast_forward(11_000)
    assert (await answer.value).status == 304
    await expect(panel(page, "Shows").locator(".fresh")).to_have_text(re.compile("[0-2] s ago"))


@needs("watch")
async def test_one_stream_keeps_all_panels_fresh(browser: Browser, farm: Gateway) -> None:
    """None is asked for by itself, and a tab that nobody sees has no stream."""
    async with signed_in(browser, farm.url) as visit:
        page = visit.page
        await page.goto("/")
        for title in ("Shows", "Jobs that fail", "Hosts that are down or locked", "Allocations"):
            await expect(panel(page, title).locator(".fresh")).to_have_text("live")
        asked = [each.removeprefix(farm.url) for each in visit.requests if "/page/" not in each]
        assert asked == ["/", "/status.json", "/panels.json", "/batch"]
        from gateway.features.watch import Watch

        places = farm.app.feature(Watch).places
        assert places.taken == await page.locator("section").count() > 4
        await page.evaluate(HIDDEN)
        await until(lambda: not places.taken)


HIDDEN = """() => {
  Object.defineProperty(document, "hidden", { value: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_an_event_stream_keeps_a_panel_fresh(browser: Browser, farm: Gateway) -> None:
    """What it refuses is polled."""
    rows = [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}]
    added = {"id": "3", "name": "three"}
    changed = {"id": "1", "name": "one", "showStats": {"runningFrames": 7}}
    events: list[tuple[str, dict[str, object]]] = [
        ("snapshot", {"data": {"shows": {"shows": rows}}}),
        ("change", {"data": {"added": [added], "changed": [changed], "removed": ["2"]}}),
        ("error", {"data": {"message": "Cuebot is away"}}),
        ("answer", {"id": 1, "status": 503, "error": {"message": "too many event streams"}}),
    ]
    body = "".join(
        f"event: {kind}\ndata: {json.dumps({'id': 0, **data})}\n\n" for kind, data in events
    )
    silence = ":\n\n"  # is no news, and no end of an error
    async with signed_in(browser, farm.url) as visit:
        page = visit.page
        await page.clock.install()
        await page.route(
            "**/batch",
            lambda route: route.fulfill(
                content_type="text/event-stream", body=f": hello\n\n{body}{silence}"
            ),
        )
        await page.goto("/")
        shows = panel(page, "Shows")
        await expect(shows.locator("tbody tr")).to_have_text(
            [re.compile("^one–7"), re.compile("^three")]
        )
        await expect(shows).to_contain_text("Cuebot is away")
        await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)


async def test_a_foreign_schema_is_a_farm_too(browser: Browser, tmp_path: Path) -> None:
    """With eight lines of profile: panels, and the explorer."""
    assert len(PROFILE.splitlines()) == 8
    profile = tmp_path / "pools.toml"
    await asyncio.to_thread(profile.write_text, PROFILE, encoding="utf-8")
    pools = b"".join(b"\x0a\x0d\x0a\x011\x12\x06%s\x18%c" % (b"pool-%c" % n, n) for n in b"ab")
    async with (
        running_cuebot(ScriptedCuebot(foreign_files(tmp_path))) as cuebot,
        gateway_for(cuebot.endpoint, compat_profile=str(profile)) as gateway,
        signed_in(browser, gateway.url) as visit,
    ):
        cuebot.start_over()
        cuebot.answers("/farm.PoolInterface/List", pools)
        page = visit.page
        await page.goto("/")
        rows = panel(page, "Pools").locator("tbody tr")
        await expect(rows).to_have_text([re.compile("pool-a97"), re.compile("pool-b98")])
        await rows.get_by_role("link", name="pool-b").click()
        await expect(panel(page, "A pool: pool-b").locator("tbody tr")).to_have_count(2)
        await menu(page, "pool-b", "Drain…")
        await dialog_of(page).get_by_role("button", name="Drain").click()
        await expect(dialog_of(page).get_by_role("status")).to_have_text("Done")
        assert cuebot.seen[-1][:2] == ("/farm.PoolInterface/Drain", b"\x0a\x06pool-b")
        await page.goto("/#explore")
        await page.get_by_label("Search methods").fill("list pools")
        await page.get_by_label("Search methods").press("Enter")
        await run_method(page)
        await expect(page.locator(".answers tbody tr")).to_have_count(2)


# --- the explorer ---------------------------------------------------------------------------------


async def test_a_method_is_found_and_called(browser: Browser, farm: Gateway) -> None:
    async with signed_in(browser, farm.url, **CLIPBOARD) as visit:
        page = visit.page
        await page.goto("/#explore")
        await page.get_by_label("Search methods").fill("list jbos of a show")
        await page.get_by_role("link", name=re.compile("^List jobs by show")).click()
        field = page.get_by_label("shows 1")
        await field.focus()
        await expect(page.locator("datalist option[value=harbor]")).to_have_count(1)
        await field.fill("harbor")
        await expect(page.get_by_label("shows 2")).to_be_visible()
        await run_method(page)
        rows = page.locator(".answers tbody tr")
        await expect(rows.first).to_contain_text("harbor")
        count = await rows.count()
        await page.get_by_role("button", name="name", exact=True).click()
        first = await rows.first.inner_text()
        await page.get_by_role("button", name="name", exact=True).click()
        await expect(rows.last).to_have_text(re.compile(re.escape(first.split()[0])))
        times = [each for each in await rows.first.locator("td").all_inner_texts() if "ago" in each]
        assert times
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download as CSV").click()
        saved = await download.value
        assert saved.suggested_filename == "GetJobs.csv"
        text = await asyncio.to_thread(Path(await saved.path()).read_text, encoding="utf-8")
        lines = text.splitlines()
        assert (len(lines), "name" in lines[0]) == (count + 1, True)
        await page.get_by_role("button", name="JSON", exact=True).click()
        shown = json.loads(await page.locator(".answers pre").inner_text())
        assert len(shown["jobs"]["jobs"]) == count
        await page.get_by_role("button", name="Tree").click()
        await page.locator(".tree summary").first.click()
        await expect(page.locator(".tree")).to_contain_text(f"jobs [{count}]")
        await page.get_by_role("button", name="Copy", exact=True).click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert await run(await read_clipboard(page)) == shown


async def test_rows_and_fields_are_chosen(visit: Visit) -> None:
    page = visit.page
    await page.goto("/#explore/job.JobInterface/GetJobs?_fields=name&_limit=2")
    await expect(page.get_by_label("_limit")).to_have_value("2")
    await page.get_by_label("_where").fill("jobStats.deadFrames>0")
    await run_method(page)
    await expect(page.locator(".answers th")).to_have_text(["name"])
    cut = page.get_by_text("rows, there may be more")
    await expect(cut).to_have_text("2 rows, there may be more")
    await page.get_by_label("_limit").fill("200")
    await run_method(page)
    await expect(cut).to_be_hidden()
    await page.get_by_label("_where").fill("depth>0")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator(".answers").get_by_role("status")).to_contain_text("depth")
    visit.complaints = [each for each in visit.complaints if "status of 400" not in each]


async def test_the_same_call_in_other_languages(browser: Browser, farm: Gateway) -> None:
    async with signed_in(browser, farm.url) as visit:
        page, snippet = visit.page, visit.page.locator("#snippet")
        await page.goto("/#explore/job.JobInterface/GetJobs")
        await page.get_by_label("users 1").fill("l'ena")
        await page.get_by_label("includeFinished").select_option("true")
        await page.get_by_text("Rows and fields").click()
        await page.get_by_label("_limit").fill("1")
        await page.get_by_label("_sort").fill("-priority,name")
        assert "_sort=-priority,name'" in await snippet.inner_text()
        jobs = await run(await snippet.inner_text())
        assert jobs == {"jobs": {"jobs": []}}
        await page.get_by_role("button", name="Python").click()
        script = await snippet.inner_text()
        assert await run_program(sys.executable, script) == f"{jobs}\n"
        await page.get_by_role("button", name="JavaScript").click()
        module = await snippet.inner_text()
        await page.get_by_role("button", name="cuectl").click()
        assert shlex.split(await snippet.inner_text()) == [
            *("cuectl", "call", "job.JobInterface/GetJobs"),
            '{"r":{"users":["l\'ena"],"includeFinished":true}}',
            *("--limit", "1", "--sort", "-priority,name"),
        ]
    node = shutil.which("node")
    if node is not None:
        found = await run_program(node, module, "--input-type=module")
        assert found.replace(" ", "") == "{jobs:{jobs:[]}}\n"


async def run_program(program: str, text: str, *arguments: str) -> str:
    """What a program prints that reads this from its standard input."""
    environ = {"PATH": os.environ["PATH"], "TOKEN": token()}
    process = await asyncio.create_subprocess_exec(
        program, *arguments, "-", env=environ, stdin=PIPE, stdout=PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate(text.encode())
    return out.decode()


async def test_forms_have_every_kind_of_field(browser: Browser, farm: Gateway) -> None:
    wanted = {
        "r": {
            "jobs": [FAILING, "other"],
            "memoryRange": [{"min": 1, "max": 2}],
            "firstResult": 3,
        }
    }
    async with signed_in(browser, farm.url) as visit:
        page, text = visit.page, visit.page.get_by_label("Request as JSON")
        await page.goto("/#explore/host.ProcInterface/GetProcs")
        await page.get_by_label("jobs 1").fill(FAILING)
        await page.get_by_label("jobs 2").fill("other")
        await page.get_by_role("button", name="Add to memoryRange").click()
        await page.get_by_label("min", exact=True).fill("1")
        await page.get_by_label("max", exact=True).fill("2")
        await page.get_by_label("firstResult").fill("3")
        assert json.loads(await text.input_value()) == wanted
        await page.get_by_label("jobs 2").fill("")
        await page.get_by_role("button", name="Remove").click()
        del wanted["r"]["memoryRange"]
        wanted["r"]["jobs"] = [FAILING]
        assert json.loads(await text.input_value()) == wanted
        await page.get_by_text("Request as JSON").click()
        await text.fill('{"r": {"hosts": ["render-node-01"]}}')
        await expect(page.get_by_label("hosts 1")).to_have_value("render-node-01")
        await expect(page.get_by_label("jobs 1")).to_have_value("")
        await page.reload()
        await expect(page.get_by_label("hosts 1")).to_have_value("render-node-01")
        await page.get_by_text("Request as JSON").click()
        await text.fill('{"r": {"hosts": [')
        await page.get_by_text("Request as JSON").click()
        for name in ("Dry run", "Run"):  # neither the text that is wrong nor what was before
            await page.get_by_role("button", name=name, exact=True).click()
            await expect(text).to_be_focused()
        assert not any("/GetProcs" in each and "page" not in each for each in visit.requests)


async def test_fields_that_say_little_are_explained(visit: Visit) -> None:
    page = visit.page
    await page.goto("/#explore/job.JobInterface/SetPriority")
    field = page.locator(".field", has=page.get_by_label("val"))
    await expect(field).to_contain_text("what it is set to")
    await page.goto("/#explore/job.JobInterface/GetJobs")
    await expect(page.locator(".nested > summary")).to_have_text("r job search criteria")


async def test_methods_are_listed_by_what_they_are_about(visit: Visit) -> None:
    page = visit.page
    await page.goto("/#explore")
    groups = page.locator(".list summary")
    await expect(groups.first).to_contain_text("Jobs")
    assert await groups.count() == 11
    await expect(page.locator(".list a").first).to_contain_text("JobInterface/GetJobs")
    kinds = await page.locator(".list a").evaluate_all(
        "all => all.slice(12).map(each => each.querySelector('.kind')?.textContent ?? 'reads')"
    )
    order = ["reads", "changes", "destroys"]
    assert kinds == sorted(kinds, key=order.index)
    assert {*kinds} == {*order}


async def test_pages_find_the_same_as_commands(browser: Browser, demo: Gateway) -> None:
    """Of what people search for, and of words of methods in other forms, or mistyped."""
    document = (await demo.client.get("/openapi.json")).content
    methods = methods_of(read_document(document, demo.url))
    words = {word for each in methods for place in each.places for word in place.words}
    searched = [*FIRST, *NOTHING, *queries(sorted(words), QUERIES)]
    async with visiting(browser, demo.url) as visit:
        await visit.page.goto("/")
        found = await visit.page.evaluate(SEARCH, searched)
    for query, paths in zip(searched, found, strict=True):
        assert paths == [each.path for each in ranked(query, methods)], query


SEARCH = """async (all) => {
  const { described, ranked } = await import("./page/search.js");
  const { paths } = await (await fetch("openapi.json")).json();
  const isMethod = ([, { post }]) => post?.tags && post.tags[0] !== "batch";
  const methods = Object.entries(paths).filter(isMethod).map(
    ([path, { post, get }]) => described({
      path, summary: post.summary ?? "", readsOnly: Boolean(get), others: post["x-aliases"] ?? [],
    }));
  return all.map((query) => ranked(query, methods).map(({ path }) => path));
}"""


async def test_the_best_match_comes_first(browser: Browser, demo: Gateway) -> None:
    firsts = {query: FIRST[query][0] for query in ("pause job", "retry dead frames", "host down")}
    firsts["pirority"] = "job.JobInterface/SetPriority"
    async with visiting(browser, demo.url) as visit:
        page = visit.page
        await page.goto("/#explore")
        search = page.get_by_label("Search methods")
        for query, first in firsts.items():
            await search.fill(query)
            name = first.partition(".")[2]
            await expect(page.locator(".list a[data-path]").first).to_contain_text(name)
            await search.press("Enter")
            await expect(page.locator("#method")).to_contain_text(first.rpartition("/")[2])
            await search.press("Escape")
            await expect(search).to_have_value("")
            await expect(page.locator(".list summary").first).to_contain_text("Jobs")
        await page.goto("/docs")
        search, paths = (
            page.locator(".operation-filter-input"),
            page.locator(".opblock-summary-path"),
        )
        for query, first in firsts.items():
            await search.fill(query)
            await expect(paths.first).to_have_text(f"/{first}")
        for phrase in ("/frame.FrameInterface/DropDep", "dropdep frame.frameinterface"):
            await search.fill(phrase)
            await expect(paths).to_have_text(["/job.FrameInterface/DropDepends"])
        await search.fill("nothing like that")
        await expect(paths).to_have_count(0)


async def test_panels_are_found_with_methods(visit: Visit) -> None:
    page = visit.page
    await page.goto("/#explore")
    await page.get_by_label("Search methods").fill("failed jobs")
    await page.locator(".list a").first.click()
    await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)


async def test_every_alias_is_found(browser: Browser, demo: Gateway) -> None:
    async with visiting(browser, demo.url) as visit:
        await visit.page.goto("/#explore/frame.FrameInterface/Eat")
        await expect(visit.page.locator("#method")).to_contain_text("Eat")
        await visit.page.get_by_label("Search methods").fill("/frame.FrameInterface/Eat")
        await expect(visit.page.locator(".list code")).to_have_text(["FrameInterface/Eat"])


async def test_it_copies_without_a_clipboard(browser: Browser, demo: Gateway) -> None:
    url = f"http://{OTHER_NAME}:{demo.port}"
    async with visiting(browser, url) as visit:
        page = visit.page
        await page.goto("/#explore/show.ShowInterface/GetShows")
        await page.get_by_role("button", name="Copy", exact=True).click()
        assert await page.evaluate("navigator.clipboard === undefined")
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        search = page.get_by_label("Search methods")
        await search.fill("")
        await search.press("Control+v")
        line = await search.input_value()
    assert url in line
    assert await run(line.replace(OTHER_NAME, "127.0.0.1")) == await shows_of(demo)


async def test_the_gateway_is_for_those_with_status(
    browser: Browser, simulated_cuebot: SimulatedCuebot
) -> None:
    away = f"127.0.0.1:{free_port()}"
    access = [rule("all", {}, "all")]
    async with (
        gateway_for(f"{simulated_cuebot.endpoint},{away}", access=access, docs="public") as gateway,
        visiting(browser, gateway.url) as visitor,
        signed_in(browser, gateway.url) as visit,
    ):
        await visitor.page.goto("/")
        await expect(visitor.page.get_by_text("1 of 2 reachable")).to_be_visible()
        page = visit.page
        await page.goto("/")
        await expect(page.get_by_text("1 of 2 reachable")).to_be_visible()
        await page.get_by_role("link", name="Gateway").click()
        states = page.get_by_role("group", name="Cuebots").locator("tbody tr")
        await expect(states.nth(0)).to_contain_text(f"{simulated_cuebot.endpoint}answers")
        await expect(states.nth(0)).to_have_text(re.compile(r"answers[\d.]+ ms[\d.]+ ms\d+$"))
        await gateway.post("/show.ShowInterface/GetShows", headers={"Authorization": "Bearer x"})
        await page.reload()
        refused = page.get_by_role("group", name="Refusals").locator("tbody tr")
        await expect(refused).to_have_text([re.compile("^Tokens that cannot be read11$")])
        await expect(states.nth(1)).to_contain_text(f"{away}cannot be reached")
        await expect(page.get_by_text("Changed")).to_be_visible()
    async with (
        gateway_for(simulated_cuebot.endpoint, access=[rule("reads", {}, "reads")]) as gateway,
        signed_in(browser, gateway.url) as visit,
    ):
        await visit.page.goto("/#gateway")
        await expect(visit.page.get_by_text("Cuebot: reachable")).to_be_visible()
        await expect(visit.page.get_by_role("link", name="Gateway")).to_be_hidden()


async def test_the_page_has_no_barriers(browser: Browser, farm: Gateway) -> None:
    """As far as axe finds them."""
    script = axe()
    async with signed_in(browser, farm.url) as visit:
        page = visit.page
        for place in (
            "#farm",
            "#farm/jobs",
            "#explore",
            f'{RETRY}?body={{"job":{{"name":"{FAILING}"}},"req":{{"frameRange":"1"}}}}',
            "#gateway",
        ):
            await page.goto(f"/{place}")
            await page.locator("main h2, main summary").first.wait_for()
            if "Retry" in place:
                await page.get_by_role("button", name="Dry run").click()
                await page.locator(".dry").wait_for()
            if "jobs" in place:
                await menu(page, FAILING, "Set its priority…")
            await settled(page)
            await page.evaluate(script)
            found = await page.evaluate("axe.run().then(({ violations }) => violations)")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], place


# --- the documentation ----------------------------------------------------------------------------


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


async def test_the_body_comes_first_and_headers_are_folded(
    browser: Browser, small: Gateway
) -> None:
    async with visiting(browser, small.url) as visit:
        page = visit.page
        await page.goto("/docs#/show.ShowInterface/ShowInterface_FindShow")
        operation = page.locator(OPERATION)
        body = operation.locator(".opblock-section-request-body")
        fields = operation.locator("tr[data-param-name=_fields]")
        await expect(fields).to_be_visible()
        tops = [
            await each.evaluate("each => each.getBoundingClientRect().top")
            for each in (body, fields)
        ]
        assert tops == sorted(tops)
        header = operation.locator("tr[data-param-name=X-Dry-Run]")
        await expect(header).to_be_hidden()
        await operation.get_by_role("button", name="Headers").click()
        await expect(header).to_be_visible()
        answers = operation.locator(".responses-wrapper details").first
        await expect(answers.get_by_text("X-Schema")).to_be_hidden()
        await answers.locator("summary").click()
        await expect(answers.get_by_text("X-Schema")).to_be_visible()


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
            "/page/docs.css",
            "/page/docs.js",
            "/page/search.js",
        ]
        assert await page.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS
        await page.locator(".operation-filter-input").fill("job")
        assert await page.evaluate("document.querySelectorAll('*').length") < 5 * MOST_ELEMENTS


async def documented(gateway: Gateway) -> list[Any]:
    return list((await gateway.client.get("/openapi.json")).json()["paths"].values())


async def test_the_page_asks_for_a_token(browser: Browser, closed: Gateway) -> None:
    async with visiting(browser, closed.url, refusals=1) as visit:
        page = visit.page
        await page.goto("/")
        field, problem = page.get_by_label("Token"), page.get_by_role("alert")
        await expect(field).to_be_focused()
        assert not any(each.endswith(".json") for each in visit.requests)
        for wrong, words in (("what?", "not a JWT"), (token(seconds=-10), "expired")):
            await field.fill(wrong)
            await page.get_by_role("button", name="Sign in").click()
            await expect(problem).to_contain_text(words)
        await field.fill(f"export TOKEN={token()}")  # as the demo prints it
        await field.press("Enter")
        await expect(panel(page, "Shows")).to_contain_text("harbor")
        await page.reload()
        await expect(panel(page, "Shows")).to_contain_text("harbor")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="OpenAPI").click()
        assert (await download.value).suggested_filename == "openapi.json"
        await page.get_by_role("button", name="Sign out").click()
        await expect(field).to_be_focused()
        assert token() not in "".join(visit.requests)


async def test_a_token_that_has_expired_is_asked_for_again(browser: Browser, farm: Gateway) -> None:
    async with signed_in(browser, farm.url, refusals=1) as visit:
        page = visit.page
        await page.clock.install()
        await page.goto("/")
        await expect(panel(page, "Shows")).to_contain_text("harbor")
        refusal = {"error": "PERMISSION_DENIED", "message": "the token has expired"}
        await page.route("**/status.json", lambda route: route.fulfill(status=403, json=refusal))
        await page.clock.fast_forward(16_000)
        await expect(page.get_by_role("alert")).to_have_text("the token has expired")
        await expect(page.get_by_label("Token")).to_be_focused()
        await page.unroute("**/status.json")
        await page.get_by_label("Token").fill(token())
        await page.keyboard.press("Enter")
        await expect(panel(page, "Shows")).to_contain_text("harbor")


async def test_visitors_see_the_methods(browser: Browser, demo: Gateway) -> None:
    """First of all where there are no panels, else behind the farm's sign-in."""
    nothing: dict[str, list[str]] = {
        each: [] for each in ("panels", "objects", "completions", "destroys")
    }
    async with visiting(browser, demo.url) as visit:
        page = visit.page
        await page.route("**/panels.json", lambda route: route.fulfill(json=nothing))
        await page.goto("/")
        await expect(page.get_by_label("Search methods")).to_be_visible()
        await page.unroute("**/panels.json")
        await page.goto("/")
        await expect(page.get_by_label("Token")).to_be_focused()
        await page.get_by_role("link", name="Explorer", exact=True).click()
        await expect(page.locator(".list a").first).to_be_visible()
        await expect(page.get_by_label("Token")).to_be_hidden()
        await page.get_by_role("link", name="Farm", exact=True).click()
        await expect(page.locator(".list")).to_have_count(0)
        await page.get_by_label("Token").fill(token())
        await page.keyboard.press("Enter")
        await expect(panel(page, "Shows")).to_contain_text("harbor")


async def test_public_pages_refuse_a_wrong_token(browser: Browser, demo: Gateway) -> None:
    """Though they would show themselves. Who signs out of the gateway is back at the farm."""
    async with visiting(browser, demo.url, refusals=1) as visit:
        page, field = visit.page, visit.page.get_by_label("Token")
        await page.goto("/")
        await field.fill(token(seconds=-10))
        await field.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("expired")
        await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        await field.fill(token())
        await field.press("Enter")
        await expect(panel(page, "Shows")).to_contain_text("harbor")
        await page.get_by_role("link", name="Gateway").click()
        await expect(page.get_by_role("group", name="Cuebots")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(field).to_be_focused()
        await field.fill(token())
        await field.press("Enter")
        await expect(panel(page, "Shows")).to_contain_text("harbor")


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
    async with signed_in(browser, small.url, **CLIPBOARD) as visit:
        page, keys = visit.page, visit.page.keyboard
        await page.goto("/")
        await visit.tab_to("button.more")
        await keys.press("Enter")
        await expect(page.locator("#menu a").first).to_be_focused()
        await visit.tab_to("#menu button")
        await keys.press("Enter")
        await expect(dialog_of(page)).to_be_visible()
        await keys.press("Escape")
        await expect(page.locator("button.more").first).to_be_focused()
        await keys.press("/")
        await expect(page.get_by_label("Search methods")).to_be_focused()
        await keys.type("shows")
        await keys.press("ArrowDown")
        await keys.press("ArrowDown")
        await keys.press("ArrowUp")
        await expect(page.locator(".list a").first).to_be_focused()
        await keys.press("Escape")
        await keys.type("getshows")
        await keys.press("Enter")
        await expect(page.locator("#method")).to_contain_text("GetShows")
        await visit.tab_to("article button.main")
        await keys.press("Control+Enter")
        await expect(page.locator(".answers").get_by_role("status")).to_contain_text("200 in")
        await visit.tab_to("#snippet + button")
        await keys.press("Enter")
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert (await read_clipboard(page)).startswith("curl ")


async def test_the_documentation_needs_no_mouse(browser: Browser, small: Gateway) -> None:
    async with visiting(browser, small.url) as visit:
        page, keys = visit.page, visit.page.keyboard
        await page.goto(GET_SHOWS)
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


async def test_the_pages_fit_on_a_phone(browser: Browser, farm: Gateway, small: Gateway) -> None:
    async with signed_in(browser, farm.url, **PHONE) as visit:
        page = visit.page
        await page.goto("/")
        await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)
        await page.get_by_role("button", name=f"What can be done with {FAILING}").click()
        assert await visit.overhang() == 0
        await in_menu(page, "Retry its dead frames…").click()
        assert await visit.overhang() == 0
        await dialog_of(page).get_by_role("link", name="Open in the explorer").click()
        await page.get_by_role("button", name="Dry run").click()
        await page.locator(".dry").wait_for()
        assert await visit.overhang() == 0
        await page.get_by_role("link", name="‹ All methods").click()
        await page.get_by_label("Search methods").fill("list jobs")
        await page.get_by_role("link", name=re.compile("^List jobs by show")).click()
        await run_method(page)
        assert await visit.overhang() == 0
    async with visiting(browser, small.url, **PHONE) as visit:
        await visit.page.goto(GET_SHOWS)
        await authorise(visit.page, token())
        await executed(visit.page)
        assert await visit.overhang() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read(
    browser: Browser, farm: Gateway, small: Gateway, scheme: str
) -> None:
    async with signed_in(browser, farm.url, color_scheme=scheme) as visit:
        page = visit.page
        await page.goto("/")
        await expect(panel(page, "Jobs that fail")).to_contain_text(FAILING)
        assert await visit.poor_texts() == []
        assert await is_white(page) is (scheme == "light")
        await menu(page, FAILING, "Details")
        assert await visit.poor_texts() == []
        await page.keyboard.press("Escape")
        await menu(page, FAILING, "Set its priority…")
        assert await visit.poor_texts() == []
        for place in ("#gateway", RETRY, "#explore/job.JobInterface/Kill"):
            await page.goto(f"/{place}")
            await page.locator("main h2").first.wait_for()
            if "explore" in place:
                await page.get_by_role("button", name="Dry run").click()
                await page.locator(".dry").wait_for()
            assert await visit.poor_texts() == []
        visit.complaints = [each for each in visit.complaints if "status of 400" not in each]
    async with visiting(browser, small.url, color_scheme=scheme) as visit:
        page = visit.page
        await page.goto(GET_SHOWS)
        await authorise(page, token())
        await executed(page)
        assert await visit.poor_texts() == []
        assert await is_white(page) is (scheme == "light")
    async with visiting(browser, farm.url, refusals=2, color_scheme=scheme) as visit:
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
