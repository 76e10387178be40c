"""Objects in requests that a name will do for. What does not fit a schema is NotApplicable."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.codec.fields import is_message, message_of
from gateway.core.profile.profile import Listing as ListingEntry
from gateway.core.profile.profile import Named
from gateway.core.profile.schema_paths import (
    NotApplicable,
    body_path,
    copied,
    field_at,
    kind_of,
    list_at,
    needed_field,
    needed_message,
    needed_path,
    split,
)
from gateway.core.schema.method import (
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
from gateway.core.schema.selection import chosen

ID = "id"
Arguments = Mapping[str, Mapping[str, Method]]
"""Methods, by name, by a field of their requests in either spelling."""


def by_argument(methods: Mapping[str, Method]) -> Arguments:
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
    """Methods with such objects, or their ids, at the path, and the references.

    `by` makes the finder for a message type in a type of request. Raises NotApplicable.
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
            message = needed_message(request.file.pool, each.message)
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
            name_parts=each.name_parts,
            by_name=each.by_name,
        )
        found.append((name, reference))
    if not found:
        what = "id" if is_text else each.message
        raise NotApplicable(f"there is no such {what} in a request")
    return found


def with_reference(references: tuple[Reference, ...], another: Reference) -> tuple[Reference, ...]:
    """At a place that has a reference, its finders are added."""
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
    """The finder for an object of that type, or its id as a text. Raises NotApplicable."""
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
        if is_text:
            sources = [beside]
        else:
            sources = [Source(body_path(message, split(path)), inside=True, native=in_object)]
            if not in_request:  # there, the field means something else
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
    """The list beside a look-up, which `before` precedes. Raises NotApplicable."""
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
    """The rows of a list that match a request. Raises NotApplicable."""
    fields = list_at(answer, path)
    row = message_of(fields[-1])
    return RowSearch(
        fields,
        tuple(copied(row, split(at), asked, split(source)) for at, source in where.items()),
    )
