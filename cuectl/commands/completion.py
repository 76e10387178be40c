"""`cuectl completion`."""

import click

from cuectl import PROGRAM
from cuectl.session import Session

VARIABLE = "_CUECTL_COMPLETE"
"""Where click expects the shell's request."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that sets up completion in a shell.

    It completes verbs, methods, fields, and names of shows, jobs and hosts, from the cache of the
    current context.

    \b
    Example:
      source <(cuectl completion bash)   # in ~/.bashrc
      source <(cuectl completion zsh)    # in ~/.zshrc, after compinit
      cuectl completion fish | source    # in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    context.ensure_object(Session)
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())
