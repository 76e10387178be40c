"""Following jobs: bars on a terminal, lines of news elsewhere, until all are done."""

import asyncio
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import click

from cuectl import PROGRAM
from cuectl.columns import Row
from cuectl.farm import Farm, rows_in
from cuectl.kinds import GET_JOBS, GET_LAYERS
from cuectl.watching import watched
from cuectl.why import number, time_left, time_left_text
from gateway_client.errors import CallError
from gateway_client.terminal.exits import FAILED, GAVE_UP, complain, text_of
from gateway_client.terminal.text import ELLIPSIS, clip, printable

if TYPE_CHECKING:
    from gateway_client.gateway import GatewayClient

BAR_WIDTH, LONGEST_NAME = 30, 40
DONE, RUNNING, WAITING = "█", "▒", "░"
UP_AND_CLEAR = "\x1b[{}F\x1b[J"


def follow_all(
    farm: Farm, jobs: Mapping[str, str], timeout: float | None, *, fails_fast: bool = False
) -> int:
    """Follow jobs (names by ids) until each has ended; the exit status. Raises CallError."""
    following = Following(jobs, fails_fast=fails_fast)

    async def within(client: "GatewayClient") -> int:
        try:
            async with asyncio.timeout(timeout):
                return await following.to_the_end(client)
        except TimeoutError:
            left = ", ".join(following.left.values())
            complain(f"gave up: not done within {timeout:g} s: {left}", PROGRAM)
            return GAVE_UP

    status: int = farm.run(within)
    return status


class Following:
    def __init__(self, jobs: Mapping[str, str], *, fails_fast: bool) -> None:
        self.left = dict(jobs)
        """Names of those that have not ended, by ids."""
        self._ids = [*jobs]
        self._fails_fast = fails_fast
        self._screen = Screen()
        self._jobs: dict[str, Row] = {}
        self._layers: Sequence[Row] = ()
        self._paused: set[str] = set()
        self._status = 0

    async def to_the_end(self, client: "GatewayClient") -> int:
        watching = None
        if len(self._ids) == 1:
            watching = asyncio.create_task(self._watch_layers(client))
        request = {"r": {"ids": self._ids, "includeFinished": True}}
        try:
            async with aclosing(watched(client, GET_JOBS, request, JOB_FIELDS)) as answers:
                async for each in answers:
                    if isinstance(each, CallError):
                        self._screen.show(text_of(each), ())
                        continue
                    self._take(rows_in(each.json))
                    if not self.left:
                        break
        finally:
            if watching is not None:
                watching.cancel()
        return self._status

    def _take(self, rows: Sequence[Row]) -> None:
        self._jobs |= {row["id"]: row for row in rows}
        self._show()
        for id_, row in self._jobs.items():
            if id_ not in self.left:
                continue
            if row["isPaused"] and id_ not in self._paused:
                self._paused.add(id_)
                self._screen.say(f"{row['name']} is paused: cuectl resume {row['name']}")
            ended, problem = end_of(row, fails_fast=self._fails_fast)
            if not ended:
                continue
            del self.left[id_]
            if problem:
                self._status = FAILED
                self._screen.say(f"{PROGRAM}: {row['name']} {problem}")
                if self._fails_fast:
                    self.left.clear()
                    return
            else:
                eaten = int(number(row, "jobStats.eatenFrames"))
                self._screen.say(f"{row['name']} is done{f', {eaten} eaten' if eaten else ''}")

    async def _watch_layers(self, client: "GatewayClient") -> None:
        request = {"job": self._ids[0]}
        fields = {"_fields": "id,name,layerStats"}
        with suppress(CallError):  # its own state tells more
            async with aclosing(watched(client, GET_LAYERS, request, fields)) as answers:
                async for each in answers:
                    if not isinstance(each, CallError):
                        self._layers = rows_in(each.json)
                        self._show()

    def _show(self) -> None:
        if not self._jobs:
            return
        if len(self._ids) > 1:
            rows = [self._jobs[each] for each in self._ids if each in self._jobs]
            ended = len(self._ids) - len(self.left)
            bars = bars_of((str(each["name"]), each["jobStats"]) for each in rows)
            self._screen.show(f"{ended} of {len(self._ids)} jobs have ended", bars)
            return
        (row,) = self._jobs.values()
        bars = bars_of((str(each["name"]), each["layerStats"]) for each in self._layers)
        left = time_left_text(time_left(self._layers)) if self._screen.is_terminal else ""
        self._screen.show(head_of(row) + (f"  {left}" if left else ""), bars)


JOB_FIELDS = {"_fields": "id,name,state,isPaused,jobStats"}


def end_of(job: Row, *, fails_fast: bool = False) -> tuple[bool, str]:
    """Whether a job has ended, or has to be helped, and the problem, if it is not done."""
    dead, stuck = number(job, "jobStats.deadFrames"), number(job, "jobStats.dependFrames")
    ready, runs = number(job, "jobStats.waitingFrames"), number(job, "jobStats.runningFrames")
    if job["state"] == "FINISHED":
        return True, "was killed" if ready or stuck or dead else ""
    if dead and fails_fast:
        return True, "has dead frames"
    if dead and not runs and not ready:
        return True, "cannot go on: it has dead frames"
    return False, ""


# --- drawing --------------------------------------------------------------------------------------


class Screen:
    """Lines that are drawn again on a terminal; elsewhere the first one, if it is news."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self._drawn = 0
        self._last = ""

    def show(self, head: str, bars: Sequence[str]) -> None:
        if not self.is_terminal:
            if head != self._last:
                click.echo(printable(head), err=True)
            self._last = head
            return
        width, height = shutil.get_terminal_size()
        lines = [clip(printable(line), width) for line in (head, *bars)]
        if len(lines) > height - 1:
            left = len(lines) - height + 2
            lines = [*lines[: height - 2], f"{ELLIPSIS} {left} more"]
        again = UP_AND_CLEAR.format(self._drawn) if self._drawn else ""
        sys.stderr.write(again + "".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
        self._drawn = len(lines)

    def say(self, line: str) -> None:
        """A line that stays, below what is drawn."""
        click.echo(printable(line), err=True)
        self._drawn = 0


def head_of(job: Row) -> str:
    """`demo-sh010-lena_comp_v003  PENDING  0 dead  2 run  3 wait  4/9 done`."""
    stats = job["jobStats"]
    counts = [("dead", "dead"), ("running", "run"), ("waiting", "wait")]
    said = [f"{int(number(stats, f'{field}Frames'))} {word}" for field, word in counts]
    done, total = number(stats, "succeededFrames"), number(stats, "totalFrames")
    return "  ".join((job["name"], job["state"], *said, f"{done:.0f}/{total:.0f} done"))


def bars_of(parts: Iterable[tuple[str, Row]]) -> list[str]:
    """A line for each job or layer (its name and counts): a bar, and numbers."""
    named = [(clip(name, LONGEST_NAME), stats) for name, stats in parts]
    width = max((len(name) for name, _ in named), default=0)
    return [f"  {name:<{width}} {bar_of(stats)}" for name, stats in named]


def bar_of(stats: Row) -> str:
    total, running = number(stats, "totalFrames"), number(stats, "runningFrames")
    done = number(stats, "succeededFrames") + number(stats, "eatenFrames")
    full = round(BAR_WIDTH * done / total) if total else 0
    begun = min(round(BAR_WIDTH * running / total), BAR_WIDTH - full) if total else 0
    drawn = DONE * full + RUNNING * begun + WAITING * (BAR_WIDTH - full - begun)
    dead = number(stats, "deadFrames")
    return f"{drawn} {done:.0f}/{total:.0f}  {dead:.0f} dead  {running:.0f} run"
