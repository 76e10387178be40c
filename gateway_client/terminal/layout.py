"""How the cells of a table are laid out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from gateway_client.terminal.text import clip

NOTHING = "-"
"""The cell of an unset field, so that every row has a word in every column."""
GAP = "  "
LEAST_WIDTH = 8
"""Width to which a column can be narrowed."""


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    style: str = ""
    """A color; empty for none."""
    is_number: bool = False


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table with this header; numbers are to the right."""
    cells = [[Cell(text, is_number=is_number(text)) for text in row] for row in rows]
    return laid_out([Cell(text) for text in head], cells)


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of rows, one below the other; the first one is the header."""
    lines = list(rows)
    return aligned(lines[0], lines[1:]) if lines else []


def laid_out(
    head: Sequence[Cell] | None,
    rows: Sequence[Sequence[Cell]],
    *,
    width: int | None = None,
    colored: bool = False,
) -> list[str]:
    """The lines of a table. With a `width`, texts are shortened and columns left out."""
    whole = rows if head is None else [head, *rows]
    if not whole or not whole[0]:
        return []
    widths, to_right = measured(whole, rows, width)
    return [
        GAP.join(
            padded(cell, widths[place], to_right=to_right[place], colored=colored)
            for place, cell in enumerate(line[: len(widths)])
        ).rstrip()
        for line in whole
    ]


def measured(
    whole: Sequence[Sequence[Cell]], rows: Sequence[Sequence[Cell]], width: int | None
) -> tuple[list[int], list[bool]]:
    """The widths of the columns that are shown, and which columns have numbers."""
    places = range(len(whole[0]))
    widths = [max(len(line[place].text) for line in whole) for place in places]
    to_right = [
        bool(rows) and all(line[place].is_number or line[place].text == NOTHING for line in rows)
        for place in places
    ]
    return widths if width is None else fitted(widths, to_right, width), to_right


def left_out(head: Sequence[Cell], rows: Sequence[Sequence[Cell]], width: int) -> list[str]:
    """The headings of the columns for which there is no room."""
    widths, _ = measured([head, *rows], rows, width)
    return [each.text for each in head[len(widths) :]]


def total_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def fitted(widths: Sequence[int], fixed: Sequence[bool], width: int) -> list[int]:
    """The widths of as many columns as fit, if those that are not fixed are shortened.

    The last columns matter least. The first one is what a row is called: it keeps up to half of
    the width.
    """
    for count in range(len(widths), 1, -1):
        found = narrowed(widths[:count], fixed, width)
        if total_width(found) <= width:
            return found
    return narrowed(widths[:1], fixed, width)


def narrowed(widths: Sequence[int], fixed: Sequence[bool], width: int) -> list[int]:
    """Widths that fit, if columns that are not fixed can be shortened so far; the widest first."""
    found = list(widths)
    least = [max(LEAST_WIDTH, width // 2), *[LEAST_WIDTH] * (len(found) - 1)]
    while total_width(found) > width:
        wide = [
            place for place in range(len(found)) if not fixed[place] and found[place] > least[place]
        ]
        if not wide:
            break
        found[max(wide, key=lambda place: found[place])] -= 1
    return found


def padded(cell: Cell, width: int, *, to_right: bool, colored: bool) -> str:
    text = clip(cell.text, width)
    text = text.rjust(width) if to_right else text.ljust(width)
    if colored and cell.style:
        color = "bright_black" if cell.style == "gray" else cell.style
        return click.style(text, fg=color)
    return text


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
