"""Conditions of --where, in which columns go by their headings."""

import re
from collections.abc import Iterator, Sequence

from cuectl.columns import Column, named
from gateway_client.errors import InvalidCall

PART = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[<>!]=|[^\s()=<>!:~,'"]+|\s+|.""", re.DOTALL
)
WORD = re.compile(r"""[^\s()=<>!:~,'"]+""")
OPERATORS = frozenset(("=", "!=", "<", ">", "<=", ">=", ":", "~"))
KEYWORDS = frozenset(("and", "or", "not", "in", "now"))
NUMBER = re.compile(r"\d+(\.\d+)?")


def with_fields(condition: str, columns: Sequence[Column]) -> str:
    """The condition with Cuebot's fields in place of headings, on the left of what compares.

    A number beside a column in hundredths is given in whole ones. Raises InvalidCall for a
    condition of one word that is no heading, which is what the shell leaves of `dead>2`, and for
    a column that cuectl computes.
    """
    parts = list(PART.findall(condition))
    words = [each for each in parts if not each.isspace()]
    if len(words) == 1 and named(columns, words[0]) is None:
        check_alone(words[0])
    found: list[str] = []
    column: Column | None = None
    for part, is_value in zip(parts, values_in(parts), strict=True):
        if is_value:
            found.append(in_units(part, column))
        elif WORD.fullmatch(part) and part.lower() not in KEYWORDS:
            column = named(columns, part)
            found.append(part if column is None else field_of(column))
        else:
            found.append(part)
    return "".join(found)


def field_of(column: Column) -> str:
    """Raises InvalidCall for a column that Cuebot has no field for."""
    if column.compute is None or column.path in column.needs:
        return column.path
    raise InvalidCall(
        f"--where cannot compare {column.title}, which cuectl computes of"
        f" {' and '.join(column.needs)}; compare these, or use --sort-by"
    )


def values_in(parts: Sequence[str]) -> Iterator[bool]:
    """Whether each part of a condition is a value: behind an operator, or within `in (…)`."""
    is_next, in_list = False, False
    for part in parts:
        if part.isspace():
            yield False
            continue
        is_operator = part in OPERATORS
        yield not is_operator and (is_next or in_list)
        in_list = part.lower() == "in" or (in_list and part != ")")
        is_next = is_operator


def in_units(value: str, column: Column | None) -> str:
    """A number that is compared with a column, in Cuebot's units."""
    if column is None or column.per == 1 or not NUMBER.fullmatch(value):
        return value
    return f"{float(value) * column.per:g}"


def check_alone(word: str) -> None:
    """Raises InvalidCall for a number or text that compares nothing."""
    if NUMBER.fullmatch(word):
        raise InvalidCall(
            f"--where {word}: nothing is compared; if the shell has taken > or < for itself,"
            f" quote the condition: --where 'dead>{word}'"
        )
