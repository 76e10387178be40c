"""Where a request is in a trace, as its caller says (https://www.w3.org/TR/trace-context-2/)."""

import re
from typing import NamedTuple

from gateway.upstream.interface import Metadata

TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
"""Version, trace, parent, flags; later versions than 00 may have more (section 4.3)."""
FLAGS = 0b11
"""Those that are known: sampled, and that the trace's id is random."""
SAMPLED = 0b1
MEMBER = (
    rb"(?:[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}"
    rb"[\x21-\x2b\x2d-\x3c\x3e-\x7e])?"
)
TRACESTATE = re.compile(rb"[ \t]*+%b[ \t]*+(?:,[ \t]*+%b[ \t]*+){0,31}" % (MEMBER, MEMBER))
"""Up to 32 members, some of which may be empty (section 3.3.1.1)."""
LONGEST_HEADER_BYTES = 512
"""Of a `tracestate` (section 3.3.1.5), and of a `traceparent` of a later version."""


class TraceContext(NamedTuple):
    """The trace, and the span in it that asks."""

    trace_id: str
    """32 hexadecimal digits."""
    parent_id: str
    """16 hexadecimal digits: the id of the span."""
    flags: int
    state: str = ""
    """What the systems on the way have noted, or nothing."""

    @property
    def sampled(self) -> bool:
        """Whether whoever asks records this trace."""
        return bool(self.flags & SAMPLED)

    @property
    def metadata(self) -> Metadata:
        """The context for whoever is asked next."""
        parent = ("traceparent", f"00-{self.trace_id}-{self.parent_id}-{self.flags:02x}")
        return (parent, ("tracestate", self.state)) if self.state else (parent,)


def read_context(traceparent: bytes, tracestate: bytes | None) -> TraceContext | None:
    """The context in these headers; None if `traceparent` is not one.

    A `tracestate` that is none, or is too long, is left out.
    """
    if len(traceparent) > LONGEST_HEADER_BYTES:
        return None
    found = TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[1] == b"00" and found[5]):
        return None
    state = ""
    if tracestate and len(tracestate) <= LONGEST_HEADER_BYTES and TRACESTATE.fullmatch(tracestate):
        state = tracestate.strip().decode("ascii")
    return TraceContext(found[2].decode(), found[3].decode(), int(found[4], 16) & FLAGS, state)
