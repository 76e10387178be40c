"""Random mutations of inputs, for runs without guidance."""

from collections.abc import Sequence
from random import Random

ODD = (
    *(b"\0", b"\xff", b"\x7f", b"\x80", b"\r\n", b"0", b"-1", b"1e999", b'"', b"{", b"["),
    b"\xff\xff\xff\xff",
)


def mutated(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    for _ in range(random.randint(1, 4)):
        start, end = sorted(random.randint(0, len(data)) for _ in range(2))
        match random.randrange(5):
            case 0 if data:
                place = random.randrange(len(data))
                flipped = data[place] ^ 1 << random.randrange(8)
                data = data[:place] + bytes((flipped,)) + data[place + 1 :]
            case 1:
                data = data[:start] + data[min(end, start + 16) :]
            case 2:
                data = data[:start] + random.choice(ODD) + data[start:]
            case 3:
                data = data[:end] + data[start:end] + data[end:]
            case _:
                other = random.choice(others)
                data = data[:start] + other[random.randint(0, len(other)) :]
    return data
