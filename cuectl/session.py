"""What the commands of one run share: the context, its cache, and the way to the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from gateway_client.errors import CallError, WrongSetting

if TYPE_CHECKING:  # slow to import, and not needed by all commands
    from cuectl.contexts import Context
    from cuectl.schema_cache import SchemaCache
    from gateway_client.gateway import GatewayClient
    from gateway_client.tokens import TokenSource

TIMEOUT_SECONDS = 30.0

UNKNOWN_CALLER = (
    "no token is known: set TOKEN, or give the context one:"
    " cuectl context add NAME --url URL --token-command COMMAND"
)


class Session:
    def __init__(self, via: str = "") -> None:
        """`via` is the program that calls, for the gateway's logs."""
        self._via = via
        self._chosen: tuple[str | None, str | None, str | None] = (None, None, None)

    def choose(self, name: str | None, url: str | None, token: str | None) -> None:
        if (name, url, token) != self._chosen:
            self._chosen = name, url, token
            for each in ("context", "tokens", "cache"):
                self.__dict__.pop(each, None)

    def as_options(self) -> list[str]:
        """The chosen context as options for another process; tokens are left out, as other users
        see them.
        """
        name, url, _ = self._chosen
        found = [f"--context={name}"] if name else []
        return found + ([f"--url={url}"] if url else [])

    @cached_property
    def context(self) -> "Context":
        """Raises WrongSetting."""
        from cuectl.contexts import chosen_context

        return chosen_context(*self._chosen)

    @cached_property
    def tokens(self) -> "TokenSource":
        return self.context.tokens()

    @property
    def subject(self) -> str:
        from gateway_client.tokens import subject_of

        return subject_of(self.tokens())

    @cached_property
    def cache(self) -> "SchemaCache":
        from cuectl.schema_cache import open_cache

        return open_cache(self.context)

    def keep_fresh(self) -> None:
        """Ask whether the document has changed, if it may have. Raises CallError, WrongSetting."""
        import asyncio

        async def ask() -> None:
            async with self.client() as client:
                await self.look_for_changes(client)

        if self.is_stale:
            asyncio.run(ask())

    @property
    def is_stale(self) -> bool:
        """Whether the document may have changed. Raises WrongSetting."""
        from cuectl.schema_cache import FRESH_SECONDS

        return self.cache.age > FRESH_SECONDS

    async def look_for_changes(self, client: "GatewayClient") -> None:
        """Ask whether the document has changed. Raises CallError."""
        from gateway_client.gateway import NO_METHOD, error_of
        from gateway_client.openapi_document import DOCUMENT

        etag = str(self.cache.head.get("etag", ""))
        headers = {"If-None-Match": etag} if etag else {}
        response = await client.send("GET", DOCUMENT, b"", headers)
        if response.status_code == NO_METHOD:  # DOCS=off
            self.cache.keep("", NOTHING)
        elif response.status_code == NOT_MODIFIED:
            self.cache.keep(etag, None)
        elif response.status_code == OK:
            client.check_json(response)
            self.cache.keep(response.headers.get("etag", ""), response.content)
        else:
            raise error_of(response)

    # --- calls ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def client(self, timeout: float | None = None) -> AsyncIterator["GatewayClient"]:
        """Raises WrongSetting, also where the gateway asks for a token and there is none."""
        from gateway_client.gateway import gateway_client

        seconds = TIMEOUT_SECONDS if timeout is None else timeout
        async with gateway_client(self.context.url, self.tokens, seconds, self._via) as client:
            client.exact = True
            try:
                yield client
            except CallError as error:
                self.refuse_without_token(error)
                raise

    def refuse_without_token(self, error: CallError) -> None:
        """Raises WrongSetting, which says how to have a token, if that is why a call failed."""
        if error.code == "UNAUTHENTICATED" and not self.tokens():
            raise WrongSetting(UNKNOWN_CALLER) from None


OK, NOT_MODIFIED = 200, 304
NOTHING = b'{"paths": {}, "components": {"schemas": {}}}'
"""A document without methods."""
