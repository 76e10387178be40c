"""`cuectl whoami`."""

import time
from typing import TYPE_CHECKING

import click

from cuectl.rows import duration
from cuectl.session import Session
from cuectl.terminal.layout import columns
from cuectl.tokens import claims_of

if TYPE_CHECKING:
    from cuectl.client.gateway import GatewayClient

FAILED_STATUS = 400


@click.command()
@click.argument("wanted", metavar="[VERB]...", nargs=-1)
@click.pass_obj
def whoami(session: Session, wanted: tuple[str, ...]) -> None:
    """Show the gateway, the user of the token, and what it may do, or whether it may do this.

    \b
    Example:
      cuectl whoami kill

    Exit status: see cuectl --help
    """
    from cuectl.methods import cached_methods

    session.refresh()
    session.run(check_token)
    context, claims = session.context, claims_of(session.tokens())
    document, verbs = cached_methods(session), usable(session)
    rows = [
        ("gateway", f"{context.url} ({context.name or 'GATEWAY_URL or --url'})"),
        ("user", str(claims.get("sub") or "no sub in the token")),
        ("token", expiry(claims.get("exp"))),
    ]
    if document is not None:
        rows.append(("methods", f"{len(document.methods)}, see: cuectl call --help"))
        rows += [(each, "yes" if each in verbs else "no") for each in wanted]
        if not wanted:
            rows.append(("verbs", ", ".join(verbs)))
    click.echo("\n".join(columns(rows)))


def usable(session: Session) -> list[str]:
    from cuectl.program import COMMANDS

    return [*session.known_verbs({}), *(each for each in COMMANDS if each not in session.absent)]


async def check_token(client: "GatewayClient") -> None:
    """Raises CallError for a token that is not accepted: anybody may have the document."""
    from cuectl.client.gateway import NO_METHOD, error_of

    response = await client.send("GET", "/panels.json", b"", {})
    if response.status_code >= FAILED_STATUS and response.status_code != NO_METHOD:
        raise error_of(response)


def expiry(at: object) -> str:
    if not isinstance(at, int | float):
        return "does not say when it expires"
    left = at - time.time()
    return f"expires in {duration(left)}" if left > 0 else f"expired {duration(-left)} ago"
