"""What tells whether an answer is still the same, from Cuebot's bytes alone."""

from collections.abc import Generator
from hashlib import blake2b

from gateway.codec.slices import records_in, rows_in
from gateway.long_work import STEP, Step
from gateway.views.view import Rows

SIZE = 16
"""Bytes of a digest."""
AT_ONCE = 2**18
"""Bytes between two looks at the clock: 0.3 ms."""


def fingerprint(
    payload: bytes, rows: Rows | None, step: Step = STEP
) -> Generator[bytes, None, bytes]:
    """A digest of an answer, pausing with an empty piece whenever the step is over.

    The order of rows with ids does not count: Cuebot lists hosts and procs in another one each
    time. Nor do bytes that are no such message have to be: they are digested as they are. Raises
    DecodeError if the rows cannot be found.
    """
    if rows is None or "id" not in rows.descriptor.fields_by_name:
        return (yield from digest(memoryview(payload), b"", step))
    rest, runs, _ = yield from rows_in(memoryview(payload), rows.fields, step)
    total = 0
    for run in runs:
        for record in records_in(run):
            if len(record) > AT_ONCE:
                total += int.from_bytes((yield from digest(record, b"", step)))
                continue
            total += int.from_bytes(blake2b(record, digest_size=SIZE).digest())
            if step.is_over():
                yield b""
                step.begin()
    sum_of_rows = (total % 2 ** (8 * SIZE)).to_bytes(SIZE)
    return (yield from digest(memoryview(rest), sum_of_rows, step))


def digest(content: memoryview, key: bytes, step: Step) -> Generator[bytes, None, bytes]:
    """The digest of some bytes, in steps."""
    found = blake2b(content[:AT_ONCE], digest_size=SIZE, key=key)
    for start in range(AT_ONCE, len(content), AT_ONCE):
        found.update(content[start : start + AT_ONCE])
        if step.is_over():
            yield b""
            step.begin()
    return found.digest()
