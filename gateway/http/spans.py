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
    """Decides as the caller has, and for requests that are in no trace by chance."""

    def __init__(self, ratio: float) -> None:
        """`ratio` of the requests without a trace begin one that is recorded (0 to 1)."""
        self._below = round(ratio * 2**64)

    def begin(self, given: TraceContext | None) -> tuple[TraceContext, Spans | None]:
        """The context of a request whose caller sends this one, and its spans if it is sampled."""
        if given is not None:
            if not given.sampled:
                return given, None
            spans = Spans(span_id(), given.parent_id)
            return given._replace(parent_id=spans.request), spans
        sampled = getrandbits(64) < self._below
        trace = f"{getrandbits(128) or 1:032x}"
        root = TraceContext(trace, span_id(), SAMPLED if sampled else 0)
        return root, Spans(root.parent_id, "") if sampled else None


def span_id() -> str:
    """A new id."""
    return f"{getrandbits(64) or 1:016x}"
