"""The state of one HTTP request and its answer."""

import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import getrandbits
from typing import Any, NamedTuple

from starlette.types import Scope

from gateway.core.calls.answer_form import Progress
from gateway.core.codec.payload import Payload
from gateway.core.direct_connection import DirectConnection, Headers
from gateway.core.errors import Cause, Code, GatewayError
from gateway.core.fair_quota import FairQuota, MemoryLease
from gateway.core.pipeline.content_coding import PLAIN, Coding
from gateway.core.pipeline.surface import Surface
from gateway.core.pipeline.waiting import NO_WAITING, Waiting
from gateway.core.principal import Principal, address_key
from gateway.core.schema.method import Method
from gateway.core.upstream.interface import Metadata

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
ENCODED_OBJECT = r"e(?:y[A-DI-L]|w[k-r0-3])[\w=-]*+"
"""A JSON object in base64: `{`, then a quote or white space."""
LIKE_A_TOKEN = re.compile(rf"{ENCODED_OBJECT}\.(?:{ENCODED_OBJECT}|[\w=-]*+\.)[\w.=-]*")
"""Two objects, as in a signed JWT, or one object before two dots. Quadratic time: for short texts
only."""
LOGGED_PATH_MAX_CHARS = 512
VIA_HEADER = b"x-gateway-via"
SANE_VIA = re.compile(rb"[a-z0-9][a-z0-9._-]{0,31}")
"""The program that a client says it is, as logs have it."""
JSON_TYPE = (b"content-type", b"application/json")
NOSNIFF = (b"x-content-type-options", b"nosniff")
"""Answers contain text from Cuebot, which a browser must not take for HTML."""
NO_STORE = (b"cache-control", b"no-store")
"""An answer for one token must not reach others through a shared cache."""
CLOSE = {"Connection": "close"}
"""For answers after which the connection cannot be reused."""


FORWARDED_FOR = b"x-forwarded-for"
ClientOf = Callable[[str, Mapping[bytes, bytes]], str]
"""The address of the client of a connected peer, by the headers of a request that has come through
a proxy (FORWARDED_FOR).
"""


def the_peer(peer: str, headers: Mapping[bytes, bytes]) -> str:
    """`ClientOf` where no proxy is between."""
    return peer


class ClientGone(Exception):
    """The client has disconnected."""


class Denial(NamedTuple):
    by: str
    """The name of the rights that do not allow the call."""
    method: Method
    payload: bytes | None = None


NO_IDS: Mapping[str, str] = {}


class Request(NamedTuple):
    """The immutable facts of a request: its head and its sender."""

    id: str
    client: str
    """The peer's address, or the one that a trusted proxy names."""
    method: str
    path: str
    headers: Mapping[bytes, bytes]
    """By lower-case name."""
    started: float
    """Monotonic seconds."""
    query: bytes = b""
    http_version: str = "1.1"
    more_ids: Mapping[str, str] = NO_IDS
    """Of what it is part of, for all lines about it in logs."""
    made_for: "tuple[RequestContext, ...]" = ()
    """The request that this one is made for, and one of another caller if it is for several. Empty
    if it has come by itself.
    """

    @property
    def is_shared(self) -> bool:
        """Whether the answer is for several callers: Cuebot and the answer hear of none of them."""
        return len(self.made_for) > 1

    @property
    def ids(self) -> dict[str, object]:
        return {"request_id": self.id, **self.more_ids}

    @property
    def via(self) -> str:
        """The program that the client says it is (`mcp`); empty without one, or for other texts."""
        given = self.headers.get(VIA_HEADER)
        return given.decode("ascii") if given and SANE_VIA.fullmatch(given) else ""

    @property
    def logged_path(self) -> str:
        """The path for logs: shortened, and without a token pasted into it."""
        return without_token(self.path[:LOGGED_PATH_MAX_CHARS])

    @property
    def age(self) -> float:
        return time.monotonic() - self.started


SurfaceOf = Callable[[Request], Surface | None]
"""The surface of a request, by its head; None for plain JSON."""


def plain_json(request: Request) -> Surface | None:
    """`SurfaceOf` where there is no other surface."""
    return None


class Response:
    """An answer. Its initial state is the class's: most requests change little of it."""

    headers: list[tuple[bytes, bytes]]
    """Of any answer, success or error."""
    coding: Coding = PLAIN
    """That of the body."""
    status: int = 0
    """0 before the answer begins."""
    refusal: GatewayError | None = None
    """Why the caller is not known, told once `admit` has counted the request."""
    code: Code | None = None
    cause: Cause | None = None
    cuebot: str = ""
    """Cuebot's own text of an error, which is said in plainer words."""
    began: float = 0.0
    bytes_out: int = 0
    is_complete: bool = False

    def fail(self, error: GatewayError) -> None:
        self.code, self.cause, self.cuebot = error.code, error.cause, error.cuebot

    def may_be_kept(self, cache_control: tuple[bytes, bytes]) -> None:
        self.headers = [cache_control if header == NO_STORE else header for header in self.headers]

    def set_header(self, name: bytes, value: bytes) -> None:
        self.headers = [each for each in self.headers if each[0] != name]
        self.headers.append((name, value))


class ReceivedBody(NamedTuple):
    """What has arrived of a request's body."""

    size: int = 0
    """Bytes, as they were sent."""
    is_over: bool = False
    """Whether no more will come."""
    room: tuple[FairQuota, int] | None = None
    """Memory for a large body and its plan: the quota, and bytes."""


NOTHING_READ = ReceivedBody()


class CallState:
    rpc: str | None = None
    """The native gRPC path, whatever alias the client used."""
    denied: Denial | None = None
    kept: tuple[tuple[str, str], ...] = ()
    """See `Plan.kept`."""
    outlives_client: bool = False
    metadata: Metadata = ()
    """What Cuebot is told of the request with each call, besides its id and its caller."""
    with_cuebot: float = 0.0
    """Seconds spent in calls to Cuebot."""
    slots: tuple[FairQuota, ...] = ()
    """The slots in flight that the call holds."""
    lease: MemoryLease | None = None
    payload: Payload | None = None
    """Cuebot's bytes of a long answer, released as they are sent."""
    progress: Progress | None = None


NO_STATES: dict[int, Any] = {}


class RequestContext:
    """Layers fill it in on the way down."""

    surface: Surface | None = None
    """None for plain JSON."""
    subject: str | None = None
    caller: Principal | None = None
    body: ReceivedBody = NOTHING_READ
    waiting: Waiting = NO_WAITING
    states: dict[int, Any] = NO_STATES
    """What features know of the request, by the numbers of their slots (`state.Slot`)."""

    def __init__(
        self,
        request: Request,
        headers: list[tuple[bytes, bytes]],
        direct: DirectConnection | None = None,
    ) -> None:
        """`headers` are those that any answer has."""
        self.request = request
        self.response = Response()
        self.response.headers = headers
        self.call = CallState()
        self.direct = direct
        self.principal = f"ip {address_key(request.client)}"
        """The owner of the quotas: the address, and once it is identified, the subject."""

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """False if the answer has to be sent as ASGI messages. Raises ClientGone.

        `headers` include Content-Length, and no text from the client.
        """
        if self.call.slots:
            self.leave()
        if self.direct is None:
            return False
        response = self.response
        try:
            done = self.direct.answer(status, (*headers, *response.headers, self.timing()), body)
        except (OSError, RuntimeError) as error:
            if is_of_lost_connection(error):
                raise ClientGone from None
            raise
        if done:
            response.status, response.bytes_out = status, len(body)
            response.is_complete = True
        return done

    def leave(self) -> None:
        """Return the slots. Call before the answer's end: the next request may need them."""
        slots, self.call.slots = self.call.slots, ()
        for each in slots:
            each.give_back(self.principal)

    def note_wait(self, seconds: float, *, as_asked: bool = False) -> None:
        """Of a wait that is over."""
        before = self.waiting
        asked = before.as_asked + seconds if as_asked else before.as_asked
        self.waiting = Waiting(before.seconds + seconds, asked, before.patience)

    def give_back_body_room(self) -> None:
        if self.body.room is not None:
            room, size = self.body.room
            room.give_back(self.principal, size)
            self.body = self.body._replace(room=None)

    def close(self) -> None:
        """Give back all that the request holds."""
        if self.call.slots:
            self.leave()
        if self.call.lease is not None:
            self.call.lease.close()
            self.call.lease = None  # others may share it
        self.give_back_body_room()

    def timing(self) -> tuple[bytes, bytes]:
        """Begin the answer: Server-Timing (https://www.w3.org/TR/server-timing/), in ms.

        `gateway` is the time spent neither in calls to Cuebot nor waiting.
        """
        now = self.response.began = time.monotonic()
        with_cuebot, waited = self.call.with_cuebot, self.waiting.seconds
        own = max(now - self.request.started - with_cuebot - waited, 0.0)
        return (
            b"server-timing",
            b"cuebot;dur=%.2f, gateway;dur=%.2f, wait;dur=%.2f"
            % (with_cuebot * 1000, own * 1000, waited * 1000),
        )


def is_of_lost_connection(error: OSError | RuntimeError) -> bool:
    """Whether a write has failed because the client is gone."""
    return isinstance(error, OSError) or "handler is closed" in str(error)  # uvloop's words


@lru_cache(maxsize=1024)
def without_token(path: str) -> str:
    return LIKE_A_TOKEN.sub("…", path)


def context_of(scope: Scope) -> RequestContext:
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
    client_of: ClientOf,
    direct: DirectConnection | None,
    seconds: float = 0.0,
) -> RequestContext:
    """An acceptable request id of the client's is kept.

    `path` is decoded, `headers` have lower-case names, `peer` is the connected address, `seconds`
    the time since the first byte.
    """
    given = headers.get(b"x-request-id")
    request_id = given.decode("ascii") if given and SANE_REQUEST_ID.fullmatch(given) else ""
    if not request_id or LIKE_A_TOKEN.search(request_id):
        request_id = getrandbits(128).to_bytes(16).hex()  # unique, not secret
    if path.startswith("//"):  # from a base URL that ends in a slash
        path = "/" + path.lstrip("/")
    answered = [(b"x-request-id", request_id.encode("ascii")), NOSNIFF, NO_STORE]
    client = client_of(peer, headers) if FORWARDED_FOR in headers else peer
    started = time.monotonic() - seconds
    request = Request(  # by position: keywords take half as long again
        request_id, client, method, path, headers, started, query, http_version
    )
    return RequestContext(request, answered, direct)
