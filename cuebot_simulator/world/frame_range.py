"""Frame ranges, such as `1-10x2`."""

import re
from collections.abc import Sequence

MOST_FRAMES = 1_000_000
"""No spec may have as many frames. Cuebot would run out of memory before it refuses a range."""

RANGE = re.compile(r"(-?\d+)(?:-(-?\d+)(?:([xy:])(-?\d+))?)?", re.ASCII)
LARGEST_NUMBER = 2**31 - 1


def numbers_of(text: str) -> Sequence[int]:
    """The numbers of a frame range, in its order and with its repeats.

    `7`, `1-10`, `10-1`, every third (`1-10x3`), all but every third (`1-10y3`), interleaved
    (`1-10:5`), or several with commas and no spaces. Raises ValueError for anything else, and for
    too many numbers.
    """
    first, *others = text.rstrip(",").split(",")
    numbers = part_of(first, MOST_FRAMES)
    if not others:
        return numbers
    every = list(numbers)
    for part in others:
        every += part_of(part, MOST_FRAMES - len(every))
    return every


def part_of(text: str, most: int) -> Sequence[int]:
    """The numbers of a range without commas. Raises ValueError, also for more than `most`."""
    match = RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"unrecognized frame range syntax {text[:80]}")
    first = frame_number(match[1])
    last = frame_number(match[2] or match[1])
    if abs(last - first) >= most:
        raise ValueError(f"more than {MOST_FRAMES} frames")
    if match[3] is None:
        return count(first, last, 1 if last >= first else -1)
    step = frame_number(match[4])
    check_step(first, last, step)
    if match[3] == "x":
        return count(first, last, step)
    if match[3] == ":":
        return interleaved(first, last, step)
    left_out = set(count(first, last, step))
    return [each for each in count(first, last, 1 if step > 0 else -1) if each not in left_out]


def frame_number(text: str) -> int:
    """A number of 32 bits. Raises ValueError."""
    number = int(text[:12])
    if len(text) > 12 or not -LARGEST_NUMBER - 1 <= number <= LARGEST_NUMBER:
        raise ValueError(f"not a number: {text[:80]}")
    return number


def check_step(first: int, last: int, step: int) -> None:
    if step == 0:
        raise ValueError("step cannot be zero")
    if step > 1 and last < first:
        raise ValueError("end frame may not be less than start frame when using a positive step")
    if step < 0 and last >= first:
        raise ValueError("end frame may not be greater than start frame when using a negative step")


def count(first: int, last: int, step: int) -> range:
    return range(first, last + (1 if step > 0 else -1), step)


def interleaved(first: int, last: int, step: int) -> list[int]:
    """Every `step`th number, then every half of that, until all are there."""
    numbers: dict[int, None] = {}
    way = 1 if step > 0 else -1
    width = abs(step)
    while width:
        numbers |= dict.fromkeys(count(first, last, way * width))
        first += way
        width //= 2
    return list(numbers)


def in_chunks(numbers: Sequence[int], size: int) -> tuple[int, ...]:
    """The first number of every chunk of that size, each number once. Raises ValueError."""
    if size < 1:
        raise ValueError("a chunk has one frame or more")
    if not isinstance(numbers, range):
        numbers = tuple(dict.fromkeys(numbers))
    return tuple(numbers[::size])
