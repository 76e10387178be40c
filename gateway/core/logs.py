"""Structured logs: one format for the gateway's lines and for those of libraries."""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from io import StringIO
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo

Style = Literal["auto", "json", "console"]
"""LOG_FORMAT. `auto` is `console` in a terminal."""


def configure_logging(level: str, style: Style, stream: TextIO | None = None) -> None:
    """Send all logs of the process to standard output (or `stream`)."""
    stream = stream or sys.stdout
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Any]
    if is_json(style, stream):
        render = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=dump_line),
        ]
    else:
        render = [
            escape_controls,
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=write_traceback
            ),
        ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.getLogger().handlers = [handler]
    set_log_level(level)
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
    # The gateway logs the progress itself.
    for library in ("uvicorn.error", "asyncio", "grpc", "_cygrpc", "httpx", "httpcore", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True


def set_log_level(level: str) -> None:
    logging.getLogger().setLevel(level.upper())


def is_json(style: Style, stream: TextIO) -> bool:
    return style == "json" or (style == "auto" and not stream.isatty())


def write_traceback(stream: TextIO, exception: ExcInfo) -> None:
    """Write a plain traceback: structlog's rich one would print local variables."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exception)
    stream.write(escaped(text.getvalue(), "\n"))


def escape_controls(_: object, __: str, event: EventDict) -> EventDict:
    """Keep texts of clients from controlling the terminal that shows the log."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)
    return event


def timestamp() -> str:
    """Now, in UTC: `2026-11-26T10:36:17.012345Z`."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return f"{second(seconds)}.{nanoseconds // 1000:06}Z"


@lru_cache(maxsize=2)
def second(unix_time: int) -> str:
    """`2026-11-26T10:36:17`, which many lines have in common."""
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def dump_line(event: object, **_: object) -> str:
    """One line of JSON, in ASCII and printable other characters. Other types become text."""
    line = orjson.dumps(event, default=str).decode("utf-8")
    return line if line.isascii() and "\x7f" not in line else escaped(line)


def escaped(text: str, kept: str = "") -> str:
    """The text with JSON's escapes for unprintable characters, except those in `kept`.

    They control terminals (C0, C1), change the direction of text, or end a line for some readers
    (U+2028): https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing.
    """
    return "".join(
        char if char.isprintable() or char in kept else json.dumps(char)[1:-1] for char in text
    )
