"""`cuectl call`."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cuectl import PROGRAM
from cuectl.changes import show_call
from cuectl.columns import Column
from cuectl.completion import answer_fields_like, fields_like, methods_like
from cuectl.farm import Farm, pass_farm, rows_in
from cuectl.lists import (
    Listing,
    Shown,
    list_options,
    narrowed,
    print_rows,
    show_list,
    tell,
    tell_ignored,
)
from cuectl.selection import Query
from gateway_client.errors import CallError, InvalidCall, WrongSetting
from gateway_client.terminal.exits import GAVE_UP, complain, text_of
from gateway_client.terminal.text import json_text

if TYPE_CHECKING:
    from gateway_client.client import Answer
    from gateway_client.gateway import GatewayClient
    from gateway_client.openapi_document import Document, Operation


class HelpOfMethods(click.Command):
    """A command whose `METHOD --help` describes that method."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and not {"-h", "--help"}.isdisjoint(args):
            try:
                describe(args[0])
            except (InvalidCall, WrongSetting, CallError) as error:
                raise click.UsageError(str(error), ctx) from None
            ctx.exit()
        return super().parse_args(ctx, args)


@pass_farm
def describe(farm: Farm, method: str) -> None:
    from cuectl.methods import description, known_methods

    click.echo(description(method, known_methods(farm)))


@click.command(cls=HelpOfMethods)
@click.argument("name", metavar="METHOD", shell_complete=methods_like)
@click.argument("words", metavar="[ARGUMENT]...", nargs=-1, shell_complete=fields_like)
@pass_farm
@list_options(answer_fields_like)
@click.option(
    "--until", metavar="CONDITION", default="",
    help="Wait until all rows fit, such as 'state=FINISHED'.",
)  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Check the call and show it; make none.")
def call(
    farm: Farm, name: str, words: tuple[str, ...], shown: Shown, until: str, dry_run: bool
) -> None:
    """Call any method and print its answer.

    It is printed as JSON or, with options such as --fields, its rows as lists print them.

    The method is job.JobInterface/GetJobs, Job/GetJobs, or GetJobs where only one has that name,
    in any case. `cuectl call METHOD --help` shows its fields. Arguments are:

    \b
      r.shows=demo      a field; dots lead into objects, and what is repeated
                        is a list
      r.shows:=["a"]    a field as JSON
      spec@job.xml      a field with the text of a file
      @job.json         the request as JSON, in a file; - is standard input
      {"name": "x"}     the request as JSON

    \b
    Example:
      cuectl call job/getjobs r.shows=demo --fields name,priority
      cuectl call Job/GetJobs r.jobs=NAME --until state=FINISHED

    Exit status: see cuectl --help
    """
    from cuectl.methods import known_methods, native_name
    from gateway_client.arguments import guess, parse, read_arguments
    from gateway_client.client import ignored_fields
    from gateway_client.gateway import GUESSED

    arguments, document = read_arguments(words), known_methods(farm)
    method = native_name(name, document)
    if document is None:
        listing, request = Listing(columns=(), named="name", sort=()), arguments.as_json(guess)
    else:
        operation = document.operations[f"/{method}"]
        listing, setter = listing_of(document, operation), method.rpartition("/")[2]
        request = arguments.as_json(document.fields(operation), setter, operation.sets)
    query = Query(method=method, request=parse(request))
    try:
        if dry_run:
            show_call(farm, method, query.request)
        elif shown.watch:
            show_list(farm, listing, query, shown)
        else:
            show_answer(farm, listing, narrowed(query, listing, shown), shown, until)
    except CallError as error:
        tell_ignored(ignored_fields(error.headers))
        if document is None and arguments.need_schema and error.code == "INVALID_ARGUMENT":
            error.message += GUESSED
        raise


def listing_of(document: "Document", operation: "Operation") -> Listing:
    """A list with all that rows of a method's answer have, their name first."""
    units, paths = document.units(operation), document.paths(operation)
    named = next((each for each in ("name", "id") if each in paths), "")
    paths.sort(key=lambda each: each != named)
    columns = [
        Column(each.upper(), each, unit=units.get(each, ""), wide=each in operation.columns)
        for each in paths
    ]
    return Listing(columns=tuple(columns), named=named, sort=())


def show_answer(farm: Farm, listing: Listing, query: Query, shown: Shown, until: str) -> None:
    """Print an answer: as it is, unless options say how its rows should look."""
    source = click.get_current_context().get_parameter_source("form")
    is_plain = source is ParameterSource.DEFAULT and shown == Shown(where=shown.where)
    if not (is_plain or listing.columns or shown.fields or shown.form == "name"):
        raise InvalidCall("this gateway does not tell what rows have (DOCS=off); add --fields")
    view = listing.view(shown, query.where)
    if is_plain:
        view.pop("_fields", None)
    if until:
        answer = answer_in_the_end(farm, query, view, until)
    else:
        _, answer = farm.read(query.method, query.request, view)
    if is_plain:
        click.echo(json_text(answer.json))
    else:
        print_rows(listing, rows_in(answer.json), shown)
    if answer.no_match:  # in terms of its fields, not of options
        complain(f"nothing is called so: {answer.no_match}", PROGRAM)
    tell(replace(answer, no_match=""))


def answer_in_the_end(farm: Farm, query: Query, view: dict[str, str], until: str) -> "Answer":
    """The first answer whose rows fit. Exits with GAVE_UP if there is none within --timeout."""
    import asyncio

    from cuectl.watching import watched
    from gateway_client.client import Answer

    seconds, farm.timeout = farm.timeout, None

    async def main(client: "GatewayClient") -> Answer | None:
        last, told = None, ""
        try:
            async with asyncio.timeout(seconds):
                async for each in watched(client, query.method, query.request, view, until):
                    if isinstance(each, Answer):
                        last = each
                    elif told != text_of(each):
                        told = text_of(each)
                        complain(told, PROGRAM)
        except TimeoutError:
            return None
        return last

    found: Answer | None = farm.run(main)
    if found is None:
        complain(f"gave up: no {until!r} within {seconds:g} s", PROGRAM)
        sys.exit(GAVE_UP)
    return found
