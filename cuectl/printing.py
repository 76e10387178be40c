"""The answers of verbs in their forms."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import orjson

from cuectl.rows import Column, Form, Row, csv_lines, rows_at, table_lines, text_of, value_at

if TYPE_CHECKING:
    from cuectl.client.client import Answer
    from cuectl.watching import Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """How the answers of a verb are shown."""

    form: Form
    columns: Sequence[Column]
    place: str | None
    """Of the rows in an answer."""
    colors: Mapping[str, str]
    headers: bool
    raw: bool
    colored: bool
    """On a terminal."""

    @property
    def is_table(self) -> bool:
        return self.form in ("table", "wide")

    def rows(self, content: bytes) -> list[Row]:
        return rows_at(orjson.loads(content), self.place)

    def table(self, content: bytes, width: int | None) -> list[str]:
        return table_lines(
            self.columns,
            self.rows(content),
            self.colors,
            raw=self.raw,
            headers=self.headers,
            width=width,
            colored=self.colored,
        )

    def text(self, content: bytes) -> list[str]:
        """The lines of a form for programs."""
        whole = orjson.loads(content)
        rows = rows_at(whole, self.place)
        return [*text_of(self.form, whole, rows, self.columns, headers=self.headers)]

    def changes(self, content: bytes, is_first: bool) -> "Lines":
        """The lines of a form as they are told one by one."""
        from cuectl.watching import Lines

        rows = self.rows(content)
        names = frozenset(str(value_at(row, self.columns[0]["path"])) for row in rows)
        if self.form in ("json", "yaml"):
            between = [] if is_first or self.form == "json" else ["---"]
            return Lines([*between, *self.text(content)], (), names)
        lines = self.table(content, None) if self.is_table else self.text(content)
        has_head = self.headers and (self.is_table or self.form == "csv")
        head, told = lines[:has_head], lines[has_head:]
        # Texts for people change with the time, and with the width of other rows.
        keys = csv_lines(rows, self.columns, headers=False) if self.is_table else told
        return Lines(head if is_first else (), [*zip(keys, told, strict=True)], names)


def show(answer: "Answer", showing: Showing) -> bool:
    """Print the answer. Whether it has rows."""
    is_terminal, content = sys.stdout.isatty(), answer.content
    rows = showing.rows(content)
    if showing.is_table:
        if not rows and is_terminal:
            click.echo("nothing fits", err=True)
            return False
        is_narrow = is_terminal and showing.form == "table"
        lines = showing.table(content, terminal_width() if is_narrow else None)
    elif showing.form == "json" and is_terminal:
        lines = [orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2).decode()]
    else:
        lines = showing.text(content)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return bool(rows)


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def is_colored() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
