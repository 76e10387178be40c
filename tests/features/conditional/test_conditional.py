"""ETags of GETs, 304, and waiting for another answer."""

import asyncio
import re
import time
import tracemalloc
from pathlib import Path

import grpc
import httpx
import pytest

from tests.support.needs import needs
from tests.support.opencue import hosts
from tests.support.owned_farm import answer
from tests.support.patience import until
from tests.support.servers import Context, Gateway, ScriptedCuebot, gateway_for

pytestmark = pytest.mark.anyio

HOSTS = "/host.HostInterface/GetHosts"
SHOWS = "/show.ShowInterface/GetShows"


async def etag(gateway: Gateway, target: str = HOSTS, **headers: str) -> str:
    answer = await gateway.client.get(target, headers=headers)
    assert answer.status_code == 200, answer.text
    found: str = answer.headers["etag"]
    assert found.startswith('W/"')
    return found


async def conditional(
    gateway: Gateway, known: str, target: str = HOSTS, **headers: str
) -> httpx.Response:
    """A GET of somebody who has the answer with this ETag."""
    return await gateway.client.get(target, headers={"If-None-Match": known, **headers})


async def test_an_answer_that_is_still_the_same(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    cuebot.answers(HOSTS, hosts("a", "b"))
    first = await gateway.client.get(HOSTS)
    again = await conditional(gateway, first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name], name
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Authorization, Accept" in first.headers["vary"]
    assert len(cuebot.seen) == 2
    head = await gateway.client.head(HOSTS)
    for name in ("etag", "content-type", "cache-control"):
        assert head.headers[name] == first.headers[name], name
    cuebot.answers(HOSTS, hosts(a=1, b=1))
    changed = await conditional(gateway, first.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_the_order_of_ids_does_not_count(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    cuebot.answers(HOSTS, hosts("a", "b", "c"))
    known = await etag(gateway)
    cuebot.answers(HOSTS, hosts("c", "a", "b"))
    assert (await conditional(gateway, known)).status_code == 304
    cuebot.answers(HOSTS, hosts("c", "a", "b", "b"))
    assert (await conditional(gateway, known)).status_code == 200


async def test_the_order_counts_where_it_decides(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    cuebot.answers(HOSTS, hosts("a", "b"))
    first, sorted_one = f"{HOSTS}?_limit=1", f"{HOSTS}?_limit=1&_sort=name"
    known, known_sorted = await etag(gateway, first), await etag(gateway, sorted_one)
    cuebot.answers(HOSTS, hosts("b", "a"))
    assert (await conditional(gateway, known, first)).status_code == 200
    assert (await conditional(gateway, known_sorted, sorted_one)).status_code == 304


async def test_views_and_formats_have_etags(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    cuebot.answers(HOSTS, hosts(*map(str, range(100))))
    views = ["", "?_fields=name", "?_fields=id", "?_limit=1", "?_format=csv", "?_format=ndjson"]
    views += ["?_count=true", "?_group=name", "?_sum=load", "?_min=load"]
    known = [await etag(gateway, HOSTS + view) for view in views]
    assert len(set(known)) == len(views)
    one = await etag(gateway, f"{HOSTS}?_fields=name&_limit=1")
    assert await etag(gateway, f"{HOSTS}?_limit=1&_fields=name") == one
    assert await etag(gateway, HOSTS, Accept="text/csv") == known[4]
    assert await etag(gateway, HOSTS, **{"Accept-Encoding": "identity"}) == known[0]


READS = "reads = ['*/Get*']"
A_LINE = "summaries.methods.'job.JobInterface'.Kill = 'Stop a job'"
A_PANEL = "panels.panels.jobs.method = 'job.JobInterface/GetJobs'"


async def etag_with(profile: str, cuebot: ScriptedCuebot, folder: Path) -> str:
    """The ETag of a gateway with this profile, which is TOML."""
    path = folder / "own.toml"
    path.write_text(profile)
    async with gateway_for(cuebot.endpoint, compat_profile=str(path)) as gateway:
        return await etag(gateway)


async def test_another_profile_is_another_answer(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    cuebot.answers(HOSTS, hosts("a"))
    known = await etag_with(READS, cuebot, tmp_path)
    assert await etag_with("reads = ['*/Get*', '*/Find*']", cuebot, tmp_path) != known


@pytest.mark.parametrize("words", ["", A_LINE, A_PANEL], ids=["nothing", "a line", "a panel"])
async def test_answers_stay_the_same_whatever_is_said_of_them(
    cuebot: ScriptedCuebot, tmp_path: Path, words: str
) -> None:
    """Clients need not fetch them again because a line or a panel has changed."""
    cuebot.answers(HOSTS, hosts("a"))
    known = await etag_with(READS, cuebot, tmp_path)
    assert await etag_with(f"{READS}\n{words}", cuebot, tmp_path) == known


@pytest.mark.parametrize("known", ["*", 'W/"other", {}', '{}, W/"other"'])
async def test_lists_of_etags(cuebot: ScriptedCuebot, gateway: Gateway, known: str) -> None:
    """And any of them."""
    current = await etag(gateway)
    assert (await conditional(gateway, known.replace("{}", current))).status_code == 304


async def test_what_fails_is_no_304(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    known = await etag(gateway)
    cuebot.fails(HOSTS, grpc.StatusCode.INTERNAL, "no")
    answer = await conditional(gateway, known)
    assert answer.status_code == 500
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@needs("tokens")
async def test_without_a_token_there_is_no_304(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    known = await etag(gateway)
    assert (await conditional(gateway, known, Authorization="")).status_code == 401


@pytest.fixture
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.features.conditional.exchange.POLL_INTERVAL_SECONDS", 0.01)


GROUPS = f"{HOSTS}?_group=state&_count=true"


async def test_groups_have_etags(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    """Of the rows, in whatever order."""
    cuebot.answers(HOSTS, hosts("a", "b"))
    known = await etag(gateway, GROUPS)
    cuebot.answers(HOSTS, hosts("b", "a"))
    assert (await conditional(gateway, known, GROUPS)).status_code == 304
    cuebot.answers(HOSTS, hosts(b=1, a=1))
    changed = await conditional(gateway, known, GROUPS)
    assert changed.json() == {"groups": [{"state": "DOWN", "count": 2}]}


NOW = 1_700_000_000
BOOTED = f"{HOSTS}?_where=bootTime<now-1h&_fields=name"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What `now` is in views."""
    found = [float(NOW)]
    monkeypatch.setattr("gateway.features.views.compiled_view.time", lambda: found[0])
    return found


def booted(**ages: int) -> bytes:
    """Hosts that were booted an hour and so many seconds ago, as of NOW."""
    rows = [{"id": name, "name": name, "boot_time": NOW - 3600 - age} for name, age in ages.items()]
    return answer("host.HostGetHostsResponse", hosts={"hosts": rows})


async def test_the_etag_of_a_view_with_now_is_that_of_its_rows(
    cuebot: ScriptedCuebot, gateway: Gateway, clock: list[float]
) -> None:
    """It changes when time passes, and not with rows that are not shown."""
    cuebot.answers(HOSTS, booted(a=5, b=0, c=3))
    found = await gateway.client.get(BOOTED)
    known = found.headers["etag"]
    assert [row["name"] for row in found.json()["hosts"]["hosts"]] == ["a", "c"]
    assert (await gateway.client.head(BOOTED)).headers["etag"] == known
    assert (await conditional(gateway, known, BOOTED)).status_code == 304
    cuebot.answers(HOSTS, booted(c=3, d=-9, b=0, a=5))
    assert (await conditional(gateway, known, BOOTED)).status_code == 304
    clock[0] += 1
    later = await conditional(gateway, known, BOOTED)
    assert [row["name"] for row in later.json()["hosts"]["hosts"]] == ["c", "b", "a"]
    assert later.headers["etag"] != known
    first = await etag(gateway, f"{BOOTED}&_limit=1")
    cuebot.answers(HOSTS, booted(a=5, b=0, c=3))
    assert (await conditional(gateway, first, f"{BOOTED}&_limit=1")).status_code == 200
    assert (await conditional(gateway, later.headers["etag"], BOOTED)).status_code == 304


# --- Waiting --------------------------------------------------------------------------------
@pytest.mark.usefixtures("quick_polls")
async def test_waiting_for_another_answer(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    """`Prefer: wait` holds the request until Cuebot's answer differs."""
    cuebot.answers(HOSTS, hosts("a"))
    known = await etag(gateway)
    waiting = asyncio.create_task(conditional(gateway, known, Prefer="respond-async, wait=30"))
    await until(lambda: len(cuebot.seen) >= 4)
    cuebot.answers(HOSTS, hosts("a", "b"))
    answer = await waiting
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=30")
    assert [each["name"] for each in answer.json()["hosts"]["hosts"]] == ["a", "b"]


@pytest.mark.usefixtures("quick_polls")
async def test_waiting_for_time_to_pass(
    cuebot: ScriptedCuebot, gateway: Gateway, clock: list[float]
) -> None:
    """Cuebot's answer stays the same, and a row fits that did not."""
    cuebot.answers(HOSTS, booted(a=0))
    known = await etag(gateway, BOOTED)
    waiting = asyncio.create_task(conditional(gateway, known, BOOTED, Prefer="wait=30"))
    await until(lambda: len(cuebot.seen) >= 4)
    clock[0] += 1
    answer = await waiting
    assert answer.json() == {"hosts": {"hosts": [{"name": "a"}]}}
    assert answer.headers["etag"] == await etag(gateway, BOOTED)


@pytest.mark.usefixtures("quick_polls")
async def test_no_change(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    """It ends as 304; a wait of zero, and one without an ETag, end at once."""
    known = await etag(gateway)
    cuebot.seen.clear()
    answer = await conditional(gateway, known, Prefer="wait=1")
    assert (answer.status_code, answer.headers["preference-applied"]) == (304, "wait=1")
    assert len(cuebot.seen) > 2
    assert (await conditional(gateway, known, Prefer="wait=0")).status_code == 304
    answer = await conditional(gateway, known, Prefer="other; wait=30")  # its own parameter
    assert (answer.status_code, "preference-applied" in answer.headers) == (304, False)
    answer = await gateway.client.get(HOSTS, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


@pytest.mark.usefixtures("quick_polls")
async def test_looks_in_vain_are_waiting(
    cuebot: ScriptedCuebot, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, Cuebot is no slower than it was: that would be a slow call."""
    monkeypatch.setattr("gateway.features.conditional.exchange.POLL_PAUSE_FACTOR", 0)

    spent: list[float] = []

    async def handler(request: bytes, context: Context) -> bytes:
        began = time.monotonic()
        await asyncio.sleep(0.05)
        spent.append(time.monotonic() - began)
        return hosts("a")

    cuebot.handlers[HOSTS] = handler
    known = await etag(gateway)
    spent.clear()
    answer = await conditional(gateway, known, Prefer="wait=2")
    assert (answer.status_code, len(spent) > 1) == (304, True)
    _, _, waited = map(float, re.findall(r"dur=([0-9.]+)", answer.headers["server-timing"]))
    assert waited >= (sum(spent) - max(spent)) * 1000 - 1


async def test_long_waits_are_shortened(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    answer = await conditional(gateway, '"other"', Prefer="wait=3600")
    assert answer.headers["preference-applied"] == "wait=60"


@needs("admission")
async def test_waiters_have_no_place(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.conditional.feature.MAX_WAITING_READS", 4)
    from gateway.features.admission import Admission

    async with gateway_for(cuebot.endpoint, max_in_flight=2) as gateway:
        known = await etag(gateway)
        waiting = []
        for _ in range(4):
            waiting.append(asyncio.create_task(conditional(gateway, known, Prefer="wait=30")))
            await until(lambda: len(cuebot.seen) >= len(waiting) + 1)
        await until(lambda: not gateway.app.feature(Admission).slots.taken)
        assert (await gateway.post(SHOWS)).status_code == 200
        fifth = await conditional(gateway, known, Prefer="wait=30")
        assert fifth.status_code == 503
        assert "wait" in fifth.json()["message"]
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.thorough
async def test_who_waits_keeps_no_answer(
    cuebot: ScriptedCuebot, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.conditional.exchange.POLL_INTERVAL_SECONDS", 0.05)
    cuebot.answers(HOSTS, hosts("a" * 2**22))
    known = await etag(gateway)
    tracemalloc.start()
    try:
        waiting = [
            asyncio.create_task(conditional(gateway, known, Prefer="wait=30")) for _ in range(8)
        ]
        await until(lambda: len(cuebot.seen) >= 8 * 3)
        monkeypatch.setattr("gateway.features.conditional.exchange.POLL_INTERVAL_SECONDS", 30)
        seen = 0
        while seen < len(cuebot.seen):  # until all of them rest
            seen = len(cuebot.seen)
            await asyncio.sleep(1)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert held < 2**23


@needs("tokens")
@pytest.mark.usefixtures("quick_polls")
async def test_a_token_that_is_denied_meanwhile(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    known = await etag(gateway)
    cuebot.seen.clear()
    waiting = asyncio.create_task(conditional(gateway, known, Prefer="wait=30"))
    await until(lambda: cuebot.seen)
    from gateway.features.tokens import Tokens
    from gateway.features.tokens.revocation import NOBODY, Revocations

    authenticator = gateway.app.feature(Tokens).authenticator
    authenticator.deny(Revocations(subjects=frozenset(("tester",))))
    try:
        answer = await waiting
    finally:
        authenticator.deny(NOBODY)  # the gateway is that of other tests, too
    assert answer.status_code == 403


async def test_a_stop_does_not_wait(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint) as gateway:
        known = await etag(gateway)
        cuebot.seen.clear()
        waiting = asyncio.create_task(conditional(gateway, known, Prefer="wait=60"))
        await until(lambda: cuebot.seen)
        gateway.app.parts.readiness.stopping = True
        answer = await waiting
        assert answer.status_code == 304
