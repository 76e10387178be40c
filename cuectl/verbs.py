"""Verbs: commands that the gateway's document describes (`x-cuectl`)."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import click
import orjson
from click.shell_completion import CompletionItem

from cuectl.errors import CallError, Failure, InvalidCall
from cuectl.rows import FORMS, Column, Form, paths_of, rows_at, table_lines, text_of
from cuectl.session import Session, Verb
from cuectl.terminal.exits import CUT, FAILED, complain, status_of
from cuectl.terminal.exits import text_of as error_text

if TYPE_CHECKING:
    from cuectl.client.client import Answer
    from cuectl.client.gateway import GatewayClient

PROGRAM = "cuectl"
STANDARD_INPUT = "-"
SUBJECT = "$sub"
SHOWN_FAILURES = 20
NAMES_IN_QUESTION = 5
"""How many names a question lists."""
OWN = ("output", "no_headers", "sort_by", "where", "raw", "yes", "dry_run", "timeout", "limit")
"""The names of options that all verbs have; a verb's own option comes before them."""


class Named(click.types.StringParamType):
    """A text, whose values shells complete."""

    def __init__(self, session: Session, about: Verb) -> None:
        self._session = session
        self._about = about

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from cuectl.completion import fitting, names_for

        values = self._about.get("values")
        if values is None:
            values = names_for(self._session, self._about.get("names", ""))
        return fitting(values, incomplete)


def command_of(name: str, verb: Verb, session: Session) -> click.Command:
    """The command for a verb."""
    arguments: Sequence[Verb] = verb.get("arguments", ())
    options: Mapping[str, Verb] = verb.get("options", {})
    params: list[click.Parameter] = [argument_of(each, session) for each in arguments]
    params += [option_of(key, each, session) for key, each in options.items()]
    own = {param.name for param in params}
    common = of_reads() if verb.get("reads") else of_changes()
    params += [each for each in common if each.name not in own]

    def run(**given: Any) -> None:
        if verb.get("reads"):
            read(session, verb, given)
        else:
            change(session, name, verb, given)

    return click.Command(
        name,
        params=params,
        callback=run,
        help="\n\n".join(paragraphs_of(verb)),
        short_help=str(verb.get("summary", "")),
        epilog="Exit status: see cuectl --help",
    )


def paragraphs_of(verb: Verb) -> list[str]:
    """The help of a verb."""
    found = [f"{verb.get('summary', '')}.", f"The method is {verb['method'].lstrip('/')}."]
    for each in verb.get("arguments", ()):
        if each.get("repeats"):
            named = str(each["name"]).upper()
            found.append(f"There may be several {named}s; {STANDARD_INPUT} reads them from a pipe.")
    if verb.get("reads") and (columns := columns_of(verb, "wide")):
        listed = ", ".join(
            path if title == path.upper() else f"{path} ({title})"
            for path, title in titles_of(columns)
        )
        found.append(f"Fields of its columns, for --where and --sort-by: {listed}.")
    return found


def titles_of(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """The fields of columns, and what is above them."""
    return [(each["path"], str(each.get("title") or each["path"]).upper()) for each in columns]


def argument_of(about: Verb, session: Session) -> click.Argument:
    repeats = bool(about.get("repeats"))
    metavar = str(about["name"]).upper()
    return click.Argument(
        [parameter(about["name"])],
        nargs=-1 if repeats else 1,
        required=not repeats,  # names_of says more of a missing one
        metavar=f"{metavar}..." if repeats else metavar,
        type=Named(session, about),
    )


def option_of(name: str, about: Verb, session: Session) -> click.Option:
    is_flag = "where" in about or "value" in about
    help_ = str(about.get("help", ""))
    if default := about.get("default"):
        shown = ", ".join(default) if isinstance(default, list) else default
        help_ += f" (default: {shown})"
    if is_flag:
        return click.Option([f"--{name}", parameter(name)], is_flag=True, help=help_)
    return click.Option(
        [f"--{name}", parameter(name)],
        multiple=bool(about.get("many")),
        metavar=str(about.get("names", name)).removesuffix("s").upper(),
        type=click.BOOL if about.get("type") == "boolean" else Named(session, about),
        help=help_,
    )


def parameter(name: str) -> str:
    """A name for click, which no option of all verbs has."""
    return f"of_{name.replace('-', '_')}"


def of_reads() -> list[click.Option]:
    return [
        click.Option(
            ["-o", "--output", "output"],
            type=click.Choice(FORMS),
            default="table",
            show_default=True,
            help="How the answer is printed.",
        ),
        click.Option(["--no-headers"], is_flag=True, help="Leave out the first line."),
        click.Option(["--sort-by"], metavar="COLUMNS", help="Sort by these; -name is descending."),
        click.Option(["--where"], metavar="CONDITION", help="Rows that fit, such as 'name:comp'."),
        click.Option(["--limit"], type=click.IntRange(min=0), help="So many rows at most."),
        click.Option(["--raw"], is_flag=True, help="Times and sizes as the gateway sends them."),
        timeout_option(),
    ]


def of_changes() -> list[click.Option]:
    return [
        click.Option(["-y", "--yes", "yes"], is_flag=True, help="Do not ask."),
        click.Option(["--dry-run"], is_flag=True, help="Show what would be called."),
        timeout_option(),
    ]


def timeout_option() -> click.Option:
    return click.Option(
        ["--timeout"],
        type=click.FloatRange(min=0.1, max=86400),
        metavar="SECONDS",
        help="How long a call may take (30).",
    )


# --- requests -----------------------------------------------------------------------------------


def put(body: dict[str, Any], path: str, value: object) -> None:
    *above, last = path.split(".")
    at = body
    for name in above:
        at = at.setdefault(name, {})
    before = at.get(last)
    at[last] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value


def request_of(verb: Verb, given: Mapping[str, Any], session: Session) -> dict[str, Any]:
    """The request, without arguments."""
    body: dict[str, Any] = deepcopy(dict(verb.get("request", {})))
    for name, about in verb.get("options", {}).items():
        value = given.get(parameter(name))
        if "put" not in about:
            continue
        if "value" in about:
            if value:
                put(body, about["put"], resolved(about["value"], session))
        elif value not in (None, (), ""):
            put(body, about["put"], list(value) if isinstance(value, tuple) else value)
        elif "default" in about:
            put(body, about["put"], about["default"])
    return body


def resolved(value: Any, session: Session) -> Any:
    """The value of a flag, with who asks for `$sub`."""
    if isinstance(value, list):
        return [resolved(each, session) for each in value]
    if value != SUBJECT:
        return value
    subject = session.subject
    if not subject:
        raise InvalidCall("the token has no sub, so it is not known who you are")
    return subject


def put_arguments(
    body: dict[str, Any], arguments: Sequence[Verb], given: Mapping[str, Any], name: str | None
) -> dict[str, Any]:
    """The request with arguments; the one that repeats is `name`."""
    body = deepcopy(body)
    for about in arguments:
        value = name if about.get("repeats") else given[parameter(about["name"])]
        put(body, about["put"], [value] if about.get("many") else value)
    return body


# --- reads --------------------------------------------------------------------------------------


def read(session: Session, verb: Verb, given: Mapping[str, Any]) -> None:
    from cuectl.client.arguments import Arguments
    from cuectl.client.client import of_option

    form: Form = given["output"]
    body = put_arguments(request_of(verb, given, session), verb.get("arguments", ()), given, None)
    columns = columns_of(verb, form)
    view = view_of(verb, given, columns, form)
    arguments = Arguments(orjson.dumps(body))
    try:
        answer = session.run(
            lambda client: client.call(verb["method"], arguments, view=view), given["timeout"]
        )
    except CallError as error:
        wrong = of_option(error, "table")
        if wrong is None:
            raise
        problem = str(wrong).replace("--sort:", "--sort-by:")
        raise InvalidCall(with_column(problem, verb)) from None
    if not show(answer, verb, columns, session.colors, given):
        tell_unknown_names(session, verb, given)
    if answer.cut_at:
        complain(f"warning: there may be more than these {answer.cut_at} rows", PROGRAM)
        sys.exit(CUT)


def tell_unknown_names(session: Session, verb: Verb, given: Mapping[str, Any]) -> None:
    """Say which names may be the reason for an answer without rows."""
    from cuectl.names import fetch_names
    from cuectl.suggestions import did_you_mean

    for name, about in verb.get("options", {}).items():
        kind, values = about.get("names"), given.get(parameter(name))
        if not kind or not values:
            continue
        try:
            names = fetch_names(session, kind)
        except CallError:  # the answer is there without them
            return
        for each in [values] if isinstance(values, str) else values:
            if each not in names:
                complain(f"{each!r} is not among the {kind}{did_you_mean(each, names)}", PROGRAM)


def columns_of(verb: Verb, form: Form) -> list[Column]:
    columns: list[Column] = list(verb.get("columns", ()))
    if form == "name":
        return columns[:1]
    return columns + list(verb.get("wide", ())) if form == "wide" else columns


def view_of(
    verb: Verb, given: Mapping[str, Any], columns: Sequence[Column], form: Form
) -> dict[str, str]:
    flags = [
        about["where"]
        for name, about in verb.get("options", {}).items()
        if "where" in about and given.get(parameter(name))
    ]
    conditions = [each for each in (verb.get("where"), *flags, given["where"]) if each]
    sort = sorted_by(given["sort_by"], verb) or verb.get("sort")
    view = {}
    if form in ("table", "wide", "csv", "name"):
        view["_fields"] = ",".join(paths_of(columns))
    if conditions:
        joined = " and ".join(f"({each})" for each in conditions)
        view["_where"] = conditions[0] if len(conditions) == 1 else joined
    if sort:
        view["_sort"] = sort
    if given["limit"] is not None:
        view["_limit"] = str(given["limit"])
    return view


def sorted_by(names: str | None, verb: Verb) -> str:
    """Columns, named as above the table or by their fields, as the fields of `_sort`."""
    paths = {title: path for path, title in reversed(titles_of(columns_of(verb, "wide")))}
    found = []
    for each in (names or "").split(","):
        name = each.strip().removeprefix("-")
        found.append(each.strip().removesuffix(name) + paths.get(name.upper(), name))
    return ",".join(found)


def with_column(problem: str, verb: Verb) -> str:
    """The problem with the field that a column shows, if what is no field is above it."""
    before, said, rest = problem.partition("has no field '")
    name = rest.partition("'")[0]
    for path, title in titles_of(columns_of(verb, "wide")):
        if said and name.upper() == title:
            return f"{before}{said}{name}'; the column {title} shows {path}"
    return problem


def show(
    answer: "Answer",
    verb: Verb,
    columns: Sequence[Column],
    colors: Mapping[str, str],
    given: Mapping[str, Any],
) -> bool:
    """Print the answer. Whether it has rows."""
    form: Form = given["output"]
    whole = orjson.loads(answer.content)
    rows = rows_at(whole, verb.get("rows"))
    headers = not given["no_headers"]
    if form in ("table", "wide"):
        terminal = sys.stdout.isatty()
        lines = table_lines(
            columns,
            rows,
            colors,
            raw=given["raw"],
            headers=headers,
            width=terminal_width() if terminal and form == "table" else None,
            colored=terminal and is_colored(),
        )
        if not rows and terminal:
            click.echo("nothing fits", err=True)
            return False
    elif form == "json" and sys.stdout.isatty():
        lines = [orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode()]
    else:
        lines = list(text_of(form, whole, rows, columns, headers=headers))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return bool(rows)


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def is_colored() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# --- changes ------------------------------------------------------------------------------------


def change(session: Session, name: str, verb: Verb, given: Mapping[str, Any]) -> None:
    """Make the calls of a verb, one for each name. Exits with status 1 if one of several fails."""
    from cuectl.many import make_calls, summary

    body = request_of(verb, given, session)
    names, from_input = names_of(verb, given)
    if not names:
        raise InvalidCall("there is no name on standard input")
    if verb.get("confirm") and not given["dry_run"] and not given["yes"]:
        confirm(verb, given, names, can_ask=not from_input and sys.stdin.isatty())
    requests = [
        (each or name, put_arguments(body, verb.get("arguments", ()), given, each))
        for each in names
    ]
    timeout = given["timeout"]
    if given["dry_run"]:
        for answer in session.run(lambda client: rehearse(client, verb, requests), timeout):
            click.echo(answer)
        return
    failures = session.run(
        lambda client: make_calls(client, verb["method"], requests, given["timeout"]), timeout
    )
    if len(requests) == 1 and failures:
        ((_, error),) = failures.items()
        complain(error_text(error), PROGRAM)
        sys.exit(status_of(error))
    if len(requests) > 1 or somebody_waits():
        click.echo(summary(name, len(requests), failures), err=True)
    sys.exit(FAILED if failures else 0)


def somebody_waits() -> bool:
    """Whether errors go to a terminal: silence is no answer there."""
    return sys.stderr.isatty()


async def rehearse(
    client: "GatewayClient", verb: Verb, requests: Iterable[tuple[str, dict[str, Any]]]
) -> list[str]:
    from cuectl.client.arguments import Arguments

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
        raise click.UsageError(
            f"Missing argument '{metavar}...' ({STANDARD_INPUT} reads names from a pipe)",
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
