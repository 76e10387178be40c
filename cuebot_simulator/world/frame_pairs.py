"""Which frames of one layer wait for which of another."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.state import Farm


def numbered(farm: Farm, layer: Any) -> dict[int, Any]:
    """A layer's frames by number, in the order that they were launched in."""
    return {
        frame.number: frame for frame in sorted(farm.frames_of(layer), key=lambda each: each.id)
    }


def is_one_chunk(farm: Farm, layer: Any) -> bool:
    """Whether a layer's chunks are so large that it has but one frame."""
    return layer.chunk_size > 1 and farm.tallies[layer.id].states.total() == 1


def pairs_by_frame(farm: Farm, dependent: Any, on: Any) -> Iterator[tuple[Any, Any]]:
    """Each frame of a layer with the frames of another that render what it needs.

    Raises Refusal at a frame that comes before all chunks of the other layer, as Cuebot does.
    """
    others = numbered(farm, on)
    chunks = Chunks(list(others))
    for number, frame in numbered(farm, dependent).items():
        for needed in chunks.needed(number, dependent.chunk_size, on.chunk_size):
            yield frame, others[needed]


class Chunks:
    """The first frames of a layer's chunks, by number and in order."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._places = {number: place for place, number in enumerate(numbers)}
        self._highest = list(accumulate(numbers, max))
        """The highest number so far at each place; as the numbers, where these ascend."""

    def needed(self, number: int, chunk: int, other: int) -> Sequence[int]:
        """Those that another layer's frame of that number needs.

        Both layers have chunks of a size (`other` is that of this one): of equal ones, the same
        number; of larger ones, the chunk that it is in; of smaller ones, all from there that its
        own chunk covers.
        """
        if chunk == other:
            return [number] if number in self._places else []
        place = self.place(number)
        return self._numbers[place : place + max(chunk - other, 0) + 1]

    def place(self, number: int) -> int:
        """The place of the chunk that a frame is in. Raises Refusal if it comes before all."""
        if number in self._places:
            return self._places[number]
        place = bisect_right(self._highest, number) - 1
        if place < 0:
            raise java_exception(
                "java.lang.IndexOutOfBoundsException",
                f"Index -1 out of bounds for length {len(self._numbers)}",
            )
        return place


def pairs_by_previous(farm: Farm, dependent: Any, on: Any) -> Iterator[tuple[Any, Any]]:
    """Each frame of a layer but the first with the one before it in another, where both are."""
    frames, others = numbered(farm, dependent), numbered(farm, on)
    for number, needed in zip(numbers_of(dependent.range)[1:], numbers_of(on.range), strict=False):
        if number in frames and needed in others:
            yield frames[number], others[needed]
