"""`cuebot-gateway completion`, and what the shell is offered after `call`."""

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from gateway.cli.client.method_names import completions
from gateway.cli.common_options import settings_from
from gateway.cli.terminal.exits import PROGRAM, exits_cleanly
from gateway.compat.build import build_catalog
from gateway.discovery.factory import FILE_SUFFIXES, read_file
from gateway.discovery.package import OPENCUE_PACKAGE, PACKAGE_PREFIX, read_package
from gateway.errors import ConfigurationError
from gateway.schema.catalog import Catalog
from gateway.schema.description import NoSchema
from gateway.schema.selection import Selection
from gateway.settings.model import Settings

VARIABLE = "_CUEBOT_GATEWAY_COMPLETE"
"""Where click expects the shell's request."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@exits_cleanly
def completion(context: click.Context, shell: str) -> None:
    """Print a script that sets up completion in a shell.

    It completes commands, options and, after `call`, method names: those of the installed
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
    """The method names that begin so; none if there is no schema to read them from."""
    try:
        config: Path | None = context.params.get("config")
        catalog = static_catalog(settings_from(config))
    except (ConfigurationError, NoSchema):
        return []
    return completions(begun, catalog)


def static_catalog(settings: Settings) -> Catalog:
    """The catalog as far as it is known without Cuebot. Raises ConfigurationError or NoSchema."""
    source = settings.descriptor_source
    if source.endswith(FILE_SUFFIXES):
        schema = read_file(Path(source))
    elif source.startswith(PACKAGE_PREFIX):
        schema = read_package(source.removeprefix(PACKAGE_PREFIX))
    else:
        schema = read_package(OPENCUE_PACKAGE)
    selection = Selection(include=settings.include_services, exclude=settings.exclude_services)
    return build_catalog(schema, selection)
