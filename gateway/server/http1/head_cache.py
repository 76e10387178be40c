"""A cache of parsed heads: most clients send the same head with every request."""

from gateway.http.wire_request import ReceivedHead

MAX_CACHED_HEADS = 1024
CACHED_HEAD_MAX_BYTES = 2048
CACHED_HEAD_MAX_HEADERS = 32
"""As objects, headers take ten times their size on the wire."""


class HeadMemory:
    """Parsed heads that arrived more than once on any connection, by their bytes.

    Parsing depends on the bytes alone. A head is cached from its second arrival on, so that unique
    heads evict nothing. A full cache is cleared: heads in use come back.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, ReceivedHead] = {}
        self._once: set[int] = set()
        self._before: set[int] = set()
        """The previous generation of `_once`: sets do not keep an order for eviction."""

    def find(self, raw: bytes) -> ReceivedHead | None:
        return self._heads.get(raw)

    def note(self, raw: bytes, head: ReceivedHead) -> None:
        """Offer a parsed head. Heads with a chunked body or a doubtful length are not cached."""
        key = hash(raw)
        if key not in self._once and key not in self._before:
            self._once.add(key)
            if len(self._once) >= MAX_CACHED_HEADS:
                self._once, self._before = set(), self._once
            return
        if (
            len(raw) > CACHED_HEAD_MAX_BYTES
            or len(head.headers) > CACHED_HEAD_MAX_HEADERS
            or head.expects_continue
        ):
            return
        fields = head.fields
        if b"transfer-encoding" in fields or not fields.get(b"content-length", b"0").isdigit():
            return
        if len(self._heads) >= MAX_CACHED_HEADS:
            self._heads.clear()
        self._heads[raw] = head
