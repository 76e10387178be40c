"""Structured logs: one format for our lines and for the libraries', and the access line."""

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict

from gateway.http.exchange import Exchange
from gateway.settings.model import Settings
from gateway.settings.reload import Commit, Reloadable

HEALTH_PATHS = ("/healthz", "/readyz")

LEVELS = {logging.DEBUG: "debug", logging.INFO: "info"}

access = structlog.stdlib.get_logger("gateway.access")


def configure_logging(
    level: str, style: Literal["json", "console"], stream: TextIO | None = None
) -> None:
    """Send every log line of the process to standard output (or `stream`)."""
    stream = stream or sys.stdout
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Any]
    if style == "json":
        render = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=dump_line),
        ]
    else:
        plain = structlog.dev.plain_traceback  # the rich one would print local variables
        render = [
            escape_controls,
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain),
        ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    lines.take(stream if style == "json" else None)
    quieten_libraries()


def reloadable_log_level() -> Reloadable:
    """How much is logged."""

    def prepare(settings: Settings) -> Commit:
        return lambda: logging.getLogger().setLevel(settings.log_level.upper())

    return Reloadable("the log level", ("log_level",), prepare)


def quieten_libraries() -> None:
    """Progress messages are ours to tell; the libraries' warnings and errors stay."""
    for library in ("uvicorn.error", "asyncio", "grpc", "_cygrpc"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True


def dump_line(event: object, **_: object) -> str:
    """One JSON log line; what JSON cannot say goes out as text."""
    return orjson.dumps(event, default=str).decode("utf-8")


def escape_controls(_: object, __: str, event: EventDict) -> EventDict:
    """What clients wrote must not steer the terminal that shows the log."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)
    return event


class AccessLines:
    """Where the lines of finished requests go. There are many, so JSON takes a short way."""

    def __init__(self) -> None:
        self.wanted: Callable[[int], bool] = lambda level: True
        """Whether there are to be lines of this level, asked before one is made."""
        self.write: Callable[..., object] = write_any

    def take(self, stream: TextIO | None) -> None:
        """Write JSON to this stream, or through the format of all other lines if there is none.

        That costs a fifth of what the other way does.
        """
        self.wanted = logging.getLogger("gateway.access").isEnabledFor
        self.write = write_any if stream is None else JsonLines(stream).write


def write_any(level: int, event: str, **fields: object) -> None:
    """One access line in the format of all others. The log is looked for when there is a line."""
    access.log(level, event, **fields)


class JsonLines:
    """Writes access lines as the other lines are, those of one moment together.

    Writing and flushing each by itself costs more than all the rest of a line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []

    def write(self, level: int, event: str, **fields: object) -> None:
        """One line, which is out when the loop has looked at what else there is now."""
        moment = datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        fields["event"] = event
        fields["level"] = LEVELS[level]
        fields["logger"] = "gateway.access"
        fields["timestamp"] = f"{moment}Z"
        self._waiting.append(dump_line(fields))
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_soon(self._flush)
            except RuntimeError:  # there is no loop
                self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._stream.write("\n".join(waiting) + "\n")
        self._stream.flush()


lines = AccessLines()


def log_access(exchange: Exchange) -> None:
    """The one line for a finished request. No bodies, no tokens, no query."""
    level = logging.DEBUG if exchange.path in HEALTH_PATHS else logging.INFO
    if not lines.wanted(level):
        return
    lines.write(
        level,
        "request",
        request_id=exchange.request_id,
        client=exchange.client,
        subject=exchange.subject,
        method=exchange.http_method,
        path=exchange.logged_path,
        rpc=exchange.rpc,
        **({"dry_run": True} if exchange.dry_run else {}),
        status=exchange.status,
        code=exchange.code.name if exchange.code is not None else None,
        ms=round(exchange.seconds * 1000, 2),
        bytes=exchange.bytes_out,
    )
