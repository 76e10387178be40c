"""The grammar of job specs: which elements and attributes there are, in which order.

Cuebot has a DTD of each version from 1.5 to 1.15.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

DTD_PLACE = "http://localhost:8080/spcue/dtd/"
VERSIONS = {f"{DTD_PLACE}cjsl-1.{version}.dtd": version for version in range(5, 16)}
"""The addresses of the DTDs that Cuebot has."""

SEQUENCES = {
    "spec": "facility? dept? show shot user email? uid?@9 job* depends*",
    "job": "paused? priority?@11 maxretries? maxcores?@13 maxgpus?@13 autoeat? localbook?@8 os?@6"
    " env* layers?",
    "layer": "cmd range chunk cores? threadable? memory? gpus?@12 gpu?@7 gpu_memory?@12 timeout?@10"
    " timeout_llu?@10 tags? limits? env* services? outputs*@14",
    "depend": "depjob deplayer? depframe? onjob onlayer? onframe?",
}
"""What an element holds, in that order: `?` once or not, `*` any number. `@9` is since 1.9."""
LISTS = {
    "layers": "layer+",
    "limits": "limit+",
    "services": "service+",
    "outputs": "output*",
    "env": "key*",
    "depends": "depend*",
}
"""What an element holds any number of. All other elements hold text."""
ALWAYS = {"uid": "uid"}
"""What had to be there before it became optional."""
MISSING = {14: ("onframe",)}
"""What a version forgot to declare, and the next did not."""

DEPEND_TYPES = (
    "LAYER_ON_SIM_FRAME PREVIOUS_FRAME JOB_ON_JOB JOB_ON_LAYER JOB_ON_FRAME LAYER_ON_JOB"
    " LAYER_ON_FRAME LAYER_ON_LAYER FRAME_ON_JOB FRAME_ON_LAYER FRAME_ON_FRAME FRAME_BY_FRAME"
)
NAME = ""
"""A value that is a name: letters, digits and `.-_:`."""
ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "job": {"name": NAME},
    "localbook": dict.fromkeys(("host", "cores", "memory", "threads", "gpu"), NAME),
    "layer": {"name": NAME, "type": "Render Util Post"},
    "output": {"name": NAME},
    "key": {"name": NAME},
    "depend": {"anyframe": NAME, "type": DEPEND_TYPES},
}
"""The attributes of elements, with the values that they may have."""
OPTIONAL = {("depend", "anyframe")}
IS_NAME = re.compile(r"[\w.:-]+")


@dataclass(frozen=True, slots=True)
class Part:
    """An element in a sequence."""

    name: str
    often: str
    """`?` once or not, `*` any number, `+` at least once, or nothing: once."""

    @property
    def needed(self) -> bool:
        return self.often in ("", "+")

    @property
    def repeats(self) -> bool:
        return self.often in ("*", "+")


@dataclass(frozen=True, slots=True)
class Grammar:
    """What one version knows."""

    contents: Mapping[str, Sequence[Part]]
    """The elements that hold elements."""
    texts: frozenset[str]
    """The elements that hold text."""

    def knows(self, element: str) -> bool:
        return element in self.contents or element in self.texts

    def content_error(self, element: str, children: Sequence[str], *, has_text: bool) -> str:
        """What is wrong with what is in an element, in the words of Cuebot's parser, or nothing."""
        if element in self.texts:
            return f'{content_of(element)} must match "null".' if children else ""
        parts = self.contents[element]
        wrong = 0 if has_text else first_wrong(parts, children)
        if wrong is None:
            return ""
        if has_text or wrong < len(children):
            return f'{content_of(element)} must match "{written(element, parts)}".'
        return f'{content_of(element)} is incomplete, it must match "{written(element, parts)}".'


def content_of(element: str) -> str:
    return f'The content of element type "{element}"'


def written(element: str, parts: Sequence[Part]) -> str:
    """A sequence as a DTD has it."""
    if element in LISTS:
        return f"({parts[0].name}){parts[0].often}"
    return f"({','.join(part.name + part.often for part in parts)})"


def first_wrong(parts: Sequence[Part], children: Sequence[str]) -> int | None:
    """The index of the first child that cannot be there; how many there are if one is missing."""
    place, times = 0, 0
    for index, child in enumerate(children):
        while place < len(parts) and not (
            parts[place].name == child and (times == 0 or parts[place].repeats)
        ):
            if times == 0 and parts[place].needed:
                return index
            place, times = place + 1, 0
        if place == len(parts):
            return index
        times += 1
    return len(children) if any(part.needed for part in parts[place + (times > 0) :]) else None


@cache
def grammar(version: int) -> Grammar:
    """The grammar of version 1.`version`."""
    contents: dict[str, Sequence[Part]] = {}
    texts: set[str] = set()
    coming = ["spec"]
    while coming:
        element = coming.pop()
        if element in SEQUENCES:
            contents[element] = tuple(parts_of(SEQUENCES[element], version))
        elif element in LISTS:
            contents[element] = (part_of(LISTS[element]),)
        else:
            texts.add(element)
            continue
        coming += [each.name for each in contents[element]]
    return Grammar(contents, frozenset(texts.difference(MISSING.get(version, ()))))


def parts_of(text: str, version: int) -> list[Part]:
    """The parts of a sequence that a version knows."""
    found = []
    for word in text.split():
        name, _, since = word.partition("@")
        if version >= int(since or 0):
            found.append(part_of(name))
        elif (plain := name.rstrip("?*")) in ALWAYS:
            found.append(part_of(ALWAYS[plain]))
    return found


def part_of(word: str) -> Part:
    name = word.rstrip("?*+")
    return Part(name, word[len(name) :])


def attribute_error(element: str, given: Mapping[str, str]) -> str:
    """What is wrong with an element's attributes, or nothing."""
    known = ATTRIBUTES.get(element, {})
    place = f'for element type "{element}".'
    for name in known:
        if name not in given and (element, name) not in OPTIONAL:
            return f'Attribute "{name}" is required and must be specified {place}'
    for name, value in given.items():
        if name not in known:
            return f'Attribute "{name}" must be declared {place}'
        if known[name] != NAME:
            if value not in known[name].split():
                return (
                    f'Attribute "{name}" with value "{value}" must have a value from the list'
                    f' "{known[name]} ".'
                )
        elif not IS_NAME.fullmatch(value):
            return f'Attribute value "{value}" of type NMTOKEN must be a name token.'
    return ""
