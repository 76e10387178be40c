"""Objects that requests identify by name. Cuebot identifies objects by id only."""

import re
from collections.abc import Iterable, Iterator

from gateway.core.calls.ids import check_length, is_name
from gateway.core.codec.body import Json
from gateway.core.codec.rewrite import Body, BodyPath, Moved, peek
from gateway.core.errors import Code, GatewayError
from gateway.features.names.aspect import Finder, Reference, Sent, Source

ABSENT_VALUES = (None, "")


def without_id(value: object, reference: Reference) -> Iterator[tuple[int | None, Json]]:
    """Object, and its number in a list, where the id is missing. An absent single object counts as
    an empty one.

    So does a text that stands for an object: `spell_out` has to make one of it first.
    """
    found = peek(value, reference.place)
    if reference.by_name:
        if type(found) is str and found:
            yield None, {}
    elif reference.listed:
        yield from listed_without_id(found, reference)
    elif reference.is_text:
        if is_name(found):
            yield None, {"name": found}
    elif (found is None and type(value) is dict) or (type(found) is str and found):
        yield None, {}
    elif type(found) is dict and found.get("id") in ABSENT_VALUES:
        yield None, found


def listed_without_id(found: object, reference: Reference) -> Iterator[tuple[int, Json]]:
    if type(found) is str and reference.is_text:
        found = [found]  # as which it is read
    for number, item in enumerate(found if type(found) is list else ()):
        if reference.is_text:
            if is_name(item):
                yield number, {"name": item}
        elif type(item) is str:
            yield number, {}
        elif type(item) is dict and item.get("id") in ABSENT_VALUES:
            yield number, item


def spell_out(body: Body, references: Iterable[Reference]) -> None:
    """Make objects of the texts that stand for them: names, or ids."""
    for reference in references:
        if reference.is_text:
            continue
        found = body.peek(reference.place)
        if reference.listed and type(found) is list:
            found[:] = [object_of(item) for item in found]
        elif not reference.listed and type(found) is str and found:
            body.take(reference.place)
            object_ = {"name": found} if reference.by_name else object_of(found)
            body.put(reference.place, object_, reference.place)


def object_of(item: object) -> object:
    """`{"name": …}` for a text that is a name, `{"id": …}` for an id."""
    if not isinstance(item, str) or not item:
        return item
    return {"name" if is_name(item) else "id": item}


def spell_out_name(thing: Body, place: str, parts: re.Pattern[str]) -> None:
    """Add what an object's name says of it, unless the object has it: `0001-comp`.

    Raises GatewayError (INVALID_ARGUMENT) for a name that is too long to be searched.
    """
    if type(thing.value) is not dict or not isinstance(name := thing.value.get("name"), str):
        return
    check_length(place, name)
    for part, text in (found.groupdict() if (found := parts.fullmatch(name)) else {}).items():
        if thing.value.get(part) in ABSENT_VALUES:
            thing.value[part] = text


def take_search(
    reference: Reference, place: str, thing: Body, body: Body, used: list[BodyPath]
) -> tuple[Finder, Body, list[Moved]]:
    """What finds an object, the body of its request, and where the client has the values.

    Values that Cuebot does not know are removed from the object. Values of the body stay, since
    other objects may need them; their paths are added to `used`. Raises GatewayError
    (INVALID_ARGUMENT) if a value is missing, or too long.
    """
    if not reference.finders:
        raise GatewayError(
            Code.INVALID_ARGUMENT, f"{place}: expected its id; nothing else finds it"
        )
    if reference.name_parts is not None:
        written = place if reference.is_text else f"{place}.name"
        spell_out_name(thing, written, reference.name_parts)
    for finder in reference.finders:
        sources = [given_source(sent, thing, body) for sent in finder.sends]
        if None not in sources:
            break
    else:
        raise GatewayError(
            Code.INVALID_ARGUMENT, f"{place}: {what_is_needed(reference, thing, body)}"
        )
    asked, moved = Body({}), []
    for sent, source in zip(finder.sends, sources, strict=True):
        assert source is not None
        content = (thing if source.inside else body).peek(source.path)
        written = str(source.path)
        if source.inside:
            written = place if reference.is_text else f"{place}.{source.path}"
        check_length(written, content)
        if sent.lower and isinstance(content, str):
            content = content.lower()
        asked.put(sent.send, content, sent.send)
        moved.append((str(sent.send), written))
        if source.inside and not source.native:
            thing.take(source.path)
        elif not source.inside and not source.native:
            used.append(source.path)
    return finder, asked, moved


def given_source(sent: Sent, thing: Body, body: Body) -> Source | None:
    for source in sent.sources:
        if (thing if source.inside else body).peek(source.path) not in ABSENT_VALUES:
            return source
    return None


def what_is_needed(reference: Reference, thing: Body, body: Body) -> str:
    """`expected its id, or name and show to find it by; there is no show`."""
    parts = set(reference.name_parts.groupindex if reference.name_parts is not None else ())
    ways = dict.fromkeys(
        " and ".join(names)
        for each in reference.finders
        for names in (names_said(each.sends, parts), names_said(each.sends, set()))
    )
    missing = next(
        sent for sent in reference.finders[0].sends if given_source(sent, thing, body) is None
    )
    lacks = " or ".join(missing.names)
    inside: Json = thing.value if type(thing.value) is dict else {}
    if parts.intersection(missing.names) and parts.isdisjoint(inside):
        lacks = f"name with {' and '.join(sorted(parts))}"
    return f"expected its id, or {', or '.join(ways)} to find it by; there is no {lacks}"


def names_said(sends: Iterable[Sent], parts: set[str]) -> list[str]:
    """What is sent, with `name` in place of what a name says."""
    said = ["name" if parts.intersection(s.names) else " or ".join(s.names) for s in sends]
    return list(dict.fromkeys(said))
