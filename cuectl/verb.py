"""A verb: an ordinary Click command, with the calls that it makes and examples."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from cuectl.changes import change_options
from cuectl.farm import pass_farm
from cuectl.lists import list_options
from cuectl.selection import Kind, choosing, decorated, is_blank

SEE = "Exit status: see cuectl --help"


class Verb(click.Command):
    calls: tuple[str, ...] = ()
    """The methods that it cannot do without."""
    examples: tuple[str, ...] = ()

    def invoke(self, ctx: click.Context) -> Any:
        refuse_unset(self, ctx)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        formatter.write_paragraph()
        formatter.write_text(SEE)


def refuse_unset(command: click.Command, context: click.Context) -> None:
    """Raises UsageError for an argument without a name: it may be a variable that is not set."""
    for parameter in command.params:
        given = context.params.get(str(parameter.name))
        for value in given if isinstance(given, tuple) else (given,):
            if isinstance(parameter, click.Argument) and isinstance(value, str) and is_blank(value):
                name = parameter.make_metavar(context)
                raise click.UsageError(f"{name}: an empty name", context)


def verb(
    *calls: str, examples: tuple[str, ...], name: str | None = None
) -> Callable[[Callable[..., None]], Verb]:
    """A decorator that makes a function a command; the function gets the Farm first.

    `calls` are the methods that it cannot do without, for `whoami`; `examples` are whole lines.
    """

    def decorate(function: Callable[..., Any]) -> Verb:
        command = click.command(name, cls=Verb)(pass_farm(function))
        command.calls, command.examples = calls, examples
        return command

    return decorate


def list_verb(
    *calls: str, of: Kind, by: Iterable[str] | None = None, examples: tuple[str, ...]
) -> Callable[[Callable[..., None]], Verb]:
    """A verb that lists what is chosen of a kind, by these of its options or all but --where; its
    function gets a Selection under the kind's plural, and `shown`. Without `calls`, it makes that
    of the kind.
    """
    chosen = choosing(of, [each for each in of.options if each != "where"] if by is None else by)
    made = verb(*calls or (of.method,), examples=examples)
    return lambda function: made(decorated(function, chosen, list_options()))


def change_verb(
    method: str,
    *others: str,
    of: Kind | None = None,
    by: Iterable[str] | None = None,
    name: str | None = None,
    examples: tuple[str, ...],
) -> Callable[[Callable[..., None]], Verb]:
    """A verb that calls a method to change something; its function gets `how`.

    With a kind, the method may be one of its interface, and the verb is about what is chosen by
    these of the kind's options, or all: its function gets a Selection under the kind's plural.
    """
    method = of.interface(method) if of is not None and "/" not in method else method
    options = [change_options(method)]
    if of is not None:
        options.insert(0, choosing(of, of.options if by is None else by))
    made = verb(method, *others, name=name, examples=examples)
    return lambda function: made(decorated(function, *options))
