"""What a gateway serves, by its OpenAPI document, for commands that do nothing else with it."""

import asyncio

from gateway.errors import Code, GatewayError
from gateway.settings.model import Settings
from gateway_cli.client.discover import TIMEOUT
from gateway_cli.client.gateway import gateway_client, token_source
from gateway_cli.client.openapi_document import DOCUMENT, Document


def served_document(url: str, token: str | None, sub: str | None, settings: Settings) -> Document:
    """The document of the gateway at this URL. For the token see `token_source`.

    Raises GatewayError, FAILED_PRECONDITION if the gateway has none, and ConfigurationError.
    """

    async def fetch() -> Document | None:
        async with gateway_client(url, token_source(settings, token, sub), TIMEOUT) as client:
            return await client.document()

    document = asyncio.run(fetch())
    if document is None:
        raise GatewayError(
            Code.FAILED_PRECONDITION,
            f"{url} has no {DOCUMENT}: DOCS is off there, or it is no cuebot-gateway; ask Cuebot"
            " itself (--direct, CUEBOT_ENDPOINT)",
        )
    return document
