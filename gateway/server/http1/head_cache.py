"""A memory of heads: most clients send the same one with every request, so it is parsed once."""

from gateway.http.wire_request import ReceivedHead

REMEMBERED = 1024
LONGEST = 2048
"""Bytes of a head that is remembered: with a token, some 500."""
MOST_HEADERS = 32
"""Of a head that is remembered. As objects, they take ten times as much room as on the wire."""


class HeadMemory:
    """The heads that have come more than once on any connection of the server, by their bytes.

    What is remembered is the outcome of parsing, which depends on nothing else. A head counts from
    its second time on, so that those with something new in each of them push nothing out. When
    there are too many, all are forgotten: those that are still in use come again.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, ReceivedHead] = {}
        self._once: set[int] = set()
        """Hashes of what has come once lately."""
        self._before: set[int] = set()
        """The same of the time before: two sets, since a set does not know which came first."""

    def find(self, raw: bytes) -> ReceivedHead | None:
        """The head with these bytes, up to the empty line, if it is remembered."""
        return self._heads.get(raw)

    def note(self, raw: bytes, head: ReceivedHead) -> None:
        """A head has been parsed. Only those are kept whose body is as long as they say."""
        key = hash(raw)
        if key not in self._once and key not in self._before:
            self._once.add(key)
            if len(self._once) >= REMEMBERED:
                self._once, self._before = set(), self._once
            return
        if len(raw) > LONGEST or len(head.headers) > MOST_HEADERS or head.expects_continue:
            return
        fields = head.fields
        if b"transfer-encoding" in fields or not fields.get(b"content-length", b"0").isdigit():
            return
        if len(self._heads) >= REMEMBERED:
            self._heads.clear()
        self._heads[raw] = head
