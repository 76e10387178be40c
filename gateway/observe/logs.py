"""Lines of structured logs."""

import json
from typing import Literal, TextIO

import orjson

Style = Literal["auto", "json", "console"]
"""LOG_FORMAT."""


def is_json(style: Style, stream: TextIO) -> bool:
    """Whether lines of this style are JSON: `auto` is for people where a terminal shows them."""
    return style == "json" or (style == "auto" and not stream.isatty())


def dump_line(event: object, **_: object) -> str:
    """One JSON log line; what JSON cannot say goes out as text.

    Of DEL and what is not ASCII, which JSON leaves as it is, what cannot be printed is escaped.
    """
    line = orjson.dumps(event, default=str).decode("utf-8")
    return line if line.isascii() and "\x7f" not in line else escaped(line)


def escaped(text: str, kept: str = "") -> str:
    """The text with JSON's escapes for what cannot be printed, except the characters `kept`.

    That is what steers terminals (C0, C1), turns the direction of text, or ends a line for some
    readers (U+2028): https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing.
    """
    return "".join(
        char if char.isprintable() or char in kept else json.dumps(char)[1:-1] for char in text
    )
