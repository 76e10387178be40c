"""An OTLP collector in this process: what has been sent to it over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.patience import PATIENCE


@dataclass
class Collector:
    """The spans that have come, in their order, and what is said of who sent them."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, object] = field(default_factory=dict)
    changed: Condition = field(default_factory=Condition)

    def take(self, body: bytes) -> None:
        with self.changed:
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource |= values(each.resource.attributes)
                self.spans += [span for scope in each.scope_spans for span in scope.spans]
            self.changed.notify_all()

    async def trace(self, trace_id: str) -> dict[str, Span]:
        """The spans of a trace by name, once that of the request itself is there."""

        def found() -> dict[str, Span]:
            spans = [each for each in self.spans if each.trace_id.hex() == trace_id]
            return {each.name: each for each in spans}

        def has_come() -> bool:
            return any(each.kind == Span.SPAN_KIND_SERVER for each in found().values())

        assert await asyncio.to_thread(self._wait, has_come), "the spans have not come"
        return found()

    def _wait(self, condition: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, PATIENCE)


def values(attributes: Any) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            collector.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        serving.start()
        try:
            yield collector
        finally:
            await asyncio.to_thread(server.shutdown)
