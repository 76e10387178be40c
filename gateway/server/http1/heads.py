"""A memory of heads: most clients send the same one with every request, so it is parsed once."""

from gateway.http.received import ReceivedHead

REMEMBERED = 2048
LONGEST = 2048
"""Bytes of a head that is remembered: with a token, some 500."""


class HeadMemory:
    """The heads that have come more than once on any connection of the server, by their bytes.

    What is remembered is the outcome of parsing, which depends on nothing else. A head counts from
    its second time on, so that those with something new in each of them push nothing out.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, ReceivedHead] = {}
        self._once: dict[int, None] = {}
        """Hashes of what has come once, the oldest first."""

    def find(self, raw: bytes) -> ReceivedHead | None:
        """The head with these bytes, up to the empty line, if it is remembered."""
        return self._heads.get(raw)

    def note(self, raw: bytes, head: ReceivedHead) -> None:
        """A head has been parsed. Only those are kept whose body is as long as they say."""
        if len(raw) > LONGEST or head.expects_continue or b"transfer-encoding" in head.fields:
            return
        key = hash(raw)
        if key not in self._once:
            self._once[key] = None
            if len(self._once) > REMEMBERED:
                del self._once[next(iter(self._once))]
            return
        del self._once[key]
        self._heads[raw] = head
        if len(self._heads) > REMEMBERED:
            del self._heads[next(iter(self._heads))]
