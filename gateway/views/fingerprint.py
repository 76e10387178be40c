"""What tells whether an answer is still the same, from Cuebot's bytes alone."""

from collections.abc import Generator
from hashlib import blake2b

from gateway.codec.slices import read_varint, rows_in
from gateway.views.view import Rows

SIZE = 16
"""Bytes of a digest."""
EACH = 1024
"""After how many rows others may have a turn: some 2 ms of work."""


def fingerprint(payload: bytes, rows: Rows | None) -> Generator[None, None, bytes]:
    """A digest of an answer, pausing now and then.

    The order of rows with ids does not count: Cuebot lists hosts and procs in another one each
    time. Nor do bytes that are no such message have to be: they are digested as they are. Raises
    DecodeError if the rows cannot be found.
    """
    if rows is None or "id" not in rows.descriptor.fields_by_name:
        return blake2b(payload, digest_size=SIZE).digest()
    finding = rows_in(memoryview(payload), rows.fields)
    while True:
        try:
            next(finding)
        except StopIteration as found:
            rest, runs = found.value
            break
        yield
    total = done = 0
    for run in runs:
        position = 0
        while position < len(run):
            _, start = read_varint(run, position)
            length, start = read_varint(run, start)
            position = start + length
            digest = blake2b(run[start:position], digest_size=SIZE).digest()
            total += int.from_bytes(digest)
            done += 1
            if done % EACH == 0:
                yield
    sum_of_rows = (total % 2 ** (8 * SIZE)).to_bytes(SIZE)
    return blake2b(rest, digest_size=SIZE, key=sum_of_rows).digest()
