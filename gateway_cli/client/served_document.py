"""The OpenAPI document of a gateway, for commands that only need that."""

import asyncio

from cuectl.client.gateway import gateway_client
from cuectl.client.openapi_document import DOCUMENT, Document
from cuectl.errors import CallError
from gateway.settings.model import Settings
from gateway_cli.client.cuebot import DISCOVERY_TIMEOUT_SECONDS
from gateway_cli.tokens import token_source


def served_document(url: str, token: str | None, sub: str | None, settings: Settings) -> Document:
    """The OpenAPI document of the gateway at this URL; for the token see `token_source`.

    Raises CallError (FAILED_PRECONDITION without a document), and ConfigurationError.
    """

    async def fetch() -> Document | None:
        async with gateway_client(
            url, token_source(settings, token, sub), DISCOVERY_TIMEOUT_SECONDS
        ) as client:
            return await client.document()

    document = asyncio.run(fetch())
    if document is None:
        raise CallError(
            "FAILED_PRECONDITION",
            f"{url} has no {DOCUMENT}: DOCS is off there, or it is no cuebot-gateway; ask Cuebot"
            " itself (--direct, CUEBOT_ENDPOINT)",
        )
    return document
