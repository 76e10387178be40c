"""The W3C trace context (https://www.w3.org/TR/trace-context-2/), sampling, and spans."""

import re
from dataclasses import dataclass, field
from random import getrandbits
from time import monotonic
from typing import NamedTuple

from gateway.core.errors import Code
from gateway.core.upstream.interface import Metadata

TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
"""Version, trace, parent, flags; versions after 00 may have more fields (section 4.3)."""
KNOWN_FLAGS = 0b11
SAMPLED = 0b1
MEMBER = (
    rb"(?:[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}"
    rb"[\x21-\x2b\x2d-\x3c\x3e-\x7e])?"
)
TRACESTATE = re.compile(rb"[ \t]*+%b[ \t]*+(?:,[ \t]*+%b[ \t]*+){0,31}" % (MEMBER, MEMBER))
"""Up to 32 members, possibly empty (section 3.3.1.1)."""
HEADER_MAX_BYTES = 512
"""Limit of a `tracestate` (section 3.3.1.5), and of a later version's `traceparent`."""


class TraceContext(NamedTuple):
    trace_id: str
    """32 hexadecimal digits."""
    parent_id: str
    flags: int
    state: str = ""

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)

    @property
    def metadata(self) -> Metadata:
        parent = ("traceparent", f"00-{self.trace_id}-{self.parent_id}-{self.flags:02x}")
        return (parent, ("tracestate", self.state)) if self.state else (parent,)


def read_context(traceparent: bytes, tracestate: bytes | None) -> TraceContext | None:
    """None for an invalid `traceparent`; an invalid or too long `tracestate` is dropped."""
    if len(traceparent) > HEADER_MAX_BYTES:
        return None
    found = TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[1] == b"00" and found[5]):
        return None
    state = ""
    if tracestate and len(tracestate) <= HEADER_MAX_BYTES and TRACESTATE.fullmatch(tracestate):
        state = tracestate.strip().decode("ascii")
    return TraceContext(
        found[2].decode(), found[3].decode(), int(found[4], 16) & KNOWN_FLAGS, state
    )


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
        """Of the several times that a waiting GET enters, the first counts."""
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
