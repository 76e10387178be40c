"""Objects in requests that a name will do for, as the compatibility profile has it."""

from collections import defaultdict
from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor

from gateway.codec.fields import is_message, message_of
from gateway.compat.message_paths import (
    NotApplicable,
    body_path,
    copied,
    field_at,
    needed_path,
    split,
)
from gateway.compat.profile import Finding, Named
from gateway.schema.method import Finder, Method, Reference, Sent, Source
from gateway.schema.selection import chosen

ID = "id"
"""What Cuebot knows objects by."""


Arguments = Mapping[str, Mapping[str, Method]]
"""By the name of a field of requests, in either spelling: the methods that have it, by name."""


def by_argument(methods: Mapping[str, Method]) -> Arguments:
    """The methods by the fields of their requests."""
    found = defaultdict[str, dict[str, Method]](dict)
    for name, method in methods.items():
        for field in method.descriptor.input_type.fields:
            found[field.name][name] = found[field.json_name][name] = method
    return found


def references_at(
    path: str, each: Named, call: Method | None, methods: Arguments
) -> list[tuple[str, Reference]]:
    """Method and reference, for each of the methods that has such an object at that path.

    `call` is what finds them. Raises NotApplicable if there is none, or if that cannot find them.
    """
    place = split(path)
    found = []
    for name, method in methods.get(place[0], {}).items():
        request = method.descriptor.input_type
        field = field_at(request, place)
        if field is None or not is_message(field) or not chosen((name,), each.methods):
            continue
        message = message_of(field)
        if message.full_name == each.message:
            by = finder(each.by, call, request, message) if each.by and call else None
            found.append((name, Reference(body_path(request, place), field.is_repeated, by)))
    if not found:
        raise NotApplicable(f"there is no such {each.message} in a request")
    return found


def finder(by: Finding, call: Method, request: Descriptor, message: Descriptor) -> Finder:
    """What finds an object of that type in such a request. Raises NotApplicable."""
    asked, answer = call.descriptor.input_type, call.descriptor.output_type
    take, _ = copied(answer, split(by.take), message, (ID,))
    sends = []
    for send, paths in by.send.items():
        sources = [Source(needed_path(message, path), inside=True, native=True) for path in paths]
        sends.append(Sent(needed_path(asked, send), tuple(sources)))
    for send, path in by.beside.items():
        native = field_at(message, split(path)) is not None
        sources = [Source(body_path(message, split(path)), inside=True, native=native)]
        if field_at(request, split(path)) is None:  # else it says something else there
            sources.append(Source(body_path(request, split(path)), inside=False, native=False))
        sends.append(Sent(needed_path(asked, send), tuple(sources)))
    return Finder(call, tuple(sends), take, by.nothing, by.only)
