"""The options of a call: for its answer, for watching it, and for how it is shown."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import click

from gateway_cli.calling.views import FORMS, Form, OutputOptions
from gateway_client.durations import time_option
from gateway_client.paths import split_names

Decorator = Callable[[Callable[..., None]], Callable[..., None]]
USUAL_PERIOD = "2s"
OF_ANSWERS = ["fields", "where", "group", "count", "sum", "min", "max", "sort", "offset", "limit"]


def split_fields(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """`a, b.c` as `("a", "b.c")`."""
    fields = tuple(split_names(value or ""))
    if value is not None and not fields:
        raise click.BadParameter("expected field names separated by commas", context, parameter)
    return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A call whose answer is looked at again and again."""

    every: float = 2.0
    """Seconds between two looks."""
    shows: bool = True
    """Whether each answer is shown, or the last one only."""
    until: str = ""
    timeout: float | None = None
    """Seconds until it gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """The options of a call, apart from its request."""

    output: OutputOptions
    watch: Watch | None
    timeout: float | None
    """Seconds for one call."""
    dry_run: bool
    indent: bool | None

    @property
    def form(self) -> Form:
        return "json" if self.dry_run else self.output.form

    @property
    def ends_by_hand(self) -> bool:
        return self.watch is not None and not self.watch.until


OPTIONS: tuple[Decorator, ...] = (
    click.option(
        "--fields",
        "--columns",
        "fields",
        metavar="NAMES",
        callback=split_fields,
        help="Show these fields only, such as name,jobStats.runningFrames.",
    ),
    click.option(
        "--where",
        metavar="CONDITION",
        help="Show rows that fit, such as 'deadFrames > 2 and startTime < now-2h'"
        " or 'not isPaused'.",
    ),
    click.option(
        "--group", metavar="NAMES", help="Show groups of rows that are equal in these fields."
    ),
    click.option("--count", is_flag=True, help="Count the rows of each group, or all rows."),
    click.option(
        "--count-by", metavar="NAMES", help="The same as --group NAMES --count, as verbs have it."
    ),
    click.option("--sum", metavar="NAMES", help="Add up these numbers."),
    click.option("--min", metavar="NAMES", help="Show the smallest of these numbers."),
    click.option("--max", metavar="NAMES", help="Show the largest of these numbers."),
    click.option(
        "--sort",
        "--sort-by",
        "sort",
        metavar="NAMES",
        help="Sort rows by these fields; -name is descending.",
    ),
    click.option("--offset", type=click.IntRange(min=0), help="Leave out so many rows first."),
    click.option("--limit", type=click.IntRange(min=0), help="Show so many rows at most."),
    click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS),
        help="How the answer is printed (default: table with --fields, --group or --count,"
        " else json).",
    ),
    time_option(
        "--watch",
        "every",
        is_flag=False,
        flag_value=USUAL_PERIOD,
        help="Show the answer whenever it changes, until Ctrl-C; look for changes every so often"
        " (2s).",
    ),
    click.option(
        "--until",
        metavar="CONDITION",
        default="",
        help="Wait until all rows fit, such as 'state=FINISHED', and there is one.",
    ),
    time_option("--timeout", help="How long the call (30s), or waiting for --until, may take."),
    click.option("--dry-run", is_flag=True, help="Check the call and show it without sending it."),
    click.option(
        "--indent/--compact",
        default=None,
        help="How JSON is printed (default: indented on a terminal, one line in a pipe).",
    ),
)


def call_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a call, which the command gets as `options`."""

    @wraps(command)
    def with_options(
        *arguments: Any,
        form: Form | None,
        every: float | None,
        until: str,
        timeout: float | None,
        dry_run: bool,
        indent: bool | None,
        count_by: str | None,
        **given: Any,
    ) -> None:
        if count_by is not None:
            if given["group"] is not None:
                raise click.UsageError("--count-by has its own groups: leave out --group")
            given |= {"group": count_by, "count": True}
        asked = {name: given.pop(name) for name in OF_ANSWERS}
        if form == "name" and asked["fields"]:
            raise click.UsageError(
                "-o name prints names only; for other fields, use -o csv or table"
            )
        output = OutputOptions(**asked)
        if form == "name" and output.groups:
            raise click.UsageError("-o name prints names of rows; for groups, use -o csv or table")
        output = replace(
            output, form=form or ("table" if output.fields or output.groups else "json")
        )
        if dry_run and (until or every is not None):
            raise click.UsageError("a dry run is made once: leave out --watch and --until")
        watch = None
        if until or every is not None:
            watch = Watch(
                every=every or 2.0,
                shows=every is not None,
                until=until,
                timeout=timeout if until else None,
            )
        given_options = CallOptions(
            output=output,
            watch=watch,
            timeout=None if until else timeout,
            dry_run=dry_run,
            indent=indent,
        )
        command(*arguments, options=given_options, **given)

    wrapped: Callable[..., None] = with_options
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped
