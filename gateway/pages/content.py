"""Pages and files for browsers: bytes with an ETag, compressed, and with their headers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.compression import CODINGS, VARY, WORTH_IT, Coding, choose, stream
from gateway.http.exchange import NO_STORE, ClientGone, exchange_of

SLOWEST_READER = 16 * 1024
"""Bytes per second. A client that reads more slowly is disconnected."""
NO_CACHE = (b"cache-control", b"no-cache")
"""Browsers may keep a copy, and revalidate it each time."""
HEADERS = (
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""On every page and file."""


@dataclass(frozen=True, slots=True)
class Representation:
    """Content in one coding or none, with its own ETag (RFC 9110, section 8.8.3.3)."""

    body: bytes
    etag: str
    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, body: bytes, *headers: tuple[bytes, bytes]) -> "Representation":
        """A representation whose ETag depends on the bytes alone."""
        etag = f'"{sha256(body).hexdigest()[:32]}"'
        return cls(body, etag, ((b"etag", etag.encode()), VARY, *headers))


@dataclass(frozen=True, slots=True)
class Content:
    """A page or file in all its codings."""

    plain: Representation
    compressed: Mapping[Coding, Representation]
    """Empty if the content is too short to be worth compressing."""
    media_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(
        cls, body: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> "Content":
        """Content in every coding. Takes 10 ms per MB; safe to call in a thread."""
        codings = CODINGS.values() if len(body) >= WORTH_IT else ()
        compressed = {
            each: Representation.of(b"".join(stream([body], each)), each.header) for each in codings
        }
        return cls(Representation.of(body), compressed, media_type, headers or {})

    async def send(self, scope: Scope, send: Send, timeout: float) -> None:
        """Answer a GET or HEAD: 304 if the client has the content (RFC 9110, section 13.1.2).

        Browsers may cache it unless the request had a token. Raises ClientGone when sending takes
        more than `timeout` seconds beyond what SLOWEST_READER needs.
        """
        exchange = exchange_of(scope)
        if exchange.subject is None:
            exchange.headers_out[:] = [
                NO_CACHE if each is NO_STORE else each for each in exchange.headers_out
            ]
        chosen = self._choose(exchange.headers.get(b"accept-encoding"))
        known = exchange.headers.get(b"if-none-match", b"").decode("latin-1")
        fresh = matches(known, chosen.etag)
        headers = [
            *chosen.headers,
            *((name.lower().encode(), value.encode()) for name, value in self.headers.items()),
            *HEADERS,
        ]
        if not fresh:
            headers.append((b"content-length", b"%d" % len(chosen.body)))
            headers.append((b"content-type", self.media_type.encode()))
        start: Message = {
            "type": "http.response.start",
            "status": 304 if fresh else 200,
            "headers": headers,
        }
        body = b"" if fresh else chosen.body
        try:
            async with asyncio.timeout(timeout + len(body) / SLOWEST_READER):
                await send(start)
                await send({"type": "http.response.body", "body": body})
        except TimeoutError:
            raise ClientGone from None

    def _choose(self, accept_encoding: bytes | None) -> Representation:
        """The representation that a client prefers, of those that there are."""
        coding = None if accept_encoding is None else choose(accept_encoding).coding
        return self.plain if coding is None else self.compressed.get(coding, self.plain)


def matches(if_none_match: str, etag: str) -> bool:
    """Whether a client has this ETag, by weak comparison."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or "*" in known


def serve(content: Content, *, timeout: float) -> ASGIApp:
    """An app that sends this content."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await content.send(scope, send, timeout)

    return app
