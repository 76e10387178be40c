"""The audit log: who has changed what, and who was denied it.

Each native call that changes something has a line of JSON. Without AUDIT_SYNC, the line is written
between the end of the call and the answer to the client. With AUDIT_SYNC there are two: the intent
is on disk before Cuebot is called, and the outcome before the client is answered.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import getrandbits

import orjson
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.invoke import Call
from gateway.core.calls.plan import Found
from gateway.core.codec.fields import is_message
from gateway.core.errors import Code, ConfigurationError, GatewayError, OwnCause
from gateway.core.logs import dump_line, milliseconds, timestamp
from gateway.core.long_work import in_turns
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor, ReadDenied
from gateway.core.pipeline.log_fields import AddFields, LogFields, add_fields
from gateway.core.principal import Principal
from gateway.core.schema.method import Method
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway.features.audit.audit_request import (
    NOTHING_KNOWN,
    PARSED_MAX_BYTES,
    SHOWN_MAX_CHARACTERS,
    Hides,
    Known,
    hidden_names,
    shown_in_steps,
    shown_request,
)
from gateway.features.audit.audit_writer import (
    STDOUT,
    AuditFile,
    AuditWriter,
    SyncedWriter,
    check_place,
    reason_of,
)
from gateway.features.audit.settings import AuditSettings

CANNOT_WRITE = OwnCause("audit_log")
INTENT, OUTCOME = "intent", "outcome"
CANCELLED = Code.CANCELLED, Code.CANCELLED.http_status
"""The outcome of an abandoned call: Cuebot may have made the change."""
REFUSED, MADE = "are refused", "are made"
"""What AUDIT_FAIL does with changes that cannot be written down."""

CLAIMS_MAX_BYTES = 1000
DENIED_MAX_LINES = 60
"""Per subject and period: a token without rights must not fill the disk."""
DENIED_PERIOD_SECONDS = 60.0


@dataclass(slots=True)
class Entry:
    """One call, for its lines."""

    context: RequestContext
    method: Method
    added: Sequence[AddFields]
    """Of `LogFields.changed_objects`."""
    call: str = field(default_factory=lambda: f"{getrandbits(64):016x}")
    """The id that both lines of a call have."""
    began: float = field(default_factory=time.monotonic)
    _shown: dict[str, object] = field(default_factory=dict)

    async def look(self, payload: bytes, found: Sequence[Found], hides: Hides) -> None:
        """Read the request, and what the gateway has looked up for it."""
        request = await shown(self.method, payload, hides, values_of(found))
        self._shown["request"] = orjson.Fragment(request)
        if found:
            room = SHOWN_MAX_CHARACTERS // len(found)
            self._shown["found"] = {
                each.place: orjson.Fragment(await shown(each.method, each.asked, hides, room=room))
                for each in found
            }

    def line(
        self, phase: str, outcome: tuple[Code, int] | None = None, *, called: bool = True
    ) -> bytes:
        fields = head_of(self.context, phase, self.method.path)
        fields["call"] = self.call
        fields |= self._shown
        add_fields(self.added, self.context, fields)
        if outcome is not None:
            code, fields["status"] = outcome
            fields["code"] = code.name
            if not called:
                fields["called"] = False
            fields["ms"] = milliseconds(time.monotonic() - self.began)
        return as_line(fields)


async def shown(
    method: Method,
    payload: bytes,
    hides: Hides,
    known: Known = NOTHING_KNOWN,
    room: int = SHOWN_MAX_CHARACTERS,
) -> bytes:
    """JSON of a request; a large one is read in turns of the event loop."""
    kind = method.descriptor.input_type
    return await in_turns(shown_in_steps(method.encoders, kind, payload, hides, known, room))


def values_of(found: Iterable[Found]) -> Known:
    """By the value that a look-up has found: the values that it was found by."""
    known: dict[str, set[object]] = {}
    for each in found:
        asked = GetMessageClass(each.method.descriptor.input_type).FromString(each.asked)
        values = (value for field, value in asked.ListFields() if not is_message(field))
        known.setdefault(str(each.value), set()).update(
            value for value in values if isinstance(value, str | int | float)
        )
    return known


def head_of(context: RequestContext, phase: str, method: str | None) -> dict[str, object]:
    """The fields that every line begins with."""
    fields: dict[str, object] = {
        "time": timestamp(),
        "phase": phase,
        "id": context.request.id,
        "subject": context.subject,
        "claims": shown_claims(context.caller),
        "client": context.request.client,
    }
    if via := context.request.via:
        fields["via"] = via
    fields["method"] = method
    return fields


def shown_claims(caller: Principal | None) -> dict[str, object]:
    """The claims that have decided, or `…` for each if they are too long."""
    claims = {} if caller is None else caller.deciding_claims
    size = len(orjson.dumps(claims, default=str))
    return claims if size <= CLAIMS_MAX_BYTES else dict.fromkeys(claims, "…")


def denied_line(
    context: RequestContext,
    code: Code,
    status: int,
    request: bytes | None,
    added: LogFields,
    count: int = 0,
) -> bytes:
    """The line of a call that an access rule has denied.

    With a count, the line stands for so many calls, of which this is the last.
    """
    denial = context.call.denied
    assert denial is not None
    fields = head_of(context, OUTCOME, denial.method.path)
    add_fields(added.denied, context, fields)
    if request is not None:
        fields["request"] = orjson.Fragment(request)
    fields["denied"] = denial.by
    add_fields(added.denied_objects, context, fields)
    fields["status"] = status
    fields["code"] = code.name
    fields |= {"count": count} if count else {"ms": milliseconds(context.request.age)}
    return as_line(fields)


def as_line(fields: dict[str, object]) -> bytes:
    return dump_line(fields).encode() + b"\n"


class AuditLog(Interceptor):
    def __init__(self, settings: AuditSettings, added: LogFields) -> None:
        """Raises ConfigurationError when AUDIT_LOG cannot be written."""
        self._added = added
        self._durable = settings.audit_sync
        file = AuditFile(settings.audit_log or "", durable=self._durable)
        self._writer = SyncedWriter(file) if self._durable else AuditWriter(file)
        self._denied: Counter[str] = Counter()
        """Lines of denied calls in this period, by subject."""
        self._not_written: dict[str, tuple[RequestContext, int]] = {}
        """By subject: the last denied call without a line, and how many there were."""
        self._period: asyncio.TimerHandle | None = None
        self._obey(settings)

    async def deny(self, context: RequestContext, error: GatewayError, read: ReadDenied) -> None:
        """Write a line, or after DENIED_MAX_LINES count the call for a line of all the others."""
        if self._period is None:
            loop = asyncio.get_running_loop()
            self._period = loop.call_later(DENIED_PERIOD_SECONDS, self.end_period)
        subject = context.principal
        if self._denied[subject] >= DENIED_MAX_LINES or not self._writer.has_room:
            _, others = self._not_written.get(subject, (context, 0))
            self._not_written[subject] = context, others + 1
            return
        self._denied[subject] += 1
        await read()
        denial, request = context.call.denied, None
        if denial is not None and denial.payload is not None:
            request = await shown(denial.method, denial.payload, self._hides)
        line = denied_line(context, error.code, error.status, request, self._added)
        if error.code is Code.NOT_FOUND:  # to wait for the disk would tell that the object is there
            self._writer.put_soon(line)
        else:
            await self._writer.put(line)

    def end_period(self) -> None:
        """Write the counts of denied calls without a line, and start over."""
        if self._period is not None:
            self._period.cancel()
            self._period = None
        others, self._not_written = self._not_written, {}
        self._denied.clear()
        for last, number in others.values():
            denial, request = last.call.denied, None
            payload = None if denial is None else denial.payload
            if denial is not None and payload is not None and len(payload) <= PARSED_MAX_BYTES:
                kind, encoders = denial.method.descriptor.input_type, denial.method.encoders
                request = shown_request(encoders, kind, payload, self._hides)
            code, status = last.response.code or Code.PERMISSION_DENIED, last.response.status
            self._writer.put_soon(denied_line(last, code, status, request, self._added, number))

    def depends_on_content(self, context: RequestContext, method: Method) -> bool:
        return not method.reads_only

    def around(self, context: RequestContext, call: Call) -> Call:
        async def written_down(
            method: Method, payload: bytes, found: Sequence[Found] = ()
        ) -> bytes:
            if method.reads_only:
                return await call(method, payload, found)
            entry = Entry(context, method, self._added.changed_objects)
            await entry.look(payload, found, self._hides)
            await self._intend(entry)
            entry.began = time.monotonic()
            try:
                answer = await call(method, payload, found)
            except BaseException as error:
                called = not (isinstance(error, GatewayError) and error.fate == "kept back")
                if called or self._durable:  # there is an intent
                    await self._end(entry, outcome_of(error), called=called)
                raise
            await self._end(entry, (Code.OK, Code.OK.http_status))
            return answer

        return written_down

    async def _intend(self, entry: Entry) -> None:
        """Write the intent. Raises GatewayError if the call must not be made."""
        try:
            problem, may_be_there = await self._writer.intend(partial(entry.line, INTENT))
        except asyncio.CancelledError:
            self._writer.put_soon(entry.line(OUTCOME, CANCELLED, called=False))
            raise
        if self._durable:
            count_as_waiting(entry.context, entry.began)
        if problem is None or not self._closed:
            return
        error = GatewayError(
            Code.UNAVAILABLE,
            f"{entry.method.path} was not called: the gateway's audit log cannot be written"
            f" ({reason_of(problem)})",
            cause=CANNOT_WRITE,
        )
        if may_be_there:
            self._writer.put_soon(entry.line(OUTCOME, outcome_of(error), called=False))
        raise error.again()

    async def _end(self, entry: Entry, outcome: tuple[Code, int], *, called: bool = True) -> None:
        began = time.monotonic()
        await self._writer.put(entry.line(OUTCOME, outcome, called=called))
        if self._durable:
            count_as_waiting(entry.context, began)

    @property
    def lag(self) -> float:
        """Seconds that the oldest unwritten line has waited; 0 without any."""
        since = self._writer.waits_since
        return time.monotonic() - since if since else 0.0

    @property
    def lost(self) -> int:
        return self._writer.lost

    async def close(self) -> None:
        self.end_period()
        await self._writer.close()

    def reloadable(self) -> Reloadable:
        """Opens the file again, so that it can be rotated."""

        def prepare(settings: Settings) -> Commit:
            section = settings.section(AuditSettings)
            if section.audit_log is None:
                raise ConfigurationError("AUDIT_LOG: without it only a restart")
            file = AuditFile(section.audit_log, durable=self._durable)

            def commit() -> None:
                self._writer.use(file)
                self._obey(section)

            return commit

        names = ("audit_log", "audit_fail", "audit_redact")
        return Reloadable("the audit log's settings", names, prepare)

    def _obey(self, settings: AuditSettings) -> None:
        self._hides = hidden_names(settings.audit_redact)
        self._closed = settings.audit_fail == "closed"
        self._writer.changes = REFUSED if self._closed else MADE


def count_as_waiting(context: RequestContext, began: float) -> None:
    """Count the time since then as waiting, not as Cuebot's."""
    seconds = time.monotonic() - began
    context.note_wait(seconds)
    context.call.with_cuebot -= seconds


def outcome_of(error: BaseException) -> tuple[Code, int]:
    if isinstance(error, GatewayError):
        return error.code, error.status
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    return Code.INTERNAL, Code.INTERNAL.http_status


def open_audit(settings: Settings, added: LogFields) -> AuditLog | None:
    """The audit log, if AUDIT_LOG asks for one. Raises ConfigurationError."""
    section = settings.section(AuditSettings)
    check_sync(section)
    return AuditLog(section, added) if section.audit_log is not None else None


def check_audit(settings: Settings) -> None:
    """Raises ConfigurationError if the audit log could not be opened."""
    section = settings.section(AuditSettings)
    check_sync(section)
    if section.audit_log is not None:
        check_place(section.audit_log)


def check_sync(settings: AuditSettings) -> None:
    if settings.audit_sync and settings.audit_log in (None, STDOUT):
        raise ConfigurationError("AUDIT_SYNC: needs a file in AUDIT_LOG")
