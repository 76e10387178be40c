"""`cuebot-gateway completion`, and the method names that shells are offered after `call`."""

from collections import Counter
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from gateway.core.discovery.files import (
    FILE_SUFFIXES,
    OPENCUE_PACKAGE,
    read_file,
    read_package,
)
from gateway.core.errors import ConfigurationError
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import PACKAGE_PREFIX, NoSchema
from gateway.core.schema.selection import Selection
from gateway.core.settings.model import Settings
from gateway.features.catalog import build_catalog, load_profile
from gateway_cli.client.method_names import find_method
from gateway_cli.common_options import settings_from
from gateway_cli.exits import PROGRAM

VARIABLE = "_CUEBOT_GATEWAY_COMPLETE"
"""Where click expects the shell's request."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
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


def complete_method(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The method names that begin like this, or only their interfaces if there are several.

    Shells that can show what each method does: zsh and fish.
    """
    try:
        catalog = static_catalog(settings_from(context.params.get("config")))
    except (ConfigurationError, NoSchema):
        return []
    slash, begun = "/" * begun.startswith("/"), begun.removeprefix("/")
    for names in spellings(catalog):
        fitting = sorted(name for name in names if name.startswith(begun))
        interfaces = sorted({name.partition("/")[0] + "/" for name in fitting})
        if fitting:
            if "/" in begun or len(interfaces) == 1:
                return [
                    CompletionItem(slash + name, help=find_method(name, catalog).summary)
                    for name in fitting
                ]
            return [CompletionItem(slash + name) for name in interfaces]
    return []


def static_catalog(settings: Settings) -> Catalog:
    """The catalog as far as it is known without Cuebot. Raises ConfigurationError or NoSchema."""
    source = settings.descriptor_source
    if source.endswith(FILE_SUFFIXES):
        schema = read_file(Path(source))
    else:
        package = source.removeprefix(PACKAGE_PREFIX)
        schema = read_package(OPENCUE_PACKAGE if package == source else package)
    selection = Selection(include=settings.include_services, exclude=settings.exclude_services)
    return build_catalog(schema, selection, load_profile(settings.compat_profile))


def spellings(catalog: Catalog) -> tuple[list[str], ...]:
    """Names of methods: with packages, short (`Job/GetJobs`), and with Interface; aliases, too.

    Names without a package that two services have are left out.
    """
    full = [path[1:] for path in catalog.routes]
    services = Counter(each.rpartition(".")[2] for each in {one.service for one in catalog.methods})
    plain = {name.rpartition(".")[2] for name in full}
    plain = {name for name in plain if services[name.partition("/")[0]] < 2}
    return full, sorted(name.replace("Interface/", "/", 1) for name in plain), sorted(plain)
