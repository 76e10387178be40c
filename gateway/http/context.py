"""One HTTP request and its answer, as far as they are known."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from random import getrandbits
from typing import NamedTuple, NoReturn

from starlette.types import Scope

from gateway.access.fair_quota import FairQuota, Lease
from gateway.access.rate_limiter import address_key
from gateway.access.tokens import Principal
from gateway.codec.payload import Payload
from gateway.errors import Cause, Code, GatewayError
from gateway.http.direct_connection import DirectConnection, Headers
from gateway.http.proxies import HEADER as FORWARDED_FOR
from gateway.http.proxies import TrustedProxies
from gateway.http.spans import Spans
from gateway.http.trace_context import TraceContext, read_context
from gateway.schema.method import Method
from gateway.views.render import Progress

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
OBJECT = r"e(?:y[A-DI-L]|w[k-r0-3])[\w=-]*+"
"""A JSON object in base64: `{`, and a quote or white space behind it."""
LIKE_A_TOKEN = re.compile(rf"{OBJECT}\.(?:{OBJECT}|[\w=-]*+\.)[\w.=-]*")
"""Two objects, as a signed JWT begins, or one before two dots. For short texts only: its time is
quadratic."""
LONGEST_PATH = 512
"""Characters of a path that are logged."""
JSON_TYPE = (b"content-type", b"application/json")
NOSNIFF = (b"x-content-type-options", b"nosniff")
"""Answers contain Cuebot's texts, which no browser must take for HTML."""
NO_STORE = (b"cache-control", b"no-store")
"""What one token may see must not reach others through a shared cache."""
CLOSE = {"Connection": "close"}
"""For answers after which the connection cannot be used again."""


class ClientGone(Exception):
    """The client has disconnected: there is nobody to answer."""


class Denial(NamedTuple):
    """A call that the caller must not make."""

    rule: str
    """The name of the rule of access that says so, or `identity`."""
    method: Method
    payload: bytes | None = None
    """What Cuebot would have got, as far as that is known."""


class Request(NamedTuple):
    """What a request's head says, and who has sent it. It does not change."""

    id: str
    client: str
    """The address of the peer that connected, or that a trusted proxy names."""
    method: str
    """The verb."""
    path: str
    headers: Mapping[bytes, bytes]
    """By lower-case name."""
    started: float
    """Seconds on the monotonic clock."""
    query: bytes = b""
    http_version: str = "1.1"
    trace: TraceContext | None = None
    """Where it is in a trace, if it is in one."""

    @property
    def ids(self) -> dict[str, object]:
        """What lines of a log about this request have in common."""
        ids: dict[str, object] = {"request_id": self.id}
        return ids if self.trace is None else ids | {"trace_id": self.trace.trace_id}

    @property
    def logged_path(self) -> str:
        """The path as a log may have it: shortened, and without a token that was pasted into it."""
        return without_token(self.path[:LONGEST_PATH])

    @property
    def age(self) -> float:
        """Seconds since it has come."""
        return time.monotonic() - self.started


@dataclass(slots=True)
class Response:
    """The answer, as far as it is known or sent."""

    headers: list[tuple[bytes, bytes]]
    """Those that are sent whatever the answer is."""
    status: int = 0
    """0 until it begins."""
    code: Code | None = None
    cause: Cause | None = None
    """What of the gateway has refused the request, if something has."""
    began: float = 0.0
    """When it began, on the monotonic clock."""
    bytes_out: int = 0
    """Of its body."""
    is_complete: bool = False
    """Whether its end has been handed to the server."""

    def fail(self, error: GatewayError) -> None:
        """Note the error that it is."""
        self.code, self.cause = error.code, error.cause

    def may_be_kept(self, cache_control: tuple[bytes, bytes]) -> None:
        """Say so with this header, in the place of NO_STORE."""
        self.headers = [cache_control if header == NO_STORE else header for header in self.headers]

    def set_header(self, name: bytes, value: bytes) -> None:
        """Say this, and not what was to be said by that name before."""
        self.headers = [each for each in self.headers if each[0] != name]
        self.headers.append((name, value))


@dataclass(slots=True)
class CallState:
    """A call that a request asks for: which it is, and what it has taken."""

    rpc: str | None = None
    """The native gRPC path, whatever alias the client used."""
    denied: Denial | None = None
    unserved: str = ""
    """The path of the method that Cuebot said it does not have, if it did."""
    with_cuebot: float = 0.0
    """Seconds that calls to Cuebot have taken."""
    slots: tuple[FairQuota, ...] = ()
    """Where it has a place among the calls in flight, as long as it has one."""
    lease: Lease | None = None
    """The memory of a large answer."""
    payload: Payload | None = None
    """Cuebot's bytes of a long answer, of which more and more is sent."""
    progress: Progress | None = None
    """That of a view which takes its time."""

    def leave(self, principal: str) -> None:
        """Give back its place among the calls."""
        slots, self.slots = self.slots, ()
        for each in slots:
            each.give_back(principal)

    def close(self, principal: str) -> None:
        """It is over: give back all that it still has."""
        if self.slots:
            self.leave(principal)
        if self.lease is not None:
            self.lease.close()


@dataclass(slots=True)
class RequestContext:
    """A request, its answer and its call, with whose it is and what it has waited for.

    Layers fill it in as the request goes down.
    """

    request: Request
    response: Response
    call: CallState = field(default_factory=CallState)
    direct: DirectConnection | None = None
    """The short way to the connection, if our own server serves this request."""
    spans: Spans | None = None
    """Those of the request, if its trace is recorded here."""
    subject: str | None = None
    caller: Principal | None = None
    """Whoever calls, once that is known."""
    refusal: GatewayError | None = None
    """Why nobody is known to call."""
    dry_run: bool = False
    """Whether the client only wants to see what would be called."""
    waited: float = 0.0
    """Seconds of waiting: for the body, for the rate limit, for the turn of a large answer."""
    waited_as_asked: float = 0.0
    """Those of them for which a GET has asked (`Prefer: wait`), with its looks in vain."""
    body_read: bool = False
    """Whether the whole body has been taken from the connection."""
    bytes_in: int = 0
    """Of its body, as far as that has been read."""
    body_room: tuple[FairQuota, int] | None = None
    """The memory of its large body, and of what is made of that: where it is counted, and bytes."""

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer; False when it has to go the way of ASGI's messages.

        `headers` have a Content-Length, and nothing that a client has written. Raises ClientGone.
        """
        self.leave()
        if self.direct is None:
            return False
        response = self.response
        try:
            done = self.direct.answer(status, (*headers, *response.headers, self.timing()), body)
        except (OSError, RuntimeError) as error:
            raise_gone(error)
        if done:
            response.status, response.bytes_out = status, len(body)
            response.is_complete = True
        return done

    @property
    def principal(self) -> str:
        """Whose share is used: the subject's, or the address's if there is none."""
        return self.subject or f"ip {address_key(self.request.client)}"

    def leave(self) -> None:
        """Give back its place among the calls: what is left to do is the client's to read.

        To be called before the end of the answer is sent, after which the next request on the
        connection may want it.
        """
        if self.call.slots:
            self.call.leave(self.principal)

    def wait_as_asked(self, seconds: float) -> None:
        """It has waited for so long because its client wants it to."""
        self.waited += seconds
        self.waited_as_asked += seconds

    def give_back_body_room(self) -> None:
        """Nothing of its body is in memory any more."""
        if self.body_room is not None:
            room, size = self.body_room
            room.give_back(self.principal, size)
            self.body_room = None

    def close(self) -> None:
        """The request is over: give back all that it still has."""
        self.call.close(self.principal)
        self.give_back_body_room()

    def timing(self) -> tuple[bytes, bytes]:
        """The answer begins: the Server-Timing header, in milliseconds.

        `gateway` is the time so far that was spent neither with Cuebot nor waiting
        (https://www.w3.org/TR/server-timing/).
        """
        now = self.response.began = time.monotonic()
        with_cuebot, waited = self.call.with_cuebot, self.waited
        own = max(now - self.request.started - with_cuebot - waited, 0.0)
        return (
            b"server-timing",
            b"cuebot;dur=%.2f, gateway;dur=%.2f, wait;dur=%.2f"
            % (with_cuebot * 1000, own * 1000, waited * 1000),
        )


def raise_gone(error: OSError | RuntimeError) -> NoReturn:
    """Raise ClientGone for the error of a write to a connection that is gone, else the error."""
    if isinstance(error, OSError) or "handler is closed" in str(error):  # uvloop's words
        raise ClientGone from None
    raise error


@lru_cache(maxsize=1024)
def without_token(path: str) -> str:
    """A path without what looks like a token in it."""
    return LIKE_A_TOKEN.sub("…", path)


def context_of(scope: Scope) -> RequestContext:
    """The context that `ContextMiddleware` put into this request's scope."""
    context: RequestContext = scope["context"]
    return context


def open_context(
    *,
    method: str,
    path: str,
    query: bytes = b"",
    http_version: str = "1.1",
    headers: Mapping[bytes, bytes],
    peer: str,
    proxies: TrustedProxies,
    direct: DirectConnection | None,
    seconds: float = 0.0,
) -> RequestContext:
    """The context of a new request, with the client's request id when that one is sane.

    `path` is decoded, `headers` have lower-case names, `peer` is the address that has connected.
    It has begun so many seconds ago.
    """
    given = headers.get(b"x-request-id")
    request_id = given.decode("ascii") if given and SANE_REQUEST_ID.fullmatch(given) else ""
    if not request_id or LIKE_A_TOKEN.search(request_id):
        request_id = f"{getrandbits(128):032x}"  # unique, and no secret
    if path.startswith("//"):  # from a base URL that ends in a slash
        path = "/" + path.lstrip("/")
    parent, trace = headers.get(b"traceparent"), None
    if parent is not None:
        trace = read_context(parent, headers.get(b"tracestate"))
    answered = [(b"x-request-id", request_id.encode("ascii")), NOSNIFF, NO_STORE]
    if trace is not None:
        answered.append(trace_header(trace))
    client = proxies.client(peer, headers.get(FORWARDED_FOR))
    started = time.monotonic() - seconds
    request = Request(  # by position: with names it takes half as long again
        request_id, client, method, path, headers, started, query, http_version, trace
    )
    return RequestContext(request, Response(answered), direct=direct)


def trace_header(trace: TraceContext) -> tuple[bytes, bytes]:
    """The header by which a client finds the trace of its request."""
    return b"x-trace-id", trace.trace_id.encode()
