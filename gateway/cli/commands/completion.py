"""`cuebot-gateway completion`, and what the shell is offered after `call`."""

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from gateway.cli.client.caller import WrongCall, parse_name
from gateway.cli.client.cuebot import find_method
from gateway.cli.terminal.failures import PROGRAM, one_line_failures, settings_from
from gateway.compat.build import build_catalog
from gateway.discovery.factory import FILE_SUFFIXES, read_file
from gateway.discovery.package import OPENCUE_PACKAGE, PACKAGE_PREFIX, read_package
from gateway.errors import ConfigurationError
from gateway.schema.catalog import Catalog
from gateway.schema.description import NoSchema
from gateway.schema.selection import Selection
from gateway.settings.model import Settings

VARIABLE = "_CUEBOT_GATEWAY_COMPLETE"
"""Where click looks for the shell's question."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@one_line_failures
def completion(context: click.Context, shell: str) -> None:
    """Print a script that makes the shell complete this command.

    Options, commands and, after `call`, the names of methods: those of the installed
    opencue-proto, or of the file or package that DESCRIPTOR_SOURCE names. Cuebot is not asked.

    \b
    Example:
      source <(cuebot-gateway completion bash)   # in ~/.bashrc
      source <(cuebot-gateway completion zsh)    # in ~/.zshrc, after compinit
      cuebot-gateway completion fish | source    # in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())


def complete_method(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The names of methods that begin so; none when there is nothing to read them from."""
    try:
        config: Path | None = context.params.get("config")
        catalog = static_catalog(settings_from(config))
    except (ConfigurationError, NoSchema):
        return []
    slash = "/" if begun.startswith("/") else ""
    word = begun.removeprefix("/")
    for names in spellings(catalog):
        fitting = [name for name in names if name.startswith(word) and is_clear(name, catalog)]
        if found := steps(word, fitting):
            return [slash + name for name in found]
    return []


def is_clear(name: str, catalog: Catalog) -> bool:
    """Whether `call` knows what is meant: the last part of two services' names is not enough."""
    try:
        find_method(*parse_name(name), catalog)
    except WrongCall:
        return False
    return True


def static_catalog(settings: Settings) -> Catalog:
    """What can be known without asking Cuebot. Raises ConfigurationError or NoSchema."""
    source = settings.descriptor_source
    if source.endswith(FILE_SUFFIXES):
        schema = read_file(Path(source))
    elif source.startswith(PACKAGE_PREFIX):
        schema = read_package(source.removeprefix(PACKAGE_PREFIX))
    else:
        schema = read_package(OPENCUE_PACKAGE)
    selection = Selection(include=settings.include_services, exclude=settings.exclude_services)
    return build_catalog(schema, selection)


def spellings(catalog: Catalog) -> Iterable[list[str]]:
    """The methods' own names; those under aliases; short ones; those without a package."""
    own = [method.path[1:] for method in catalog.methods]
    yield own
    yield [path[1:] for path in catalog.routes]
    yield [name.rpartition(".")[2].replace("Interface/", "/", 1) for name in own]
    yield [name.rpartition(".")[2] for name in own]


def steps(word: str, names: Iterable[str]) -> list[str]:
    """The names, or only the interfaces while several are left."""
    names = sorted(names)
    interfaces = sorted({name.partition("/")[0] + "/" for name in names})
    return names if "/" in word or len(interfaces) == 1 else interfaces
