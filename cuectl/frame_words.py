"""What words about frames mean: numbers, ranges and layers, as `1001-1010x2` and `1001-comp`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cuectl.farm import Json
from cuectl.selection import is_id
from gateway_client.errors import InvalidCall

STATES = ("DEAD", "RUNNING", "WAITING", "DEPEND", "SUCCEEDED", "EATEN", "SETUP", "CHECKPOINT")
"""Of frames, in the order in which they are told."""
NUMBERS = r"-?\d{1,9}(?:--?\d{1,9}(?:[xy:]-?0{0,8}[1-9]\d{0,8})?)?"
WORD = re.compile(rf"(?P<numbers>{NUMBERS})(?:-(?P<layer>(?=[^,]*[A-Za-z_])[^,]+))?")
MOST_FRAMES = 1_000_000
"""Without a limit, the gateway asks for fewer frames than a job may have."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some frames of a job: those of these layers and numbers, or of all."""

    layers: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Single ones and ranges."""

    @property
    def criteria(self) -> Json:
        found: Json = {"layers": list(self.layers)} if self.layers else {}
        return found | ({"frameRange": ",".join(self.numbers)} if self.numbers else {})

    @property
    def text(self) -> str:
        """`, layer comp, range 1001`: empty for all frames."""
        layers = f", layer {', '.join(self.layers)}" if self.layers else ""
        return f"{layers}, range {','.join(self.numbers)}" if self.numbers else layers


EVERYTHING = (Part(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Frames of jobs: those of a command's words and options."""

    jobs: Sequence[str]
    parts: Sequence[Part] = EVERYTHING
    states: Sequence[str] = ()
    """Those that are meant; all without any."""
    named: bool = False
    """Whether words name them; others are chosen by options, or are all of their jobs."""

    @property
    def narrowed(self) -> bool:
        """Whether a layer or numbers are named."""
        return any(each.criteria for each in self.parts)

    def requests(self, states: Sequence[str] = (), **more: object) -> dict[str, Json]:
        """A request for each part of each job: about frames in these states, or in any."""
        chosen: Json = {"states": {"frameStates": list(states)}} if states else {}
        alone = len(self.parts) == 1
        return {
            job if alone else job + each.text: {
                "job": job,
                "req": {**each.criteria, **chosen, **more},
            }
            for job in self.jobs
            for each in self.parts
        }


def is_frame(word: str) -> bool:
    """Whether a word may be about frames: `1001`, `1001-1010`, `1001-comp`, `1001,1003`."""
    return not is_id(word) and all(WORD.fullmatch(each) for each in word.split(","))


def parts_of(words: Sequence[str], layers: Sequence[str]) -> tuple[Part, ...]:
    """The frames that words such as `1001-1010` and `1001-comp` are about, by layer.

    `layers` are those of --layer. Raises InvalidCall for words that are about no frames, and if it
    is not clear of which layer they are.
    """
    if not words:
        return (Part(tuple(layers)),)
    found: dict[str, list[str]] = {}
    for word in words:
        pieces = [WORD.fullmatch(each.strip()) for each in word.split(",")]
        if None in pieces:
            raise InvalidCall(
                f"{word!r} is about no frames; write 1001, 1001-1010, 1001-1010x2 or 1001-comp"
            )
        named = {each["layer"] for each in pieces if each}
        if layers and named != {None}:
            raise InvalidCall(f"{word} has a layer, too: leave out --layer, or write the number")
        if len(named) > 1 and None in named:
            raise InvalidCall(f"{word}: write the layer behind each number, or --layer")
        for each in pieces:
            if each:
                found.setdefault(each["layer"] or "", []).append(each["numbers"])
    return tuple(
        Part((layer,) if layer else tuple(layers), tuple(numbers))
        for layer, numbers in found.items()
    )


def amount(counts: Mapping[str, int]) -> str:
    """`3 DEAD frames`, `1 DEAD and 5 SUCCEEDED frames`."""
    known = [each for each in STATES if counts.get(each)]
    known += [each for each in counts if counts[each] and each not in STATES]
    kinds = [f"{counts[each]} {each}" for each in known]
    listed = " and ".join(filter(None, (", ".join(kinds[:-1]), *kinds[-1:])))
    one = sum(counts.values()) == 1
    return f"{listed or 'no'} frame{'' if one else 's'}"


def lost(states: Sequence[str]) -> str:
    """What happens to frames in these states that run again, if anybody should know."""
    sentences = {
        "RUNNING": "Running ones are killed",
        "SUCCEEDED": "What is done is rendered anew",
        "EATEN": "Those that were given up are rendered",
    }
    return ". ".join(text for state, text in sentences.items() if state in states)
