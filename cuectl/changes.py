"""Verbs that change something: one call for each name, in batches or side by side."""

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.client.arguments import Arguments
from cuectl.client.batch import LONGEST_SILENCE_SECONDS, NOT_SERVED, BatchClient
from cuectl.client.gateway import GatewayClient
from cuectl.errors import CODES, CallError, Failure, InvalidCall
from cuectl.names import Names, arguments_of, named_arguments, named_options, with_near_name
from cuectl.requests import parameter, put_arguments, request_of
from cuectl.session import Session, Verb
from cuectl.terminal.exits import (
    FAILED,
    NOT_FOUND,
    SHOWN_FAILURES,
    complain,
    failure_lines,
    status_of,
)
from cuectl.terminal.exits import text_of as error_text
from cuectl.terminal.text import printable_lines

STANDARD_INPUT = "-"
NAMES_IN_QUESTION = 5
AT_ONCE = 8
LONGEST_PAUSE_SECONDS = 60.0
BAR_WIDTH = 30


Request = tuple[str, Mapping[str, Any]]
"""A name, and the request about it."""


def change(session: Session, name: str, verb: Verb, given: Mapping[str, Any]) -> None:
    """Make the calls of a verb, one for each name.

    Exits with status 1 if one of several fails, and with NOT_FOUND, before any call, if one of
    several is in no list. Names from a pipe, such as jobs that were listed before, may have gone:
    they are not looked for.
    """
    body = request_of(verb, given, session)
    names, from_input = names_of(verb, given)
    if not names:
        raise InvalidCall("there is no name on standard input")
    known = Names(session)
    for each, kind in named_options(verb, given):
        if problem := known.problem(each, kind, arguments_of(verb, given, names)):
            raise CallError("NOT_FOUND", problem)
    if not from_input and (told := absent_names(name, verb, given, names, known)):
        click.echo(printable_lines("\n".join(told)), err=True)
        sys.exit(NOT_FOUND)
    if verb.get("confirm") and not given["dry_run"] and not given["yes"]:
        confirm(verb, given, names, can_ask=not from_input and sys.stdin.isatty())
    requests = [
        (each or name, put_arguments(body, verb.get("arguments", ()), given, each))
        for each in names
    ]
    timeout = given["timeout"]
    if given["dry_run"]:
        try:
            answers = session.run(lambda client: rehearse(client, verb, requests), timeout)
        except CallError as error:
            raise with_near_name(error, known, named_arguments(verb, given, names[0])) from None
        click.echo("\n".join(answers))
        return
    failed = session.run(
        lambda client: make_calls(client, verb["method"], requests, given["timeout"]), timeout
    )
    failures = {
        each: with_near_name(error, known, named_arguments(verb, given, each))
        for each, error in failed.items()
    }
    if len(requests) == 1 and failures:
        (failure,) = failures.values()
        complain(error_text(failure), PROGRAM)
        sys.exit(status_of(failure))
    if len(requests) > 1 or somebody_waits():
        click.echo(summary(name, len(requests), failures), err=True)
    sys.exit(FAILED if failures else 0)


def absent_names(
    name: str, verb: Verb, given: Mapping[str, Any], names: Sequence[str | None], known: Names
) -> list[str]:
    """Lines about those of several names that nothing has; only about the first if there are many.

    An option is named if one of them could be meant for it.
    """
    kinds = [each.get("names", "") for each in verb.get("arguments", ()) if each.get("repeats")]
    if len(names) < 2 or not kinds:
        return []
    arguments = arguments_of(verb, given, names)
    absent = known.absent(map(str, names), kinds[0], arguments)
    if not absent:
        return []
    lines = [f"{name}: nothing was done, {len(absent)} of {len(names)} not found"]
    lines += [f"  {known.problem(each, kinds[0], arguments)}" for each in absent[:SHOWN_FAILURES]]
    if len(absent) > SHOWN_FAILURES:
        lines.append(f"  … and {len(absent) - SHOWN_FAILURES} more")
    for option, about in verb.get("options", {}).items():
        pattern = about.get("pattern")
        if pattern and any(re.match(pattern, each, re.ASCII) for each in absent):
            lines.append(f"  --{option} {about['example']}: {about['help']}")
    return lines


def somebody_waits() -> bool:
    """Whether errors go to a terminal: silence is no answer there."""
    return sys.stderr.isatty()


async def rehearse(
    client: GatewayClient, verb: Verb, requests: Iterable[tuple[str, dict[str, Any]]]
) -> list[str]:
    return [
        (
            await client.call(verb["method"], Arguments(orjson.dumps(request)), dry_run=True)
        ).content.decode()
        for _, request in requests
    ]


def names_of(verb: Verb, given: Mapping[str, Any]) -> tuple[list[str | None], bool]:
    """The names that a verb is about, without repetitions, and whether they come from a pipe.

    Raises UsageError without any.
    """
    repeating = [each for each in verb.get("arguments", ()) if each.get("repeats")]
    if not repeating:
        return [None], False
    words: Sequence[str] = given[parameter(repeating[0]["name"])]
    if not words:
        metavar = str(repeating[0]["name"]).upper()
        if len(verb["arguments"]) > 1:  # the last word is taken for the last argument
            more = f", before {str(verb['arguments'][-1]['name']).upper()}"
        else:
            more = ""
        raise click.UsageError(
            f"Missing argument '{metavar}...'{more} ({STANDARD_INPUT} reads names from a pipe)",
            click.get_current_context(silent=True),
        )
    if STANDARD_INPUT not in words:
        return list(dict.fromkeys(words)), False
    piped = [line.strip() for line in sys.stdin.read().splitlines()]
    both = [*(word for word in words if word != STANDARD_INPUT), *filter(None, piped)]
    return list(dict.fromkeys(both)), True


def confirm(
    verb: Verb, given: Mapping[str, Any], names: Sequence[str | None], *, can_ask: bool
) -> None:
    """Raises Failure if the answer is no, as it is without a terminal."""
    listed = ", ".join(str(each) for each in names[:NAMES_IN_QUESTION])
    if len(names) > NAMES_IN_QUESTION:
        listed += f" and {len(names) - NAMES_IN_QUESTION} more"
    values = {
        about["name"]: listed if about.get("repeats") else given[parameter(about["name"])]
        for about in verb.get("arguments", ())
    }
    question = str(verb["confirm"])
    for key, value in values.items():
        question = question.replace("{" + key + "}", str(value))
    if not can_ask:
        raise Failure(f"not done: {question} (--yes answers that)")
    if not click.confirm(question, err=True):
        raise Failure("not done")


# --- several calls over one connection ------------------------------------------------------------


class Bar:
    """How many of the calls are done, as a bar on a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shows = total > 1 and sys.stderr.isatty()

    def step(self) -> None:
        self._done += 1
        if self._shows:
            full = BAR_WIDTH * self._done // self._total
            bar = "█" * full + "░" * (BAR_WIDTH - full)
            sys.stderr.write(f"\r{bar} {self._done}/{self._total}")
            sys.stderr.flush()

    def end(self) -> None:
        if self._shows:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


async def make_calls(
    client: GatewayClient, method: str, requests: Sequence[Request], timeout: float | None
) -> dict[str, CallError]:
    """The errors of failed calls, by name."""
    bar = Bar(len(requests))
    try:
        if len(requests) > 1:
            try:
                return await in_batches(client, method, requests, timeout, bar)
            except CallError as error:
                if error.message != NOT_SERVED:
                    raise
        return await side_by_side(client, method, requests, bar)
    finally:
        bar.end()


async def in_batches(
    client: GatewayClient,
    method: str,
    requests: Sequence[Request],
    timeout: float | None,
    bar: Bar,
) -> dict[str, CallError]:
    names = [name for name, _ in requests]
    items = [
        {"id": number, "method": method, "request": request}
        for number, (_, request) in enumerate(requests)
    ]
    failures = {}
    silence = LONGEST_SILENCE_SECONDS if timeout is None else timeout
    async for answer in BatchClient(client, silence=silence).answers(items):
        bar.step()
        if error := answer.get("error"):
            code = CODES[error["code"]]
            failures[names[answer["id"]]] = CallError(code, str(error["message"]))
    return failures


async def side_by_side(
    client: GatewayClient, method: str, requests: Sequence[Request], bar: Bar
) -> dict[str, CallError]:
    places = asyncio.Semaphore(AT_ONCE)
    failures: dict[str, CallError] = {}

    async def make(name: str, request: Mapping[str, Any]) -> None:
        async with places:
            try:
                await patiently(client, method, request)
            except CallError as error:
                failures[name] = error
            bar.step()

    async with asyncio.TaskGroup() as group:
        for name, request in requests:
            group.create_task(make(name, request))
    return failures


async def patiently(client: GatewayClient, method: str, request: Mapping[str, Any]) -> None:
    """Call, and wait for the rate limit. Raises CallError."""
    while True:
        try:
            await client.call(method, Arguments(orjson.dumps(request)))
        except CallError as error:
            after = error.headers.get("retry-after", "")
            if error.code != "RESOURCE_EXHAUSTED" or not after.isdecimal():
                raise
            await asyncio.sleep(min(float(after), LONGEST_PAUSE_SECONDS))
        else:
            return


def summary(verb: str, count: int, failures: Mapping[str, CallError]) -> str:
    if not failures:
        return f"{verb}: {count} done"
    told = f"{verb}: {count - len(failures)} of {count} done, {len(failures)} failed"
    return "\n".join((told, *failure_lines([*failures.items()])))
