"""What `call` shows of an answer: `--fields --where --sort --limit -o`, in terms of views."""

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from gateway.errors import Code, GatewayError
from gateway_cli.client.arguments import Arguments
from gateway_cli.client.client import Answer, Client
from gateway_cli.client.invalid import InvalidCall

Form = Literal["json", "ndjson", "csv", "table", "name"]
FORMS: tuple[Form, ...] = get_args(Form)
FORMATS = {"ndjson": "ndjson", "csv": "csv", "name": "ndjson"}
"""What views make of rows, by the form that it is needed for; for all others, JSON."""
NAMES = ("name", "id")
"""What `-o name` prints: the first of these that rows have."""
PROBLEM = re.compile(r"_(fields|where|sort|limit|format): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What is to be shown."""

    form: Form = "json"
    fields: tuple[str, ...] = ()
    where: str | None = None
    sort: str | None = None
    limit: int | None = None

    @property
    def selects(self) -> bool:
        """Whether some rows are left out, or their order matters."""
        return any(each is not None for each in (self.where, self.sort, self.limit))

    def parameters(self) -> dict[str, str]:
        """The parameters of the view (`_fields=…`)."""
        asked = {
            "_fields": ",".join(self.fields) or None,
            "_where": self.where,
            "_sort": self.sort,
            "_limit": None if self.limit is None else str(self.limit),
            "_format": FORMATS.get(self.form),
        }
        return {name: value for name, value in asked.items() if value is not None}


async def answer_to(
    client: Client, name: str, request: Arguments, options: OutputOptions
) -> Answer:
    """The answer to a call, as the options want it.

    Raises what a client does, with InvalidCall for what no view can show.
    """
    if options.form != "name":
        return await viewed(client, name, request, options)
    for field in NAMES:
        try:
            return await viewed(client, name, request, replace(options, fields=(field,)))
        except WrongField:  # nothing was called
            continue
    raise InvalidCall("-o name: the rows have neither a name nor an id; use -o csv, or --fields")


async def viewed(client: Client, name: str, request: Arguments, options: OutputOptions) -> Answer:
    try:
        answer = await client.call(name, request, view=options.parameters())
    except GatewayError as error:
        raise of_option(error, options.form) or error from None
    if answer.viewed or (options.form == "table" and not options.selects):  # a table has its fields
        return answer
    raise GatewayError(
        Code.UNIMPLEMENTED,
        "the call was made, but this gateway does not know --fields, --where, --sort, --limit and"
        " -o, and has answered with everything, which is not shown; update it, leave them out, or"
        " call Cuebot itself (--direct)",
    )


class WrongField(InvalidCall):
    """There is no such field."""


def of_option(error: GatewayError, form: Form) -> InvalidCall | None:
    """The same problem in terms of the options, if it is one of the view."""
    found = PROBLEM.fullmatch(error.message) if error.code is Code.INVALID_ARGUMENT else None
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
