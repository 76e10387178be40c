"""Calls straight to Cuebot, with the gateway's own codecs, aliases and rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from gateway.calls.invoke import invoke
from gateway.calls.plan import Plan, plan, reject_for
from gateway.calls.preview import preview
from gateway.cli.client.caller import (
    IGNORED_FIELDS,
    Answer,
    Caller,
    WrongCall,
    about,
    interface,
    is_short,
    parse_name,
)
from gateway.cli.client.discover import Unreachable, ask
from gateway.cli.terminal.failures import Failure
from gateway.discovery.once import TIMEOUT
from gateway.errors import Code, GatewayError
from gateway.schema.aliases import alias_of
from gateway.schema.catalog import Catalog
from gateway.schema.method import Method
from gateway.schema.not_found import unknown_path
from gateway.settings.model import Settings
from gateway.upstream.open import Cuebot, open_upstream

ABSENT = "Cuebot cannot be reached"
"""How the failure of a call begins that has not come to Cuebot."""
ELSEWHERE = (
    "set CUEBOT_ENDPOINT to where it is, or GATEWAY_URL (or --url) to call through a gateway"
)


@asynccontextmanager
async def calling_cuebot(settings: Settings, timeout: float) -> AsyncIterator[Caller]:
    """A `Caller` of CUEBOT_ENDPOINT; each call may take `timeout` seconds.

    The first of them raises ConfigurationError when DESCRIPTOR_SOURCE cannot be used.
    """
    upstream = open_upstream(settings)
    try:
        yield CuebotCaller(settings, upstream, timeout)
    finally:
        await upstream.close()


class CuebotCaller:
    """A `Caller` over gRPC. The schema is asked for by the first call that needs it."""

    def __init__(
        self,
        settings: Settings,
        upstream: Cuebot,
        timeout: float,
    ) -> None:
        self._settings = settings
        self._upstream = upstream
        self._timeout = timeout
        self._catalog: Catalog | None = None

    async def call(self, name: str, body: bytes) -> Answer:
        planned = self._plan(await self._method(name), body)
        try:
            answer = await invoke(planned, self._upstream, timeout=self._timeout)
        except GatewayError as error:
            raise explained(error, planned.ignored) from None
        return Answer(pieces=planned.method.encode(answer), ignored=planned.ignored)

    async def rehearse(self, name: str, body: bytes) -> Answer:
        planned = self._plan(await self._method(name), body)
        return Answer(pieces=preview(planned), ignored=planned.ignored)

    def _plan(self, method: Method, body: bytes) -> Plan:
        return plan(method, body, reject_for(method, self._settings.unknown_fields))

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
            patience = min(self._timeout, TIMEOUT)
            return (await ask(self._settings, self._upstream, patience, ELSEWHERE)).catalog
        except Unreachable as error:
            raise GatewayError(Code.UNAVAILABLE, str(error)) from None
        except Failure as error:
            raise GatewayError(Code.FAILED_PRECONDITION, str(error)) from None


def explained(error: GatewayError, ignored: tuple[str, ...]) -> GatewayError:
    """The same failure, with the fields that were ignored, as a gateway's answer has them.

    Of a Cuebot that is not there it tells what to set.
    """
    headers = {IGNORED_FIELDS: ", ".join(quote(name, safe="[]") for name in ignored)}
    absent = error.code is Code.UNAVAILABLE and error.message.startswith(ABSENT)
    message = f"{error.message}; {ELSEWHERE}" if absent else error.message
    return GatewayError(error.code, message, details=error.details, headers=headers)


def find_method(service: str, word: str, catalog: Catalog) -> Method:
    """The method of this name. A service without package may be any that is the only one so named.

    Raises WrongCall, with what is near, when there is none.
    """
    method = catalog.routes.get(f"/{service}/{word}")
    if method is not None:
        return method
    meant = service
    if is_short(service):
        owners = owners_of(service, word, catalog)
        if len(owners) > 1:
            raise WrongCall(f"{service} may be {' or '.join(owners)}; write which")
        meant = owners[0] if owners else alias_of(interface(service)) or service
        method = catalog.routes.get(f"/{meant}/{word}")
    if method is None:
        path = f"/{meant}/{word}"
        raise WrongCall(about(f"{service}/{word}", path, unknown_path(path, catalog).message))
    return method


def owners_of(service: str, word: str, catalog: Catalog) -> list[str]:
    """The full names of the services that are so called, or so with `Interface` behind it.

    Those that have the method, if there are any.
    """
    for methods in (
        [each for each in catalog.methods if each.descriptor.name == word],
        catalog.methods,
    ):
        services = sorted({method.service for method in methods})
        for last in (service, interface(service)):
            if owners := [name for name in services if name.rpartition(".")[2] == last]:
                return owners
    return []
