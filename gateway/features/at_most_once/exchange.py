"""Idempotency-Key on a change: the call is made once, and a repetition gets the first answer.

A record is read before everything else, written right before the first call that changes something,
and again after the last one. What has failed before the call leaves none. See
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
"""

import asyncio
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from math import ceil
from random import getrandbits
from time import monotonic
from typing import Literal, NamedTuple
from urllib.parse import quote

import orjson
from starlette.types import Receive, Send

from gateway.core.calls.invoke import Call
from gateway.core.calls.plan import Found
from gateway.core.direct_connection import TWICE
from gateway.core.errors import Code, Details, Fate, GatewayError
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.context import JSON_TYPE, CallState, ClientGone, RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.exchange import Exchange, Inherited
from gateway.core.pipeline.form import Form, form_for, form_of, pieces_of
from gateway.core.pipeline.request import CallRequest, RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.schema.method import Method
from gateway.features.at_most_once.key_records import LARGEST_KEPT_BYTES, Owned, Record, Records

KEY_HEADER = b"idempotency-key"
REPLAYED = (b"idempotent-replayed", b"true")
QUOTED_KEY = re.compile(rb'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"')
"""A string of structured fields (RFC 8941), without parameters."""
BARE_KEY = re.compile(rb"[!#-~][ -~]{0,254}")
ESCAPED = re.compile(rb"\\(.)")
BINARY = b"\0protobuf\0"
"""Begins what is hashed of a protobuf message: no JSON does, and the empty body is both."""
MARGIN_SECONDS = 10.0
"""For all that happens after a call until its outcome is written down."""
LONGEST_HASHED_AT_ONCE = 2**20
LONGEST_KEPT_ERROR = 500


class Taken(GatewayError):
    """Another request has claimed the key in the meantime."""

    def __init__(self, record: Record) -> None:
        super().__init__(Code.ABORTED, "another request with this Idempotency-Key was faster")
        self.record = record


class Attempt:
    """The calls of one request under a key."""

    def __init__(
        self,
        records: Records,
        owned: Owned,
        record: Record,
        call: CallState,
        reported: Collection[bytes] = (),
    ) -> None:
        """`reported`: headers that are kept with an error."""
        self._records = records
        self._reported = reported
        self._call = call
        self._owned = owned
        self._record = replace(record, kept=b"%016x" % getrandbits(64))
        self._is_claimed = False
        self._fate: Fate = "not sent"

    def around(self, call: Call) -> Call:
        """Claims the key before the first call that changes something."""

        async def noted(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
            if method.reads_only:
                return await call(method, payload, found)
            if not self._is_claimed:
                self._call.outlives_client = True
                await self._claim()
            before, self._fate = self._fate, "unknown"
            try:
                answer = await call(method, payload, found)
            except GatewayError as error:
                self._fate = before if error.fate == "not sent" else error.fate
                raise
            self._fate = "answered"
            return answer

        return noted

    async def _claim(self) -> None:
        try:
            known = await self._records.claim(self._owned, self._record)
            if known is not None:
                raise Taken(known)
        except GatewayError as error:
            error.fate = "kept back"
            raise
        self._is_claimed = True

    async def succeed(self, kept: bytes) -> None:
        await self._finish(self._outcome("done", kept))

    async def break_off(self, why: str) -> None:
        """Ends without an answer or an error."""
        unsent = self._fate == "not sent"
        await self._finish(None if unsent else self._outcome("unknown", why.encode()))

    async def fail(self, context: RequestContext, error: GatewayError) -> None:
        if self._fate == "not sent":
            await self._finish(None)
        elif self._fate == "answered":
            told = those(self._reported, context.response.headers)
            headers = [*told, *error.raw_headers()]
            kept = KeptAnswer(error.status, headers, error.body(), error.details.packed)
            await self._finish(self._outcome("failed", kept.dump()))
        else:
            said = f"{error.code.name}: {error.message}"[:LONGEST_KEPT_ERROR]
            await self._finish(self._outcome("unknown", said.encode()))

    def _outcome(self, state: Literal["done", "failed", "unknown"], kept: bytes) -> Record:
        kept = kept if len(kept) <= LARGEST_KEPT_BYTES else b""
        return replace(self._record, state=state, kept=kept)

    async def _finish(self, outcome: Record | None) -> None:
        if self._is_claimed:
            await self._records.finish(self._owned, self._record, outcome)


class KeyedChanges(Exchange):
    headers = frozenset((KEY_HEADER,))

    def __init__(
        self,
        records: Records,
        requests: RequestReader,
        calls: CallMaker,
        responder: Responder,
        *,
        longest_call: float,
        reported: Collection[bytes],
    ) -> None:
        """`reported`: lower-case names of headers that are kept with an answer."""
        self._records = records
        self._reported = reported
        self._requests = requests
        self._calls = calls
        self._responder = responder
        self._lost_after = longest_call + MARGIN_SECONDS

    def read_head(self, context: RequestContext) -> None:
        check_one(context.request.headers.get(KEY_HEADER, b""))

    def inherited(self, context: RequestContext) -> Inherited | None:
        key = context.request.headers.get(KEY_HEADER)
        if key is None:
            return None
        check_one(key)
        key_of(key)
        return Inherited(KEY_HEADER, partial(key_of_part, key), differs=True)

    def serves(self, method: Method) -> bool:
        return not method.reads_only

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        return KEY_HEADER in context.request.headers

    async def answer(
        self,
        context: RequestContext,
        request: CallRequest,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        """Make the call, or repeat its answer. Raises GatewayError and ClientGone.

        The call goes on to its end when the client leaves, so that the next request gets its
        answer; it keeps its slot in flight until then.
        """
        began = monotonic()
        method, caller = request.plan.method, context.caller
        assert caller is not None, "no method is called without a token"
        owned = owned_by(context.principal, method, key_of(context.request.headers[KEY_HEADER]))
        is_binary = request.form is not None and request.form.is_message
        fingerprint = await digest_of(BINARY + body if is_binary else body)
        asked = Record(fingerprint, caller.rights.basis(caller.claims))
        known = await self._records.read(owned)
        context.note_wait(monotonic() - began)
        self._requests.reauthorize(context, request.catalog, method, request.plan)
        if known is None:
            if context.direct is not None and context.direct.disconnected:
                raise ClientGone
            attempt = Attempt(self._records, owned, asked, context.call, self._reported)
            try:
                form = await self._call(context, request, attempt)
            except Taken as taken:
                known = taken.record
        if known is not None:
            form = await self._repeat(context, request, asked, known, receive)
        within = max(request.timeout - (monotonic() - began), 0)
        with CancelOnDisconnect(context, receive):
            await self._responder.send(context, form, send, within=within)

    async def _call(self, context: RequestContext, request: CallRequest, attempt: Attempt) -> Form:
        try:
            answer = await self._calls.call(context, request, attempt.around)
            if len(answer) > LARGEST_KEPT_BYTES:
                form, kept = form_of(context, request, answer), b""
            else:
                whole = b"".join(pieces_of(request, answer))
                form = form_for(context, (whole,), request.content_type)
                told = those(self._reported, context.response.headers)
                headers = [*told, request.content_type]
                is_binary = request.form is not None and request.form.is_message
                body, packed = (b"", answer) if is_binary else (whole, b"")
                kept = KeptAnswer(Code.OK.http_status, headers, body, packed).dump()
        except Taken:
            raise
        except GatewayError as error:
            await attempt.fail(context, error)
            raise
        except asyncio.CancelledError:  # by a stop, not by the client
            await attempt.break_off("the gateway stopped")
            raise
        except Exception:
            await attempt.break_off("the gateway failed")
            raise
        await attempt.succeed(kept)
        return form

    async def _repeat(
        self,
        context: RequestContext,
        request: CallRequest,
        asked: Record,
        known: Record,
        receive: Receive,
    ) -> Form:
        path = request.plan.method.path
        if known.fingerprint != asked.fingerprint:
            problem = "this Idempotency-Key was used with another body; nothing was called"
            raise GatewayError(Code.INVALID_ARGUMENT, problem, status=422)
        left = self._lost_after - known.age
        if known.state == "pending" and left > 0:
            problem = f"{path} is being called with this Idempotency-Key"
            raise GatewayError(Code.ABORTED, problem, headers={"Retry-After": str(ceil(left))})
        if known.basis != asked.basis:
            with CancelOnDisconnect(context, receive):
                await self._calls.rehearse(context, request)
        when = datetime.fromtimestamp(time.time() - known.age, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        called = f"{path} was called with this Idempotency-Key at {when}"
        if known.state in ("pending", "unknown"):
            said = known.kept.decode(errors="replace")
            if known.state == "pending":
                said = "the gateway has not seen its end"
            problem = f"outcome unknown: {called} ({said}), and is not called again"
            raise GatewayError(Code.FAILED_PRECONDITION, problem, status=409)
        if not known.kept and known.state == "failed":
            problem = f"{called} and failed; its error was too large to be kept"
            raise GatewayError(Code.FAILED_PRECONDITION, problem, status=409)
        if not known.kept:
            problem = f"{called} and succeeded; its answer was too large to be kept"
            raise GatewayError(Code.ALREADY_EXISTS, problem)
        kept = KeptAnswer.load(known.kept)
        response = context.response
        response.headers = [each for each in response.headers if each[0] not in self._reported]
        response.headers += (REPLAYED, *those(self._reported, kept.headers))
        if known.state == "failed":
            raise kept.error(self._reported)
        response.code = Code.OK
        if request.form is not None and request.form.is_message:
            whole = b"".join(request.form.encode(kept.packed))
            return form_for(context, (whole,), request.content_type)
        return form_for(context, (kept.body,), kept.content_type)


class KeptAnswer(NamedTuple):
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    """Of plain JSON."""
    packed: bytes = b""
    """Cuebot's answer, if the request was protobuf, or the `google.rpc.Status` of its error."""

    def dump(self) -> bytes:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers
        ]
        shape = [self.status, headers, self.body.decode()]
        if self.packed:
            shape.append(b64encode(self.packed).decode())
        return orjson.dumps(shape)

    @staticmethod
    def load(dumped: bytes) -> "KeptAnswer":
        status, headers, body, *more = orjson.loads(dumped)
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return KeptAnswer(status, pairs, body.encode(), b64decode(more[0]) if more else b"")

    @property
    def content_type(self) -> tuple[bytes, bytes]:
        return next(each for each in self.headers if each[0] == JSON_TYPE[0])

    def error(self, apart: Collection[bytes]) -> GatewayError:
        """The error, without the headers of these names."""
        shape = orjson.loads(self.body)
        return GatewayError(
            Code(shape["code"]),
            shape["message"],
            status=self.status,
            cuebot=shape.get("cuebot", ""),
            details=Details(shape.get("details", ()), self.packed),
            headers={
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in self.headers
                if name not in apart
            },
        )


def those(
    names: Collection[bytes], headers: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    return [each for each in headers if each[0] in names]


def check_one(header: bytes) -> None:
    """Raises GatewayError (INVALID_ARGUMENT) for two keys: which one is meant, nobody knows."""
    if TWICE in header:
        problem = "more than one Idempotency-Key in one request; nothing was called"
        raise GatewayError(Code.INVALID_ARGUMENT, problem)


def key_of(header: bytes) -> bytes:
    """The key, whether it is in quotes or not. Raises GatewayError (INVALID_ARGUMENT)."""
    if (quoted := QUOTED_KEY.fullmatch(header)) is not None:
        return ESCAPED.sub(rb"\1", quoted[1])
    if BARE_KEY.fullmatch(header) is None:
        problem = "Idempotency-Key: expected 1 to 255 printable ASCII characters, best in quotes"
        raise GatewayError(Code.INVALID_ARGUMENT, f"{problem}; nothing was called")
    return header


def key_of_part(key: bytes, id_: str) -> bytes:
    """`<key>/<id>`, quoted if the key is."""
    own = b"/" + quote(id_, safe="").encode()
    key = key.strip()
    is_quoted = len(key) > 1 and key.startswith(b'"') and key.endswith(b'"')
    return key[:-1] + own + b'"' if is_quoted else key + own


def owned_by(principal: str, method: Method, key: bytes) -> Owned:
    whole = orjson.dumps([principal, method.path, key.decode()])
    return Owned(principal, sha256(whole).hexdigest())


async def digest_of(body: bytes) -> str:
    if len(body) <= LONGEST_HASHED_AT_ONCE:
        return sha256(body).hexdigest()
    return (await asyncio.to_thread(sha256, body)).hexdigest()
