"""Requests that are part of a trace: what Cuebot, the caller and the log get of it."""

import grpc
import pytest

from gateway.features.traces.trace_context import read_context
from tests.support.needs import needs
from tests.support.patience import until
from tests.support.servers import Gateway, ScriptedCuebot, bearer, gateway_for, head
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "rojo=1,congo=2"}
FIELDS = ("traceparent", "tracestate")


def sent_on(cuebot: ScriptedCuebot) -> dict[str, str]:
    """What the latest call of Cuebot said of a trace."""
    return {name: value for name, value in cuebot.seen[-1][2].items() if name in FIELDS}


@pytest.mark.usefixtures("each_transport")
@pytest.mark.parametrize("each_transport", ["http2", "grpcio"], indirect=True)
@needs("tokens")
async def test_cuebot_gets_the_callers_context(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint) as gateway:
        assert (await gateway.post(SHOWS, {}, headers=HEADERS)).status_code == 200
        assert (sent_on(cuebot), cuebot.seen[-1][2]["x-gateway-principal"]) == (HEADERS, "tester")
        other = {"traceparent": HEADERS["traceparent"].replace("4bf", "5bf")}
        await gateway.post(SHOWS, {}, headers=bearer("other") | other)
        assert (sent_on(cuebot), cuebot.seen[-1][2]["x-gateway-principal"]) == (other, "other")


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-1-2-3", "tracestate": "a=1"}])
async def test_without_a_context_there_is_no_trace(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str]
) -> None:
    lines = gateway.access_lines()
    answer = await gateway.post(SHOWS, {}, headers=headers)
    assert sent_on(cuebot) == {}
    assert "x-trace-id" not in answer.headers
    assert "trace_id" not in lines[0]


@needs("tokens")
async def test_the_trace_is_in_answer_and_log(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(SHOWS, grpc.StatusCode.NOT_FOUND, "no shows")
    lines = gateway.access_lines()
    for path, body, status in ((SHOWS, "{}", 404), (SHOWS, "{", 400), ("/no.Such/Thing", "", 404)):
        answer = await gateway.post(path, content=body, headers=HEADERS)
        assert (answer.status_code, answer.headers["x-trace-id"]) == (status, TRACE)
    answer = await gateway.post(SHOWS, headers=HEADERS | {"Authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["x-trace-id"]) == (401, TRACE)
    assert [line["trace_id"] for line in lines] == [TRACE] * 4


@needs("server")
async def test_what_the_server_refuses_has_its_trace_in_the_log(gateway: Gateway) -> None:
    lines = gateway.access_lines()
    async with wire(gateway) as one:
        await one.send(head(SHOWS, f"traceparent: {HEADERS['traceparent']}", "Content-Length: x"))
        assert (await one.answer()).status == 400
    await until(lambda: lines)
    assert lines[0]["trace_id"] == TRACE


SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
def test_a_context_is_sent_on_as_it_came(flags: str) -> None:
    given = f"00-{TRACE}-{SPAN}-{flags}"
    context = read_context(given.encode(), b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    assert context is not None
    assert context.sampled == (flags in ("01", "03"))
    assert context.metadata == (
        ("traceparent", given),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    )


@pytest.mark.parametrize(
    "given",
    [
        *("", "00", TRACE, GOOD.upper(), f" {GOOD}", f"{GOOD} ", f"{GOOD}-", f"{GOOD}-more"),
        *(f"{GOOD}, {GOOD}", f"{GOOD}\n", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-1"),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}-{SPAN}-01"),
        *(f"00-{TRACE}-{SPAN}-0g", f"0-{TRACE}-{SPAN}-01", f"00-{TRACE}{SPAN}-01"),
        f"01-{TRACE}-{SPAN}-01-{'x' * 512}",
    ],
)
def test_anything_else_is_none(given: str) -> None:
    """A header that breaks the grammar, or has no trace or no span in it, says nothing."""
    assert read_context(given.encode(), None) is None


@pytest.mark.parametrize("given", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-ff-what-ever"])
def test_a_later_version_is_sent_on_as_the_one_that_is_known(given: str) -> None:
    context = read_context(given.encode(), None)
    assert context is not None
    flags = "03" if given.startswith("cc") else "01"
    assert context.metadata == (("traceparent", f"00-{TRACE}-{SPAN}-{flags}"),)


@pytest.mark.parametrize(
    "state",
    [
        *("a=1", "a=1,b=2", "a=1 , b=2", "a=1,,b=2", "fw529a3039@dt=FfD9i2pH", "a/b*c_d-e=x y"),
        *(",".join(f"k{n}=v" for n in range(32)), f"a={'v' * 256}", f"{'k' * 256}=v"),
    ],
)
def test_a_state_is_sent_on(state: str) -> None:
    context = read_context(GOOD.encode(), f" {state}\t".encode())
    assert context is not None
    assert context.metadata[1:] == (("tracestate", state),)


@pytest.mark.parametrize(
    "state",
    [
        *("", "a", "a=", "=1", "A=1", "a=1;b=2=", "a=ü", "a=1\x7f", "a=1\r\nb: 2", "-a=1"),
        *(",".join(f"k{n}=v" for n in range(33)), f"a={'v' * 257}", f"{'k' * 257}=v"),
        *(f"a={'v' * 250},b={'v' * 250},c={'v' * 20}", " " * 511 + "="),
    ],
)
def test_a_state_that_is_none_is_left_out(state: str) -> None:
    context = read_context(GOOD.encode(), state.encode())
    assert context is not None
    assert context.metadata == (("traceparent", GOOD),)
