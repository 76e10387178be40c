"""In which order the frames of a layer start."""

from collections.abc import Mapping, Sequence
from typing import Any

from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.state import Farm


def reorder(farm: Farm, layer: Any, numbers: Sequence[int], order: str) -> None:
    """Let these frames of a layer start FIRST, LAST or in REVERSE. Numbers it lacks are skipped.

    LAST does what it says. Cuebot 1.37 moves the frames with the numbers from 0 on instead.
    """
    frames = {frame.number: frame for frame in farm.frames_of(layer)}
    if not frames:
        return
    orders = [frame.dispatch_order for frame in frames.values()]
    if order == "REVERSE":
        reverse(frames, numbers)
    else:
        start = max(orders) + 1 if order == "LAST" else min(orders) - len(numbers)
        for place, number in enumerate(numbers, start=start):
            if number in frames:
                frames[number].dispatch_order = place
    sort_frames(farm, layer)


def reverse(frames: Mapping[int, Any], numbers: Sequence[int]) -> None:
    """Let the first of the numbers change places with the last, and so on inwards."""
    for index in range(len(numbers) // 2):
        one, other = frames.get(numbers[index]), frames.get(numbers[-1 - index])
        if one is not None and other is not None:
            one.dispatch_order, other.dispatch_order = other.dispatch_order, one.dispatch_order


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


def sort_frames(farm: Farm, layer: Any) -> None:
    """List a layer's frames in dispatch order again."""
    farm.children_of[layer.id].sort(key=lambda frame: farm.frames[frame].dispatch_order)
