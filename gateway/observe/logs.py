"""Structured logs: one format for our lines and for the libraries'."""

import logging
import sys
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict


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
    quieten_libraries()


def set_log_level(level: str) -> None:
    """How much is logged from now on."""
    logging.getLogger().setLevel(level.upper())


def quieten_libraries() -> None:
    """Progress messages are ours to tell; the libraries' warnings and errors stay."""
    for library in ("uvicorn.error", "asyncio", "grpc", "_cygrpc", "httpx", "httpcore"):
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
