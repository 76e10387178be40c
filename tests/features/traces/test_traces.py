"""TRACES=on: which spans reach a collector, and what they have."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from gateway.core.errors import Code, ConfigurationError
from gateway.core.pipeline.waiting import NO_WAITING, Waiting
from gateway.features.traces.trace_context import CallTimes, Sampler, TraceContext, read_context
from gateway.features.traces.trace_settings import check_traces, open_traces, sampler_of
from tests.support.contexts import context_of
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, settings_for

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from gateway.features.traces.traces import SendingTrouble, parts_of
from tests.support.collector import Collector, running_collector, values
from tests.support.needs import needs

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "rojo=1"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield collector


@pytest.fixture
async def gateway(cuebot: ScriptedCuebot, collector: Collector) -> AsyncIterator[Gateway]:
    async with gateway_for(cuebot.endpoint, traces="on") as gateway:
        yield gateway


def made(spans: Iterable[str]) -> list[str]:
    """The names of spans, but of those that a slow machine adds."""
    return [name for name in spans if name not in ("wait", "send")]


def traces_in(collector: Collector) -> set[str]:
    return {each.trace_id.hex() for each in collector.spans}


# --- Spans ----------------------------------------------------------------------------------
@needs("tokens")
async def test_a_request_has_a_span_and_one_for_each_part(
    gateway: Gateway, cuebot: ScriptedCuebot, collector: Collector
) -> None:
    """In the caller's trace, one after the other; Cuebot's would lie in that of the call to it."""
    answer = await gateway.post(SHOWS, {}, headers=SAMPLED | {"X-Request-ID": "mine"})
    assert answer.headers["x-trace-id"] == TRACE
    spans = await collector.trace(TRACE)
    assert made(spans) == [f"POST {SHOWS}", "decode", SHOWS[1:], "encode"]
    whole, *parts = spans.values()
    assert (whole.kind, whole.parent_span_id.hex()) == (Span.SPAN_KIND_SERVER, CALLER)
    assert {each.parent_span_id for each in parts} == {whole.span_id}
    assert len({each.span_id for each in spans.values()}) == len(spans)
    call = spans[SHOWS[1:]]
    *_, metadata = cuebot.seen[-1]
    assert metadata["traceparent"] == f"00-{TRACE}-{call.span_id.hex()}-01"
    assert (call.kind, metadata["tracestate"]) == (Span.SPAN_KIND_CLIENT, "rojo=1")
    found = values(whole.attributes)
    assert (found["http.request.method"], found["http.route"]) == ("POST", SHOWS)
    assert (found["http.response.status_code"], found["enduser.id"]) == (200, "tester")
    assert found["client.address"] == "127.0.0.1"
    assert found["cuebot_gateway.request_id"] == "mine"
    assert values(call.attributes)["rpc.grpc.status_code"] == 0
    assert collector.resource["service.name"] == "cuebot-gateway"
    assert whole.status.code == Status.STATUS_CODE_UNSET
    times = [(each.start_time_unix_nano, each.end_time_unix_nano) for each in parts]
    ends = [whole.start_time_unix_nano, *(each for pair in times for each in pair)]
    assert ends == sorted(ends)
    assert times[-1][1] <= whole.end_time_unix_nano


async def test_with_errors(gateway: Gateway, cuebot: ScriptedCuebot, collector: Collector) -> None:
    """The call with Cuebot's code, and the request if the client is not to blame."""
    cuebot.fails(SHOWS, grpc.StatusCode.UNAVAILABLE, "away")
    answer = await gateway.post(SHOWS, {}, headers=SAMPLED)
    assert (answer.status_code, answer.headers["x-trace-id"]) == (503, TRACE)
    spans = await collector.trace(TRACE)
    whole, call = spans[f"POST {SHOWS}"], spans[SHOWS[1:]]
    assert whole.status.code == call.status.code == Status.STATUS_CODE_ERROR
    assert values(whole.attributes)["error.type"] == "UNAVAILABLE"
    assert values(call.attributes)["rpc.grpc.status_code"] == 14
    assert "encode" not in spans


async def test_a_request_that_is_wrong_has_no_call(gateway: Gateway, collector: Collector) -> None:
    assert (await gateway.post(SHOWS, content="{", headers=SAMPLED)).status_code == 400
    spans = await collector.trace(TRACE)
    assert made(spans) == [f"POST {SHOWS}", "decode"]
    assert spans[f"POST {SHOWS}"].status.code == Status.STATUS_CODE_UNSET


def test_waiting_and_sending_have_spans() -> None:
    """If they took any time. A 304 encodes nothing."""
    context = context_of(SHOWS)
    _, spans = Sampler(1).begin(read_context(SAMPLED["traceparent"].encode(), None))
    assert spans is not None
    context.request = context.request._replace(started=10.0)
    context.response.began, context.call.rpc = 17.0, SHOWS
    context.waiting = Waiting(2.5)
    spans.read = 13.0
    spans.calls.append(CallTimes("1" * 16, 14.0, 16.0, Code.OK))
    times = [(part.name, part.began, part.ended) for part in parts_of(context, spans, 20.0)]
    first = [("wait", 10.0, 13.0), ("decode", 13.0, 14.0), (SHOWS[1:], 14.0, 16.0)]
    assert times == [*first, ("encode", 16.0, 17.0), ("send", 17.0, 20.0)]
    context.response.status = 304
    assert "encode" not in [part.name for part in parts_of(context, spans, 20.0)]
    context.waiting, context.response.status = NO_WAITING, 200
    names = [part.name for part in parts_of(context, spans, 17.0)]
    assert names == ["decode", SHOWS[1:], "encode"]


# --- Which requests -------------------------------------------------------------------------
async def test_caller_flags(gateway: Gateway, cuebot: ScriptedCuebot, collector: Collector) -> None:
    """A trace that the caller does not record is not recorded, and goes to Cuebot as it is."""
    lines = gateway.access_lines()
    answer = await gateway.post(SHOWS, {}, headers=NOT_SAMPLED)
    assert answer.headers["x-trace-id"] == lines[0]["trace_id"] == TRACE
    assert cuebot.seen[-1][2]["traceparent"] == NOT_SAMPLED["traceparent"]
    later = await gateway.post(SHOWS, {})
    await collector.trace(later.headers["x-trace-id"])
    assert TRACE not in traces_in(collector)


async def test_new_traces(gateway: Gateway, cuebot: ScriptedCuebot, collector: Collector) -> None:
    """A request without one gets one, which Cuebot, the answer and the log have in common."""
    lines = gateway.access_lines()
    trace = (await gateway.post(SHOWS, {})).headers["x-trace-id"]
    assert lines[0]["trace_id"] == trace
    spans = await collector.trace(trace)
    assert spans[f"POST {SHOWS}"].parent_span_id == b""
    sent = f"00-{trace}-{spans[SHOWS[1:]].span_id.hex()}-01"
    assert cuebot.seen[-1][2]["traceparent"] == sent


@pytest.mark.parametrize("retired", [False, True])
async def test_a_ratio_of_0_records_only_the_callers_traces(
    cuebot: ScriptedCuebot, collector: Collector, monkeypatch: pytest.MonkeyPatch, retired: bool
) -> None:
    """Cuebot learns that the others are not recorded. TRACES_RATIO has its effect still."""
    settings: dict[str, Any] = {"traces_ratio": 0} if retired else {}
    if not retired:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    async with gateway_for(cuebot.endpoint, traces="on", **settings) as gateway:
        trace = (await gateway.post(SHOWS, {})).headers["x-trace-id"]
        sent = cuebot.seen[-1][2]["traceparent"]
        assert (sent.startswith(f"00-{trace}-"), sent[-3:]) == (True, "-00")
        await gateway.post(SHOWS, {}, headers=SAMPLED)
        await collector.trace(TRACE)
    assert traces_in(collector) == {TRACE}


LOW, HIGH = f"{TRACE[:16]}{1 << 61:016x}", f"{TRACE[:16]}{3 << 62:016x}"
"""Trace ids that a ratio of a quarter samples, and does not."""


@pytest.mark.parametrize(
    ("sampler", "argument", "begun", "continued", "asked_not_to"),
    [
        ("", "", 1, 1, 0),
        ("parentbased_always_on", "0.5", 1, 1, 0),
        ("ParentBased_Always_Off", "", 0, 1, 0),
        ("parentbased_traceidratio", "0.25", 0.25, 1, 0),
        ("parentbased_traceidratio", "", 1, 1, 0),
        ("always_on", "", 1, 1, 1),
        ("always_off", "", 0, 0, 0),
        ("traceidratio", "0.25", 0.25, 0.25, 0.25),
    ],
)
def test_sampling(
    sampler: str, argument: str, begun: float, continued: float, asked_not_to: float
) -> None:
    """How many are recorded of the traces that begin here, and of callers' by their flag."""
    found = sampler_of({"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument})
    roots = [found.begin(None) for _ in range(2000)]
    assert abs(sum(spans is not None for _, spans in roots) / 2000 - begun) < 0.05
    assert all(root.sampled == (spans is not None) for root, spans in roots)
    for flags, ratio in ((1, continued), (0, asked_not_to)):
        for trace_id, recorded in ((LOW, ratio > 0), (HIGH, ratio == 1)):
            trace, spans = found.begin(TraceContext(trace_id, CALLER, flags, "rojo=1"))
            assert (trace.trace_id, trace.state) == (trace_id, "rojo=1")
            assert trace.sampled == (spans is not None) == recorded
            assert trace.parent_id == (CALLER if spans is None else spans.request)
            assert spans is None or spans.parent == CALLER


@needs("health")
async def test_health_checks_have_none(gateway: Gateway, collector: Collector) -> None:
    await gateway.client.get("/healthz", headers=SAMPLED)
    later = await gateway.post(SHOWS, {})
    await collector.trace(later.headers["x-trace-id"])
    assert TRACE not in traces_in(collector)


# --- The collector --------------------------------------------------------------------------
async def test_the_last_spans_are_sent_at_the_end(
    cuebot: ScriptedCuebot, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    async with gateway_for(cuebot.endpoint, traces="on") as gateway:
        await gateway.post(SHOWS, {}, headers=SAMPLED)
        assert collector.spans == []
    assert TRACE in traces_in(collector)


@pytest.mark.slow
async def test_without_a_collector_requests_are_served(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    with capture_logs() as lines:
        async with asyncio.timeout(PATIENCE), gateway_for(cuebot.endpoint, traces="on") as gateway:
            for _ in range(20):
                assert (await gateway.post(SHOWS, {})).status_code == 200
    (line,) = [line for line in lines if line["event"] == "spans may be lost"]
    assert "export" in line["problem"]
    assert line["log_level"] == "warning"


def test_no_password_of_a_collector_is_logged() -> None:
    problem = "No connection adapters were found for 'htp://lena:p/w@collector:4318/v1/traces'"
    with capture_logs() as lines:
        SendingTrouble().emit(logging.LogRecord("x", logging.WARNING, "", 0, problem, None, None))
    assert lines[0]["problem"].endswith("'htp://…@collector:4318/v1/traces'")


# --- Mistakes -------------------------------------------------------------------------------
def test_the_extra_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gateway.features.traces.traces", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    for start in (open_traces, check_traces):
        with pytest.raises(ConfigurationError, match=r"pip install 'cuebot-gateway\[otel\]'"):
            start(settings_for("localhost:1", traces="on"))
        start(settings_for("localhost:1"))


def test_a_disabled_sdk_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert open_traces(settings_for("cuebot:1", traces="on")) is None


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "OTEL_"),
        ("OTEL_TRACES_SAMPLER", "xray", "OTEL_TRACES_SAMPLER: .*traceidratio.* got 'xray'"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "OTEL_TRACES_SAMPLER_ARG: .* got '1.5'"),
        *(("OTEL_TRACES_SAMPLER_ARG", text, "_ARG: ") for text in ("-1", "nan", "half")),
    ],
)
def test_wrong_variables_are_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, problem: str
) -> None:
    """They stop startup, unless TRACES is off."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError, match=problem):
        open_traces(settings_for("localhost:1", traces="on"))
    assert open_traces(settings_for("localhost:1")) is None
