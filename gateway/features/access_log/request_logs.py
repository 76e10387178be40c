"""What is logged of each finished request: its access line, and a warning if the call was slow."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TextIO

import structlog

from gateway.core.logs import dump_line, milliseconds, timestamp
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.log_fields import AddFields, add_fields
from gateway.core.settings.model import Settings

ACCESS = "gateway.access"
EVENT = "request"
HEALTH_PATHS = ("/healthz", "/readyz")
"""Logged at level debug."""
LONGEST_TEXT = 500
"""Characters of Cuebot's."""
LEVELS = {logging.DEBUG: "debug", logging.INFO: "info"}

access_log = structlog.stdlib.get_logger(ACCESS)
log = structlog.stdlib.get_logger("gateway.slow")


class AccessLines(Interceptor):
    """Writes a line for each request.

    With a stream, lines are written to it as JSON, those of one turn of the event loop together: a
    fifth of the cost of structlog (`benchmarks/access_log.py`). Without one, they go to structlog.
    """

    def __init__(self, stream: TextIO | None, added: Sequence[AddFields] = ()) -> None:
        """`added` are called for each line."""
        self._stream = stream
        self._added = added
        self._is_enabled = logging.getLogger(ACCESS).isEnabledFor
        self._waiting: list[str] = []

    def follow(self, settings: Settings) -> None:
        """Idle where LOG_LEVEL lets no line through."""
        self.is_idle = logging.getLevelNamesMapping()[settings.log_level.upper()] > logging.INFO

    def end(self, context: RequestContext) -> None:
        level = logging.DEBUG if context.request.path in HEALTH_PATHS else logging.INFO
        if not self._is_enabled(level):
            return
        fields = fields_of(context, self._added)
        if self._stream is None:
            access_log.log(level, EVENT, **fields)
            return
        fields["event"] = EVENT
        fields["level"] = LEVELS[level]
        fields["logger"] = ACCESS
        fields["timestamp"] = timestamp()
        self._waiting.append(dump_line(fields))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._write, self._stream)

    def _write(self, stream: TextIO) -> None:
        """Write all waiting lines at once: each write and flush costs more than all else."""
        waiting, self._waiting = self._waiting, []
        stream.write("\n".join(waiting) + "\n")
        stream.flush()


def fields_of(context: RequestContext, added: Sequence[AddFields]) -> dict[str, object]:
    """The fields of an access line: no bodies, tokens or queries. None for what is not known."""
    fields: dict[str, object] = {
        "request_id": context.request.id,
        "client": context.request.client,
        "subject": context.subject,
        "method": context.request.method or None,
        "path": context.request.logged_path or None,
        "rpc": context.call.rpc,
    }
    if via := context.request.via:
        fields["via"] = via
    fields |= context.request.more_ids
    if context.surface is not None:
        fields["protocol"] = context.surface.name
    add_fields(added, context, fields)
    fields["status"] = context.response.status
    fields["code"] = context.response.code.name if context.response.code is not None else None
    if context.response.cuebot:
        fields["cuebot"] = context.response.cuebot[:LONGEST_TEXT]
    fields["ms"] = milliseconds(context.request.age)
    fields["bytes"] = context.response.bytes_out
    return fields


class SlowCalls(Interceptor):
    """Warns of requests whose call took `limit` seconds or more, and where the time went.

    Time spent waiting for the body, for the rate limit or as `Prefer: wait` asks does not count.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def end(self, context: RequestContext) -> None:
        now = time.monotonic()
        total = now - context.request.started
        if total - context.waiting.seconds < self._limit or context.call.rpc is None:
            return
        begun = context.response.began or now
        own = begun - context.request.started - context.call.with_cuebot - context.waiting.seconds
        log.warning(
            "slow call",
            **context.request.ids,
            rpc=context.call.rpc,
            subject=context.subject,
            status=context.response.status,
            ms=milliseconds(total),
            cuebot_ms=milliseconds(context.call.with_cuebot),
            gateway_ms=milliseconds(max(own, 0.0)),
            wait_ms=milliseconds(context.waiting.seconds),
            sending_ms=milliseconds(now - begun),
            bytes=context.response.bytes_out,
        )
