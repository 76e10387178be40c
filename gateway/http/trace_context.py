"""The W3C trace context (https://www.w3.org/TR/trace-context-2/)."""

import re
from typing import NamedTuple

from gateway.upstream.interface import Metadata

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
    """None for an invalid `traceparent`. An invalid or too long `tracestate` is dropped."""
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
