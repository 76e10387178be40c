"""Calls through a running gateway, over HTTP."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httpx
import orjson

from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.http.request_headers import DRY_RUN
from gateway.settings.model import Settings
from gateway_cli.client.arguments import Arguments, Fields, guess, unknown
from gateway_cli.client.client import TRUNCATED, WHOLE, Answer, ignored_fields
from gateway_cli.client.cuebot import DISCOVERY_TIMEOUT_SECONDS
from gateway_cli.client.method_names import explained, path_of
from gateway_cli.client.openapi_document import DOCUMENT, Document, read_document
from gateway_cli.terminal.exits import InvalidCall
from gateway_cli.tokens import token_source

GRACE_SECONDS = 5.0
"""Added to the call's timeout, for the gateway to answer."""
CONNECT_TIMEOUT_SECONDS = 5.0
LONGEST_QUOTE = 200
"""Characters of an answer that is not a gateway's."""
NO_METHOD, METHOD = 404, 405
"""The statuses of a PUT for an unknown path and for a method."""
GUESSED = (
    "; this gateway does not tell the types of fields (DOCS=off), so lists, and texts that look"
    " like true or false, have to be given as JSON (key:=JSON)"
)
SCHEMA = "X-Schema"
"""A header of method answers that only a cuebot-gateway sends."""


@asynccontextmanager
async def gateway_client(
    url: str, token: Callable[[], str], timeout: float
) -> "AsyncIterator[GatewayClient]":
    """A client of the gateway at this URL whose calls may take `timeout` seconds each.

    `token` is called for each request; an empty one is not sent. Raises ConfigurationError.
    """
    base = check_url(url)
    limits = httpx.Timeout(timeout + GRACE_SECONDS, connect=min(timeout, CONNECT_TIMEOUT_SECONDS))
    async with httpx.AsyncClient(timeout=limits) as client:
        yield GatewayClient(client, base, token, timeout)


def check_url(url: str) -> str:
    """The URL without a final slash. Raises ConfigurationError."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.userinfo:  # httpx would send it instead of the token
        raise ConfigurationError("the gateway's URL has a user name; use a token instead")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise ConfigurationError(f"{url!r} is not a gateway's URL, such as http://localhost:8448")
    return url.rstrip("/")


@dataclass(slots=True)
class GatewayClient:
    """A `Client` over HTTP."""

    client: httpx.AsyncClient
    base: str
    token: Callable[[], str]
    timeout: float
    """Seconds that a call may take."""
    read: Document | None = None
    """The OpenAPI document, once it was needed."""

    async def call(
        self,
        name: str,
        request: Arguments,
        *,
        view: Mapping[str, str] = WHOLE,
        dry_run: bool = False,
    ) -> Answer:
        path = path_of(name)
        fields, sets = await self._fields(path) if request.need_schema else (unknown, ())
        body = request.as_json(fields, path.rpartition("/")[2], sets)
        if dry_run:
            await self._refuse_unless_it_knows_dry_runs(path)
        headers = {DRY_RUN: "1"} if dry_run else {}
        response = await self.send("POST", path, body, headers, view)
        if response.status_code != 200:
            error = error_of(response)
            if fields is guess and error.code is Code.INVALID_ARGUMENT:
                error.message += GUESSED
            raise await self._explained(error, name, path)
        if dry_run and DRY_RUN not in response.headers:
            raise GatewayError(
                Code.UNKNOWN,
                "the answer is not that of a dry run: THE CALL MAY HAVE BEEN MADE. There is more"
                " than one gateway at this URL, and this one does not support dry runs",
            )
        truncated = response.headers.get(TRUNCATED, "")
        cut_at = int(truncated) if truncated.isdecimal() else 0
        ignored, format_ = ignored_fields(response.headers), view.get("_format", "json")
        if format_ != "json" and format_ in response.headers.get("content-type", ""):
            return Answer(content=response.content, ignored=ignored, cut_at=cut_at)
        self.check_json(response)
        unread = [name for name in ignored if name.startswith("?")]
        return Answer(
            content=response.content,
            ignored=tuple(name for name in ignored if name not in unread),
            cut_at=cut_at,
            viewed=not view or (format_ == "json" and SCHEMA in response.headers and not unread),
        )

    async def units(self, name: str) -> Mapping[str, str]:
        with suppress(GatewayError):  # the table is there without them
            if (document := await self.document()) is not None:
                operation = document.operations.get(path_of(name))
                return {} if operation is None else operation.units
        return {}

    def check_json(self, response: httpx.Response) -> None:
        """Raises GatewayError for an answer that is not complete JSON."""
        if "json" not in response.headers.get("content-type", ""):
            problem = f"{self.base} is not a gateway: its answer is not JSON"
            raise GatewayError(Code.UNKNOWN, problem)
        try:
            orjson.loads(response.content)  # a proxy may have cut it
        except orjson.JSONDecodeError:
            problem = f"the answer of {self.base} is broken JSON: {response.text[:LONGEST_QUOTE]}"
            raise GatewayError(Code.UNKNOWN, problem) from None

    async def document(self) -> Document | None:
        """The OpenAPI document, with the methods that the token may call; None with DOCS=off.

        Raises GatewayError.
        """
        if self.read is None:
            response = await self.send("GET", DOCUMENT, b"", {})
            if response.status_code == NO_METHOD:
                return None
            if response.status_code != 200:
                raise error_of(response)
            self.check_json(response)
            self.read = read_document(response.content, self.base + DOCUMENT)
        return self.read

    async def _fields(self, path: str) -> tuple[Fields, tuple[str, ...]]:
        """The fields of a method's request, or a guess with DOCS=off; of a setter, the names of its
        value.
        """
        document = await self.document()
        operation = None if document is None else document.operations.get(path)
        if document is None or operation is None:
            return guess, ()
        return document.fields(operation), operation.sets

    async def _explained(self, error: GatewayError, name: str, path: str) -> Exception:
        """The error, or InvalidCall if there is no such method."""
        if error.code is not Code.NOT_FOUND:
            return error
        probe = await self.send("PUT", path, b"", {})  # never calls anything
        if probe.status_code == METHOD:  # NOT_FOUND came from Cuebot
            return error
        return InvalidCall(explained(name, path, error.message))

    async def _refuse_unless_it_knows_dry_runs(self, path: str) -> None:
        """Raises GatewayError if the gateway would make the call; a PUT never makes one."""
        probe = await self.send("PUT", path, b"", {DRY_RUN: "1"})
        if DRY_RUN in probe.headers:  # repeated by gateways with dry runs
            return
        if probe.status_code not in (NO_METHOD, METHOD):
            raise error_of(probe)  # refused before the path was looked up
        raise GatewayError(
            Code.UNIMPLEMENTED, "this gateway does not support dry runs; nothing was sent"
        )

    async def send(
        self,
        verb: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        query: Mapping[str, str] = WHOLE,
    ) -> httpx.Response:
        """Send a request. Raises GatewayError without a complete answer."""
        headers = {**headers, "Grpc-Timeout": f"{max(math.ceil(self.timeout * 1000), 1)}m"}
        if token := self.token():
            headers["Authorization"] = f"Bearer {token}"
        if body:
            headers["Content-Type"] = "application/json"
        try:
            return await self.client.request(
                verb, self.base + path, content=body, headers=headers, params=query or None
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            code = Code.UNAVAILABLE
            problem = f"the gateway at {self.base} cannot be reached{through_proxy(self.base)};"
            problem += f" is it running? ({str(error) or 'no answer'})"
        except httpx.TimeoutException:
            code = Code.DEADLINE_EXCEEDED
            limit = self.timeout + GRACE_SECONDS
            problem = f"the gateway at {self.base} did not answer within {limit:g} s"
        except httpx.HTTPError as error:
            code, problem = Code.UNAVAILABLE, f"the connection to {self.base} failed: {error}"
        raise GatewayError(code, problem)


def through_proxy(url: str) -> str:
    """` through the proxy …` if the environment names one for this URL, without its password."""
    parsed, proxies = httpx.URL(url), getproxies()
    kind = parsed.scheme if proxies.get(parsed.scheme) else "all"
    proxy = proxies.get(kind)
    if not proxy or proxy_bypass(parsed.host):
        return ""
    address = proxy.rpartition("//")[2].rpartition("@")[2].rstrip("/")
    return f" through the proxy {address} of {kind}_proxy (no_proxy excludes hosts)"


def error_of(response: httpx.Response) -> GatewayError:
    """The error in an answer, from a gateway or a proxy."""
    status = response.status_code
    try:
        shape = orjson.loads(response.content)
        code, message = Code(shape["code"]), str(shape["message"])
        details = shape.get("details") or []
        if code is Code.OK or not isinstance(details, list):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        code = Code.UNAVAILABLE if status in (502, 503, 504) else Code.UNKNOWN
        message = f"HTTP {status} {response.reason_phrase}: {response.text[:LONGEST_QUOTE].strip()}"
        details = []
    return GatewayError(code, message, status=status, details=details, headers=response.headers)


def served_document(url: str, token: str | None, sub: str | None, settings: Settings) -> Document:
    """The OpenAPI document of the gateway at this URL; for the token see `token_source`.

    Raises GatewayError (FAILED_PRECONDITION without a document), and ConfigurationError.
    """

    async def fetch() -> Document | None:
        async with gateway_client(
            url, token_source(settings, token, sub), DISCOVERY_TIMEOUT_SECONDS
        ) as client:
            return await client.document()

    document = asyncio.run(fetch())
    if document is None:
        raise GatewayError(
            Code.FAILED_PRECONDITION,
            f"{url} has no {DOCUMENT}: DOCS is off there, or it is no cuebot-gateway; ask Cuebot"
            " itself (--direct, CUEBOT_ENDPOINT)",
        )
    return document
