"""Pages and files for browsers, with ETag and headers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.pipeline.content_coding import Coding, Headers
from gateway.core.pipeline.context import ClientGone, context_of

MADE_AT_ONCE_BYTES = 64 * 1024
"""Coded and hashed where it is asked for, in less than 1 ms."""
READ_MIN_BYTES_PER_SECOND = 16 * 1024
"""A client that reads more slowly is disconnected."""
NO_CACHE = (b"cache-control", b"no-cache")
"""Browsers may keep a copy, and revalidate it each time."""
HEADERS = (
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""On every page and file."""


class Form(NamedTuple):
    body: bytes
    etag: str
    """A hash of the body (RFC 9110, section 8.8.3.3)."""
    headers: Headers


@dataclass(frozen=True, slots=True)
class Content:
    """A page or file, and its forms by the codings that have been asked for."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    _forms: dict[Coding, Form] = field(default_factory=dict, init=False)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def form(self, coding: Coding) -> Form:
        """Made once, in a thread if it takes long: 10 ms per MB."""
        form = self._forms.get(coding)
        if form is not None:
            return form
        async with self._making:
            form = self._forms.get(coding)
            if form is None and len(self.body) <= MADE_AT_ONCE_BYTES:
                form = made(self.body, coding)
            elif form is None:
                form = await asyncio.to_thread(made, self.body, coding)
            self._forms[coding] = form
        return form

    async def send(self, scope: Scope, send: Send, timeout: float) -> None:
        """Answer a GET or HEAD: 304 if the client has the content (RFC 9110, section 13.1.2).

        Browsers may cache it unless the request had a token. Raises ClientGone when sending takes
        `timeout` seconds more than READ_MIN_BYTES_PER_SECOND allows.
        """
        context = context_of(scope)
        if context.subject is None:
            context.response.may_be_kept(NO_CACHE)
        body, etag, coded = await self.form(context.response.coding)
        known = context.request.headers.get(b"if-none-match", b"").decode("latin-1")
        fresh = matches(known, etag)
        headers = [
            (b"etag", etag.encode()),
            *coded,
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


def made(body: bytes, coding: Coding) -> Form:
    pieces, headers = coding.coded((body,))
    body = b"".join(pieces)
    return Form(body, f'"{sha256(body).hexdigest()[:32]}"', headers)


def matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison (RFC 9110 section 8.8.3.2)."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag.removeprefix("W/") in known or "*" in known


def serve(content: Content, *, timeout: float) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await content.send(scope, send, timeout)

    return app
