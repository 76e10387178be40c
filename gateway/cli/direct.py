"""Calls straight to Cuebot, with the gateway's own codecs, aliases and rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from gateway.cli.caller import (
    IGNORED_FIELDS,
    Answer,
    Caller,
    WrongCall,
    interface,
    is_short,
    parse_name,
)
from gateway.codec.decode import REJECTED, Decoded
from gateway.dryrun import preview
from gateway.errors import Code, GatewayError
from gateway.schema.catalog import Catalog, Method
from gateway.schema.compat import alias_of
from gateway.schema.discovery import PATIENCE, discover
from gateway.schema.misses import unknown_path
from gateway.schema.refresh import THREE_WAYS_OUT
from gateway.schema.sources import NoReflection, NoSchema, NotReady
from gateway.settings import Settings
from gateway.upstream import GrpcUpstream


@asynccontextmanager
async def calling_cuebot(settings: Settings, timeout: float) -> AsyncIterator[Caller]:
    """A `Caller` of CUEBOT_ENDPOINT; each call may take `timeout` seconds.

    The first of them raises ConfigurationError when DESCRIPTOR_SOURCE cannot be used.
    """
    upstream = GrpcUpstream(settings)
    try:
        yield CuebotCaller(settings, upstream, timeout)
    finally:
        await upstream.close()


class CuebotCaller:
    """A `Caller` over gRPC. The schema is asked for by the first call that needs it."""

    def __init__(
        self,
        settings: Settings,
        upstream: GrpcUpstream,
        timeout: float,
    ) -> None:
        self._settings = settings
        self._upstream = upstream
        self._timeout = timeout
        self._catalog: Catalog | None = None

    async def call(self, name: str, body: bytes) -> Answer:
        method = await self._method(name)
        request = self._decode(method, body)
        try:
            answer = await self._upstream.call(method.path, request.payload, self._timeout, ())
        except GatewayError as error:
            raise named(error, request.ignored) from None
        return Answer(pieces=method.encode(answer), ignored=request.ignored)

    async def rehearse(self, name: str, body: bytes) -> Answer:
        method = await self._method(name)
        request = self._decode(method, body)
        return Answer(pieces=preview(method, request), ignored=request.ignored)

    def _decode(self, method: Method, body: bytes) -> Decoded:
        on_read, on_write = REJECTED[self._settings.unknown_fields]
        return method.decode(body, on_read if method.reads_only else on_write)

    async def _method(self, name: str) -> Method:
        service, word = parse_name(name)
        if self._catalog is None:
            self._catalog = await self._discover()
        method = find_method(service, word, self._catalog)
        if method.streams:
            raise GatewayError(Code.UNIMPLEMENTED, f"{method.path} streams, which is not served")
        return method

    async def _discover(self) -> Catalog:
        try:
            patience = min(self._timeout, PATIENCE)
            return (await discover(self._settings, self._upstream, patience)).catalog
        except NotReady as error:
            raise GatewayError(Code.UNAVAILABLE, str(error)) from None
        except (NoReflection, NoSchema) as error:
            raise GatewayError(Code.FAILED_PRECONDITION, f"{error}. {THREE_WAYS_OUT}") from None


def named(error: GatewayError, ignored: tuple[str, ...]) -> GatewayError:
    """The same failure, with the fields that were ignored, as a gateway's answer has them."""
    headers = {IGNORED_FIELDS: ", ".join(quote(name, safe="[]") for name in ignored)}
    return GatewayError(error.code, error.message, details=error.details, headers=headers)


def find_method(service: str, word: str, catalog: Catalog) -> Method:
    """The method of this name. A service without package may be any that is the only one so named.

    Raises WrongCall, with what is near, when there is none.
    """
    method = catalog.routes.get(f"/{service}/{word}")
    if method is not None:
        return method
    if is_short(service):
        owners = named_so(interface(service), catalog)
        if len(owners) > 1:
            raise WrongCall(f"{service} may be {' or '.join(owners)}; write which")
        service = owners[0] if owners else alias_of(interface(service)) or service
        method = catalog.routes.get(f"/{service}/{word}")
    if method is None:
        raise WrongCall(unknown_path(f"/{service}/{word}", catalog).message)
    return method


def named_so(last: str, catalog: Catalog) -> list[str]:
    """The full names of the services whose own name is this, whatever their package."""
    services = {method.service for method in catalog.methods}
    return sorted(name for name in services if name.rpartition(".")[2] == last)
