"""In which order the frames of a layer start."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.demo.farm.frame_range import numbers_of
from gateway.demo.farm.state import Farm


def reorder(farm: Farm, layer: Any, numbers: Sequence[int], order: str) -> None:
    """Let these frames of a layer start FIRST, LAST or in REVERSE. Numbers it lacks are skipped."""
    frames = farm.frames_of(layer)
    if not frames:
        return
    orders = [frame.dispatch_order for frame in frames]
    chosen = named(frames, numbers)
    if order == "FIRST":
        place(chosen, range(min(orders) - len(chosen), min(orders)))
    elif order == "LAST":
        place(chosen, range(max(orders) + 1, max(orders) + 1 + len(chosen)))
    else:
        place(chosen, [frame.dispatch_order for frame in reversed(chosen)])
    sort_frames(farm, layer)


def stagger(farm: Farm, layer: Any, text: str, step: int) -> None:
    """Let every `step`th frame of a range start first, then those between.

    Nothing happens to a layer of one frame, to one without the range's first frame, or if the
    range is none.
    """
    try:
        numbers, staggered = numbers_of(text), numbers_of(f"{text}:{step}")
    except ValueError:
        return
    frames = {frame.number: frame for frame in farm.frames_of(layer)}
    if len(frames) == 1 or numbers[0] not in frames:
        return
    first = frames[numbers[0]].dispatch_order
    places = {number: index for index, number in enumerate(staggered)}
    for number in numbers:
        if number in frames:
            frames[number].dispatch_order = first + places.get(number, -1)
    sort_frames(farm, layer)


def named(frames: Iterable[Any], numbers: Iterable[int]) -> list[Any]:
    """The frames with these numbers, in the order of the numbers, each once."""
    by_number = {frame.number: frame for frame in frames}
    return [by_number[number] for number in dict.fromkeys(numbers) if number in by_number]


def place(frames: Iterable[Any], orders: Iterable[int]) -> None:
    for frame, order in zip(frames, orders, strict=True):
        frame.dispatch_order = order


def sort_frames(farm: Farm, layer: Any) -> None:
    """List a layer's frames in dispatch order again."""
    farm.children_of[layer.id].sort(key=lambda frame: farm.frames[frame].dispatch_order)
