"""A verb: an ordinary Click command, with the calls that it makes and examples."""

from collections.abc import Callable
from typing import Any

import click

from cuectl.farm import pass_farm

SEE = "Exit status: see cuectl --help"


class Verb(click.Command):
    calls: tuple[str, ...] = ()
    """The methods that it cannot do without."""
    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        formatter.write_paragraph()
        formatter.write_text(SEE)


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
