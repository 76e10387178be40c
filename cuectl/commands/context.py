"""`cuectl context`."""

import os
from dataclasses import replace

import click

from cuectl.completion import contexts_like
from cuectl.contexts import Context, Contexts, load_contexts
from cuectl.errors import WrongSetting
from cuectl.terminal.exits import complain
from cuectl.terminal.table import columns

PROGRAM = "cuectl"


@click.group()
def context() -> None:
    """Choose between gateways.

    Contexts are in a file that nobody else can read. --url and --token, and then GATEWAY_URL and
    TOKEN, come before them.

    \b
    Example:
      cuectl context add studio --url https://farm.studio \\
        --token-command 'sso token farm'
      cuectl context use studio
    """


@context.command()
@click.argument("name")
@click.option("--url", required=True, help="The gateway.")
@click.option("--token-command", default="", help="Prints a token; run again before that expires.")
@click.option("--token", default="", help="A token, kept in the file.")
def add(name: str, url: str, token_command: str, token: str) -> None:
    """Add a context, or replace it. The first one is used at once.

    \b
    Example:
      cuectl context add studio --url https://farm.studio \\
        --token-command 'sso token farm'
    """
    from cuectl.client.gateway import check_url

    if token and token_command:
        raise WrongSetting("use either --token or --token-command, not both")
    contexts = load_contexts()
    added = Context(name=name, url=check_url(url), token=token, token_command=token_command)
    Contexts(current=contexts.current or name, known={**contexts.known, name: added}).save()


def warn_of_environment() -> None:
    """Somebody who has just chosen a farm would otherwise change another one."""
    if os.environ.get("GATEWAY_URL"):
        complain("warning: GATEWAY_URL is set and comes before contexts; unset it", PROGRAM)
    elif os.environ.get("TOKEN", "").strip():
        complain("warning: TOKEN is set and comes before those of contexts; unset it", PROGRAM)


@context.command()
@click.argument("name", shell_complete=lambda _, __, begun: contexts_like(begun))
def use(name: str) -> None:
    """Use a context from now on.

    \b
    Example:
      cuectl context use studio
    """
    contexts = load_contexts()
    contexts.named(name)
    replace(contexts, current=name).save()
    warn_of_environment()


@context.command()
@click.argument("name", shell_complete=lambda _, __, begun: contexts_like(begun))
def remove(name: str) -> None:
    """Forget a context.

    \b
    Example:
      cuectl context remove studio
    """
    contexts = load_contexts()
    contexts.named(name)
    left = {key: each for key, each in contexts.known.items() if key != name}
    current = "" if contexts.current == name else contexts.current
    Contexts(current=current, known=left).save()


@context.command(name="list")
def list_() -> None:
    """List contexts; the current one has a star.

    \b
    Example:
      cuectl context list
    """
    contexts = load_contexts()
    rows = [
        ("*" if each.name == contexts.current else "", each.name, each.url, token_of(each))
        for each in contexts.known.values()
    ]
    if rows:
        click.echo("\n".join(columns([("", "NAME", "URL", "TOKEN"), *rows])))
        warn_of_environment()


def token_of(each: Context) -> str:
    if each.token_command:
        return each.token_command
    return "kept" if each.token else "-"
