"""How rows are printed: as a table, and in forms for programs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import orjson

from cuectl.rows import (
    Column,
    Form,
    Row,
    csv_lines,
    rows_at,
    table_lines,
    text_of,
    upright_lines,
    value_at,
    without_room,
)

if TYPE_CHECKING:
    from cuectl.watching import Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    form: Form
    columns: Sequence[Column]
    place: str | None
    """The place of the rows in an answer."""
    colors: Mapping[str, str]
    headers: bool
    raw: bool
    colored: bool
    """Whether it is for a terminal with colors."""
    upright: bool = False
    """Whether a table has a line for each column, as for one object in all detail."""

    @property
    def is_table(self) -> bool:
        return self.form in ("table", "wide")

    def rows(self, content: bytes) -> list[Row]:
        return rows_at(orjson.loads(content), self.place)

    def table(self, content: bytes, width: int | None) -> list[str]:
        if self.upright:
            return upright_lines(self.columns, self.rows(content), self.colors, raw=self.raw)
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
        return [*text_of(self.form, whole, rows, self.columns, headers=self.headers, raw=self.raw)]

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


def show(content: bytes, showing: Showing) -> bool:
    """Print an answer. Returns whether it has rows."""
    is_terminal = sys.stdout.isatty()
    rows, hidden = showing.rows(content), list[str]()
    if showing.is_table:
        if not rows:
            return False
        # What was chosen, and a path that is to be copied, are shown whole.
        is_table = showing.form == "table" and not showing.upright
        is_narrow = is_terminal and is_table and len(showing.columns) > 2
        width = terminal_width() if is_narrow else None
        lines = showing.table(content, width)
        if width:
            hidden = without_room(showing.columns, rows, width, raw=showing.raw)
    elif showing.form == "json" and is_terminal:
        lines = [orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2).decode()]
    else:
        lines = showing.text(content)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    if hidden:
        click.echo(f"no room for {', '.join(hidden)}: -o wide has all columns", err=True)
    return bool(rows)


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
