"""Fields of a JSON request under documented names, moved to where Cuebot has them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.codec.path import ROOT, Path, child, mismatch_at

Names = tuple[str, ...]
"""A path of field names in camelCase, from the body down."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rename:
    """A documented path, and the native one that takes its value."""

    source: Names
    target: Names
    as_list: bool = False
    """Whether the target is a list, which then has the value as its only item."""
    root: Names = ()
    """The documented object that has the source, if Cuebot does not have that either."""


@dataclass(frozen=True, slots=True)
class Default:
    """What a field is when the request does not say, or says an empty text."""

    target: Names
    content: object


Rewrite = Rename | Default


@dataclass(slots=True)
class Rewritten:
    """What has become of a body, in the words of who wrote it."""

    moved: list[tuple[str, str]] = field(default_factory=list)
    """Paths where values are now, and where the client had them."""
    left: list[str] = field(default_factory=list)
    """Paths of what stood beside them in documented objects, and has no place anywhere."""

    def drop(self, value: object, path: Names) -> None:
        """Take a documented object out of the body, and remember what was in it."""
        if type(rest := peek(value, path)) is dict:
            pull(value, path)
            self.left += [".".join((*path, name)) for name in rest]

    def as_written(self, text: str) -> str:
        """A path, or an error that begins with one, as the client knows it."""
        for now, before in self.moved:
            if text == now or (text.startswith(now) and text[len(now)] in ".[:"):
                return before + text[len(now) :]
        return text


def rewrite(value: object, rewrites: Iterable[Rewrite]) -> Rewritten:
    """Move what the body has at documented paths, and set what it leaves out.

    Objects that become empty go away, and documented ones that Cuebot does not have. Raises
    GatewayError (INVALID_ARGUMENT) for a field that is given under both names.
    """
    done = Rewritten()
    for step in rewrites:
        if isinstance(step, Default):
            if type(value) is dict and peek(value, step.target) in (None, ""):
                pull(value, step.target)
                put(value, step.target, step.content, step.target)
        elif (taken := pull(value, step.source)) is not None:
            if step.root:
                done.drop(value, step.root)
            put(value, step.target, [taken] if step.as_list else taken, step.source)
            now = ".".join(step.target) + ("[0]" if step.as_list else "")
            done.moved.append((now, ".".join(step.source)))
    return done


def peek(value: object, path: Names) -> object:
    """What is at a path; None if there is nothing, or if null is there."""
    for step in path:
        if type(value) is not dict:
            return None
        value = value.get(name_in(value, step))
    return value


def pull(value: object, path: Names) -> object:
    """Take what is at a path out of the body, and the objects that are empty without it."""
    if type(value) is not dict:
        return None
    name = name_in(value, path[0])
    if len(path) == 1:
        return value.pop(name, None)
    taken = pull(value.get(name), path[1:])
    if taken is not None and value[name] == {}:
        del value[name]
    return taken


def put(value: Any, path: Names, content: object, source: Names) -> None:
    """Set what is at a path. Raises GatewayError when there is something else already."""
    place: Path = ROOT
    for step in path[:-1]:
        name = name_in(value, step)
        place = child(place, name)
        if value.get(name) is None:
            value[name] = {}
        value = value[name]
        if type(value) is not dict:
            raise mismatch_at(place, "expected an object")
    name = name_in(value, path[-1])
    if value.get(name) is not None:
        raise mismatch_at(child(place, name), f"also given as {'.'.join(source)}; send one")
    value[name] = content


def name_in(value: Json, step: str) -> str:
    """The name under which an object has a field: camelCase, or as in the proto."""
    if step in value:
        return step
    original = original_name(step)
    return original if original in value else step


def original_name(name: str) -> str:
    """`minCores` → `min_cores`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def camel_case(name: str) -> str:
    """`min_cores` → `minCores`, as protobuf makes JSON names."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
