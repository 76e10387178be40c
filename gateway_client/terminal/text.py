"""Text from elsewhere, made safe for a terminal and short enough for a line."""

import os
import re
from collections.abc import Sequence
from functools import partial

import click
import orjson

STEERING = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Characters that move the cursor, end lines or turn the writing direction, as JSON may have."""
CONTROLS = re.compile(f"[\x00-\x1f{STEERING}\ud800-\udfff]")
"""All such characters, and lone surrogates."""
LINE_CONTROLS = re.compile(r"(?![\n\t])" + CONTROLS.pattern)
COLORS = "\x1b\\[[0-9;:]*m"
"""Escape sequences that only change colours and the like (ECMA-48, SGR)."""
LOG_CONTROLS = re.compile(f"({COLORS})|{LINE_CONTROLS.pattern}")
JSON_CONTROLS = re.compile(f"[{STEERING}]")
TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(:)?|(-?\d[^\s,\]}]*)|(true|false|null)')

ELLIPSIS = "…"


def escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


printable = partial(CONTROLS.sub, escape)
"""The text on one line, with control characters escaped as in JSON."""
printable_lines = partial(LINE_CONTROLS.sub, escape)
"""The text with control characters escaped, except line ends and tabs."""
printable_json = partial(JSON_CONTROLS.sub, escape)
"""JSON with control characters escaped, which does not change it."""


def json_text(value: object, *, indent: bool = True) -> str:
    """A value as JSON that is safe for a terminal."""
    return printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 * indent).decode())


def printable_log(text: str) -> str:
    """The text with its colours, line ends and tabs; other control characters are escaped."""
    return LOG_CONTROLS.sub(lambda found: found[1] or escape(found), text)


def one_line(text: str) -> str:
    """The lines of a text joined by `; `, without repetitions, in or before a closing bracket."""
    joined = ""
    for line in map(str.strip, text.splitlines()):
        said = line.rstrip(")")
        if said in joined:
            joined += line.removeprefix(said)
        else:
            joined += f"; {line}" if joined else line
    return printable(joined)


def clip(line: str, columns: int) -> str:
    return line if len(line) <= columns else line[: columns - 1] + ELLIPSIS


def counted(number: int, noun: str, plural: str = "") -> str:
    """`no methods`, `1 method`, `3 methods`."""
    return f"{number or 'no'} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """`a, b and 7 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def is_colored() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def colored(json: str) -> str:
    return TOKEN.sub(color_token, json)


def color_token(found: re.Match[str]) -> str:
    string, colon, number, word = found.groups()
    if string is not None:
        return click.style(string, fg="blue" if colon else "green") + (colon or "")
    return click.style(number or word, fg="cyan" if number else "yellow")
