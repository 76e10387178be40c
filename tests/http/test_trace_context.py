"""Requests that are part of a trace: what Cuebot, the caller and the log get of it."""

import grpc
import pytest

from tests.support.servers import Gateway, ScriptedCuebot, bearer, gateway_for

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "rojo=1,congo=2"}
FIELDS = ("traceparent", "tracestate")


def sent_on(cuebot: ScriptedCuebot) -> dict[str, str]:
    """What the latest call of Cuebot said of a trace."""
    return {name: value for name, value in cuebot.seen[-1][2].items() if name in FIELDS}


@pytest.mark.parametrize("transport", ["http2", "grpcio"])
async def test_cuebot_gets_the_callers_context(cuebot: ScriptedCuebot, transport: str) -> None:
    async with gateway_for(cuebot.endpoint, cuebot_transport=transport) as gateway:
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


async def test_the_trace_is_in_answer_and_log(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(SHOWS, grpc.StatusCode.NOT_FOUND, "no shows")
    lines = gateway.access_lines()
    for path, body, status in ((SHOWS, "{}", 404), (SHOWS, "{", 400), ("/no.Such/Thing", "", 404)):
        answer = await gateway.post(path, content=body, headers=HEADERS)
        assert (answer.status_code, answer.headers["x-trace-id"]) == (status, TRACE)
    answer = await gateway.post(SHOWS, headers=HEADERS | {"Authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["x-trace-id"]) == (401, TRACE)
    assert [line["trace_id"] for line in lines] == [TRACE] * 4
