"""The audit log: who has changed what, and who was not allowed to.

A line of JSON for each native call that changes something. Without AUDIT_SYNC it is written when
the call has ended, before the client is answered. With it there are two: the intent is on disk
before Cuebot is called, and the outcome before the client is answered.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import getrandbits

import orjson
from google.protobuf.message_factory import GetMessageClass

from gateway.access.tokens import Principal
from gateway.calls.invoke import Call, Found
from gateway.codec.fields import is_message
from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor, ReadDenied
from gateway.long_work import in_turns
from gateway.observe.access_log import second
from gateway.observe.audit_file import STDOUT, AuditFile, check_place
from gateway.observe.audit_request import (
    LARGEST_PARSED,
    LONGEST,
    Hides,
    hidden_names,
    shown_in_steps,
    shown_request,
)
from gateway.observe.audit_writer import MOST_KEPT, StraightWriter, SyncedWriter, reason_of
from gateway.observe.denials import Denials
from gateway.observe.logs import dump_line
from gateway.schema.method import Method
from gateway.settings.model import Settings
from gateway.settings.reloadable import Commit, Reloadable

INTENT, OUTCOME = "intent", "outcome"
CANCELLED = Code.CANCELLED, Code.CANCELLED.http_status
"""The outcome of a call that has been given up: Cuebot may have made it."""
REFUSED, MADE = "are refused", "are made"
"""What becomes of changes that cannot be written down, as AUDIT_FAIL has it."""

LONGEST_CLAIMS = 1000
"""Bytes of the claims that a line shows."""


@dataclass(slots=True)
class Entry:
    """What is written down of one call."""

    context: RequestContext
    method: Method
    payload: bytes
    hides: Hides
    found: Sequence[Found] = ()
    """What of the request the gateway has looked up."""
    call: str = field(default_factory=lambda: f"{getrandbits(64):016x}")
    """The same in both lines of a call, and in no others."""
    began: float = field(default_factory=time.monotonic)
    _request: bytes = b""

    async def look(self) -> None:
        """Look at all of a large request, before the call is made; the line has it then."""
        if len(self.payload) > LARGEST_PARSED:
            kind, told = self.method.descriptor.input_type, values_of(self.found)
            self._request = await in_turns(
                shown_in_steps(self.method.encoders, kind, self.payload, self.hides, told)
            )

    def line(
        self, phase: str, outcome: tuple[Code, int] | None = None, *, called: bool = True
    ) -> bytes:
        """A line, with the outcome if that is known, and whether Cuebot was called."""
        if not self._request:
            kind, told = self.method.descriptor.input_type, values_of(self.found)
            self._request = shown_request(
                self.method.encoders, kind, self.payload, self.hides, told
            )
        fields = head_of(self.context, phase, self.method.path)
        fields["call"] = self.call
        fields["request"] = orjson.Fragment(self._request)
        if self.found:
            fields["found"] = shown_found(self.found, self.hides)
        if outcome is not None:
            code, fields["status"] = outcome
            fields["code"] = code.name
            if not called:
                fields["called"] = False
            fields["ms"] = round((time.monotonic() - self.began) * 1000, 2)
        return as_line(fields)


def values_of(found: Iterable[Found]) -> dict[str, set[object]]:
    """By what look-ups have found: the values by which they have."""
    told: dict[str, set[object]] = {}
    for each in found:
        asked = GetMessageClass(each.method.descriptor.input_type).FromString(each.asked)
        values = (value for field, value in asked.ListFields() if not is_message(field))
        told.setdefault(str(each.value), set()).update(
            value for value in values if isinstance(value, str | int | float)
        )
    return told


def shown_found(found: Sequence[Found], hides: Hides) -> dict[str, object]:
    """By the fields of a request whose contents were looked up: by what."""
    room = LONGEST // len(found)
    return {
        each.place: orjson.Fragment(
            shown_request(
                each.method.encoders,
                each.method.descriptor.input_type,
                each.asked,
                hides,
                room=room,
            )
        )
        for each in found
    }


def head_of(context: RequestContext, phase: str, method: str | None) -> dict[str, object]:
    """What every line begins with."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return {
        "time": f"{second(seconds)}.{nanoseconds // 1000:06}Z",
        "phase": phase,
        "id": context.request.id,
        "subject": context.subject,
        "claims": shown_claims(context.caller),
        "client": context.request.client,
        "method": method,
    }


def shown_claims(caller: Principal | None) -> dict[str, object]:
    """The claims that have decided, or that they are too long to be shown."""
    claims = {} if caller is None else caller.deciding_claims
    size = len(orjson.dumps(claims, default=str))
    return claims if size <= LONGEST_CLAIMS else dict.fromkeys(claims, "…")


def denied_line(
    context: RequestContext, code: Code, status: int, hides: Hides, count: int = 0
) -> bytes:
    """The line of a call that a rule of access has denied; Cuebot was not called.

    With a count, it is the last of so many that have one line together.
    """
    denial = context.call.denied
    assert denial is not None
    fields = head_of(context, OUTCOME, denial.method.path)
    if context.dry_run:
        fields["dry_run"] = True
    if denial.payload is not None:
        kind, encoders = denial.method.descriptor.input_type, denial.method.encoders
        fields["request"] = orjson.Fragment(shown_request(encoders, kind, denial.payload, hides))
    fields["denied"] = denial.rule
    fields["status"] = status
    fields["code"] = code.name
    fields |= {"count": count} if count else {"ms": round(context.request.age * 1000, 2)}
    return as_line(fields)


def as_line(fields: dict[str, object]) -> bytes:
    return dump_line(fields).encode() + b"\n"


class AuditLog(Interceptor):
    """Writes a line for each call that changes something, and for each that is denied."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError when AUDIT_LOG cannot be written."""
        durable = settings.audit_sync
        file = open_file(settings, durable=durable)
        self._straight = StraightWriter(file, "") if not durable else None
        self._synced = SyncedWriter(file, "") if durable else None
        self._denials = Denials(self._count_denied)
        self._obey(settings)

    async def deny(self, context: RequestContext, error: GatewayError, read: ReadDenied) -> None:
        room = len(self._writer.kept.lines) <= MOST_KEPT // 2  # the rest of it is for changes
        if not self._denials.admits(context, room=room):
            return
        await read()
        line = denied_line(context, error.code, error.status, self._hides)
        if self._synced is not None:
            await self._synced.put(line)
        else:
            self._put_soon(line)

    def end_period(self) -> None:
        """Write down how many denied calls have had no line so far."""
        self._denials.end_period()

    def _count_denied(self, last: RequestContext, number: int) -> None:
        """Write down calls that had no line each."""
        code = last.response.code or Code.PERMISSION_DENIED
        self._put_soon(denied_line(last, code, last.response.status, self._hides, number))

    def _put_soon(self, line: bytes) -> None:
        if self._straight is not None:
            self._straight.put(line)
        elif self._synced is not None:
            self._synced.put_soon(line)

    def around(self, context: RequestContext, call: Call) -> Call:
        around = self._call_straight if self._synced is None else self._call_synced

        async def written_down(
            method: Method, payload: bytes, found: Sequence[Found] = ()
        ) -> bytes:
            if method.reads_only:
                return await call(method, payload, found)
            entry = Entry(context, method, payload, self._hides, found)
            await entry.look()
            return await around(entry, call)

        return written_down

    @property
    def lag(self) -> float:
        """Seconds for which the oldest unwritten line has been waiting; 0 if there is none."""
        since = self._writer.waits_since
        return time.monotonic() - since if since else 0.0

    @property
    def lost(self) -> int:
        """Lines that have been given up."""
        return self._writer.kept.lost

    async def close(self) -> None:
        """Write what is left."""
        self.end_period()
        await self._writer.close()

    def reloadable(self) -> Reloadable:
        """The file is opened anew, so that it can be rotated."""

        def prepare(settings: Settings) -> Commit:
            if settings.audit_log is None:
                raise ConfigurationError("AUDIT_LOG: without it only a restart")
            file = open_file(settings, durable=self._synced is not None)

            def commit() -> None:
                self._writer.use(file)
                self._obey(settings)

            return commit

        names = ("audit_log", "audit_fail", "audit_redact")
        return Reloadable("the audit log's settings", names, prepare)

    @property
    def _writer(self) -> StraightWriter | SyncedWriter:
        writer = self._straight or self._synced
        assert writer is not None
        return writer

    def _obey(self, settings: Settings) -> None:
        self._hides = hidden_names(settings.audit_redact)
        self._closed = settings.audit_fail == "closed"
        self._writer.kept.then = REFUSED if self._closed else MADE

    def _admit(self, method: Method, problem: OSError | None) -> None:
        """Raises GatewayError if a call cannot be written down and therefore must not be made."""
        if problem is not None and self._closed:
            raise GatewayError(
                Code.UNAVAILABLE,
                f"{method.path} was not called: the gateway's audit log cannot be written"
                f" ({reason_of(problem)})",
                cause="audit_log",
            )

    async def _call_straight(self, entry: Entry, call: Call) -> bytes:
        writer = self._straight
        assert writer is not None
        self._admit(entry.method, writer.problem())
        entry.began = time.monotonic()
        try:
            answer = await call(entry.method, entry.payload, entry.found)
        except BaseException as error:
            writer.put(entry.line(OUTCOME, outcome_of(error)))
            raise
        writer.put(entry.line(OUTCOME, (Code.OK, Code.OK.http_status)))
        return answer

    async def _call_synced(self, entry: Entry, call: Call) -> bytes:
        writer, context = self._synced, entry.context
        assert writer is not None

        async def ended(*outcome: *tuple[Code, int]) -> None:
            began = time.monotonic()
            await writer.put(entry.line(OUTCOME, outcome))
            count_as_waiting(context, began)

        try:
            problem, may_be_there = await writer.write(entry.line(INTENT))
        except asyncio.CancelledError:
            writer.put_soon(entry.line(OUTCOME, CANCELLED, called=False))
            raise
        count_as_waiting(context, entry.began)
        try:
            self._admit(entry.method, problem)
        except GatewayError as error:
            if may_be_there:
                writer.put_soon(entry.line(OUTCOME, outcome_of(error), called=False))
            raise
        entry.began = time.monotonic()
        try:
            answer = await call(entry.method, entry.payload, entry.found)
        except BaseException as error:
            await ended(*outcome_of(error))
            raise
        await ended(Code.OK, Code.OK.http_status)
        return answer


def count_as_waiting(context: RequestContext, began: float) -> None:
    """The time since then is none that Cuebot has taken, within which it will be counted."""
    seconds = time.monotonic() - began
    context.waited += seconds
    context.call.with_cuebot -= seconds


def outcome_of(error: BaseException) -> tuple[Code, int]:
    """The code and the HTTP status of a call that has ended like this."""
    if isinstance(error, GatewayError):
        return error.code, error.status
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    return Code.INTERNAL, Code.INTERNAL.http_status


def open_audit(settings: Settings) -> AuditLog | None:
    """The audit log, if there is to be one. Raises ConfigurationError."""
    check_sync(settings)
    return AuditLog(settings) if settings.audit_log is not None else None


def check_audit(settings: Settings) -> None:
    """Raises ConfigurationError if there could not be the audit log that is asked for."""
    check_sync(settings)
    if settings.audit_log is not None:
        check_place(settings.audit_log)


def check_sync(settings: Settings) -> None:
    """Raises ConfigurationError if there is no file to sync."""
    if settings.audit_sync and settings.audit_log in (None, STDOUT):
        raise ConfigurationError("AUDIT_SYNC: needs a file in AUDIT_LOG")


def open_file(settings: Settings, *, durable: bool) -> AuditFile:
    """The file that AUDIT_LOG names. Raises ConfigurationError."""
    return AuditFile(settings.audit_log or "", durable=durable)
