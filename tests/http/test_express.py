"""The express lane answers as the ASGI way does, byte for byte but for dates and durations."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from h2.settings import SettingCodes
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.access.rights import AccessRules
from gateway.access.tokens import TokenRules
from gateway.calls.plan import Plan, plan
from gateway.codec.unknown import Reject
from gateway.http.express import ExpressLane, PlainRequest
from gateway.http.request import BODIES_AT_ONCE
from gateway.schema.method import Method
from gateway.server.http1.lanes import BODY_GRACE
from tests.support.certificates import pair, trusting
from tests.support.commands import OPENCUE
from tests.support.differential import (
    AUTHORIZATIONS,
    BODIES,
    FIND_SHOW,
    GET_FILTERS,
    GET_FRAMES,
    GET_JOBS,
    LAYER,
    LINES,
    NAMED,
    PAGE,
    PATHS,
    SET_CORES,
    Served,
    comparable,
    cut_up,
    exchanged,
    find_show,
)
from tests.support.http2_server import Peer, framed, http2_server
from tests.support.opencue import jobs, message_class, opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    gateway_for,
    running_cuebot,
    settings_for,
    token,
)
from tests.support.wire import Answer, Wire, request, wire

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GET_UPDATED = "/job.JobInterface/GetUpdatedFrames"
KILL, KILLED_BY_BOB = (
    "/job.JobInterface/Kill",
    b'{"job": {"id": "j"}, "username": "bob", "reason": "x"}',
)
GROUP: dict[str, object] = {"group": {"id": "g"}}
REFUSED_STREAM = 7


class Lane(Served):
    """A gateway, the access lines it writes, and the Cuebot behind it."""

    def __init__(
        self,
        gateway: Gateway,
        cuebot: ScriptedCuebot,
        lines: list[dict[str, object]],
        how: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(gateway.port, cuebot, lines, how)
        self.gateway = gateway


@asynccontextmanager
async def both_lanes(how: dict[str, Any], **more: Any) -> AsyncIterator[tuple[Lane, Lane]]:
    """The same gateway twice, with and without the lane, each in front of a Cuebot of its own."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files)) as first,
        running_cuebot(ScriptedCuebot(opencue().files)) as second,
    ):
        for cuebot in (first, second):
            cuebot.start_over()
            cuebot.handlers[FIND_SHOW] = find_show
            cuebot.answers(GET_JOBS, jobs(30_000))
        options: dict[str, Any] = {"cors_origins": PAGE, "rate_limit_rps": 1e6}
        options |= {"max_body_mb": 0.25} | more
        async with (
            gateway_for(first.endpoint, express="on", **options) as express,
            gateway_for(second.endpoint, express="off", **options) as asgi,
        ):
            yield (
                Lane(express, first, express.access_lines(), how),
                Lane(asgi, second, asgi.access_lines(), how),
            )


@pytest.fixture(scope="module")
async def lanes() -> AsyncIterator[tuple[Lane, Lane]]:
    async with both_lanes({}) as both:
        yield both


def killer(cuebot: ScriptedCuebot) -> str:
    """Who has killed a job, by the latest call."""
    payload = cuebot.seen[-1][1]
    name: str = message_class("job.JobKillRequest").FromString(payload).username
    return name


@given(
    path=PATHS,
    verb=st.sampled_from(["POST"] * 6 + ["GET", "HEAD", "PUT"]),
    body=BODIES,
    lines=LINES,
    authorization=st.just(f"Authorization: Bearer {token()}") | AUTHORIZATIONS,
    cuts=st.lists(st.floats(0, 1), max_size=3),
)
@example(FIND_SHOW, "POST", b'{"name": "demo"}', [], f"Authorization: Bearer {token()}", [])
@example(GET_FILTERS, "POST", NAMED, [], f"Authorization: Bearer {token()}", [])
@example(GET_FRAMES, "POST", LAYER, [], f"Authorization: Bearer {token()}", [])
@example(GET_JOBS, "POST", b"{}", ["Accept-Encoding: gzip"], f"Authorization: Bearer {token()}", [])
@example(GET_JOBS, "POST", b"{}", ["Accept: text/csv"], f"Authorization: Bearer {token()}", [])
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
async def test_both_ways_answer_the_same(
    lanes: tuple[Lane, Lane],
    path: str,
    verb: str,
    body: bytes,
    lines: list[str],
    authorization: str,
    cuts: list[float],
) -> None:
    """Status, headers, body, what reached Cuebot and the access line, however it is cut.

    Three times, since a head that has come twice is remembered.
    """
    parts = cut_up(request(path, body, authorization, *lines, subject=None), verb, cuts)
    head = verb == "HEAD"
    on, off = [[await exchanged(lane, parts, head=head) for _ in range(3)] for lane in lanes]
    assert on == off


async def test_both_ways_answer_the_same_in_tls(tmp_path: Path) -> None:
    """Whole and cut, short and long, refused and remembered."""
    made = pair(tmp_path)
    bearer = f"Authorization: Bearer {token()}"
    asked = [
        request(FIND_SHOW, b'{"name": "demo"}', bearer, subject=None),
        request(FIND_SHOW, b'{"name": "missing"}', bearer, subject=None),
        request(FIND_SHOW, b'{"nam": 1', bearer, "X-Request-ID: mine-1", subject=None),
        request(FIND_SHOW, b"{}", subject=None),
        request(GET_JOBS, b"{}", bearer, subject=None),
        request(GET_JOBS, b"{}", bearer, "Accept-Encoding: gzip", subject=None),
        request(GET_FILTERS, NAMED, bearer, subject=None),
        request("/", b" " * 300_000, bearer, subject=None),
    ]
    async with both_lanes({"ssl": trusting()}, **made.settings) as both:
        for whole in asked:
            for cut in (0, 1, len(whole) // 2, len(whole) - 1):
                parts = [whole[:cut], whole[cut:]]
                on, off = [
                    [await exchanged(lane, parts, head=False) for _ in range(2)] for lane in both
                ]
                assert on == off


async def test_both_ways_answer_a_slow_reader_the_same(lanes: tuple[Lane, Lane]) -> None:
    """All of a long answer, in its order, although the connection takes it a bit at a time."""
    found = []
    for lane in lanes:
        async with wire(lane.gateway, limit=1024) as one:
            await one.send(request(GET_JOBS, b"{}"))
            await one.reply_begins()
            await asyncio.sleep(0.3)  # the gateway has more than the kernel takes
            found.append(comparable(await one.answer(timeout=PATIENCE)))
    assert found[0] == found[1]
    body = found[0][-1]
    assert isinstance(body, bytes)
    assert len(orjson.loads(body)["jobs"]["jobs"]) == 30_000


async def pipelined(one: Wire, count: int) -> list[Answer]:
    return [await one.answer(timeout=PATIENCE) for _ in range(count)]


async def test_pipelined_requests_are_answered_in_order(lanes: tuple[Lane, Lane]) -> None:
    """Whether each goes on the lane or not."""
    names = ["demo", "missing", "demo", "other", "missing"] * 4
    whole = b"".join(
        request(FIND_SHOW, orjson.dumps({"name": name}), *["X-Dry-Run: 0"] * (number % 3 == 2))
        for number, name in enumerate(names)
    )
    found = []
    for lane in lanes:
        async with wire(lane.gateway) as one:
            await one.send(whole)
            found.append([comparable(each) for each in await pipelined(one, len(names))])
    assert found[0] == found[1]
    assert [each[0] for each in found[0]] == [404 if name == "missing" else 200 for name in names]


@pytest.mark.parametrize(
    ("given", "statuses"),
    [
        ({"rate_limit_rps": 0.01, "rate_limit_burst": 3}, [200, 404, 200, 429, 429]),
        ({"rate_limit_rps": 20, "rate_limit_burst": 1, "rate_limit_max_wait": 1}, [200, 404] * 3),
        ({"rate_limit_rps": 0}, [200, 404, 200]),
        ({"max_in_flight": 1}, [200, 404, 200]),
        ({"unknown_fields": "reject"}, [400]),
        ({"unknown_fields": "ignore"}, [200]),
    ],
    ids=["over the limit", "waiting", "no limit", "one place", "rejected", "ignored"],
)
async def test_limits_are_the_same(given: dict[str, Any], statuses: list[int]) -> None:
    """Whatever the settings are, a series of requests has the same answers both ways."""
    found = []
    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        cuebot.handlers[FIND_SHOW] = find_show
        for way in ("on", "off"):
            async with gateway_for(cuebot.endpoint, express=way, **given) as gateway:
                lane = Lane(gateway, cuebot, gateway.access_lines())
                began = time.monotonic()
                more = b', "a": 1' if "unknown_fields" in given else b""
                bodies = [b'{"name": "%b"%b}' % (name, more) for name in (b"demo", b"missing")] * 3
                parts = [[request(FIND_SHOW, body)] for body in bodies[: len(statuses)]]
                found.append([await exchanged(lane, each, head=False) for each in parts])
            if "rate_limit_max_wait" in given:
                assert time.monotonic() - began >= (len(statuses) - 1) / given["rate_limit_rps"]
    assert found[0] == found[1]
    assert [answer[0] for answer in found[0]] == statuses


@pytest.mark.parametrize("way", ["on", "off"])
async def test_a_call_that_cuebot_refuses_to_look_at_is_made_again(way: str) -> None:
    """The client does not notice."""
    seen: list[int] = []

    def refuse_first(peer: Peer, stream: int) -> None:
        seen.append(stream)
        if len(seen) == 1:
            peer.h2.reset_stream(stream, REFUSED_STREAM)
        else:
            peer.answer(stream, framed(b""))

    async with (
        http2_server(refuse_first) as server,
        gateway_for(server.endpoint, express=way, descriptor_source=OPENCUE) as gateway,
    ):
        assert (await gateway.post(SET_CORES, GROUP)).status_code == 200
    assert len(seen) == 2


@pytest.mark.parametrize("way", ["on", "off"])
async def test_what_one_endpoint_cannot_take_goes_to_the_other(way: str) -> None:
    """A call with more headers than an endpoint allows has not been sent to it."""

    def answer(peer: Peer, stream: int) -> None:
        peer.answer(stream, framed(b""))

    async with (
        http2_server(answer, {SettingCodes.MAX_HEADER_LIST_SIZE: 200}) as narrow,
        http2_server(answer) as wide,
        gateway_for(
            f"{narrow.endpoint},{wide.endpoint}", express=way, descriptor_source=OPENCUE
        ) as gateway,
    ):
        async with asyncio.timeout(PATIENCE):
            while await gateway.app.parts.upstream.usable(PATIENCE) < 2:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        answers = [await gateway.post(SET_CORES, GROUP) for _ in range(6)]
    assert [each.status_code for each in answers] == [200] * 6


async def test_look_ups_are_never_left_out(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request may be on the lane when the profile comes to want a look-up for its method."""
    monkeypatch.setattr(ExpressLane, "takes", lambda lane, request: True)
    cuebot.handlers[FIND_SHOW] = find_show
    async with gateway_for(cuebot.endpoint) as gateway:
        answer = await gateway.post("/show.ShowInterface/CreateShow", {"name": "demo"})
    assert answer.status_code == 409
    assert [path for path, _, _ in cuebot.seen if "Show" in path] == [FIND_SHOW]


async def test_a_remembered_head_is_checked_each_time(cuebot: ScriptedCuebot) -> None:
    """Its token expires, and is worth nothing once its secret is not trusted any more."""
    async with gateway_for(cuebot.endpoint) as gateway, wire(gateway) as one:
        lasting = request(SET_CORES, orjson.dumps(GROUP))
        passing = request(
            SET_CORES,
            orjson.dumps(GROUP),
            f"Authorization: Bearer {token(seconds=4)}",
            subject=None,
        )

        async def status(sent: bytes) -> int:
            await one.send(sent)
            return (await one.answer(timeout=PATIENCE)).status

        assert [await status(sent) for sent in (lasting, passing) * 3] == [200] * 6
        async with asyncio.timeout(PATIENCE):
            while await status(passing) == 200:  # noqa: ASYNC110 - nobody tells when it expires
                await asyncio.sleep(0.1)
        assert await status(passing) == 403
        assert await status(lasting) == 200
        gateway.app.parts.authenticator.trust(
            [b"another secret of more than 32 bytes"], TokenRules()
        )
        assert await status(lasting) == 403


async def test_a_request_that_comes_again_is_the_same_call_again(
    lanes: tuple[Lane, Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the profile adds the time of day, or a part of the body is ignored."""
    clock = itertools.count(1_790_000_000)
    monkeypatch.setattr("gateway.compat.resolve.time", lambda: next(clock))
    updated = message_class("job.JobGetUpdatedFramesRequest")
    sent = [
        request(FIND_SHOW, b'{"name": "demo"}'),
        request(SET_CORES, b'{"group": {"id": "g", "nonsense": 2}, "cores": 1}'),
        request(GET_FRAMES, LAYER),
        request(GET_UPDATED, b'{"job": {"id": "j"}}'),
    ]
    found = []
    for lane in lanes:
        lane.cuebot.seen.clear()
        async with wire(lane.gateway) as client:
            answers = []
            for each in sent * 4:
                await client.send(each)
                answers.append(comparable(await client.answer(timeout=PATIENCE)))
        assert answers == answers[:4] * 4
        assert "x-ignored-fields" in str(answers[1][3])
        seen = [(path, payload) for path, payload, _ in lane.cuebot.seen]
        times = [updated.FromString(each).last_check for path, each in seen if path == GET_UPDATED]
        assert len({*times}) == 4
        found.append((answers, [each for each in seen if each[0] != GET_UPDATED]))
    assert found[0] == found[1]


async def test_what_is_remembered_ends_with_the_rules_and_the_schema(
    cuebot: ScriptedCuebot,
) -> None:
    """A request that has come often is refused once its method may not be called, or is gone."""
    async with gateway_for(cuebot.endpoint) as gateway, wire(gateway) as client:
        parts, sent = gateway.app.parts, request(SET_CORES, b'{"group": {"id": "g"}}')

        async def status() -> int:
            await client.send(sent)
            return (await client.answer(timeout=PATIENCE)).status

        assert [await status() for _ in range(4)] == [200] * 4
        before = parts.authenticator.access
        parts.authenticator.follow(AccessRules(settings_for("localhost:1", access_default="deny")))
        assert await status() == 403
        parts.authenticator.follow(before)
        assert await status() == 200
        for _ in range(4):
            await client.send(request(KILL, KILLED_BY_BOB))
            assert (await client.answer(timeout=PATIENCE)).status == 200
            assert killer(cuebot) == "bob"
        parts.authenticator.follow(AccessRules(settings_for("localhost:1", identity="force")))
        await client.send(request(KILL, KILLED_BY_BOB))
        assert (await client.answer(timeout=PATIENCE)).status == 200
        assert killer(cuebot) == "tester"
        parts.authenticator.follow(before)
        catalog = parts.live.current
        assert catalog is not None
        moved = {**catalog.routes, SET_CORES: catalog.routes[FIND_SHOW]}
        parts.live.current = replace(catalog, routes=moved)
        assert await status() == 400  # it has no group
        parts.live.current = replace(catalog, routes={})
        assert await status() == 404


async def test_what_is_remembered_is_used_and_has_its_bound(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes again is understood once, until too many others have come."""
    planned: list[bytes] = []

    def counted(method: Method, body: bytes, reject: Reject) -> Plan:
        planned.append(body)
        return plan(method, body, reject)

    monkeypatch.setattr("gateway.http.request.REMEMBERED", 4)
    monkeypatch.setattr("gateway.http.request.plan", counted)
    bodies = [b'{"group": {"id": "%d"}}' % number for number in range(100, 120)]
    sent = [bodies[0]] * 6 + bodies + [bodies[0]]
    async with gateway_for(cuebot.endpoint) as gateway, wire(gateway) as client:
        for body in sent:
            await client.send(request(SET_CORES, body))
            assert (await client.answer(timeout=PATIENCE)).status == 200
    assert planned[:-1].count(bodies[0]) <= 3
    assert planned[-1] == bodies[0]
    group = message_class("job.GroupSetMinCoresRequest")
    ids = [group.FromString(payload).group.id for path, payload, _ in cuebot.seen]
    assert ids == [orjson.loads(body)["group"]["id"] for body in sent]


@pytest.mark.parametrize("way", ["on", "off"])
async def test_bodies_give_their_room_back(way: str, cuebot: ScriptedCuebot) -> None:
    """More than there is room for, one after the other."""
    body = {"name": "x" * 60_000}
    cuebot.handlers[FIND_SHOW] = find_show
    async with gateway_for(cuebot.endpoint, express=way, max_body_mb=0.0625) as gateway:
        answers = [await gateway.post(FIND_SHOW, body) for _ in range(BODIES_AT_ONCE + 2)]
    assert [answer.status_code for answer in answers] == [200] * len(answers)


async def test_a_place_that_is_taken_is_the_same(lanes: tuple[Lane, Lane]) -> None:
    """Where no more calls may be under way, another one is refused, and served afterwards."""
    found = []
    for way, lane in zip(("on", "off"), lanes, strict=True):
        goes_on = asyncio.Event()
        started = asyncio.Event()

        async def wait(payload: bytes, context: Context, s=started, g=goes_on) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
            s.set()
            await g.wait()
            return b""

        lane.cuebot.handlers[SET_CORES] = wait
        async with (
            gateway_for(lane.cuebot.endpoint, express=way, max_in_flight=1) as gateway,
            wire(gateway) as first,
            wire(gateway) as second,
        ):
            await first.send(request(SET_CORES, orjson.dumps(GROUP)))
            await started.wait()
            await second.send(request(FIND_SHOW, b'{"name": "demo"}'))
            refused = await second.answer(timeout=PATIENCE)
            goes_on.set()
            done = await first.answer(timeout=PATIENCE)
            await second.send(request(FIND_SHOW, b'{"name": "demo"}'))
            answers = [refused, done, await second.answer(timeout=PATIENCE)]
            found.append([comparable(each) for each in answers])
        lane.cuebot.answers(SET_CORES, b"")
    assert found[0] == found[1]
    assert [answer[0] for answer in found[0]] == [503, 200, 200]


async def test_a_call_whose_client_leaves_is_cancelled(lanes: tuple[Lane, Lane]) -> None:
    """Cuebot hears of it, and the log has a 499."""
    for lane in lanes:
        started, ended = asyncio.Event(), asyncio.Event()

        async def never(payload: bytes, context: Context, s=started, e=ended) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
            s.set()
            try:
                await asyncio.Event().wait()
            finally:
                e.set()
            raise AssertionError

        lane.cuebot.handlers[SET_CORES] = never
        lane.lines.clear()
        async with asyncio.timeout(PATIENCE):
            async with wire(lane.gateway) as one:
                await one.send(request(SET_CORES, orjson.dumps(GROUP)))
                await started.wait()
            await ended.wait()
            while not lane.lines:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.001)
        lane.cuebot.answers(SET_CORES, b"")
        assert (lane.lines[0]["status"], lane.lines[0]["code"]) == (499, "CANCELLED")


async def test_a_body_that_takes_its_time(lanes: tuple[Lane, Lane]) -> None:
    """Longer than the lane waits for it: the app waits then."""
    whole = request(FIND_SHOW, b'{"name": "demo"}')
    found = []
    for lane in lanes:
        async with wire(lane.gateway) as one:
            await one.send(whole[:-3])
            await asyncio.sleep(0.1)
            await one.send(whole[-3:])
            found.append(comparable(await one.answer(timeout=PATIENCE)))
    assert found[0] == found[1]
    assert found[0][0] == 200


@pytest.mark.parametrize("seconds", [0.04, 0.2], ids=["short", "long"])
async def test_what_a_body_takes_is_counted(
    lanes: tuple[Lane, Lane], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """From the head on, as a wait, whether the lane has waited for it or the app."""
    lane, whole = lanes[0], request(SET_CORES, orjson.dumps(GROUP))
    has_head, takes = asyncio.Event(), ExpressLane.takes

    def noticing(self: ExpressLane, request: PlainRequest) -> bool:
        has_head.set()
        return takes(self, request)

    monkeypatch.setattr(ExpressLane, "takes", noticing)
    lane.lines.clear()
    async with wire(lane.gateway) as one:
        await one.send(whole[:-3])
        await has_head.wait()  # in the turn of the loop in which the wait has begun
        began = time.monotonic()
        await asyncio.sleep(seconds)
        waited = time.monotonic() - began  # a busy loop's sleep may be shorter than it was to be
        await one.send(whole[-3:])
        answer = await one.answer(timeout=PATIENCE)
    least = min(waited, BODY_GRACE) * 1000 - 2  # the app may come later
    (wait,) = re.findall(r"wait;dur=([0-9.]+)", answer.headers["server-timing"])
    assert float(wait) >= least
    taken = lane.lines[0]["ms"]
    assert isinstance(taken, float)
    assert taken >= least


async def test_only_known_plain_requests_take_the_lane(
    lanes: tuple[Lane, Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do, and others do not: the handler of the ASGI way tells."""
    gateway = lanes[0].gateway
    express = gateway.app.express
    assert express is not None
    assert lanes[1].gateway.app.express is None
    asgi: list[str] = []
    handle = type(express.handler).__call__

    async def noted(self: object, scope: Any, receive: Any, send: Any) -> None:
        asgi.append(scope["path"])
        await handle(self, scope, receive, send)  # type: ignore[arg-type]

    monkeypatch.setattr(type(express.handler), "__call__", noted)
    plain = {"Content-Type": "application/json"}
    assert (await gateway.post(GET_JOBS, {}, headers=plain)).status_code == 200
    assert asgi == []
    assert (await gateway.post(GET_JOBS, {}, headers={"X-Dry-Run": "1"})).status_code == 200
    assert (await gateway.post("/a.B/C", {})).status_code == 404
    assert asgi == [GET_JOBS, "/a.B/C"]
