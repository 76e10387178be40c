"""Fields of a JSON request under documented names, moved to where Cuebot has them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.core.codec.body import ROOT, Json, Path, child, mismatch_at, text
from gateway.core.errors import Code, GatewayError


@dataclass(frozen=True, slots=True)
class BodyPath:
    """A place in a request's body: the names of fields from the top down."""

    json: tuple[str, ...]
    """The JSON names (`minCores`), which win where a body has both."""
    original: tuple[str, ...]
    """The names in the proto (`min_cores`)."""
    pairs: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    """Each name in both spellings."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", tuple(zip(self.json, self.original, strict=True)))

    def __str__(self) -> str:
        return ".".join(self.json)

    def is_within(self, other: "BodyPath") -> bool:
        return self.json[: len(other.json)] == other.json


@dataclass(frozen=True, slots=True)
class Rename:
    """A documented path, and the native one that takes its value."""

    source: BodyPath
    target: BodyPath
    as_list: bool = False
    """Whether the target is a list, of which a value that is none becomes the only item."""
    root: BodyPath | None = None
    """The documented object around the source, if Cuebot does not have it."""


@dataclass(frozen=True, slots=True)
class Default:
    """The value of a field that a request leaves out."""

    target: BodyPath
    content: Callable[[], object]
    """Called for each request."""
    unset: object
    """A value that counts as left out: an empty string, or 0; None if there is none."""

    def is_needed(self, value: object) -> bool:
        there = peek(value, self.target)
        return there is None or (type(there) is type(self.unset) and there == self.unset)


@dataclass(frozen=True, slots=True)
class MostRows:
    """A documented argument that Cuebot does not have: the most rows that are wanted."""

    path: BodyPath


Rewrite = Rename | Default | MostRows
LARGEST_COUNT = 2**31 - 1


Moved = tuple[str, str]
"""The path where a value is now, and where the client had it."""


@dataclass(slots=True)
class Body:
    """A request's parsed JSON, which is taken apart here and belongs to nobody else.

    Its values move to where Cuebot has them, and those that other calls need are taken out. What
    has been done is kept, in the names that the client wrote.
    """

    value: object
    moved: list[Moved] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Paths of the other fields of documented objects, which Cuebot does not have."""
    documented: list[str] = field(default_factory=list)
    """Paths of arguments that Cuebot does not have and that are no errors."""
    defaulted: list[str] = field(default_factory=list)
    """Paths of fields that were set to a default."""
    most_rows: int | None = None

    def rewrite(self, rewrites: Iterable[Rewrite]) -> None:
        """Move what is at documented paths, and set what is left out.

        Objects that become empty go away, and documented ones that Cuebot does not have. Raises
        GatewayError (INVALID_ARGUMENT) for a field that is given under both names.
        """
        for step in rewrites:
            if isinstance(step, Default):
                if type(self.value) is dict and step.is_needed(self.value):
                    self.take(step.target)
                    place = self.put(step.target, step.content(), step.target)
                    self.defaulted.append(self.as_written(text(place)))
            elif isinstance(step, MostRows):
                self.most_rows = row_count(self.take(step.path), step.path)
            elif (taken := self.take(step.source)) is not None:
                if step.root is not None:
                    self.drop(step.root)
                # An empty list would ask for everything: in a list, it is refused.
                wraps = step.as_list and not (type(taken) is list and taken)
                place = self.put(step.target, [taken] if wraps else taken, step.source)
                now = text(child(place, 0) if wraps else place)
                self.moved.append((now, str(step.source)))

    def peek(self, path: BodyPath) -> object:
        """What is at a path; None if there is nothing, or if null is there."""
        return peek(self.value, path)

    def take(self, path: BodyPath) -> object:
        """Take out what is at a path, and the objects that are empty without it."""
        return taken_from(self.value, path, 0)

    def put(self, path: BodyPath, content: object, source: BodyPath) -> Path:
        """Set what is at a path; where that is, in the spelling that the body has.

        Raises GatewayError when there is something else already.
        """
        value: Any = self.value
        place: Path = ROOT
        last = len(path.json) - 1
        for depth in range(last):
            name = name_in(value, path, depth)
            place = child(place, name)
            if value.get(name) is None:
                value[name] = {}
            value = value[name]
            if type(value) is not dict:
                raise mismatch_at(place, "expected an object")
        name = name_in(value, path, last)
        place = child(place, name)
        if value.get(name) is not None:
            raise mismatch_at(place, f"also given as {source}; send one")
        value[name] = content
        return place

    def drop(self, path: BodyPath) -> None:
        """Take out a documented object, and remember what was in it."""
        if type(rest := self.peek(path)) is dict:
            self.take(path)
            self.left += [f"{path}.{name}" for name in rest]

    def as_written(self, text: str) -> str:
        return as_written(text, self.moved)


def as_written(text: str, moved: Iterable[Moved]) -> str:
    """A path, or an error that begins with one, as the client knows it."""
    for now, before in moved:
        if text == now or (text.startswith(now) and text[len(now)] in ".[:"):
            return before + text[len(now) :]
    return text


def row_count(content: object, path: BodyPath) -> int | None:
    """The most rows that a body asks for; 0 stands for all. Raises GatewayError."""
    if type(content) is str and content.isascii() and content.isdigit() and len(content) <= 10:
        content = int(content)
    if content is not None and not (type(content) is int and 0 <= content <= LARGEST_COUNT):
        raise GatewayError(Code.INVALID_ARGUMENT, f"{path}: expected a number of rows")
    return content or None


def peek(value: object, path: BodyPath) -> object:
    for name, original in path.pairs:
        if type(value) is not dict:
            return None
        value = value.get(name if name in value else original)
    return value


def taken_from(value: object, path: BodyPath, depth: int) -> object:
    """See `Body.take`; `value` is what the first `depth` names of the path lead to."""
    if type(value) is not dict:
        return None
    name = name_in(value, path, depth)
    if depth == len(path.json) - 1:
        return value.pop(name, None)
    taken = taken_from(value.get(name), path, depth + 1)
    if taken is not None and value[name] == {}:
        del value[name]
    return taken


def name_in(value: Json, path: BodyPath, depth: int) -> str:
    """The spelling of the name at this depth in an object; the JSON name if it has neither."""
    name, original = path.json[depth], path.original[depth]
    return original if name not in value and original in value else name
