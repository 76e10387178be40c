"""Text of others, made fit for a terminal and for one line."""

import re
from functools import partial

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor, ends lines, turns the writing direction, or is no character at all."""
LINE_CONTROLS = re.compile(r"(?![\n\t])" + CONTROLS.pattern)
"""The same, but for what makes lines and columns."""
TERMINAL_CONTROLS = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Those of them that JSON leaves as they are."""
TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(:)?|(-?\d[^\s,\]}]*)|(true|false|null)')

KEY, STRING, NUMBER, WORD = ("\x1b[34m", "\x1b[32m", "\x1b[36m", "\x1b[33m")
RED = "\x1b[31m"
PLAIN = "\x1b[0m"


def escape(found: re.Match[str]) -> str:
    """A character as JSON writes it."""
    return f"\\u{ord(found[0]):04x}"


printable = partial(CONTROLS.sub, escape)
"""The text on one line, without what would steer a terminal."""
printable_lines = partial(LINE_CONTROLS.sub, escape)
"""The text without what would steer a terminal, but for the ends of its lines."""
harmless = partial(TERMINAL_CONTROLS.sub, escape)
"""The same JSON, without what would steer a terminal."""


def one_line(text: str) -> str:
    """The lines of a text on one line, without those that repeat what is there already."""
    told = ""
    for line in map(str.strip, text.splitlines()):
        if line not in told:
            told += f"; {line}" if told else line
    return printable(told)


def coloured(json: str) -> str:
    """JSON in the colours of a terminal."""
    return TOKEN.sub(colour_token, json)


def colour_token(found: re.Match[str]) -> str:
    string, colon, number, word = found.groups()
    if string is not None:
        return f"{KEY}{string}{PLAIN}:" if colon else f"{STRING}{string}{PLAIN}"
    return f"{NUMBER if number else WORD}{number or word}{PLAIN}"
