"""Calls through a running gateway, over HTTP."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.request import getproxies, proxy_bypass

import httpx
import orjson

from gateway.cli.client.caller import (
    Answer,
    WrongCall,
    about,
    ignored_in,
    interface,
    is_short,
    parse_name,
)
from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.http.head import DRY_RUN
from gateway.schema.aliases import alias_of

GRACE = 5.0
"""Seconds that the gateway has to answer beyond the call's own time."""
CONNECT = 5.0
SHOWN = 200
"""How many characters are shown of an answer that is not the gateway's."""
DRY_RUN_ON = {DRY_RUN: "1"}
METHOD_OR_NOT = (404, 405)
"""How a GET of a path is answered that is no method's, or one's."""


@asynccontextmanager
async def calling_gateway(
    url: str, token: Callable[[], str], timeout: float
) -> "AsyncIterator[HttpCaller]":
    """A `Caller` of the gateway at this URL; each call may take `timeout` seconds.

    `token` is asked before each call. Raises ConfigurationError for what is no such URL.
    """
    base = check_url(url)
    patience = httpx.Timeout(timeout + GRACE, connect=min(timeout, CONNECT))
    async with httpx.AsyncClient(timeout=patience) as client:
        yield HttpCaller(client, base, token, timeout)


def check_url(url: str) -> str:
    """The URL without a slash at its end. Raises ConfigurationError for one that cannot be used."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.userinfo:  # which httpx would send in the place of the token
        raise ConfigurationError("the gateway's URL has a user name; give a token instead")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise ConfigurationError(
            f"{url!r} is not the URL of a gateway, such as http://localhost:8448"
        )
    return url.rstrip("/")


class HttpCaller:
    """A `Caller` over one HTTP client."""

    def __init__(
        self, client: httpx.AsyncClient, base: str, token: Callable[[], str], timeout: float
    ) -> None:
        self._client = client
        self._base = base
        self._token = token
        self._timeout = timeout

    async def call(self, name: str, body: bytes) -> Answer:
        path = path_of(name)
        return await self._answer(name, path, await self.send("POST", path, body, {}))

    async def rehearse(self, name: str, body: bytes) -> Answer:
        path = path_of(name)
        # A gateway that does not know dry runs would make the call; GET never makes one.
        asked = await self.send("GET", path, b"", DRY_RUN_ON)
        if not rehearses(asked):
            if asked.status_code not in METHOD_OR_NOT:
                raise error_of(asked)  # refused before anybody has looked at the path
            raise GatewayError(
                Code.UNIMPLEMENTED,
                "this gateway does not say that it knows dry runs; nothing was sent",
            )
        response = await self.send("POST", path, body, DRY_RUN_ON)
        if response.status_code == 200 and not rehearses(response):
            raise GatewayError(
                Code.UNKNOWN,
                "the answer is not that of a dry run: THE CALL MAY HAVE BEEN MADE."
                " One gateway has been asked, and another one without dry runs has answered",
            )
        return await self._answer(name, path, response)

    async def _answer(self, name: str, path: str, response: httpx.Response) -> Answer:
        """The answer, if it is a success. Raises GatewayError or WrongCall otherwise."""
        if response.status_code != 200:
            error = error_of(response)
            if error.code is Code.NOT_FOUND and not await self._is_method(path):
                raise WrongCall(about(name, path, error.message))
            raise error
        if "json" not in response.headers.get("content-type", ""):
            raise GatewayError(Code.UNKNOWN, f"{self._base} is no gateway: its answer is not JSON")
        try:
            orjson.loads(response.content)  # what is in between may have cut it
        except orjson.JSONDecodeError:
            raise GatewayError(
                Code.UNKNOWN,
                f"{self._base} says that its answer is JSON, and it is broken:"
                f" {response.text[:SHOWN]}",
            ) from None
        return Answer(pieces=(response.content,), ignored=ignored_in(response.headers))

    async def _is_method(self, path: str) -> bool:
        """Whether it was Cuebot, and not the gateway, that did not find something.

        A method's path answers that GET is not allowed.
        """
        return (await self.send("GET", path, b"", {})).status_code == 405

    async def send(
        self, verb: str, path: str, body: bytes, headers: dict[str, str]
    ) -> httpx.Response:
        """One request. Raises GatewayError when there is no whole answer."""
        headers = {
            **headers,
            "Authorization": f"Bearer {self._token()}",
            "Grpc-Timeout": f"{max(math.ceil(self._timeout * 1000), 1)}m",
        }
        if body:
            headers["Content-Type"] = "application/json"
        try:
            return await self._client.request(
                verb, self._base + path, content=body, headers=headers
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            reason = str(error) or "no answer"
            raise GatewayError(
                Code.UNAVAILABLE,
                f"the gateway at {self._base} cannot be reached{through(self._base)},"
                f" is it running? ({reason})",
            ) from None
        except httpx.TimeoutException:
            raise GatewayError(
                Code.DEADLINE_EXCEEDED,
                f"the gateway at {self._base} did not answer within {self._timeout + GRACE:g} s",
            ) from None
        except httpx.HTTPError as error:
            raise GatewayError(
                Code.UNAVAILABLE, f"the connection to {self._base} failed: {error}"
            ) from None


def through(url: str) -> str:
    """` through the proxy …` when the environment has one for this URL, without its password."""
    parsed, proxies = httpx.URL(url), getproxies()
    kind = parsed.scheme if proxies.get(parsed.scheme) else "all"
    proxy = proxies.get(kind)
    if not proxy or proxy_bypass(parsed.host):
        return ""
    address = proxy.rpartition("//")[2].rpartition("@")[2].rstrip("/")
    return f" through the proxy {address} of {kind}_proxy (no_proxy can name hosts without one)"


def path_of(name: str) -> str:
    """The path of a method. A service without package has the one that its name suggests.

    Gateways serve every interface as `x.XInterface`: `Frame/Kill` is `/frame.FrameInterface/Kill`.
    """
    service, word = parse_name(name)
    if is_short(service):
        service = alias_of(interface(service)) or service
    return f"/{service}/{word}"


def rehearses(response: httpx.Response) -> bool:
    """Whether the answer is that of a gateway which knows dry runs: it repeats the header."""
    return DRY_RUN in response.headers


def error_of(response: httpx.Response) -> GatewayError:
    """The error in an answer, also in one that comes from something before the gateway."""
    status = response.status_code
    try:
        shape = orjson.loads(response.content)
        code, message = Code(shape["code"]), str(shape["message"])
        details = shape.get("details") or []
        if code is Code.OK or not isinstance(details, list):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        code = Code.UNAVAILABLE if status in (502, 503, 504) else Code.UNKNOWN
        message = f"HTTP {status} {response.reason_phrase}: {response.text[:SHOWN].strip()}"
        details = []
    return GatewayError(code, message, status=status, details=details, headers=response.headers)
