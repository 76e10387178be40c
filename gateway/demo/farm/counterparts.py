"""Which frames of one layer wait for which of another."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.demo.farm.failures import thrown
from gateway.demo.farm.frame_range import numbers_of
from gateway.demo.farm.state import Farm


def numbered(farm: Farm, layer: Any) -> dict[int, Any]:
    """A layer's frames by number, in the order that they were launched in."""
    return {
        frame.number: frame for frame in sorted(farm.frames_of(layer), key=lambda each: each.id)
    }


def is_one_chunk(farm: Farm, layer: Any) -> bool:
    """Whether a layer's chunks are so large that it has but one frame."""
    return layer.chunk_size > 1 and farm.tallies[layer.id].states.total() == 1


def pairs_by_frame(farm: Farm, er: Any, on: Any) -> Iterator[tuple[Any, Any]]:
    """Each frame of a layer with the frames of another that render what it needs.

    Raises Refusal at a frame that comes before all chunks of the other layer, as Cuebot does.
    """
    others = numbered(farm, on)
    numbers = list(others)
    for number, frame in numbered(farm, er).items():
        for needed in needed_numbers(number, numbers, er.chunk_size, on.chunk_size):
            yield frame, others[needed]


def needed_numbers(number: int, numbers: Sequence[int], chunk: int, other: int) -> Sequence[int]:
    """Which of another layer's frames, by number and in order, the one of that number needs.

    Both layers have chunks of a size: of equal ones, the same number; of larger ones, the chunk
    that it is in; of smaller ones, all from there that its own chunk covers.
    """
    if chunk == other:
        return [number] if number in numbers else []
    index = chunk_index(number, numbers)
    return numbers[index : index + max(chunk - other, 0) + 1]


def chunk_index(number: int, numbers: Sequence[int]) -> int:
    """The place of the chunk that a frame is in, among the first frames of chunks."""
    if number in numbers:
        return numbers.index(number)
    index = next((i for i, each in enumerate(numbers) if each > number), len(numbers)) - 1
    if index < 0:
        raise thrown(
            "java.lang.IndexOutOfBoundsException",
            f"Index -1 out of bounds for length {len(numbers)}",
        )
    return index


def pairs_by_previous(farm: Farm, er: Any, on: Any) -> Iterator[tuple[Any, Any]]:
    """Each frame of a layer but the first with the one before it in another, where both are."""
    frames, others = numbered(farm, er), numbered(farm, on)
    for number, needed in zip(numbers_of(er.range)[1:], numbers_of(on.range), strict=False):
        if number in frames and needed in others:
            yield frames[number], others[needed]
