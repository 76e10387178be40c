"""Spans of a recorded trace, and sampling."""

from dataclasses import dataclass, field
from random import getrandbits
from time import monotonic
from typing import NamedTuple

from gateway.errors import Code
from gateway.http.trace_context import SAMPLED, TraceContext


class CallTimes(NamedTuple):
    id: str
    began: float
    ended: float
    code: Code


@dataclass(slots=True)
class Spans:
    """A request's span ids, and times (monotonic seconds) that its context lacks."""

    request: str
    parent: str
    """The caller's span id; empty if the trace begins here."""
    read: float = 0.0
    """When the whole request had arrived; 0 before."""
    call: str = ""
    calls: list[CallTimes] = field(default_factory=list)

    def note_read(self) -> None:
        """Record the time. Of the several times that a waiting GET enters, the first counts."""
        self.read = self.read or monotonic()

    def begin_call(self, trace: TraceContext) -> TraceContext:
        self.call = span_id()
        return trace._replace(parent_id=self.call)


class Sampler:
    def __init__(self, ratio: float, *, parent_based: bool = True) -> None:
        """`ratio` (0 to 1) of traces; with `parent_based`, only of those that begin here."""
        self._below = round(ratio * 2**64)
        self._parent_based = parent_based

    def begin(self, given: TraceContext | None) -> tuple[TraceContext, Spans | None]:
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
    return f"{getrandbits(64) or 1:016x}"
