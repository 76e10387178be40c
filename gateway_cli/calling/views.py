"""The options of `call` for its answer, and answers with them."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from gateway_client.arguments import Arguments
from gateway_client.client import Answer, Client
from gateway_client.errors import CallError, InvalidCall

Form = Literal["json", "ndjson", "csv", "table", "name"]
FORMS: tuple[Form, ...] = get_args(Form)
FORMATS = {"ndjson": "ndjson", "csv": "csv", "name": "ndjson"}
"""The formats of views by form; the others need JSON."""
NAMES = ("name", "id")
"""`-o name` prints the first of these fields that rows have."""
NO_NAMES = "-o name: the rows have neither a name nor an id; use -o csv, or --fields"
PROBLEM = re.compile(
    r"_(fields|where|group|count|sum|min|max|sort|offset|limit|format|until|every): (.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """The options of `call` for its answer."""

    form: Form = "json"
    fields: tuple[str, ...] = ()
    where: str | None = None
    group: str | None = None
    count: bool = False
    sum: str | None = None
    min: str | None = None
    max: str | None = None
    sort: str | None = None
    offset: int | None = None
    limit: int | None = None

    @property
    def selects(self) -> bool:
        """Whether the options are about rows."""
        page = (self.sort, self.offset, self.limit)
        return self.groups or any(each is not None for each in (self.where, *page))

    @property
    def groups(self) -> bool:
        """Whether the answer has groups, or is about all rows."""
        named = (self.group, self.sum, self.min, self.max)
        return self.count or any(each is not None for each in named)

    def parameters(self) -> dict[str, str]:
        """The parameters of the view (`_fields=…`)."""
        asked = {
            "_fields": ",".join(self.fields) or None,
            "_where": self.where,
            "_group": self.group,
            "_count": "true" if self.count else None,
            "_sum": self.sum,
            "_min": self.min,
            "_max": self.max,
            "_sort": self.sort,
            "_offset": self.offset,
            "_limit": self.limit,
            "_format": FORMATS.get(self.form),
        }
        return {name: str(value) for name, value in asked.items() if value is not None}


async def answer_to(
    client: Client, name: str, request: Arguments, options: OutputOptions
) -> Answer:
    """The answer to a call, with these options.

    Raises what a client does, and InvalidCall for wrong options.
    """
    if options.form != "name":
        return await viewed(client, name, request, options)
    for field in NAMES:
        try:
            return await viewed(client, name, request, replace(options, fields=(field,)))
        except WrongField:  # before the call
            continue
    raise InvalidCall(NO_NAMES)


async def answers_to(
    client: Client,
    name: str,
    request: Arguments,
    options: OutputOptions,
    *,
    every: float,
    until: str = "",
) -> AsyncIterator[Answer | CallError]:
    """The answers to a call as they change, with these options; see `Client.watch`."""
    given = [options]
    if options.form == "name":
        given = [replace(options, fields=(field,)) for field in NAMES]
    for each in given:
        try:
            async for result in watched(client, name, request, each, every, until):
                yield result
        except WrongField:  # before the call
            if options.form != "name":
                raise
        else:
            return
    raise InvalidCall(NO_NAMES)


async def watched(
    client: Client,
    name: str,
    request: Arguments,
    options: OutputOptions,
    every: float,
    until: str,
) -> AsyncIterator[Answer | CallError]:
    view = options.parameters()
    try:
        async for result in client.watch(name, request, view=view, every=every, until=until):
            if isinstance(result, Answer):
                check_viewed(result, options)
            elif wrong := of_option(result, options.form):
                raise wrong
            yield result
    except CallError as error:
        raise of_option(error, options.form) or error from None


async def viewed(client: Client, name: str, request: Arguments, options: OutputOptions) -> Answer:
    try:
        answer = await client.call(name, request, view=options.parameters())
    except CallError as error:
        raise of_option(error, options.form) or error from None
    check_viewed(answer, options)
    return answer


def check_viewed(answer: Answer, options: OutputOptions) -> None:
    """Raises CallError for an answer of a gateway without views, if they are needed."""
    if answer.viewed or (options.form == "table" and not options.selects):  # a table has its fields
        return
    raise CallError(
        "UNIMPLEMENTED",
        "the call was made, but this gateway does not know --fields, --where, --sort, --limit,"
        " --group or -o, and has answered with everything, which is not shown; update it, leave"
        " them out, or call Cuebot itself (--direct)",
    )


class WrongField(InvalidCall):
    """There is no such field."""


def of_option(error: CallError, form: Form) -> InvalidCall | None:
    """The problem in terms of the options, if it is one of the view."""
    found = PROBLEM.fullmatch(error.message) if error.code == "INVALID_ARGUMENT" else None
    if found is None:
        return None
    name, problem = found.groups()
    if name == "fields":
        return WrongField(f"--fields: {problem}")
    if name == "format":
        way_out = "; use -o json or --fields" if form == "name" else "; use -o json"
        problem = problem.replace(": only json can show it", f": it has no rows{way_out}")
        return InvalidCall(f"-o {form}: {problem}")
    return InvalidCall(f"--{name}: {problem}")
