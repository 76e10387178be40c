"""Changes: what is asked before them, how they are made, and what is told of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.farm import Farm, Json
from cuectl.selection import Decorator, Kind, Selection, taking
from gateway_client.durations import time_option
from gateway_client.errors import CallError, Failure
from gateway_client.terminal.exits import FAILED, complain, failure_lines, status_of
from gateway_client.terminal.text import counted, printable, printable_lines

SUBJECT = "Note"
"""The title of comments for which somebody has given none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """The options of all changes, and the method that the verb calls."""

    method: str
    dry_run: bool
    yes: bool
    quiet: bool

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


def some_text(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("the text is empty", context, parameter)
    return value


comment_option = click.option(
    "--comment", "--reason", "-m", "comment", metavar="TEXT", callback=some_text,
    help="Why, as a comment on it.",
)  # fmt: skip


subject_option = click.option("--subject", default=SUBJECT, show_default=True, help="Its title.")


def change_options(method: str) -> Decorator:
    """The options of a change that calls this method; the function gets them as `how`, and its Farm
    their time.
    """

    def how(farm: Farm, given: Json) -> How:
        farm.timeout = given.pop("timeout")
        options = {each: given.pop(each) for each in ("dry_run", "yes", "quiet")}
        return How(method=method, **options)

    return taking(
        "how",
        how,
        click.option("--dry-run", "-n", is_flag=True, help="Show the calls, and make none."),
        click.option(
            "--yes", "-y", is_flag=True, help="Do not ask. Needed where there is no terminal."
        ),
        click.option("--quiet", "-q", is_flag=True, help="Say nothing of what was done."),
        time_option("--timeout", help="Time for each call."),
    )


def change(
    farm: Farm,
    how: How,
    requests: Mapping[str, Json],
    *,
    noun: str = "job",
    told: str = "",
    question: str = "",
    verb: str = "",
    about: Callable[[Sequence[str]], str] | None = None,
    then: Callable[[list[str]], None] | None = None,
) -> list[str]:
    """Make a call for each name, after a question; the names for which it was made.

    `told` is what follows in the summary: `-> 200`; `about` says what was changed of some of the
    names, where that is more than their number. Exits with what failed. With --dry-run, the calls
    are shown instead, and no name is answered. Messages begin with `verb`, or the one that is
    running. `then` is what follows for those names, if any, for which the call was made or, with
    --dry-run, would be; also if it has failed for others.
    """
    verb = verb or verb_name()
    how.ask(question)
    if how.dry_run:
        for request in requests.values():
            show_call(farm, how.method, request)
        if about is not None:
            how.tell(f"{verb}: would be {about([*requests])}")
        if then is not None:
            then([*requests])
        return []
    found = farm.each(how.method, requests)
    failures = {name: each for name, each in found.items() if isinstance(each, CallError)}
    if len(failures) == len(requests) == 1:
        raise next(iter(failures.values()))
    done = [name for name in requests if name not in failures]
    failed = f"{len(failures)} failed" if failures else ""
    if about is not None:
        summary = ", ".join(filter(None, (about(done), failed)))
    else:
        those = called_all([*requests], noun)
        summary = f"{len(done)} of {those}, {failed}" if failures else those
        summary = f"{summary} {told}".strip()
    if failures:
        lines = "\n".join((f"{verb}: {summary}", *failure_lines([*failures.items()])))
        complain(lines, PROGRAM)
    else:
        how.tell(f"{verb}: {summary}")
    if done and then is not None:
        then(done)
    if failures:
        codes = {status_of(each) for each in failures.values()}
        sys.exit(codes.pop() if len(codes) == 1 and not done else FAILED)
    return done


def change_each(
    farm: Farm,
    how: How,
    selection: Selection,
    *,
    names: Sequence[str] | None = None,
    unless: str = "",
    told: str = "",
    question: str = "",
    comment: str | None = None,
    subject: str = SUBJECT,
    **values: Any,
) -> list[str]:
    """Make a call with these values for each object that is chosen, and leave a comment on those
    that are changed. A change of everything that there is asks in any case.

    `names` are those of the objects, if they are known already; `unless` is as in
    `Selection.names`.
    """
    kind = selection.kind
    if names is None:
        names = selection.names(farm, unless=unless)
    told = f"{told} {'with a comment' if comment else ''}".strip()
    question = question or asked_of_all(selection, len(names), told)

    def leave(done: Sequence[str]) -> None:
        if comment:
            leave_comments(farm, how, kind, done, comment, subject)

    requests: dict[str, Json] = {each: {kind.key or kind.one: each, **values} for each in names}
    return change(farm, how, requests, noun=kind.one, told=told, question=question, then=leave)


def leave_comments(
    farm: Farm, how: How, kind: Kind, names: Sequence[str], text: str, subject: str = SUBJECT
) -> None:
    """Leave a comment on each of these objects, and say only what has failed."""
    requests = {each: {kind.one: each, "newComment": noted(text, subject)} for each in names}
    silent = replace(how, method=kind.interface("AddComment"), quiet=True)
    change(farm, silent, requests, noun=kind.one, verb="comment")


def noted(text: str, subject: str) -> Json:
    return {"subject": subject, "message": text}


def show_call(farm: Farm, method: str, request: Json) -> None:
    """Print what Cuebot would get, which does not. Raises CallError if the call would fail."""
    called = orjson.dumps(farm.rehearse(method, request)).decode()
    click.echo(printable_lines(f"would call {method} {called}"))


def called_all(names: Sequence[str], noun: str) -> str:
    """`render-node-01`, `3 hosts`."""
    return names[0] if len(names) == 1 else counted(len(names), noun)


def verb_name() -> str:
    """The verb that is running."""
    context = click.get_current_context(silent=True)
    return str(context.info_name) if context is not None and context.info_name else PROGRAM


def asked_of_all(selection: Selection, number: int, told: str) -> str:
    """`pause all 7 jobs?`; an empty text if not everything is meant."""
    if not is_everything(selection):
        return ""
    those = counted(number, selection.kind.one)
    return f"{verb_name()} all {those}{f' {told}' if told else ''}?"


def is_everything(selection: Selection) -> bool:
    """Whether --all alone has chosen, or a pattern that fits every name."""
    given = [name for name, value in selection.options.items() if value]
    if selection.words:
        return not given and any(not each.strip("*") for each in selection.words)
    return given == ["all"]
