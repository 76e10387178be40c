"""The tools: their arguments, and what they answer."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from cuectl.methods import lines_about
from gateway.core.logs import escaped
from gateway.core.schema.method_search import ranked
from gateway_cli.assistant.farm import Farm, Problem, name_of
from gateway_cli.assistant.marked import (
    TooLong,
    as_data,
    how_many_fit,
    json_of,
)
from gateway_cli.calling.table import lists_in
from gateway_cli.calling.views import OutputOptions
from gateway_cli.client.search import methods_of
from gateway_client.client import Answer
from gateway_client.openapi_document import Document, Operation
from gateway_client.suggestions import did_you_mean
from gateway_client.terminal.layout import columns

METHODS_LISTED = 12
USUAL_ROWS, MOST_ROWS = 50, 1000
NAME_MAX_CHARACTERS = 200
CONDITION_MAX_CHARACTERS = 4096
"""The gateway's own limit."""
PROBLEMS_SHOWN = 5
OF_THE_CLASS = ("title", "description")
"""Parts of a schema that describe the code."""
REQUEST = 'The request as JSON. An object may be its name: {"job": "demo-sh010-lena_comp_v003"}.'

Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX_CHARACTERS)]


class Given(BaseModel):
    """Arguments of a tool."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Searched(Given):
    query: Name = Field(description="Words of what a method does: retry dead frames.")


class Named(Given):
    method: Name = Field(description="Such as Job/GetJobs, in any case.")


class Called(Named):
    request: dict[str, Any] = Field(description=REQUEST)


class Read(Named):
    request: dict[str, Any] = Field(default={}, description=REQUEST)
    fields: list[Name] = Field(
        default=[],
        max_length=100,
        description="Paths of the fields that are wanted: name, jobStats.deadFrames.",
    )
    where: str = Field(
        default="",
        max_length=CONDITION_MAX_CHARACTERS,
        description="The rows that are wanted: jobStats.deadFrames>2 and user=lena, not isPaused,"
        " startTime<now-1h, name~'^demo'.",
    )
    sort: str = Field(
        default="",
        max_length=CONDITION_MAX_CHARACTERS,
        description="Fields to sort by, - for descending: -jobStats.deadFrames,name.",
    )
    limit: int = Field(
        default=USUAL_ROWS, ge=1, le=MOST_ROWS, description="How many rows are wanted at most."
    )
    offset: int = Field(
        default=0,
        ge=0,
        le=10**9,
        description="How many rows are left out first: for the next ones.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    title: str
    about: str
    arguments: type[Given]
    run: Callable[[Farm, Any], Awaitable[str]]
    """Raises Problem."""
    changes: bool = False
    of_changes: bool = False
    """Whether it is there for changes only, as the preview of a change is."""

    @property
    def schema(self) -> dict[str, Any]:
        schema = self.arguments.model_json_schema(schema_generator=Untitled)
        return {name: value for name, value in schema.items() if name not in OF_THE_CLASS}

    async def answer(self, farm: Farm, arguments: Mapping[str, Any]) -> str:
        """Raises Problem."""
        # Some programs send null for what is not given.
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            read = self.arguments.model_validate(given)
        except ValidationError as error:
            raise Problem("\n".join(self._wrong(error))) from None
        return await self.run(farm, read)

    def _wrong(self, error: ValidationError) -> Iterator[str]:
        """A line for each of the first wrong arguments; no values, which may be long."""
        known = self.arguments.model_fields
        for each in error.errors(include_url=False, include_input=False)[:PROBLEMS_SHOWN]:
            place = ".".join(map(str, each["loc"]))[:NAME_MAX_CHARACTERS]
            if each["type"] == "extra_forbidden":
                near = did_you_mean(place, known) or f"; there are: {', '.join(known)}"
                yield escaped(f"{place}: {self.name} has no such argument{near}")
            else:
                yield escaped(f"{place}: {each['msg'][:1].lower()}{each['msg'][1:]}")


class Untitled(GenerateJsonSchema):
    """JSON Schemas without titles, which would repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


# --- methods --------------------------------------------------------------------------------------


async def search_methods(farm: Farm, given: Searched) -> str:
    document = await farm.methods()
    found = await to_thread.run_sync(ranked, given.query, methods_of(document))
    if not found:
        raise Problem("No method that the token may use has these words; try others, or fewer.")
    listed = [document.operations[each.path] for each in found[:METHODS_LISTED]]
    rows = [(name_of(each, document), what(each), each.summary) for each in listed]
    lines = list(columns(rows))
    if len(found) > len(listed):
        lines.append(f"… and {len(found) - len(listed)} more: more words find fewer.")
    return escaped("\n".join(lines), "\n")


def what(operation: Operation) -> str:
    return "reads" if operation.reads_only else "changes"


async def describe_method(farm: Farm, given: Named) -> str:
    document, operation = await farm.method(given.method)
    lines = [*lines_about(operation, document), "", *of_answer(operation, document)]
    return escaped("\n".join(lines), "\n")


def of_answer(operation: Operation, document: Document) -> Iterator[str]:
    """How it is called, and what it answers."""
    if not operation.reads_only:
        yield "It changes something: preview shows what would be done, change does it."
        return
    yield "It only reads: use read."
    units = document.units(operation)
    paths = [f"{path} ({units[path]})" if path in units else path
             for path in document.paths(operation)]  # fmt: skip
    if paths:
        yield "Fields of a row:" if operation.has_rows else "Fields of the answer:"
        yield f"  {', '.join(paths)}"


# --- reads ----------------------------------------------------------------------------------------


async def read(farm: Farm, given: Read) -> str:
    document, operation = await farm.method(given.method)
    name = name_of(operation, document)
    if not operation.reads_only:
        raise Problem(f"{name} changes something, and nothing was called: preview it, then change.")
    body = body_of(given.request)
    # One row more than is wanted tells whether there are more.
    is_page = operation.has_rows or "limit" in given.model_fields_set
    options = OutputOptions(
        fields=tuple(given.fields),
        where=given.where or None,
        sort=given.sort or None,
        offset=given.offset or None,
        limit=given.limit + 1 if is_page else None,
    )
    answer = await farm.call(operation, body, view=options.parameters())
    if not answer.viewed:
        raise Problem("This gateway does not know views, which keep answers short: update it.")
    whole = orjson.loads(answer.content)
    rows = rows_in(whole) if operation.has_rows else None
    if rows is None:
        return "\n".join((*ignored(answer), f"{name}:", shown(whole)))
    are_all = len(rows) <= given.limit
    del rows[given.limit :]
    fitting = how_many_fit(rows)
    if rows and not fitting:
        raise Problem("One row is too long for an answer: choose fields (describe_method).")
    if not are_all:
        total = await count(farm, operation, body, given.where)
    elif rows or not given.offset:
        total = given.offset + len(rows)
    else:
        total = None
    lines = [*ignored(answer), heading(name, fitting, given.offset, total)]
    if fitting < len(rows):
        lines.append("More do not fit into an answer; with fewer fields they would.")
    if fitting < len(rows) or not are_all:
        sorted_ = "" if given.sort else " and a sort, so that pages fit together"
        lines.append(f"The next ones: offset={given.offset + fitting}{sorted_}.")
    if answer.cut_at:
        lines.append(
            f"Cuebot was asked for {answer.cut_at} rows and sent as many: there may be more. Ask"
            " for more in the request."
        )
    del rows[fitting:]
    return "\n".join((*lines, shown(whole)))


def heading(name: str, rows: int, offset: int, total: int | None) -> str:
    """`Job/GetJobs, rows: 50 of 213, from offset 100`."""
    of = "" if total is None else f" of {total}"
    return f"{name}, rows: {rows}{of}" + (f", from offset {offset}" if offset else "")


async def count(farm: Farm, operation: Operation, body: bytes, where: str) -> int | None:
    """How many rows there are in all; None if the gateway cannot tell."""
    view = OutputOptions(count=True, where=where or None).parameters()
    try:
        answer = await farm.call(operation, body, view=view)
        found = orjson.loads(answer.content)["count"]
    except (Problem, KeyError, TypeError):  # where the request has a number of rows
        return None
    return int(found) if not answer.cut_at else None


def rows_in(answer: Any) -> list[Any] | None:
    """The list in an answer that has rows; they can be taken out of it. None without one."""
    return max((found for _, found in lists_in(answer, "")), key=len, default=None)


def shown(answer: Any) -> str:
    """An answer as data. Raises Problem if it is too long."""
    try:
        return as_data(json_of(answer))
    except TooLong as error:
        raise Problem(f"The answer is too long ({error.characters} characters): choose fields"
                      " (describe_method).") from None  # fmt: skip


def ignored(answer: Answer) -> Iterator[str]:
    if answer.ignored:
        yield f"Ignored, since there are no such fields: {escaped(', '.join(answer.ignored))}"


# --- changes --------------------------------------------------------------------------------------


async def preview(farm: Farm, given: Called) -> str:
    document, operation = await farm.method(given.method)
    name = name_of(operation, document)
    check_value(name, operation, given.request)
    answer = await farm.call(operation, body_of(given.request), dry_run=True)
    head = f"{name} was not called. This would be sent to Cuebot:"
    return "\n".join((*ignored(answer), head, or_too_long(answer)))


async def change(farm: Farm, given: Called) -> str:
    document, operation = await farm.method(given.method)
    name = name_of(operation, document)
    if operation.reads_only:
        raise Problem(f"{name} only reads, and nothing was called: use read.")
    check_value(name, operation, given.request)
    answer = await farm.call(operation, body_of(given.request))
    done = f"{name} was called, and succeeded."
    if answer.content == b"{}":
        return "\n".join((*ignored(answer), done))
    return "\n".join((*ignored(answer), f"{done} Its answer:", or_too_long(answer)))


def check_value(name: str, operation: Operation, request: Mapping[str, Any]) -> None:
    """Raises Problem for a setter without its value: what is not there is 0 for Cuebot."""
    if operation.sets and all(request.get(each) is None for each in operation.sets):
        missing = f"request: {operation.sets[0]} is missing."
        raise Problem(f"{missing} Without it, {name} would set 0 or nothing.")


def or_too_long(answer: Answer) -> str:
    """The answer as data, or that it is too long: the call has succeeded anyway."""
    try:
        return as_data(json_of(orjson.loads(answer.content)))
    except TooLong as error:
        return f"It is too long to be shown ({error.characters} characters)."


def body_of(request: Mapping[str, Any]) -> bytes:
    """The request's JSON. Raises Problem for what JSON has no word for."""
    try:
        return json.dumps(request, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Problem("request: NaN, Infinity and endless nesting are no JSON.") from None


TOOLS = (
    Tool(
        name="search_methods",
        title="Search methods",
        about="Find methods of the render farm by what they do. Answers with their names for the"
        " other tools, whether they read or change something, and a line about each.",
        arguments=Searched,
        run=search_methods,
    ),
    Tool(
        name="describe_method",
        title="Describe a method",
        about="The fields of a method's request, and of the rows that it answers with.",
        arguments=Named,
        run=describe_method,
    ),
    Tool(
        name="read",
        title="Read from the farm",
        about="Call a method that only reads. Lists are long: choose fields, and rows with where."
        f" Without a limit there are {USUAL_ROWS} rows, and the answer says how many there are.",
        arguments=Read,
        run=read,
    ),
    Tool(
        name="preview",
        title="Preview a change",
        about="Check a call and show what would be sent, without making it.",
        arguments=Called,
        run=preview,
        of_changes=True,
    ),
    Tool(
        name="change",
        title="Change something on the farm",
        about="Call a method that changes something. There is no undo: show people the preview"
        " first.",
        arguments=Called,
        run=change,
        changes=True,
        of_changes=True,
    ),
)
