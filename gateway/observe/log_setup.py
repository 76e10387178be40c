"""Structured logs: one format for our lines and for the libraries'."""

import logging
import sys
from io import StringIO
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo

from gateway.observe.logs import Style, dump_line, escaped, is_json


def configure_logging(level: str, style: Style, stream: TextIO | None = None) -> None:
    """Send every log line of the process to standard output (or `stream`)."""
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
    for library in ("uvicorn.error", "asyncio", "grpc", "_cygrpc", "httpx", "httpcore", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True


def write_traceback(stream: TextIO, exception: ExcInfo) -> None:
    """Write a plain traceback: structlog's rich one would print local variables."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exception)
    stream.write(escaped(text.getvalue(), "\n"))


def escape_controls(_: object, __: str, event: EventDict) -> EventDict:
    """What clients wrote must not steer the terminal that shows the log."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)
    return event
