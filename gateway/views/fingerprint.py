"""What tells whether an answer is still the same, from Cuebot's bytes alone."""

from collections.abc import Generator
from hashlib import blake2b

from gateway.codec.slices import records_in, rows_in
from gateway.views.view import Rows

SIZE = 16
"""Bytes of a digest."""
EACH = 1024
"""After how many rows others may have a turn: some 2 ms of work."""
AT_ONCE = 2**20
"""Bytes that are digested at once, where rows do not matter."""


def fingerprint(payload: bytes, rows: Rows | None) -> Generator[bytes, None, bytes]:
    """A digest of an answer, pausing now and then with an empty piece.

    The order of rows with ids does not count: Cuebot lists hosts and procs in another one each
    time. Nor do bytes that are no such message have to be: they are digested as they are. Raises
    DecodeError if the rows cannot be found.
    """
    if rows is None or "id" not in rows.descriptor.fields_by_name:
        whole = blake2b(digest_size=SIZE)
        for start in range(0, len(payload), AT_ONCE):
            whole.update(payload[start : start + AT_ONCE])
            yield b""
        return whole.digest()
    rest, runs = yield from rows_in(memoryview(payload), rows.fields)
    total = done = 0
    for run in runs:
        for record in records_in(run):
            digest = blake2b(record, digest_size=SIZE).digest()
            total += int.from_bytes(digest)
            done += 1
            if done % EACH == 0:
                yield b""
    sum_of_rows = (total % 2 ** (8 * SIZE)).to_bytes(SIZE)
    return blake2b(rest, digest_size=SIZE, key=sum_of_rows).digest()
