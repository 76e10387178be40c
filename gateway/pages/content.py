"""A page or file that a browser keeps: bytes with an ETag, and what a browser may do with them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.compression import CODINGS, VARY, WORTH_IT, Coding, choose, stream
from gateway.http.exchange import NO_STORE, ClientGone, exchange_of

SLOWEST_READER = 16 * 1024
"""Bytes per second. A client that reads a page more slowly is let go."""
NO_CACHE = (b"cache-control", b"no-cache")
"""Lets a browser keep it, and ask whether it is still right."""
HEADERS = (
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""For everything here."""


@dataclass(frozen=True, slots=True)
class Form:
    """Content in one coding, or in none. Each has an ETag of its own (RFC 9110 section 8.8.3.3)."""

    body: bytes
    etag: str
    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, body: bytes, *headers: tuple[bytes, bytes]) -> "Form":
        """A form with an ETag that is the same for the same bytes."""
        etag = f'"{sha256(body).hexdigest()[:32]}"'
        return cls(body, etag, ((b"etag", etag.encode()), VARY, *headers))


@dataclass(frozen=True, slots=True)
class Content:
    """Something to be sent, or not when the client has it (RFC 9110 section 13.1.2)."""

    plain: Form
    coded: Mapping[Coding, Form]
    """Nothing when it is too short to be worth it."""
    media_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(
        cls, body: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> "Content":
        """Content in all its forms. Takes 10 ms for a MB, and may be called in a thread."""
        codings = CODINGS.values() if len(body) >= WORTH_IT else ()
        coded = {each: Form.of(b"".join(stream([body], each)), each.header) for each in codings}
        return cls(Form.of(body), coded, media_type, headers or {})

    async def send(self, scope: Scope, send: Send, patience: float) -> None:
        """Answer a GET or HEAD. Raises ClientGone when it takes too long.

        A browser may keep it, unless it was for a token. `patience` is in seconds, beside what a
        slow but honest reader needs.
        """
        exchange = exchange_of(scope)
        if exchange.subject is None:
            exchange.headers_out[:] = [
                NO_CACHE if each is NO_STORE else each for each in exchange.headers_out
            ]
        form = self._form(exchange.headers.get(b"accept-encoding"))
        known = exchange.headers.get(b"if-none-match", b"").decode("latin-1")
        fresh = matches(known, form.etag)
        headers = [
            *form.headers,
            *((name.lower().encode(), value.encode()) for name, value in self.headers.items()),
            *HEADERS,
        ]
        if not fresh:
            headers.append((b"content-length", b"%d" % len(form.body)))
            headers.append((b"content-type", self.media_type.encode()))
        start: Message = {
            "type": "http.response.start",
            "status": 304 if fresh else 200,
            "headers": headers,
        }
        body = b"" if fresh else form.body
        try:
            async with asyncio.timeout(patience + len(body) / SLOWEST_READER):
                await send(start)
                await send({"type": "http.response.body", "body": body})
        except TimeoutError:
            raise ClientGone from None

    def _form(self, accept_encoding: bytes | None) -> Form:
        """The form that a client wants; the plain one if there is no such form."""
        coding = None if accept_encoding is None else choose(accept_encoding).coding
        return self.plain if coding is None else self.coded.get(coding, self.plain)


def matches(if_none_match: str, etag: str) -> bool:
    """Whether one of a client's ETags is this one, by the weak comparison."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or "*" in known


def serve(content: Content, patience: float) -> ASGIApp:
    """An app that answers with this content."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await content.send(scope, send, patience)

    return app
