"""Objects in requests that have a name and no id, which is all that Cuebot knows them by."""

from collections.abc import Iterator

from gateway.codec.rewrite import BodyPath, Json, Rewritten, peek, pull, put
from gateway.errors import Code, GatewayError
from gateway.schema.method import Finder, Reference, Sent, Source

NOTHING = (None, "")
"""What is as good as not given."""


def without_id(value: object, reference: Reference) -> Iterator[tuple[str, Json]]:
    """Place and object, for each in a body that is there without its id."""
    found = peek(value, reference.place)
    if not reference.listed:
        if type(found) is dict and found.get("id") in NOTHING:
            yield str(reference.place), found
    elif type(found) is list:
        for number, item in enumerate(found):
            if type(item) is dict and item.get("id") in NOTHING:
                yield f"{reference.place}[{number}]", item


def asked_for(
    reference: Reference, place: str, thing: Json, body: object, used: list[BodyPath]
) -> tuple[Finder, Json, Rewritten]:
    """What finds such an object, the body of the request for that, and how the client calls it.

    Paths of the request that it takes something from, and that Cuebot does not have, are added to
    `used`; those of the object are taken out of it. Raises GatewayError (INVALID_ARGUMENT) if too
    little is known of the object.
    """
    finder = reference.finder
    if finder is None:
        raise GatewayError(
            Code.INVALID_ARGUMENT, f"{place}: expected its id; nothing else finds it"
        )
    asked: Json = {}
    names = Rewritten()
    for sent in finder.sends:
        source = given_source(sent, thing, body)
        if source is None:
            raise GatewayError(Code.INVALID_ARGUMENT, f"{place}: {what_is_needed(finder, sent)}")
        content = peek(thing if source.inside else body, source.path)
        written = f"{place}.{source.path}" if source.inside else str(source.path)
        put(asked, sent.send, content, sent.send)
        names.moved.append((str(sent.send), written))
        if source.inside and not source.native:
            pull(thing, source.path)
        elif not source.inside:
            used.append(source.path)
    return finder, asked, names


def given_source(sent: Sent, thing: Json, body: object) -> Source | None:
    """The first source of a value that has one."""
    for source in sent.sources:
        if peek(thing if source.inside else body, source.path) not in NOTHING:
            return source
    return None


def what_is_needed(finder: Finder, missing: Sent) -> str:
    """`expected its id, or name and show to find it by; there is no show`."""
    needed = " and ".join(" or ".join(sent.names) for sent in finder.sends)
    return f"expected its id, or {needed} to find it by; there is no {' or '.join(missing.names)}"
