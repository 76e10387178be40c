"""Rows that are watched: a table that is drawn again on a terminal, lines of changes elsewhere."""

import asyncio
import gc
import shutil
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import strftime
from typing import TYPE_CHECKING, Protocol

import orjson

from gateway_client.arguments import Arguments
from gateway_client.client import PASSING, Answer
from gateway_client.errors import CallError
from gateway_client.terminal.exits import complain, text_of
from gateway_client.terminal.text import ELLIPSIS, clip

if TYPE_CHECKING:
    from gateway_client.gateway import GatewayClient

EVERY_SECONDS = 2.0
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The alternate screen, without a cursor."""
HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
LINES_BESIDE = 3
"""The title, the empty line below it, and the last line."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of an answer: the heading, and those of rows, each with a key that tells whether it
    has changed.
    """

    head: Sequence[str]
    rows: Sequence[tuple[str, str]]
    names: frozenset[str]


class View(Protocol):
    def show(self, content: bytes) -> None: ...

    def fail(self, error: CallError) -> None: ...


class Screen:
    """The table of an answer, on the alternate screen of a terminal. The last one stays behind."""

    def __init__(self, title: str, table: Callable[[bytes, int], Sequence[str]]) -> None:
        """`table` makes the lines of an answer for a width."""
        self._title = title
        self._table = table
        self._content = b""
        self._problem = ""

    def __enter__(self) -> "Screen":
        sys.stdout.write(ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        width = shutil.get_terminal_size().columns
        lines = self._table(self._content, width) if self._content else ()
        sys.stdout.write(LEAVE + "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def show(self, content: bytes) -> None:
        self._content, self._problem = content, ""
        self.draw()

    def fail(self, error: CallError) -> None:
        self._problem = text_of(error)
        self.draw()

    def draw(self) -> None:
        width, height = shutil.get_terminal_size()
        lines = self._table(self._content, width) if self._content else ()
        room = max(height - LINES_BESIDE, 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"{ELLIPSIS} {len(lines) - room + 1} more"]
        about = self._problem or f"every {EVERY_SECONDS:g} s, {strftime('%H:%M:%S')}, Ctrl-C ends"
        head = clip(f"{self._title}: {about}", width)
        drawn = "".join(f"{line}{CLEAR_LINE}\n" for line in (head, "", *lines))
        sys.stdout.write(f"{HOME}{drawn}{CLEAR_BELOW}")
        sys.stdout.flush()

    async def keep_drawing(self) -> None:
        """Ages grow, and the window may change its size."""
        while True:
            await asyncio.sleep(1)
            self.draw()


class Changes:
    """A line for each new or changed row; on standard error, one for each row that is gone."""

    def __init__(self, program: str, lines: Callable[[bytes, bool], Lines]) -> None:
        """`lines` makes those of an answer, the first time with a heading."""
        self._program = program
        self._lines = lines
        self._known: Counter[str] = Counter()
        self._names: frozenset[str] = frozenset()
        self._is_first = True
        self._problem = ""

    def show(self, content: bytes) -> None:
        found = self._lines(content, self._is_first)
        left = self._known.copy()
        shown = list(found.head)
        for key, line in found.rows:
            if left[key]:
                left[key] -= 1
            else:
                shown.append(line)
        self._known = Counter(key for key, _ in found.rows)
        sys.stdout.write("".join(f"{line}\n" for line in shown))
        sys.stdout.flush()
        for name in sorted(self._names - found.names):
            complain(f"{name} is gone", self._program)
        self._names, self._is_first, self._problem = found.names, False, ""

    def fail(self, error: CallError) -> None:
        if self._problem != text_of(error):
            complain(text_of(error), self._program)
        self._problem = text_of(error)


async def watched(
    client: "GatewayClient",
    method: str,
    request: Mapping[str, object],
    view: Mapping[str, str],
    until: str = "",
) -> AsyncGenerator[Answer | CallError]:
    """The answers of a read whenever they change, and failures that may pass in between; without
    `until`, a condition, without end. Raises CallError.
    """
    gc.enable()  # this may take hours
    arguments = Arguments(orjson.dumps(request))
    found = client.watch(method, arguments, view=view, every=EVERY_SECONDS, until=until)
    async for each in passing(found):
        yield each


async def passing(
    answers: AsyncIterator[Answer | CallError],
) -> AsyncGenerator[Answer | CallError]:
    """Raises CallError for what does not pass, as when a job is gone."""
    async for each in answers:
        if isinstance(each, CallError) and each.code not in PASSING:
            raise each
        yield each


async def watch(answers: AsyncIterator[Answer | CallError], view: View) -> None:
    """Show answers. Raises CallError for what does not pass."""
    async for result in passing(answers):
        if isinstance(result, Answer):
            view.show(result.content)
        else:
            view.fail(result)


async def watch_on_terminal(answers: AsyncIterator[Answer | CallError], screen: Screen) -> None:
    with screen:
        drawing = asyncio.create_task(screen.keep_drawing())
        try:
            await watch(answers, screen)
        finally:
            drawing.cancel()
