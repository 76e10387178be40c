"""`cuectl whoami`."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from cuectl.columns import duration
from cuectl.farm import Farm
from cuectl.foreign import unknown
from cuectl.verb import verb
from gateway_client.terminal.layout import columns
from gateway_client.tokens import claims_of

if TYPE_CHECKING:
    from gateway_client.gateway import GatewayClient

FAILED_STATUS = 400


@verb(examples=("cuectl whoami", "cuectl whoami kill"))
@click.argument("wanted", metavar="[VERB]...", nargs=-1)
def whoami(farm: Farm, wanted: tuple[str, ...]) -> None:
    """Show your gateway, your name, and what you may do."""
    from cuectl.methods import known_methods

    session = farm.session
    farm.run(check_token)
    context, claims = session.context, claims_of(session.tokens())
    rows = [
        ("gateway", f"{context.url} ({context.name or 'GATEWAY_URL or --url'})"),
        ("user", str(claims.get("sub") or "no sub in the token")),
        ("token", expiry(claims.get("exp"))),
    ]
    document, verbs = known_methods(farm), methods_of_verbs()
    if wrong := [each for each in wanted if each not in verbs]:
        raise click.UsageError(unknown(wrong[0], [*verbs]))
    if document is not None:
        may = {
            name: all(f"/{each}" in document.operations for each in calls)
            for name, calls in verbs.items()
        }
        rows.append(("methods", f"{len(document.methods)}, see: cuectl call --help"))
        rows += [(each, "yes" if may[each] else "no") for each in wanted]
        if not wanted:
            rows.append(("verbs", ", ".join(name for name, can in may.items() if can)))
            if cannot := ", ".join(name for name, can in may.items() if not can):
                rows.append(("not", cannot))
    click.echo("\n".join(columns(rows)))


def methods_of_verbs() -> Mapping[str, tuple[str, ...]]:
    """The methods that each verb cannot do without."""
    context = click.get_current_context().find_root()
    program = context.command
    assert isinstance(program, click.Group)
    names = program.list_commands(context)
    return {name: getattr(program.get_command(context, name), "calls", ()) for name in names}


async def check_token(client: "GatewayClient") -> None:
    """Raises CallError for a token that is not accepted: anybody may have the document."""
    from gateway_client.gateway import NO_METHOD, error_of

    response = await client.send("GET", "/panels.json", b"", {})
    if response.status_code >= FAILED_STATUS and response.status_code != NO_METHOD:
        raise error_of(response)


def expiry(at: object) -> str:
    if not isinstance(at, int | float):
        return "does not say when it expires"
    left = at - time.time()
    return f"expires in {duration(left)}" if left > 0 else f"expired {duration(-left)} ago"
