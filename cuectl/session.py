"""What the commands of one run share: the context, its cache, and the way to the gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cuectl.errors import CallError, Failure, WrongSetting

if TYPE_CHECKING:  # slow to import, and not needed by all commands
    from cuectl.client.gateway import GatewayClient
    from cuectl.client.openapi_document import Document
    from cuectl.contexts import Context
    from cuectl.schema_cache import SchemaCache
    from cuectl.tokens import TokenSource

TIMEOUT_SECONDS = 30.0
RETRY_UNKNOWN_SECONDS = 10.0
"""A verb that is not known is looked for again if the document is older than this."""

UNKNOWN_CALLER = (
    "no token is known: set TOKEN, or give the context one:"
    " cuectl context add NAME --url URL --token-command COMMAND"
)

Verb = Mapping[str, Any]
T = TypeVar("T")


class Session:
    def __init__(self, via: str = "") -> None:
        """`via` is the program that calls, for the gateway's logs."""
        self._via = via
        self._chosen: tuple[str | None, str | None, str | None] = (None, None, None)
        self._context: Context | None = None
        self._cache: SchemaCache | None = None
        self._tokens: TokenSource | None = None
        self.names: dict[tuple[str, ...], list[str]] = {}
        """Names that have been asked for, by their kind and what they belong to."""
        self.why_no_verbs = "this token may use none, or the gateway serves no document (DOCS=off)"
        """The reason, where known_verbs has found none."""

    def choose(self, name: str | None, url: str | None, token: str | None) -> None:
        if (name, url, token) != self._chosen:
            self._chosen = name, url, token
            self._context = self._cache = self._tokens = None
            self.names = {}

    def as_options(self) -> list[str]:
        """The chosen context as options for another process; tokens are left out, as other users
        see them.
        """
        name, url, _ = self._chosen
        found = [f"--context={name}"] if name else []
        return found + ([f"--url={url}"] if url else [])

    def _choose_from(self, options: Mapping[str, Any]) -> None:
        """Choose by the group's options, which are known before its callback runs."""
        if options:
            self.choose(options.get("name"), options.get("url"), options.get("token"))

    @property
    def context(self) -> "Context":
        """Raises WrongSetting."""
        if self._context is None:
            from cuectl.contexts import chosen_context

            self._context = chosen_context(*self._chosen)
        return self._context

    @property
    def tokens(self) -> "TokenSource":
        if self._tokens is None:
            self._tokens = self.context.tokens()
        return self._tokens

    @property
    def subject(self) -> str:
        from cuectl.tokens import subject_of

        return subject_of(self.tokens())

    @property
    def cache(self) -> "SchemaCache":
        if self._cache is None:
            from cuectl.schema_cache import open_cache

            self._cache = open_cache(self.context)
        return self._cache

    # --- verbs ----------------------------------------------------------------------------------

    def known_verbs(self, options: Mapping[str, Any]) -> Mapping[str, Verb]:
        """The verbs of the cache, or of the gateway if there is no cache; none without either."""
        self._choose_from(options)
        try:
            if not self.cache.head:
                self.refresh()
            found: Mapping[str, Verb] = self.cache.verbs.get("verbs", {})
        except (CallError, Failure, WrongSetting) as error:
            self.why_no_verbs = f"none are shown: {error}"
            return {}
        return found

    def verb(self, name: str, options: Mapping[str, Any]) -> Verb | None:
        """Raises CallError and WrongSetting."""
        from cuectl.schema_cache import FRESH_SECONDS

        self._choose_from(options)
        cache = self.cache
        known: Mapping[str, Verb] = cache.verbs.get("verbs", {})
        age = cache.age
        if age > FRESH_SECONDS or (name not in known and age > RETRY_UNKNOWN_SECONDS):
            self.refresh()
            known = cache.verbs.get("verbs", {})
        return known.get(name)

    def listing(self, verb: Verb) -> tuple[str, Verb] | None:
        """The verb that lists what a verb takes several names of, under the name of the list."""
        kinds = [each.get("names", "") for each in verb.get("arguments", ()) if each.get("repeats")]
        known: Mapping[str, Verb] = self.cache.verbs.get("verbs", {})
        found = known.get(kinds[0]) if kinds else None
        if found is None or not found.get("reads") or found.get("arguments"):
            return None
        return kinds[0], found

    def part(self, name: str) -> Verb:
        """`follow`, `launch` or `colors` of the document. Raises CallError and WrongSetting."""
        self.keep_fresh()
        found: Verb = self.cache.verbs.get(name, {})
        return found

    @property
    def absent(self) -> frozenset[str]:
        """Commands for which the gateway's profile has nothing, or the token no right."""
        known = self._cache.verbs if self._cache is not None else {}
        return PARTS - known.keys() if known else frozenset()

    def keep_fresh(self) -> None:
        """Raises CallError and WrongSetting."""
        if self.is_stale:
            self.refresh()

    @property
    def is_stale(self) -> bool:
        """Whether the document may have changed. Raises WrongSetting."""
        from cuectl.schema_cache import FRESH_SECONDS

        return self.cache.age > FRESH_SECONDS

    @property
    def tried(self) -> Mapping[str, str]:
        """Words of other programs, and the verb or command that each means."""
        try:
            found: Mapping[str, str] = self.cache.verbs.get("tried", {})
        except WrongSetting:  # no gateway is known
            return {}
        return found

    @property
    def colors(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.cache.verbs.get("colors", {})
        return found

    def refresh(self) -> None:
        """Ask whether the document has changed. Raises CallError."""
        self.run(self.look_for_changes)

    async def look_for_changes(self, client: "GatewayClient") -> None:
        """`refresh`, within an event loop."""
        from cuectl.client.gateway import NO_METHOD, error_of
        from cuectl.client.openapi_document import DOCUMENT

        etag = str(self.cache.head.get("etag", ""))
        headers = {"If-None-Match": etag} if etag else {}
        response = await client.send("GET", DOCUMENT, b"", headers)
        if response.status_code == NO_METHOD:  # DOCS=off
            self.cache.keep("", b"{}")
        elif response.status_code == NOT_MODIFIED:
            self.cache.keep(etag, None)
        elif response.status_code == OK:
            client.check_json(response)
            self.cache.keep(response.headers.get("etag", ""), response.content)
        else:
            raise error_of(response)

    # --- calls ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def client(
        self, timeout: float | None = None, document: "Document | None" = None
    ) -> AsyncIterator["GatewayClient"]:
        """A client, with a document that it need not ask for. Raises WrongSetting, also where the
        gateway asks for a token and there is none."""
        from cuectl.client.gateway import gateway_client

        seconds = TIMEOUT_SECONDS if timeout is None else timeout
        async with gateway_client(self.context.url, self.tokens, seconds, self._via) as client:
            client.read, client.exact = document, True
            try:
                yield client
            except CallError as error:
                if error.code != "UNAUTHENTICATED" or self.tokens():
                    raise
                raise WrongSetting(UNKNOWN_CALLER) from None

    def run(
        self, work: "Callable[[GatewayClient], Awaitable[T]]", timeout: float | None = None
    ) -> T:
        """Run something with a client. Raises what it raises, and WrongSetting."""
        import asyncio

        async def main() -> T:
            async with self.client(timeout) as client:
                return await work(client)

        return asyncio.run(main())


OK, NOT_MODIFIED = 200, 304
PARTS = frozenset({"follow", "launch"})
"""Commands that need a part of the document."""
