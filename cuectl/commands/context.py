"""`cuectl context`."""

import os
import re
from dataclasses import replace

import click

from cuectl import PROGRAM
from cuectl.completion import contexts_like
from cuectl.contexts import Context, Contexts, load_contexts
from gateway_client.errors import WrongSetting
from gateway_client.terminal.exits import complain
from gateway_client.terminal.layout import columns

PLAIN_PROGRAM = re.compile(r"[\w./~-]+", re.ASCII)
"""No assignment, which may be of a secret (TOKEN=… sso), and nothing quoted."""


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
      cuectl context list
    """


known_name = click.argument("name", shell_complete=lambda _, __, begun: contexts_like(begun))


@context.command()
@click.argument("name")
@click.option("--url", required=True, help="The gateway.")
@click.option("--token-command", default="", help="Prints a token; run again before that expires.")
@click.option("--token", default="", help="A token, kept in the file.")
def add(name: str, url: str, token_command: str, token: str) -> None:
    """Add a context, or replace it. The first one is used at once."""
    from gateway_client.gateway import check_url

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
@known_name
def use(name: str) -> None:
    """Use a context from now on."""
    contexts = load_contexts()
    contexts.named(name)
    replace(contexts, current=name).save()
    warn_of_environment()


@context.command()
@known_name
def remove(name: str) -> None:
    """Forget a context."""
    contexts = load_contexts()
    contexts.named(name)
    left = {key: each for key, each in contexts.known.items() if key != name}
    current = "" if contexts.current == name else contexts.current
    Contexts(current=current, known=left).save()


@context.command(name="list")
def list_() -> None:
    """List contexts; the current one has a star. Tokens and their commands are not shown."""
    contexts = load_contexts()
    rows = [
        ("*" if each.name == contexts.current else "", each.name, each.url, token_of(each))
        for each in contexts.known.values()
    ]
    if rows:
        click.echo("\n".join(columns([("", "NAME", "URL", "TOKEN"), *rows])))
    else:
        click.echo("there are no contexts; cuectl context add NAME --url URL adds one", err=True)
    warn_of_environment()


def token_of(each: Context) -> str:
    """How the token comes. A command may have a secret: only its program is told."""
    if each.token_command:
        program, _, rest = each.token_command.strip().partition(" ")
        is_plain = PLAIN_PROGRAM.fullmatch(program)
        return f"command ({program}{' …' if rest else ''})" if is_plain else "command"
    return "kept" if each.token else "-"


@context.command()
@click.argument("name", required=False, shell_complete=lambda _, __, begun: contexts_like(begun))
def show(name: str | None) -> None:
    """Show a context, or the current one, with its token command. A kept token is not shown."""
    contexts = load_contexts()
    name = name or contexts.current
    if not name:
        raise WrongSetting("there is no current context; cuectl whoami shows what is used")
    found = contexts.named(name)
    token = f"command: {found.token_command}" if found.token_command else token_of(found)
    rows = [
        ("name", name + (" (current)" if name == contexts.current else "")),
        ("url", found.url),
        ("token", token),
    ]
    click.echo("\n".join(columns(rows)))
