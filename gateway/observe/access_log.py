"""The access log: one line for each finished request."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

import structlog

from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor
from gateway.observe.logs import dump_line

NAME = "gateway.access"
EVENT = "request"
HEALTH_PATHS = ("/healthz", "/readyz")
"""Requests whose line is for debugging only."""
LEVELS = {logging.DEBUG: "debug", logging.INFO: "info"}

log = structlog.stdlib.get_logger(NAME)


class AccessLog(Interceptor):
    """Writes a line for each request that is over.

    With a stream, lines are written to it as JSON, those of one moment together: a line costs a
    fifth of what it does on the way of all other lines (`benchmarks/access_log.py`), and each
    request has one. Without a stream they go that way.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_enabled = logging.getLogger(NAME).isEnabledFor
        self._waiting: list[str] = []

    def end(self, context: RequestContext) -> None:
        level = logging.DEBUG if context.request.path in HEALTH_PATHS else logging.INFO
        if not self._is_enabled(level):
            return
        fields = fields_of(context)
        if self._stream is None:
            log.log(level, EVENT, **fields)
            return
        fields["event"] = EVENT
        fields["level"] = LEVELS[level]
        fields["logger"] = NAME
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        fields["timestamp"] = f"{second(seconds)}.{nanoseconds // 1000:06}Z"
        self._waiting.append(dump_line(fields))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._write, self._stream)

    def _write(self, stream: TextIO) -> None:
        """Write all waiting lines: writing and flushing each alone costs more than the rest."""
        waiting, self._waiting = self._waiting, []
        stream.write("\n".join(waiting) + "\n")
        stream.flush()


@lru_cache(maxsize=2)
def second(unix_time: int) -> str:
    """The second of a timestamp, which many lines have in common: `2026-11-26T10:36:17`."""
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def fields_of(context: RequestContext) -> dict[str, object]:
    """What the line says: no bodies, no tokens, no query. None is what is not known."""
    fields: dict[str, object] = {
        "request_id": context.request.id,
        "client": context.request.client,
        "subject": context.subject,
        "method": context.request.method or None,
        "path": context.request.logged_path or None,
        "rpc": context.call.rpc,
    }
    if context.request.trace is not None:
        fields["trace_id"] = context.request.trace.trace_id
    if context.dry_run:
        fields["dry_run"] = True
    fields["status"] = context.response.status
    fields["code"] = context.response.code.name if context.response.code is not None else None
    fields["ms"] = round(context.request.age * 1000, 2)
    fields["bytes"] = context.response.bytes_out
    return fields
