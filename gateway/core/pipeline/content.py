"""Pages and files for browsers: compressed, with ETag and headers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.pipeline.content_coding import (
    CODINGS,
    MIN_COMPRESSED_BYTES,
    VARY,
    Coding,
    choose,
    stream,
)
from gateway.core.pipeline.context import ClientGone, context_of

READ_MIN_BYTES_PER_SECOND = 16 * 1024
"""A client that reads more slowly is disconnected."""
NO_CACHE = (b"cache-control", b"no-cache")
"""Browsers may keep a copy, and revalidate it each time."""
HEADERS = (
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""On every page and file."""


@dataclass(frozen=True, slots=True)
class Content:
    """A page or file: plain, and in each coding if it is long enough."""

    forms: Mapping[Coding | None, bytes]
    etags: Mapping[Coding | None, str]
    """A hash of each form (RFC 9110, section 8.8.3.3)."""
    media_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(
        cls, body: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> "Content":
        """Takes 10 ms per MB; safe in a thread."""
        forms: dict[Coding | None, bytes] = {None: body}
        if len(body) >= MIN_COMPRESSED_BYTES:
            forms |= {each: b"".join(stream([body], each)) for each in CODINGS.values()}
        etags = {each: f'"{sha256(form).hexdigest()[:32]}"' for each, form in forms.items()}
        return cls(forms, etags, media_type, headers or {})

    async def send(self, scope: Scope, send: Send, timeout: float) -> None:
        """Answer a GET or HEAD: 304 if the client has the content (RFC 9110, section 13.1.2).

        Browsers may cache it unless the request had a token. Raises ClientGone when sending takes
        `timeout` seconds more than READ_MIN_BYTES_PER_SECOND allows.
        """
        context = context_of(scope)
        if context.subject is None:
            context.response.may_be_kept(NO_CACHE)
        accepted = context.request.headers.get(b"accept-encoding")
        coding = None if accepted is None else choose(accepted).coding
        if coding not in self.forms:
            coding = None
        body, etag = self.forms[coding], self.etags[coding]
        known = context.request.headers.get(b"if-none-match", b"").decode("latin-1")
        fresh = matches(known, etag)
        headers = [
            (b"etag", etag.encode()),
            VARY,
            *(() if coding is None else (coding.header,)),
            *((name.lower().encode(), value.encode()) for name, value in self.headers.items()),
            *HEADERS,
        ]
        if fresh:
            body = b""
        else:
            headers.append((b"content-length", b"%d" % len(body)))
            headers.append((b"content-type", self.media_type.encode()))
        start: Message = {
            "type": "http.response.start",
            "status": 304 if fresh else 200,
            "headers": headers,
        }
        try:
            async with asyncio.timeout(timeout + len(body) / READ_MIN_BYTES_PER_SECOND):
                await send(start)
                await send({"type": "http.response.body", "body": body})
        except TimeoutError:
            raise ClientGone from None


def matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison (RFC 9110 section 8.8.3.2)."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag.removeprefix("W/") in known or "*" in known


def serve(content: Content, *, timeout: float) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await content.send(scope, send, timeout)

    return app
