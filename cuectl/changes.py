"""Changes: what is asked before them, how they are made, and what is told of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.farm import Farm, Json
from cuectl.selection import Decorator, Selection
from gateway_client.errors import CallError, Failure
from gateway_client.terminal.exits import FAILED, complain, failure_lines, status_of
from gateway_client.terminal.text import counted, printable, printable_lines

NAMES_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """The options of all changes."""

    dry_run: bool = False
    yes: bool = False
    quiet: bool = False

    def ask(self, question: str) -> None:
        """Raises Failure if the answer is no, as it is without a terminal and without --yes."""
        if self.yes or self.dry_run or not question:
            return
        if not sys.stdin.isatty():
            raise Failure(f"not done: {question} (no terminal to ask on: add --yes)")
        if not click.confirm(printable(question), err=True):
            raise Failure("not done")

    def tell(self, text: str) -> None:
        """On standard error, as the result of a verb, unless --quiet."""
        if not self.quiet:
            complain(text, PROGRAM)


def change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a change; the function gets them as `how`, and its Farm their time."""
    from gateway_client.call_options import time_option

    @wraps(function)
    def run(farm: Farm, *arguments: Any, **given: Any) -> Any:
        farm.timeout = given.pop("timeout")
        how = How(dry_run=given.pop("dry_run"), yes=given.pop("yes"), quiet=given.pop("quiet"))
        return function(farm, *arguments, how=how, **given)

    options: tuple[Decorator, ...] = (
        click.option("--dry-run", "-n", is_flag=True, help="Show the calls, and make none."),
        click.option(
            "--yes", "-y", is_flag=True, help="Do not ask. Needed where there is no terminal."
        ),
        click.option("--quiet", "-q", is_flag=True, help="Say nothing of what was done."),
        time_option("--timeout", help="Time for each call."),
    )
    command: Callable[..., Any] = run
    for each in reversed(options):
        command = each(command)
    return command


def change(
    farm: Farm,
    how: How,
    method: str,
    requests: Mapping[str, Json],
    *,
    noun: str = "job",
    told: str = "",
    question: str = "",
    everything: bool = False,
    counts: Mapping[str, int] | None = None,
    verb: str = "",
    about: Callable[[Sequence[str]], str] | None = None,
    then: Callable[[list[str]], None] | None = None,
) -> list[str]:
    """Make a call for each name, after a question; the names for which it was made.

    `told` is what follows in the summary: `-> 200`. A change that is about `everything` that there
    is asks in any case. `counts` has how many frames of each name are meant; `about` says what was
    changed of some of the names, where that is more than their number. Exits with what failed.
    With --dry-run, the calls are shown instead, and no name is answered. Messages begin with
    `verb`, or the one that is running. `then` is what follows for those names, if any, for which
    the call was made or, with --dry-run, would be; also if it has failed for others.
    """
    verb = verb or verb_name()
    if everything and not question:
        question = f"{verb} all {counted(len(requests), noun)}{f' {told}' if told else ''}?"
    how.ask(question)
    follow = then if then is not None else lambda done: None
    if how.dry_run:
        for request in requests.values():
            called = orjson.dumps(farm.rehearse(method, request)).decode()
            click.echo(printable_lines(f"would call {method} {called}"))
        if about is not None:
            how.tell(f"{verb}: would be {about([*requests])}")
        follow([*requests])
        return []
    found = farm.each(method, requests)
    failures = {name: each for name, each in found.items() if isinstance(each, CallError)}
    if len(failures) == len(requests) == 1:
        raise next(iter(failures.values()))
    done = [name for name in requests if name not in failures]
    if about is None:
        summary = summed_up(requests, failures, noun, told, counts)
    else:
        summary = about(done) + (f", {len(failures)} failed" if failures else "")
    if failures:
        lines = "\n".join((f"{verb}: {summary}", *failure_lines([*failures.items()])))
        complain(lines, PROGRAM)
    else:
        how.tell(f"{verb}: {summary}")
    if done:
        follow(done)
    if failures:
        codes = {status_of(each) for each in failures.values()}
        sys.exit(codes.pop() if len(codes) == 1 and not done else FAILED)
    return done


def summed_up(
    requests: Mapping[str, Json],
    failures: Mapping[str, CallError],
    noun: str,
    told: str,
    counts: Mapping[str, int] | None,
) -> str:
    """`3 jobs -> 200`, `2 of 3 jobs, 1 failed`, `4 frames of 2 jobs`."""
    text = counted(len(requests), noun) if len(requests) != 1 else next(iter(requests))
    if failures:
        text = f"{len(requests) - len(failures)} of {text}, {len(failures)} failed"
    if counts is not None:
        changed = sum(number for name, number in counts.items() if name not in failures)
        text = f"{counted(changed, 'frame')} of {text}"
    return f"{text} {told}" if told else text


def verb_name() -> str:
    """The verb that is running."""
    context = click.get_current_context(silent=True)
    return str(context.info_name) if context is not None and context.info_name else PROGRAM


def listed(names: Sequence[str]) -> str:
    """`a, b and 7 more`, for questions."""
    more = f" and {len(names) - NAMES_LISTED} more" if len(names) > NAMES_LISTED else ""
    return ", ".join(names[:NAMES_LISTED]) + more


def is_everything(selection: Selection) -> bool:
    """Whether --all alone has chosen, or a pattern that fits every name."""
    given = [name for name, value in selection.options.items() if value]
    if selection.words:
        return not given and any(not each.strip("*") for each in selection.words)
    return given == ["all"]
