"""STATE over HTTP: gateways that count together, and a store that is killed, slow or locked."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.access import shared_limiter
from gateway.access.rates import SECOND
from gateway.access.shared_limiter import SharedLimiter
from gateway.state import link
from tests.support.certificates import authority, pair
from tests.support.patience import PATIENCE
from tests.support.processes import Answer, Instance, instance
from tests.support.scraping import scrape
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    head,
    running_gateway,
    settings_for,
)
from tests.support.stores import NEEDS_STORE, StoreServer, store_server

pytestmark = [NEEDS_STORE, pytest.mark.slow, pytest.mark.anyio]

SHOWS = "/show.ShowInterface/GetShows"
LIMIT, REMAINING, RESET = "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"
SLOWLY: dict[str, object] = {"rate_limit_rps": 0.01, "rate_limit_burst": 6}
"""A limit that does not refill during a test, and of which nobody takes anything ahead."""
AWAY, BACK = "the shared store is away", "the shared store answers again"


@pytest.fixture
def server() -> Iterator[StoreServer]:
    with store_server() as running:
        yield running


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways that wait for a store that is slow because this machine is."""
    monkeypatch.setattr(link, "TIMEOUT", 20)


@asynccontextmanager
async def two(
    cuebot: ScriptedCuebot, server: StoreServer, **more: object
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways that share the store, and have found it."""
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(
                running_gateway(
                    settings_for(cuebot.endpoint, **{"state": server.url} | SLOWLY | more)
                )
            )
            for _ in range(2)
        ]
        yield one, other


def limiter_of(gateway: Gateway) -> SharedLimiter:
    limiter = gateway.app.parts.shared
    assert limiter is not None
    return limiter


async def until_found(*gateways: Gateway) -> None:
    """Until all have the store again, which they look for by themselves."""
    async with asyncio.timeout(PATIENCE):
        while not all(limiter_of(each).link.up for each in gateways):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def statuses(gateway: Gateway, count: int) -> list[int]:
    return [(await gateway.post(SHOWS)).status_code for _ in range(count)]


async def test_two_gateways_have_one_limit(cuebot: ScriptedCuebot, server: StoreServer) -> None:
    """A client's requests count wherever they are made, and every answer says what is left."""
    async with two(cuebot, server) as gateways:
        answers = [await gateways[number % 2].post(SHOWS) for number in range(8)]
        assert [each.status_code for each in answers] == [200] * 6 + [429] * 2
        assert {each.headers[LIMIT] for each in answers} == {"6"}
        assert [each.headers[REMAINING] for each in answers] == list("54321000")
        for number, each in enumerate(answers[:6], 1):
            assert int(each.headers[RESET]) == pytest.approx(time.time() + number * 100, abs=5)
        assert 90 < int(answers[-1].headers["retry-after"]) <= 100
        other = await gateways[0].post(SHOWS, headers=bearer("somebody else"))
        assert (other.status_code, other.headers[REMAINING]) == (200, "5")


async def test_what_gateways_take_in_advance_is_within_the_limit(
    cuebot: ScriptedCuebot, server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of a burst is counted without asking: all of it passes once, and the headers follow."""
    monkeypatch.setattr(shared_limiter, "KEPT", 3600 * SECOND)  # or a slow machine loses some
    burst, ahead = 400, 2 * 50
    async with two(cuebot, server, rate_limit_burst=burst) as gateways:
        answers = [await gateways[number % 2].post(SHOWS) for number in range(burst + 5)]
    passed = [each.status_code for each in answers].count(200)
    assert burst - ahead <= passed <= burst
    assert [each.status_code for each in answers[passed:]] == [429] * (burst + 5 - passed)
    for number, each in enumerate(answers[:passed], 1):
        assert abs(int(each.headers[REMAINING]) - (burst - number)) <= ahead
        assert each.headers[LIMIT] == f"{burst}"
    assert answers[-1].headers[REMAINING] == "0"


async def test_a_request_waits_for_its_turn_among_those_of_all(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """With RATE_LIMIT_MAX_WAIT, requests over the limit come one after the other, anywhere."""
    limit = {"rate_limit_rps": 20, "rate_limit_burst": 1, "rate_limit_max_wait": "10s"}
    async with two(cuebot, server, **limit) as gateways:
        started = time.monotonic()
        answers = await asyncio.gather(*(gateways[n % 2].post(SHOWS) for n in range(6)))
        assert {each.status_code for each in answers} == {200}
        assert time.monotonic() - started >= 0.25


async def test_a_killed_store_is_done_without(cuebot: ScriptedCuebot, server: StoreServer) -> None:
    """Each gateway goes on from what it knew; it is said once, and once that it is back."""
    with capture_logs() as lines:
        async with two(cuebot, server) as (one, other):
            assert await statuses(one, 4) == [200] * 4
            assert await statuses(other, 1) == [200]  # so it knows of five
            server.kill()
            assert await statuses(one, 4) == [200, 200, 429, 429]  # it knew of four
            assert await statuses(other, 2) == [200, 429]
            assert (limiter_of(one).without, limiter_of(other).without) == (4, 2)
            server.start()
            await until_found(one, other)
            assert await statuses(one, 3) + await statuses(other, 4) == [200] * 6 + [429]
            assert limiter_of(one).link.losses == 1
    said = [line for line in lines if line["event"].startswith((AWAY, BACK))]
    assert [line["log_level"] for line in said] == ["error", "error", "info", "info"]
    assert said[0]["event"] == (f"{AWAY}; each process counts requests by itself (STATE_FAIL=open)")
    assert str(server.port) in said[0]["problem"]


async def test_no_request_is_lost_when_the_store_is_killed_under_load(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """Requests that wait for the store at that moment are counted without it."""
    async with two(cuebot, server) as gateways:
        done: list[int] = []

        async def client(number: int) -> None:
            for other in range(30):  # all are new to the gateway, which has to ask
                headers = bearer(f"{number} {other}")
                answer = await gateways[number % 2].post(SHOWS, headers=headers)
                done.append(answer.status_code)
                if len(done) == 200:
                    server.kill()

        await asyncio.gather(*map(client, range(20)))
        assert done == [200] * 600
        assert any(limiter_of(each).without for each in gateways)


async def test_a_slow_store_delays_few(
    cuebot: ScriptedCuebot, server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has asked a store that stands still waits for a moment; those after it do not."""
    async with two(cuebot, server) as (one, _):
        assert await statuses(one, 1) == [200]
        server.stand_still()
        monkeypatch.setattr(link, "TIMEOUT", 0.05)
        assert await statuses(one, 1) == [200]
        assert not limiter_of(one).link.up
        monkeypatch.setattr(link, "TIMEOUT", 3600)
        assert await statuses(one, 4) == [200] * 4
        assert limiter_of(one).without == 5
        server.go_on()
        monkeypatch.setattr(link, "TIMEOUT", 20)
        await until_found(one)


async def test_closed_refuses_what_it_cannot_count(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """With STATE_FAIL=closed: 503 with Retry-After while the store is away, and then no more."""
    async with two(cuebot, server, state_fail="closed") as (one, _):
        assert await statuses(one, 1) == [200]
        server.kill()
        cuebot.seen.clear()
        answer = await one.post(SHOWS)
        assert answer.status_code == 503
        assert answer.json() == {
            "error": "UNAVAILABLE",
            "code": 14,
            "message": "requests cannot be counted: the gateway's shared store is away",
        }
        assert answer.headers["retry-after"] == "1"
        assert LIMIT not in answer.headers
        assert cuebot.seen == []
        assert await statuses(one, 2) == [503] * 2
        assert (await one.client.get("/healthz")).status_code == 200
        server.start()
        await until_found(one)
        assert await statuses(one, 1) == [200]


async def test_the_loss_of_the_store_is_in_the_metrics(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """Scrapes do not need the store, not even with STATE_FAIL=closed: they tell of it."""
    async with two(cuebot, server, state_fail="closed", metrics="public") as (one, _):
        server.kill()
        assert await statuses(one, 1) == [503]
        found = await scrape(f"{one.url}/metrics")
        assert (found.of("store_up"), found.of("store_bypassed_total")) == (0, 1)


async def test_readiness_tells_that_the_store_is_away(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """It stays 200: every gateway has lost it, and whoever is not counted is still served."""
    async with two(cuebot, server, state_fail="closed") as (one, _):
        ready = await one.client.get("/readyz")
        assert (ready.status_code, ready.json().get("store")) == (200, None)
        server.kill()
        assert await statuses(one, 1) == [503]
        ready = await one.client.get("/readyz")
        assert (ready.status_code, ready.json()["store"]) == (200, "away")


async def test_closed_does_not_concern_those_without_a_limit(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """Who is not counted does not need the store."""
    monitor = [{"subjects": ["tester"], "rps": 0}]
    async with two(cuebot, server, state_fail="closed", rate_limit_overrides=monitor) as (one, _):
        server.kill()
        assert await statuses(one, 2) == [200] * 2


async def test_a_gateway_starts_without_its_store(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """It serves at once, says what is missing, and takes the store when it comes."""
    server.kill()
    with capture_logs() as lines:
        async with two(cuebot, server) as (one, other):
            assert await statuses(one, 7) == [200] * 6 + [429]
            server.start()
            await until_found(one, other)
            assert await statuses(other, 7) == [200] * 6 + [429]
    assert len([line for line in lines if line["event"].startswith(AWAY)]) == 2


async def test_a_restarted_store_is_used_at_once(
    cuebot: ScriptedCuebot, server: StoreServer
) -> None:
    """One that was restarted while nobody asked has lost the buckets and the script: nothing else.

    Nobody notices, since a connection that was closed while idle is made again.
    """
    async with two(cuebot, server) as (one, _):
        assert await statuses(one, 6) == [200] * 6
        server.kill()
        server.start()
        answer = await one.post(SHOWS, headers=bearer("somebody else"))
        assert (answer.status_code, answer.headers[REMAINING]) == (200, "5")
        assert (limiter_of(one).link.losses, limiter_of(one).without) == (0, 0)


async def test_over_tls_and_with_a_password(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    """rediss:// checks the certificate; the password comes from a file, and is not logged."""
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "password").write_text("mountain goat\n")
    secured = {
        "state_ca_file": str(tmp_path / "ca.pem"),
        "state_password_file": str(tmp_path / "password"),
    }
    with store_server(pair(tmp_path), "mountain goat") as server, capture_logs() as lines:
        async with two(cuebot, server, **secured) as (one, other):
            assert await statuses(one, 6) == [200] * 6
            assert await statuses(other, 1) == [429]
        async with two(cuebot, server, **secured | {"state_ca_file": None}) as (one, _):
            assert not limiter_of(one).link.up
        (tmp_path / "password").write_text("mountain lion\n")
        async with two(cuebot, server, **secured) as (one, _):
            assert not limiter_of(one).link.up
    problems = [line["problem"] for line in lines if line["event"].startswith(AWAY)]
    assert len(problems) == 4
    assert "certificate verify failed" in problems[0].lower()
    assert "password" in problems[2]
    assert "mountain" not in f"{lines}"


async def test_workers_have_one_limit(
    cuebot: ScriptedCuebot, server: StoreServer, cuebot_process: str
) -> None:
    """With STATE, the limit is not divided among WORKERS; without the store it is again."""
    limit = {"RATE_LIMIT_RPS": "0.01", "RATE_LIMIT_BURST": "6"}
    with instance(cuebot_process, limit, WORKERS="2", STATE=server.url) as gateway:
        gateway.event("the shared store answers", 2)
        for attempt in range(5):  # this machine may be slow, and the store away for that
            losses = len(gateway.events(AWAY))
            answers = [ask_as(f"lena {attempt}", gateway) for _ in range(8)]
            if len(gateway.events(AWAY)) == losses:
                break
        assert [each.status for each in answers] == [200] * 6 + [429] * 2
        assert [each.headers[REMAINING] for each in answers] == list("54321000")
        assert gateway.events("share the limits") == []


def ask_as(subject: str, gateway: Instance) -> Answer:
    """One call on a connection of its own, which any worker may get."""
    with gateway.wire() as wire:
        wire.send(head(SHOWS, "Content-Length: 2", subject=subject) + b"{}")
        return wire.answer()
