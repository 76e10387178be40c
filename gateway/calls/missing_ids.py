"""Objects that requests identify by name. Cuebot identifies objects by id only."""

import re
from collections.abc import Iterator

from gateway.codec.body import Json
from gateway.codec.rewrite import Body, BodyPath, Moved, peek
from gateway.errors import Code, GatewayError
from gateway.schema.method import Naming, Reference, Sent, Source

CUEBOT_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
ABSENT_VALUES = (None, "")


def is_name(content: object) -> bool:
    """Whether a value in the place of an id is a name: anything but an id of Cuebot's."""
    return isinstance(content, str) and bool(content) and not CUEBOT_ID.fullmatch(content)


def without_id(value: object, reference: Reference) -> Iterator[tuple[str, Json]]:
    """Path and object, where the id is missing. An absent single object counts as an empty one."""
    found = peek(value, reference.place)
    if reference.listed:
        for number, item in enumerate(found if type(found) is list else ()):
            if reference.is_text:
                if is_name(item):
                    yield f"{reference.place}[{number}]", {"name": item}
            elif type(item) is dict and item.get("id") in ABSENT_VALUES:
                yield f"{reference.place}[{number}]", item
    elif reference.is_text:
        if is_name(found):
            yield str(reference.place), {"name": found}
    elif found is None and type(value) is dict:
        yield str(reference.place), {}
    elif type(found) is dict and found.get("id") in ABSENT_VALUES:
        yield str(reference.place), found


def take_search(
    reference: Reference, place: str, thing: Body, body: Body, used: list[BodyPath]
) -> tuple[Naming, Body, list[Moved]]:
    """The look-up for an object, the body of its request, and where the client has the values.

    Values that Cuebot does not know are removed from the object. Values of the body stay, since
    other objects may need them; their paths are added to `used`. Raises GatewayError
    (INVALID_ARGUMENT) if a value is missing.
    """
    if not reference.finders:
        raise GatewayError(
            Code.INVALID_ARGUMENT, f"{place}: expected its id; nothing else finds it"
        )
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
        if sent.lower and isinstance(content, str):
            content = content.lower()
        written = str(source.path)
        if source.inside:
            written = place if reference.is_text else f"{place}.{source.path}"
        asked.put(sent.send, content, sent.send)
        moved.append((str(sent.send), written))
        if source.inside and not source.native:
            thing.take(source.path)
        elif not source.inside and not source.native:
            used.append(source.path)
    return Naming(reference, finder), asked, moved


def given_source(sent: Sent, thing: Body, body: Body) -> Source | None:
    for source in sent.sources:
        if (thing if source.inside else body).peek(source.path) not in ABSENT_VALUES:
            return source
    return None


def what_is_needed(reference: Reference, thing: Body, body: Body) -> str:
    """`expected its id, or name and show to find it by; there is no show`."""
    ways = [" and ".join(" or ".join(s.names) for s in each.sends) for each in reference.finders]
    missing = next(
        sent for sent in reference.finders[0].sends if given_source(sent, thing, body) is None
    )
    return (
        f"expected its id, or {', or '.join(dict.fromkeys(ways))} to find it by; "
        f"there is no {' or '.join(missing.names)}"
    )
