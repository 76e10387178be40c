"""Rate limits: the bucket against a plain model of one, who has which rate, and over HTTP."""

import asyncio
import time
from typing import Any

import pytest

from gateway.core.rates import MemoryLimiter, Rate
from gateway.features.rate_limits.interceptor import too_many
from gateway.features.rate_limits.rate_limiter import Rates
from gateway.features.rate_limits.settings import RateOverride
from gateway.features.settings import Settings
from tests.support.clocks import HandClock
from tests.support.rights import signed
from tests.support.servers import (
    ScriptedCuebot,
    bearer,
    gateway_for,
    http_client,
    running_gateway,
    settings_for,
    token,
)

pytestmark = pytest.mark.slow


# --- Who has which rate ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, Rate(100, 100, 0)),
        ({"rate_limit_rps": 7}, Rate(7, 7)),
        ({"rate_limit_rps": 0.2}, Rate(0.2, 1)),
        ({"rate_limit_rps": 2.5}, Rate(2.5, 3)),
        ({"rate_limit_rps": 7, "rate_limit_burst": 2}, Rate(7, 2)),
        ({"rate_limit_max_wait": "500ms"}, Rate(100, 100, 0.5)),
    ],
)
def test_the_default_rate(given: dict[str, object], rate: Rate) -> None:
    settings = Settings.model_validate(given)
    assert (Rates(settings).default, Rates(settings).of("somebody")) == (rate, rate)


@pytest.mark.parametrize(
    ("subject", "rate"),
    [
        *((each, Rate(1000, 1000, 5)) for each in ("user-id", "cueweb-status-bar")),
        *(("cueweb-facility-health", Rate(1000, 1000, 5)), ("user-id2", Rate(100, 100))),
        *((each, Rate(100, 100)) for each in ("USER-ID", "cueweb", "cueweb-status-bar ")),
    ],
)
def test_cueweb_has_a_rate_of_its_own(subject: str, rate: Rate) -> None:
    """Exactly its three subjects have it by default."""
    assert Rates(Settings()).of(subject) == rate


def rates(*overrides: dict[str, object]) -> Rates:
    parsed = tuple(RateOverride.model_validate(override) for override in overrides)
    access = [
        {"name": name, "who": {"role": name}, "may": ("reads",)}
        for name in ("artists", "freelancers", "tds")
    ]
    return Rates(Settings(rate_limit_overrides=parsed, access=tuple(access)))


DEFAULT, FARM, TD = Rate(100, 100), Rate(5, 5), Rate(20, 3, 1.5)


@pytest.mark.parametrize(
    ("subject", "rate"),
    [
        *(("farm-nightly", FARM), ("farm-", FARM), ("farm-7", FARM), ("Farm-nightly", DEFAULT)),
        *(("the-farm-x", DEFAULT), ("td1", TD), ("tdx", TD), ("td12", DEFAULT)),
        *(("monitor", None), ("", DEFAULT)),
    ],
)
def test_overrides_by_subject(subject: str, rate: Rate | None) -> None:
    """The first override with a glob that fits counts; 0 requests a second means no limit."""
    subject_rates = rates(
        {"subjects": ["farm-*"], "rps": 5},
        {"subjects": ["farm-7"], "rps": 50},
        {"subjects": ["td[0-9]", "tdx"], "rps": 20, "burst": 3, "max_wait": "1500ms"},
        {"subjects": ["monitor"], "rps": 0},
    )
    assert subject_rates.of(subject) == rate


@pytest.mark.parametrize(
    ("subject", "rule", "rate"),
    [
        *(("lena", "artists", FARM), ("lena", "others", DEFAULT), ("lena", "", DEFAULT)),
        *(("td1", "artists", FARM), ("td1", "tds", TD), ("lena", "tds", DEFAULT)),
    ],
)
def test_overrides_by_rule(subject: str, rule: str, rate: Rate) -> None:
    found = rates(
        {"rules": ["artists", "freelancers"], "rps": 5},
        {"rules": ["tds"], "subjects": ["td*"], "rps": 20, "burst": 3, "max_wait": 1.5},
    )
    assert found.of(subject, rule) == rate


@pytest.mark.anyio
async def test_the_tokens_of_a_rule_have_its_rate(cuebot: ScriptedCuebot) -> None:
    slow = [{"rules": ["artists"], "rps": 0.1, "burst": 1}]
    access = [{"name": "artists", "who": {"role": "artist"}, "may": ["all"]}]
    settings = settings_for(cuebot.endpoint, access=access, rate_limit_overrides=slow)
    async with running_gateway(settings) as gateway:
        for who, last in ((signed("lena", role="artist"), 429), (signed("bo"), 200)):
            answers = [await gateway.post(SHOWS, headers=who) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, last]


def test_shares_follow_the_settings_wherever_they_are_asked_for() -> None:
    subject_rates = rates({"subjects": ["farm-*"], "rps": 5, "share": 3})
    weight = subject_rates.weight
    assert (weight("farm-7"), weight("somebody")) == (3, 1)
    more = RateOverride.model_validate({"subjects": ["farm-*"], "rps": 5, "share": 8})
    subject_rates.follow(Settings(rate_limit_overrides=(more,)))
    assert (weight("farm-7"), weight("somebody")) == (8, 1)


def test_the_retry_is_in_whole_seconds_that_suffice() -> None:
    limiter = MemoryLimiter(HandClock())
    for rps, expected in ((0.4, "3"), (1, "1"), (1000, "1")):
        rate = Rate(rps, 1)
        limiter.hit(f"{rps}", rate)
        error = too_many(rate, limiter.hit(f"{rps}", rate))
        assert (error.headers["Retry-After"], error.status) == (expected, 429)


# --- Over HTTP ------------------------------------------------------------------------------

SHOWS = "/show.ShowInterface/GetShows"
LIMIT, REMAINING, RESET = "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"


@pytest.mark.anyio
async def test_every_counted_answer_has_the_headers(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.01, rate_limit_burst=10) as gateway:
        answers = [
            await gateway.post(SHOWS, json={}),
            await gateway.post("/show.ShowInterface/Nothing", json={}),
            await gateway.post("/nothing", json={}),
            await gateway.post(SHOWS, content=b"{"),
            await gateway.client.put(SHOWS),
            await gateway.post(SHOWS, content=b"x", headers={"Content-Type": "image/png"}),
        ]
        assert [answer.status_code for answer in answers] == [200, 404, 404, 400, 405, 415]
        assert [answer.headers[LIMIT] for answer in answers] == ["10"] * 6
        assert [answer.headers[REMAINING] for answer in answers] == list("987654")
        for number, answer in enumerate(answers, 1):
            assert int(answer.headers[RESET]) == pytest.approx(time.time() + number * 100, abs=3)
        health = await gateway.client.get("/healthz")
        assert health.status_code == 200
        assert LIMIT not in health.headers


@pytest.mark.anyio
async def test_beyond_the_limit_is_429(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.1, rate_limit_burst=2) as gateway:
        assert [(await gateway.post(SHOWS)).status_code for _ in range(2)] == [200, 200]
        cuebot.seen.clear()
        answer = await gateway.post(SHOWS)
        assert (answer.status_code, answer.headers["content-type"]) == (429, "application/json")
        body = answer.json()
        assert body.keys() == {"error", "code", "message"}
        assert (body["error"], body["code"]) == ("RESOURCE_EXHAUSTED", 8)
        assert (answer.headers[LIMIT], answer.headers[REMAINING]) == ("2", "0")
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert 0 < int(answer.headers[RESET]) - time.time() <= 21
        assert cuebot.seen == []
        other = await gateway.post(SHOWS, headers=bearer("somebody else"))
        assert other.status_code == 200


@pytest.mark.anyio
async def test_who_shares_a_limit(cuebot: ScriptedCuebot) -> None:
    """All tokens of a subject, and all strangers at an address, whatever their headers say."""
    async with (
        gateway_for(cuebot.endpoint, rate_limit_rps=0.1, rate_limit_burst=2) as gateway,
        http_client(gateway.url) as stranger,
    ):
        callers, strangers = [], []
        for number in range(3):
            headers = {"Authorization": f"Bearer {token('lena', 100 + number)}"}
            callers.append((await gateway.post(SHOWS, headers=headers)).status_code)
            address = f"192.0.2.{number}"
            spoofed = {"X-Forwarded-For": address, "X-Real-IP": address}
            spoofed["Forwarded"] = f"for={address}"
            strangers.append(await stranger.post(SHOWS, headers=spoofed))
        assert callers == [200, 200, 429]
        assert [each.status_code for each in strangers] == [401, 401, 429]
        headers_of = [(each.headers[LIMIT], each.headers[REMAINING]) for each in strangers]
        assert headers_of == [("2", "1"), ("2", "0"), ("2", "0")]
        forged = await stranger.post(SHOWS, headers={"Authorization": f"Bearer {token()[:-4]}AAAA"})
        assert (forged.status_code, forged.json()["error"]) == (429, "RESOURCE_EXHAUSTED")
        assert int(forged.headers["retry-after"]) in range(1, 11)
        assert (await gateway.post(SHOWS)).status_code == 200
        assert (await stranger.get("/healthz")).status_code == 200


@pytest.mark.anyio
async def test_0_turns_it_off(cuebot: ScriptedCuebot) -> None:
    """For all, or for the subjects of an override; answers have no headers."""
    monitors = [{"subjects": ["mon*"], "rps": 0}]
    few: dict[str, object] = {"rate_limit_rps": 0.1, "rate_limit_burst": 1}
    for more in (few | {"rate_limit_rps": 0}, few | {"rate_limit_overrides": monitors}):
        async with running_gateway(settings_for(cuebot.endpoint, **more)) as gateway:
            headers = bearer("monitor")
            answers = [await gateway.post(SHOWS, headers=headers) for _ in range(5)]
            answers.append(await gateway.post("/nothing", headers=headers))
            assert {answer.status_code for answer in answers} == {200, 404}
            assert not any(LIMIT in answer.headers for answer in answers)
            others = [(await gateway.post(SHOWS)).status_code for _ in range(2)]
            assert others == [200, 429 if "rate_limit_overrides" in more else 200]


@pytest.mark.anyio
async def test_a_request_may_wait_for_its_turn(cuebot: ScriptedCuebot) -> None:
    limit: dict[str, Any] = {"rate_limit_burst": 1, "rate_limit_max_wait": "10s"}
    async with gateway_for(cuebot.endpoint, rate_limit_rps=20, **limit) as gateway:
        started = time.monotonic()
        answers = await asyncio.gather(*(gateway.post(SHOWS) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert time.monotonic() - started > 0.24
        assert {answer.headers[REMAINING] for answer in answers} == {"0"}
