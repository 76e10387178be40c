"""Calls through a running gateway, over HTTP."""

import asyncio
import math
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import orjson

from gateway_client.arguments import Arguments, Fields, guess, unknown
from gateway_client.client import (
    FILTERED,
    NO_DRY_RUNS,
    NO_MATCH,
    PASSING,
    TRUNCATED,
    WHOLE,
    Answer,
    ignored_fields,
    polled,
)
from gateway_client.errors import CODES, CallError, InvalidCall, WrongSetting
from gateway_client.event_stream import (
    ID,
    MEDIA_TYPE,
    Event,
    LostRows,
    Watched,
    events_in,
)
from gateway_client.light import httpx
from gateway_client.method_names import explained, path_of
from gateway_client.openapi_document import DOCUMENT, Document, Operation, read_document
from gateway_client.paths import split_names

GRACE_SECONDS = 5.0
"""Time for the gateway to answer, added to the call's timeout."""
CONNECT_TIMEOUT_SECONDS = 5.0
LONGEST_QUOTE = 200
"""Characters of an answer that is not a gateway's."""
BATCH = "/batch"
CONFLICT, UNIMPLEMENTED, NOT_ACCEPTABLE = 409, 501, 406
NO_STREAMS = (
    "this gateway does not serve event streams, which --until needs; update it, or call Cuebot"
    " itself (--direct)"
)
NO_METHOD, METHOD = 404, 405
"""The statuses of a PUT for an unknown path and for a method."""
GUESSED = (
    "; this gateway does not tell the types of fields (DOCS=off), so lists, and texts that look"
    " like true or false, have to be given as JSON (key:=JSON)"
)
DRY_RUN = "X-Dry-Run"
KEY = "Idempotency-Key"
VIA = "X-Gateway-Via"
"""The program that calls, for the gateway's logs."""
RETRY_PAUSES_SECONDS = (0.5, 2.0)
"""Pauses before a call is repeated whose connection was lost."""
LEAST_PERIOD_SECONDS, LONGEST_PERIOD_SECONDS = 1.0, 3600.0
"""Limits on the period of an event stream."""
SILENCE_SECONDS = 45.0
"""An event stream that says nothing for so long is dead: there is a comment every 15 s."""
SCHEMA = "X-Schema"
"""A header of method answers that only a cuebot-gateway sends."""


@asynccontextmanager
async def gateway_client(
    url: str, token: Callable[[], str], timeout: float, *, via: str = "", exact: bool = False
) -> "AsyncIterator[GatewayClient]":
    """A client of the gateway at this URL whose calls may take `timeout` seconds each.

    `token` is called for each request; an empty one is not sent. `via` and `exact` are as in
    GatewayClient. Raises WrongSetting.
    """
    base = check_url(url)
    limits = httpx.Timeout(timeout + GRACE_SECONDS, connect=min(timeout, CONNECT_TIMEOUT_SECONDS))
    # Reading the system's certificates takes a while, and plain HTTP needs none.
    verify = base.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(timeout=limits, verify=verify) as client:
        yield GatewayClient(client, base, token, timeout, via=via, exact=exact)


def check_url(url: str) -> str:
    """The URL without a final slash. Raises WrongSetting."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.userinfo:  # httpx would send it instead of the token
        raise WrongSetting("the gateway's URL has a user name; use a token instead")
    is_there = parsed.scheme in ("http", "https") and parsed.host and (parsed.port or 1) < 2**16
    if not is_there or parsed.query or parsed.fragment:
        raise WrongSetting(f"{url!r} is not a gateway's URL, such as http://localhost:8448")
    return url.rstrip("/")


@dataclass(slots=True)
class GatewayClient:
    client: httpx.AsyncClient
    base: str
    token: Callable[[], str]
    timeout: float
    via: str = ""
    """The program that calls, as the gateway's logs have it."""
    read: Document | None = None
    """The OpenAPI document, once it was needed."""
    exact: bool = False
    """Whether methods have the names that the document has, not those that people write."""

    def path(self, name: str) -> str:
        """Raises InvalidCall."""
        return f"/{name.lstrip('/')}" if self.exact else path_of(name)

    async def call(
        self,
        name: str,
        request: Arguments,
        *,
        view: Mapping[str, str] = WHOLE,
        dry_run: bool = False,
    ) -> Answer:
        path = self.path(name)
        body = await self.body_for(path, request)
        if dry_run:
            await self._refuse_unless_it_knows_dry_runs(path)
            response = await self.send("POST", path, body, {DRY_RUN: "1"}, view)
        else:
            response = await self.call_once(path, body, view)
        if response.status_code != 200:
            error = error_of(response)
            raise await self.explained(error, name, path, request)
        if dry_run and DRY_RUN not in response.headers:
            raise CallError(
                "UNKNOWN",
                "the answer is not that of a dry run: THE CALL MAY HAVE BEEN MADE. There is more"
                " than one gateway at this URL, and this one does not support dry runs",
            )
        truncated = response.headers.get(TRUNCATED, "")
        cut_at = int(truncated) if truncated.isdecimal() else 0
        no_match = unquote(response.headers.get(NO_MATCH, ""))
        ignored, format_ = ignored_fields(response.headers), view.get("_format", "json")
        if format_ != "json" and format_ in response.headers.get("content-type", ""):
            return Answer(
                content=response.content, ignored=ignored, cut_at=cut_at, no_match=no_match
            )
        self.check_json(response)
        unread = [name for name in ignored if name.startswith("?")]
        return Answer(
            content=response.content,
            ignored=tuple(name for name in ignored if name not in unread),
            cut_at=cut_at,
            no_match=no_match,
            viewed=not view or (format_ == "json" and SCHEMA in response.headers and not unread),
            filtered=FILTERED in response.headers,
        )

    async def call_once(
        self, path: str, body: bytes, view: Mapping[str, str] = WHOLE
    ) -> httpx.Response:
        """The answer to a POST, which is repeated if the connection is lost.

        An Idempotency-Key makes sure that a change is made once; at a gateway without them nothing
        is repeated. Raises CallError.
        """
        key = {KEY: f'"{token_hex(16)}"'}
        pauses = list(RETRY_PAUSES_SECONDS)
        lost: Lost | None = None
        while True:
            try:
                response = await self.send("POST", path, body, key, view)
            except Lost as error:
                lost = error
                if not (pauses and key and await self._repeats(path)):
                    raise outcome_unknown(error) from None
            except CallError as error:
                raise error if lost is None else outcome_unknown(lost) from None
            else:
                refused = response.status_code == UNIMPLEMENTED and KEY in response.text
                if key and refused and lost is None:
                    key = {}
                    continue
                is_under_way = (
                    response.status_code == CONFLICT and "retry-after" in response.headers
                )
                if lost is None or not (is_under_way and pauses):
                    return response
            await asyncio.sleep(pauses.pop(0))

    async def _repeats(self, path: str) -> bool:
        """Whether a request for this path may be sent again, since it has a key."""
        try:
            document, operation = await self._operation(path)
        except CallError:
            return False
        if document is None:
            return False
        return path == BATCH or (operation is not None and operation.repeats)

    async def watch(
        self, name: str, request: Arguments, *, view: Mapping[str, str], every: float, until: str
    ) -> AsyncIterator[Answer | CallError]:
        stream = EventStream(self, name, request, view, every, until)
        try:
            if view.get("_format") == "csv":
                raise NotStreamed
            async with aclosing(stream.answers()) as answers:
                async for each in answers:
                    yield each
        except NotStreamed:
            if until:
                raise CallError("UNIMPLEMENTED", NO_STREAMS) from None
            async for each in polled(partial(self.call, name, request, view=view), every):
                yield each

    async def body_for(self, path: str, request: Arguments) -> bytes:
        """The JSON of a request. Raises CallError, and InvalidCall."""
        if not request.need_schema:
            return request.as_json(unknown)
        fields, sets = await self._fields(path)
        return request.as_json(fields, path.rpartition("/")[2], sets)

    async def units(self, name: str) -> Mapping[str, str]:
        with suppress(CallError):  # the table is there without them
            document, operation = await self._operation(self.path(name))
            if document is not None and operation is not None:
                return document.units(operation)
        return {}

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        query: Mapping[str, str] = WHOLE,
        silence: float | None = None,
        *,
        verb: str = "POST",
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a request, to be read as it comes.

        It fails after `silence` seconds without data. Raises CallError, also while it is read.
        """
        limits = self.client.timeout if silence is None else httpx.Timeout(silence, connect=5)
        given = {**self._headers(body), **headers}
        try:
            async with self.client.stream(
                verb,
                self.base + path,
                content=body,
                headers=given,
                params=query or None,
                timeout=limits,
            ) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error) from None

    def check_json(self, response: httpx.Response) -> None:
        """Raises CallError for an answer that is not complete JSON."""
        if "json" not in response.headers.get("content-type", ""):
            problem = f"{self.base} is not a gateway: its answer is not JSON"
            raise CallError("UNKNOWN", problem)
        try:
            orjson.loads(response.content)  # a proxy may have cut it
        except orjson.JSONDecodeError:
            problem = f"the answer of {self.base} is broken JSON: {response.text[:LONGEST_QUOTE]}"
            raise CallError("UNKNOWN", problem) from None

    async def document(self) -> Document | None:
        """The OpenAPI document, with the methods that the token may call; None with DOCS=off.

        Raises CallError.
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

    async def _operation(self, path: str) -> tuple[Document | None, Operation | None]:
        document = await self.document()
        return document, None if document is None else document.operations.get(path)

    async def _fields(self, path: str) -> tuple[Fields, tuple[str, ...]]:
        """The fields of a method's request, or a guess with DOCS=off; of a setter, the names of its
        value.
        """
        document, operation = await self._operation(path)
        if document is None or operation is None:
            return guess, ()
        return document.fields(operation), operation.sets

    async def explained(
        self, error: CallError, name: str, path: str, request: Arguments
    ) -> Exception:
        """The error of a call, with advice, or InvalidCall if there is no such method."""
        is_wrong = error.code == "INVALID_ARGUMENT"
        if is_wrong and request.need_schema and (await self._fields(path))[0] is guess:
            error.message += GUESSED
        if error.code != "NOT_FOUND":
            return error
        probe = await self.send("PUT", path, b"", {})  # never calls anything
        if probe.status_code == METHOD:  # NOT_FOUND came from Cuebot
            return error
        return InvalidCall(explained(name, path, error.message))

    async def _refuse_unless_it_knows_dry_runs(self, path: str) -> None:
        """Raises CallError if the gateway would make the call; a PUT never makes one."""
        probe = await self.send("PUT", path, b"", {DRY_RUN: "1"})
        if DRY_RUN in probe.headers:  # repeated by gateways with dry runs
            return
        if probe.status_code not in (NO_METHOD, METHOD):
            raise error_of(probe)  # refused before the path was looked up
        raise CallError("UNIMPLEMENTED", NO_DRY_RUNS)

    async def send(
        self,
        verb: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        query: Mapping[str, str] = WHOLE,
    ) -> httpx.Response:
        """Send a request. Raises CallError without a complete answer."""
        given = {**self._headers(body), **headers}
        try:
            return await self.client.request(
                verb, self.base + path, content=body, headers=given, params=query or None
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error) from None

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Grpc-Timeout": f"{max(math.ceil(self.timeout * 1000), 1)}m"}
        if token := self.token():
            headers["Authorization"] = f"Bearer {token}"
        if self.via:
            headers[VIA] = self.via
        if body:
            headers["Content-Type"] = "application/json"
        return headers

    def _failure(self, error: httpx.HTTPError | httpx.InvalidURL) -> CallError:
        if isinstance(error, httpx.InvalidURL):  # a view of more than 64 KB
            return CallError("INVALID_ARGUMENT", f"nothing was sent: {error}")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            problem = f"the gateway at {self.base} cannot be reached{through_proxy(self.base)};"
            problem += f" is it running? ({str(error) or 'no answer'})"
            return CallError("UNAVAILABLE", problem)
        if isinstance(error, httpx.TimeoutException):
            limit = self.timeout + GRACE_SECONDS
            problem = f"the gateway at {self.base} did not answer within {limit:g} s"
            return CallError("DEADLINE_EXCEEDED", problem)
        problem = f"the connection to {self.base} failed: {str(error) or type(error).__name__}"
        return Lost("UNAVAILABLE", problem)


class Lost(CallError):
    """The connection was lost after the request had begun."""


def outcome_unknown(lost: Lost) -> CallError:
    return CallError(lost.code, f"{lost.message}; it is not known whether the call was made")


class NotStreamed(Exception):
    """There is no event stream to be had."""


@dataclass(slots=True)
class EventStream:
    """The answers of a watched method, over as many event streams as it takes."""

    client: GatewayClient
    name: str
    request: Arguments
    view: Mapping[str, str]
    every: float
    until: str
    last_id: str = ""
    has_begun: bool = False

    async def answers(self) -> AsyncGenerator[Answer | CallError]:
        """Raises NotStreamed before the first one, and what `Client.watch` raises."""
        path = self.client.path(self.name)
        body = await self.client.body_for(path, self.request)
        watched = self._watched()
        while True:
            try:
                async with aclosing(self._events(path, body, watched)) as events:
                    async for event in events:
                        if event.kind == "done":
                            return
                        yield self._answer(event, watched)
            except LostRows:
                self.last_id = ""
                continue
            except CallError as error:
                if ID in watched.hidden and error.message.startswith("_fields:"):
                    # Rows have no id: all answers will be whole ones.
                    watched.hidden = [path for path in watched.hidden if path != ID]
                    continue
                if error.code not in PASSING and (self.until or not self.has_begun):
                    raise await self.client.explained(
                        error, self.name, path, self.request
                    ) from None
                yield error
            await asyncio.sleep(self.every)

    def _watched(self) -> Watched:
        fields, sort = (
            split_names(self.view.get("_fields", "")),
            split_names(self.view.get("_sort", "")),
        )
        needed = dict.fromkeys((ID, *(path.removeprefix("-") for path in sort)))
        hidden = [
            path
            for path in needed
            if fields and not any(f"{path}.".startswith(f"{field}.") for field in fields)
        ]
        return Watched(sort, hidden)

    def _answer(self, event: Event, watched: Watched) -> Answer | CallError:
        """Raises LostRows."""
        self.last_id = event.id or self.last_id
        if event.kind == "error":
            return error_in(event.data) or CallError("UNKNOWN", "no error is told")
        if event.kind == "change":
            watched.change(event.data)
        else:
            watched.take(event.data)
        as_lines = self.view.get("_format") == "ndjson"
        return Answer(content=watched.lines() if as_lines else watched.shown())

    async def _events(self, path: str, body: bytes, watched: Watched) -> AsyncGenerator[Event]:
        query = {name: text for name, text in self.view.items() if name != "_format"}
        if watched.hidden:
            query["_fields"] = ",".join((query["_fields"], *watched.hidden))
        query["_every"] = f"{min(max(self.every, LEAST_PERIOD_SECONDS), LONGEST_PERIOD_SECONDS):g}s"
        if self.until:
            query["_until"] = self.until
        headers = {"Accept": MEDIA_TYPE}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        async with self.client.stream(path, body, headers, query, SILENCE_SECONDS) as response:
            if response.status_code != 200:
                await response.aread()
                error = error_of(response)
                if response.status_code == NOT_ACCEPTABLE or "_every" in error.message:
                    raise NotStreamed
                raise error
            if MEDIA_TYPE not in response.headers.get("content-type", ""):
                raise NotStreamed
            self.has_begun = True
            async for event in events_in(response.aiter_bytes()):
                if event.kind != "end":  # why, the next request will tell
                    yield event


def through_proxy(url: str) -> str:
    """` through the proxy …` if the environment names one for this URL, without its password."""
    parsed, proxies = httpx.URL(url), getproxies()
    kind = parsed.scheme if proxies.get(parsed.scheme) else "all"
    proxy = proxies.get(kind)
    if not proxy or proxy_bypass(parsed.host):
        return ""
    address = proxy.rpartition("//")[2].rpartition("@")[2].rstrip("/")
    return f" through the proxy {address} of {kind}_proxy (no_proxy excludes hosts)"


def error_of(response: httpx.Response) -> CallError:
    """The error in an answer, from a gateway or a proxy."""
    status = response.status_code
    if error := error_in(response.content, status, response.headers):
        return error
    code = "UNAVAILABLE" if status in (502, 503, 504) else "UNKNOWN"
    message = f"HTTP {status} {response.reason_phrase}: {response.text[:LONGEST_QUOTE].strip()}"
    return CallError(code, message, status=status, headers=response.headers)


def error_in(
    content: bytes, status: int | None = None, headers: Mapping[str, str] = WHOLE
) -> CallError | None:
    """The error in a gateway's JSON; None if it is none."""
    try:
        shape = orjson.loads(content)
        code, message = CODES[shape["code"]], str(shape["message"])
    except (ValueError, LookupError, TypeError):
        return None
    details = shape.get("details") or []
    if code == "OK" or not isinstance(details, list):
        return None
    return CallError(code, message, status=status, details=details, headers=headers)
