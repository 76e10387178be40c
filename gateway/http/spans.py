"""What is noted of a request whose trace is recorded here, and which requests those are."""

from dataclasses import dataclass, field
from random import getrandbits
from time import monotonic
from typing import NamedTuple

from gateway.errors import Code
from gateway.http.trace_context import SAMPLED, TraceContext


class CallTimes(NamedTuple):
    """One call to Cuebot, with its look-ups and follow-ups if it has some."""

    id: str
    began: float
    ended: float
    code: Code


@dataclass(slots=True)
class Spans:
    """The ids of a request's spans, and of their times what the request context does not have.

    Times are seconds on the monotonic clock.
    """

    request: str
    """The id of the request's own span: 16 hexadecimal digits, as the others."""
    parent: str
    """The id of the caller's span; empty if the trace begins here."""
    read: float = 0.0
    """When the whole request had come; 0 before that."""
    call: str = ""
    """The id of the latest call to Cuebot."""
    calls: list[CallTimes] = field(default_factory=list)

    def note_read(self) -> None:
        """The request has come and is about to enter. A GET that waits enters several times."""
        self.read = self.read or monotonic()

    def begin_call(self, trace: TraceContext) -> TraceContext:
        """The context for Cuebot, whose spans belong into that of the call."""
        self.call = span_id()
        return trace._replace(parent_id=self.call)


class Sampler:
    """Decides which requests are recorded, as the samplers of OpenTelemetry do."""

    def __init__(self, ratio: float, *, parent_based: bool = True) -> None:
        """Records this ratio (0 to 1) of traces, or, `parent_based`, of those that begin here."""
        self._below = round(ratio * 2**64)
        self._parent_based = parent_based

    def begin(self, given: TraceContext | None) -> tuple[TraceContext, Spans | None]:
        """The context of a request whose caller sends this one, and its spans if it is sampled."""
        trace_id = f"{getrandbits(128) or 1:032x}" if given is None else given.trace_id
        if given is not None and self._parent_based:
            sampled = given.sampled
        else:
            sampled = int(trace_id[16:], 16) < self._below
        if given is None:
            root = TraceContext(trace_id, span_id(), SAMPLED if sampled else 0)
            return root, Spans(root.parent_id, "") if sampled else None
        if not sampled:
            return given._replace(flags=given.flags & ~SAMPLED), None
        spans = Spans(span_id(), given.parent_id)
        return given._replace(parent_id=spans.request, flags=given.flags | SAMPLED), spans


def span_id() -> str:
    """A new id."""
    return f"{getrandbits(64) or 1:016x}"
