"""The logs of frames, as the gateway reads them, and how they are shown."""

import re
import shutil
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import orjson

from cuectl.farm import NO_VIEW, Farm
from gateway_client.errors import CallError
from gateway_client.terminal.text import COLORS, is_colored, printable_log

if TYPE_CHECKING:
    import httpx

    from gateway_client.event_stream import Event
    from gateway_client.gateway import GatewayClient

FOLDER = "/logs/"
PIECE_BYTES = 1024 * 1024
"""Read at once of a whole log."""
SILENCE_SECONDS = 45.0
"""A log that is followed and says nothing for so long is lost: there is a comment every 15 s."""
MOST_LOST = 5
"""Connections in a row that are lost without a line between."""
NO_LOGS = (
    "this gateway shows no logs; a newer one does, with the folders that it may read in LOG_ROOTS"
)
RESET = "\x1b[0m"
RULE = re.compile(r"=+")
BEGUN = "RenderQ JobSpec"
"""How what RQD writes between two rules begins before the command does: command and environment."""
COMPLETE = ("RenderQ Job Complete", "Render Frame Completed")
"""What RQD writes below a rule when a frame ends: the Python one, and the Rust one."""
MOST_LINES = 100_000
ENDING_LINES = 200
"""More than RQD writes when a frame ends: statistics of up to some thirty processes, no reason."""
REASONS_TOLD = 3
MOST_LINES_OF_REASON = 200 + ENDING_LINES
REASON = re.compile(
    r"error|fatal|exception|critical|abort|killed|segmentation|core dumped|out of memory"
    r"|no such file|not found|no space|denied|cannot|can't|could not|unable to|failed|failure"
    r"|invalid|missing|licen[sc]e|timed out",
    re.IGNORECASE,
)
NO_REASON = re.compile(r"\bwarn(?:ing)?\b|\b(?:0|no) (?:errors?|failures?)\b", re.IGNORECASE)
SGR = re.compile(COLORS)


# --- reading ------------------------------------------------------------------------------------


def path_of(job: str, frame: str) -> str:
    return f"{FOLDER}{quote(job, safe='')}/{quote(frame, safe='')}"


def last_lines(
    farm: Farm, job: str, frame: str, lines: int, attempt: int | None = None
) -> list[str]:
    """The last lines of a log. Raises CallError, UNIMPLEMENTED at a gateway without logs."""
    response = read(farm, job, frame, {"lines": str(lines), **of_attempt(attempt)})
    found = text_in(response.content).split("\n")
    return found if found[-1] else found[:-1]


def pieces(farm: Farm, job: str, frame: str, attempt: int | None = None) -> Iterator[str]:
    """A whole log, in pieces of whole lines, as they are wanted. Raises as `last_lines` does."""
    start = 0
    while True:
        wanted = {"Range": f"bytes={start}-{start + PIECE_BYTES - 1}"}
        response = read(farm, job, frame, of_attempt(attempt), wanted)
        content = response.content
        if response.status_code != PARTIAL:
            yield text_in(content)
            return
        total = int(response.headers["content-range"].rpartition("/")[2])
        if start + len(content) >= total:
            yield text_in(content)
            return
        content = content[: content.rfind(b"\n") + 1] or content
        start += len(content)
        yield text_in(content)


def of_attempt(attempt: int | None) -> dict[str, str]:
    return {} if attempt is None else {"attempt": str(attempt)}


def text_in(content: bytes) -> str:
    """Its lines; what draws over its line is another line."""
    return content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


OK, PARTIAL, NO_RANGE, NOT_FOUND = 200, 206, 416, 404


def read(
    farm: Farm,
    job: str,
    frame: str,
    query: Mapping[str, str],
    headers: Mapping[str, str] = NO_VIEW,
) -> "httpx.Response":
    async def asked(client: "GatewayClient") -> "httpx.Response":
        response = await client.send("GET", path_of(job, frame), b"", {**headers}, query)
        if response.status_code not in (OK, PARTIAL):
            is_empty = response.status_code == NO_RANGE
            if is_empty and response.headers.get("content-range") == "bytes */0":
                return await client.send("GET", path_of(job, frame), b"", {}, query)
            await refuse(client, response)
        return response

    response: httpx.Response = farm.run(asked)
    return response


async def refuse(client: "GatewayClient", response: "httpx.Response") -> None:
    """Raises CallError for an answer without a log."""
    from gateway_client.gateway import error_of

    if response.status_code == NOT_FOUND:
        probe = await client.send("GET", FOLDER, b"", {})  # refused otherwise where logs are
        if probe.status_code == NOT_FOUND:
            raise CallError("UNIMPLEMENTED", NO_LOGS)
    raise error_of(response)


def follow(farm: Farm, job: str, frame: str, lines: int | None, told: Callable[[str], None]) -> str:
    """Print a log's last lines and what is written from then on, until its frame is done, and say
    why it ended otherwise. One that is not there yet is waited for, as `told` says. A connection
    that is lost is made again. Raises as `last_lines` does.
    """

    async def main(client: "GatewayClient") -> str:
        path, last_id, lost = path_of(job, frame), "", 0
        while True:
            try:
                query = {"follow": "", **({} if lines is None else {"lines": str(lines)})}
                async with aclosing(events_of(client, path, query, last_id)) as events:
                    async for event in events:
                        last_id, lost = event.id or last_id, 0
                        if event.kind == "done":
                            return ""
                        if event.kind == "end":
                            return reason_in(event)
                        if event.kind in ("waiting", "restart"):
                            told(reason_in(event))
                            continue
                        text = event.data.decode("utf-8", "replace")
                        click.echo(shown(f"{text}\n"), nl=False, color=True)
            except CallError as error:
                if error.status is not None or not last_id:
                    raise
            if lost == MOST_LOST:
                return "the connection was lost"
            lost += 1
            await asyncio.sleep(lost)

    import asyncio  # slow to import

    try:
        reason: str = farm.run(main)
    finally:
        end_colors()
    return reason


async def events_of(
    client: "GatewayClient", path: str, query: Mapping[str, str], last_id: str
) -> AsyncGenerator["Event"]:
    from gateway_client.event_stream import MEDIA_TYPE, events_in

    headers = {"Accept": MEDIA_TYPE} | ({"Last-Event-ID": last_id} if last_id else {})
    async with client.stream(path, b"", headers, query, SILENCE_SECONDS, verb="GET") as response:
        if response.status_code != OK:
            await response.aread()
            await refuse(client, response)
        async for event in events_in(response.aiter_bytes()):
            yield event


def reason_in(event: "Event") -> str:
    return str(orjson.loads(event.data)["reason"])


# --- showing ------------------------------------------------------------------------------------


def shown(text: str) -> str:
    """What a terminal gets: text and colours. Files and pipes get what was written."""
    if not sys.stdout.isatty():
        return text
    return printable_log(text if is_colored() else SGR.sub("", text))


def end_colors() -> None:
    """No colour that a log has begun goes on."""
    if sys.stdout.isatty() and is_colored():
        click.echo(RESET, nl=False, color=True)


def show(texts: Iterable[str]) -> None:
    """Print a text, through a pager if it is longer than the terminal."""
    rest = map(shown, texts)
    if not sys.stdout.isatty():
        for each in rest:
            click.echo(each, nl=False, color=True)
        return
    first, lines, height = [], 0, shutil.get_terminal_size().lines
    for each in rest:
        first.append(each)
        lines += each.count("\n")
        if lines >= height:
            click.echo_via_pager(chain(first, rest))
            return
    click.echo("".join(first), nl=False, color=True)
    end_colors()


def told_lines(lines: Sequence[str], most: int) -> list[str]:
    """The last lines that the command of a frame wrote, without those of RQD around them."""
    begin, end = 0, len(lines)
    for place in range(end - 1, max(end - ENDING_LINES, 0), -1):
        if lines[place] in COMPLETE and is_rule(lines[place - 1]):
            end = place - 1
            break
    for place in range(1, end):
        if lines[place].startswith(BEGUN) and is_rule(lines[place - 1]):
            begin = next((each + 1 for each in range(place, end) if is_rule(lines[each])), end)
            break
    while end > begin and not lines[end - 1].strip():
        end -= 1
    return [*lines[max(end - most, begin) : end]]


def is_rule(line: str) -> bool:
    return RULE.fullmatch(line.strip()) is not None


def with_ending(lines: int) -> int:
    """How many lines to read for so many of `told_lines`."""
    return min(lines + ENDING_LINES, MOST_LINES)


def reason_lines(lines: Sequence[str]) -> list[str]:
    """The last lines that look like a reason, without colours; none if no line does."""
    plain = [SGR.sub("", each).rstrip() for each in told_lines(lines, len(lines))]
    found = [each for each in plain if REASON.search(each) and not NO_REASON.search(each)]
    return found[-REASONS_TOLD:]
