"""Following a job, or what else the profile has for `follow`: bars of its parts to the end."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

import click
import orjson

from cuectl.client.arguments import Arguments
from cuectl.client.client import Answer
from cuectl.client.gateway import NO_STREAMS, GatewayClient
from cuectl.errors import CallError
from cuectl.requests import put
from cuectl.rows import Column, Row, as_number, cell_of, paths_of, rows_at, value_at
from cuectl.session import Verb
from cuectl.terminal.exits import text_of
from cuectl.terminal.text import ELLIPSIS, clip

EVERY_SECONDS = 2.0
BAR_WIDTH = 30
NAME_WIDTH = 24
DONE, RUNNING, WAITING = "█", "▒", "░"
UP_AND_CLEAR = "\x1b[{}F\x1b[J"


class Screen:
    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._drawn = 0
        self._last = ""

    def show(self, head: str, bars: Sequence[str]) -> None:
        if not self._terminal:
            if head != self._last:
                sys.stderr.write(f"{head}\n")
                sys.stderr.flush()
            self._last = head
            return
        width, height = shutil.get_terminal_size()
        lines = [clip(line, width) for line in (head, *bars)]
        if len(lines) > height - 1:
            left = len(lines) - height + 2
            lines = [*lines[: height - 2], f"{ELLIPSIS} {left} more"]
        again = UP_AND_CLEAR.format(self._drawn) if self._drawn else ""
        sys.stderr.write(again + "".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
        self._drawn = len(lines)


class Following:
    def __init__(
        self, client: GatewayClient, about: Verb, name: str, *, fails_fast: bool = False
    ) -> None:
        """`about` is `follow` of the document."""
        self._client = client
        self._about = about
        self._hurry: Verb = about["failFast"] if fails_fast else {}
        self._held: Verb = about.get("held", {})
        self._name = name
        self._screen = Screen()
        self._whole: Row = {}
        self._parts: Sequence[Row] = ()

    async def until_done(self) -> str:
        """Follow it to its end. Returns why it has failed, or an empty text. Raises CallError."""
        watching = asyncio.create_task(self._watch_parts())
        try:
            async for result in self._states():
                if isinstance(result, CallError):
                    self._screen.show(text_of(result), ())
                    continue
                rows = rows_at(orjson.loads(result.content), self._about["whole"].get("rows"))
                if rows:
                    self._whole = rows[0]
                    self._show()
                    await self._tell_held()
        finally:
            watching.cancel()
        for each in self._about.get("failed", ()):
            if await self._fits(each["where"]):
                return str(each["says"])
        if self._hurry and not await self._fits(self._about["done"]):
            return str(self._hurry["says"])
        return ""

    @property
    def notes(self) -> list[str]:
        """What else is told of the end: `1 eaten`."""
        return [
            titled(self._whole, each)
            for each in self._about.get("notes", ())
            if number_at(self._whole, each["path"])
        ]

    async def _tell_held(self) -> None:
        """Say once why it does not go on, such as that it is paused."""
        held, self._held = self._held, {}
        with suppress(CallError):  # the next answer tells
            if held and await self._fits(held["where"]):
                click.echo(f"{self._name} {held['says']}", err=True)

    async def _states(self) -> AsyncIterator[Answer | CallError]:
        """The whole, up to its end: over a stream, or by asking again and again."""
        method, view = self._about["whole"]["method"], self._view("whole")
        until = self._hurry.get("until") or self._about["until"]
        request = self._request("whole")
        try:
            async for result in self._client.watch(
                method, request, view=view, every=EVERY_SECONDS, until=until
            ):
                yield result
        except CallError as error:
            if error.message != NO_STREAMS:
                raise
        else:
            return
        while True:
            yield await self._client.call(method, request, view=view)
            if await self._fits(until):
                return
            await asyncio.sleep(EVERY_SECONDS)

    async def _watch_parts(self) -> None:
        parts = self._about.get("parts")
        if parts is None:
            return
        async for result in self._client.watch(
            parts["method"],
            self._request("parts"),
            view=self._view("parts"),
            every=EVERY_SECONDS,
            until="",
        ):
            if isinstance(result, Answer):
                self._parts = rows_at(orjson.loads(result.content), parts.get("rows"))
                self._show()

    async def _fits(self, where: str) -> bool:
        view = {"_fields": self._about["whole"]["columns"][0]["path"], "_where": where}
        answer = await self._client.call(
            self._about["whole"]["method"], self._request("whole"), view=view
        )
        return bool(rows_at(orjson.loads(answer.content), self._about["whole"].get("rows")))

    def _request(self, part: str) -> Arguments:
        about = self._about[part]
        body: dict[str, Any] = deepcopy(dict(about.get("request", {})))
        put(body, about["put"], [self._name] if about.get("many") else self._name)
        return Arguments(orjson.dumps(body))

    def _view(self, part: str) -> dict[str, str]:
        about = self._about[part]
        paths = paths_of(about["columns"])
        bar = about.get("bar", {})
        notes = self._about.get("notes", ()) if part == "whole" else ()
        more = [
            *paths_of(notes),
            *bar.get("done", ()),
            *(bar[key] for key in ("of", "running", "failed") if key in bar),
        ]
        return {"_fields": ",".join(dict.fromkeys((*paths, *more)))}

    def _show(self) -> None:
        name, *columns = self._about["whole"]["columns"]
        head = [str(value_at(self._whole, name["path"]) or self._name)]
        head += [titled(self._whole, column) for column in columns]
        bars = [bar_of(row, self._about["parts"]) for row in self._parts]
        self._screen.show("  ".join(head), bars)


def titled(row: Row, column: Column) -> str:
    """`3 DEAD`, or the value alone for texts."""
    cell = cell_of(row, column, {}, raw=False)
    is_counted = cell.is_number or column.get("of")
    return f"{cell.text} {str(column['title']).lower()}" if is_counted else cell.text


def bar_of(row: Row, about: Verb) -> str:
    """A line with a part's name, its bar, and its numbers."""
    bar: Mapping[str, Any] = about.get("bar", {})
    name, *columns = about["columns"]
    total = number_at(row, bar.get("of", ""))
    done = sum(number_at(row, path) for path in bar.get("done", ()))
    running = number_at(row, bar.get("running", ""))
    full = round(BAR_WIDTH * done / total) if total else 0
    begun = min(round(BAR_WIDTH * running / total), BAR_WIDTH - full) if total else 0
    drawn = DONE * full + RUNNING * begun + WAITING * (BAR_WIDTH - full - begun)
    label = clip(str(value_at(row, name["path"])), NAME_WIDTH)
    rest = "  ".join(titled(row, column) for column in columns)
    return f"  {label:<{NAME_WIDTH}} {drawn} {done:.0f}/{total:.0f}  {rest}"


def number_at(row: Row, path: str) -> float:
    return as_number(value_at(row, path)) or 0.0 if path else 0.0
