"""A digest of Cuebot's bytes, which tells whether an answer is still the same."""

from collections.abc import Generator
from hashlib import blake2b

from gateway.codec.slices import records_in, rows_in
from gateway.long_work import STEP, Step
from gateway.views.render import Progress, matching, parsed
from gateway.views.view import Rows, View

DIGEST_BYTES = 16
BYTES_PER_CLOCK = 2**18


def fingerprint(
    payload: bytes, rows: Rows | None, step: Step = STEP
) -> Generator[bytes, None, bytes]:
    """A digest of an answer, with an empty piece whenever a step is over.

    The order of rows with ids does not count: Cuebot lists hosts and procs in a different one each
    time. Raises DecodeError if the rows cannot be found.
    """
    if rows is None or "id" not in rows.descriptor.fields_by_name:
        return (yield from digest(memoryview(payload), b"", step))
    rest, runs, _ = yield from rows_in(memoryview(payload), rows.fields, step)
    total = 0
    for run in runs:
        for record in records_in(run):
            if len(record) > BYTES_PER_CLOCK:
                total += int.from_bytes((yield from digest(record, b"", step)))
                continue
            total += int.from_bytes(blake2b(record, digest_size=DIGEST_BYTES).digest())
            if step.is_over():
                yield b""
                step.begin()
    sum_of_rows = (total % 2 ** (8 * DIGEST_BYTES)).to_bytes(DIGEST_BYTES)
    return (yield from digest(memoryview(rest), sum_of_rows, step))


def fingerprint_of_shown(
    payload: bytes, view: View, rows: Rows, step: Step = STEP
) -> Generator[bytes, None, bytes]:
    """The same of the answer with the rows that fit the view's condition at its moment.

    Raises GatewayError (INVALID_ARGUMENT) for rows that are too long.
    """
    progress = Progress(view)
    rest, runs, _ = yield from rows_in(memoryview(payload), rows.fields, step)
    every = parsed(runs, rows, progress, with_places=True)
    in_order = view.follows_order or "id" not in rows.descriptor.fields_by_name
    total, ordered = 0, blake2b(digest_size=DIGEST_BYTES)
    for each in matching(every, view.where, step, progress):
        if each is not None and each[1] is not None:
            number, start, end = each[1]
            found = yield from digest(runs[number][start:end], b"", step)
            if in_order:
                ordered.update(found)
            else:
                total += int.from_bytes(found)
        if each is None or step.is_over():
            yield b""
            step.begin()
    sum_of_rows = (total % 2 ** (8 * DIGEST_BYTES)).to_bytes(DIGEST_BYTES)
    shown = ordered.digest() if in_order else sum_of_rows
    return (yield from digest(memoryview(rest), shown, step))


def digest(content: memoryview, key: bytes, step: Step) -> Generator[bytes, None, bytes]:
    found = blake2b(content[:BYTES_PER_CLOCK], digest_size=DIGEST_BYTES, key=key)
    for start in range(BYTES_PER_CLOCK, len(content), BYTES_PER_CLOCK):
        found.update(content[start : start + BYTES_PER_CLOCK])
        if step.is_over():
            yield b""
            step.begin()
    return found.digest()
