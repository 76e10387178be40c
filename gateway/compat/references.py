"""Objects in requests that a name will do for, as the compatibility profile has it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import is_message, message_of
from gateway.compat.message_paths import (
    NotApplicable,
    body_path,
    copied,
    field_at,
    list_at,
    needed_field,
    needed_path,
    split,
)
from gateway.compat.profile import Listing as ListingEntry
from gateway.compat.profile import Named
from gateway.schema.method import (
    Finder,
    Listing,
    LookUp,
    Method,
    Reference,
    RowSearch,
    Sent,
    Source,
    Unique,
)
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
    path: str,
    each: Named,
    methods: Arguments,
    by: Callable[[Descriptor, Descriptor, bool], Finder] | None,
) -> list[tuple[str, Reference]]:
    """Method and reference, for each method that has such objects, or their ids, at that path.

    `by` makes what finds the object of a message type in a type of request. Raises NotApplicable if
    there is none, or if it cannot.
    """
    place, is_text = split(path), path in each.ids
    globs = (each.ids[path],) if is_text else each.methods
    found = []
    for name, method in methods.get(place[0], {}).items():
        request = method.descriptor.input_type
        field = field_at(request, place)
        if field is None or not chosen((name,), globs):
            continue
        if is_text:
            if field.type != FieldDescriptor.TYPE_STRING:
                continue
            message = needed_message(request, each.message)
        elif is_message(field) and message_of(field).full_name == each.message:
            message = message_of(field)
        else:
            continue
        reference = Reference(
            body_path(request, place),
            kind_of(message),
            listed=field.is_repeated,
            is_text=is_text,
            finders=(by(request, message, is_text),) if by else (),
        )
        found.append((name, reference))
    if not found:
        what = "id" if is_text else each.message
        raise NotApplicable(f"there is no such {what} in a request")
    return found


def kind_of(message: Descriptor) -> str:
    """What people call such an object: `render partition` for RenderPartition."""
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", message.name).lower()


def needed_message(request: Descriptor, name: str) -> Descriptor:
    """The message type of that name. Raises NotApplicable."""
    try:
        found: Descriptor = request.file.pool.FindMessageTypeByName(name)
    except KeyError:
        raise NotApplicable(f"there is no message {name}") from None
    return found


def with_reference(references: tuple[Reference, ...], another: Reference) -> tuple[Reference, ...]:
    """The references, and another one. At a place that has one already, it is another way there."""
    for number, each in enumerate(references):
        if each.place == another.place:
            both = replace(each, finders=each.finders + another.finders)
            return (*references[:number], both, *references[number + 1 :])
    return (*references, another)


def finder(
    each: Named,
    call: Method,
    listing: Listing | None,
    request: Descriptor,
    message: Descriptor,
    is_text: bool,
) -> Finder:
    """What finds an object of that type, or its id as a text, in such a request.

    Raises NotApplicable.
    """
    by = each.by
    assert by is not None
    asked, answer = call.descriptor.input_type, call.descriptor.output_type
    take, _ = copied(answer, split(by.take), message, (ID,))
    documented = {str(step.given) for step in call.steps.before} if call.steps else set()
    sends = []
    for send, paths in by.send.items():
        sources = [Source(needed_path(message, path), inside=True, native=True) for path in paths]
        sends.append(Sent(needed_path(asked, send), tuple(sources), send in by.lower))
    for send, path in by.beside.items():
        in_object = field_at(message, split(path)) is not None
        in_request = field_at(request, split(path)) is not None
        beside = Source(body_path(request, split(path)), inside=False, native=in_request)
        if is_text:  # it has no inside
            sources = [beside]
        else:
            sources = [Source(body_path(message, split(path)), inside=True, native=in_object)]
            if not in_request:  # else it says something else there
                sources.append(beside)
        if send not in documented:
            needed_field(asked, split(send))
        sends.append(Sent(body_path(asked, split(send)), tuple(sources), send in by.lower))
    if listing is not None and each.list is not None and each.list.only_with is not None:
        only_with = needed_path(request, each.list.only_with)
        listing = replace(listing, only_with=only_with.original)
    return Finder(call, tuple(sends), take, listing, by.only)


def listing_of(
    each: ListingEntry, call: Method, asked: Descriptor, before: Iterable[LookUp | Unique]
) -> Listing:
    """A list whose rows have what a look-up with such a request is for.

    `before` is what is looked up before that. Raises NotApplicable.
    """
    request, answer = call.descriptor.input_type, call.descriptor.output_type
    rows = row_search(answer, each.rows, each.where, asked)
    copies = []
    for target, source in each.with_.items():
        as_list = target.endswith("[]")
        path = needed_path(request, target.removesuffix("[]"))
        needed_field(asked, split(source))
        copies.append((body_path(asked, split(source)).original, path, as_list))
    known = {str(step.given): step.given for step in before}
    return Listing(
        call,
        tuple(copies),
        tuple((needed_path(request, target), content) for target, content in each.set.items()),
        rows,
        body_path(rows.row, split(each.newest)).original if each.newest else (),
        given=tuple(
            (known[source], needed_path(request, target))
            for target, source in each.given.items()
            if source in known
        ),
        says=each.says,
    )


def row_search(
    answer: Descriptor, path: str, where: Mapping[str, str], asked: Descriptor
) -> RowSearch:
    """The rows of the list at that path of an answer, by the fields that they share with a request.

    Raises NotApplicable.
    """
    fields = list_at(answer, path)
    row = message_of(fields[-1])
    return RowSearch(
        fields,
        tuple(copied(row, split(at), asked, split(source)) for at, source in where.items()),
    )
