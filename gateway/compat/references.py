"""Objects in requests that a name will do for, and paths of a profile in a schema."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.fields import is_map, is_message, json_name, message_of
from gateway.codec.rewrite import BodyPath
from gateway.compat.profile import Listing as ListingEntry
from gateway.compat.profile import Named
from gateway.schema.method import (
    FieldPath,
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
Arguments = Mapping[str, Mapping[str, Method]]
"""Methods, by name, by a field of their requests in either spelling."""


class NotApplicable(Exception):
    """Why an entry of the profile does nothing with this schema."""


def split(path: str) -> FieldPath:
    return tuple(path.split("."))


def fields_along(message: Descriptor, path: FieldPath) -> Iterator[FieldDescriptor | None]:
    """The field of each name in a path, in JSON or proto spelling; None without one.

    Paths do not go on behind lists.
    """
    scope: Descriptor | None = message
    for name in path:
        fields = () if scope is None else scope.fields
        found = next((each for each in fields if name in (each.name, each.json_name)), None)
        yield found
        leads_on = found is not None and is_message(found) and not found.is_repeated
        scope = message_of(found) if found is not None and leads_on else None


def field_at(message: Descriptor, path: FieldPath) -> FieldDescriptor | None:
    *_, last = fields_along(message, path)
    return last


def needed_field(message: Descriptor, path: FieldPath) -> FieldDescriptor:
    """Raises NotApplicable without a field at the path."""
    field = field_at(message, path)
    if field is None:
        raise NotApplicable(f"{message.full_name} has no {'.'.join(path)}")
    return field


def list_at(message: Descriptor, path: str) -> tuple[FieldDescriptor, ...]:
    """The fields down to a list of messages. Raises NotApplicable without one."""
    names = split(path)
    fields = tuple(needed_field(message, names[: depth + 1]) for depth in range(len(names)))
    if not fields[-1].is_repeated or not is_message(fields[-1]) or is_map(fields[-1]):
        raise NotApplicable(f"{path} is no list of objects")
    return fields


def needed_path(message: Descriptor, path: str) -> BodyPath:
    """The place of a field in a body. Raises NotApplicable without such a field."""
    needed_field(message, split(path))
    return body_path(message, split(path))


def body_path(message: Descriptor, path: FieldPath) -> BodyPath:
    """The path in both spellings: those of Cuebot's fields, or derived ones where it has none."""
    spellings = [
        both_spellings(name) if field is None else (field.json_name, field.name)
        for name, field in zip(path, fields_along(message, path), strict=True)
    ]
    return BodyPath(
        json=tuple(json for json, _ in spellings),
        original=tuple(original for _, original in spellings),
    )


def both_spellings(name: str) -> tuple[str, str]:
    """`minCores` and `min_cores`, for either."""
    if "_" in name:
        return json_name(name), name
    return name, re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def root_of(request: Descriptor, source: FieldPath) -> BodyPath | None:
    """The part of a documented path that is an object unknown to Cuebot, if any."""
    for length, field in enumerate(fields_along(request, source[:-1]), 1):
        if field is None or not is_message(field):
            return body_path(request, source[:length])
    return None


def copied(
    answer: Descriptor, source: FieldPath, request: Descriptor, target: FieldPath
) -> tuple[FieldPath, FieldPath]:
    """Both paths in proto names. Raises NotApplicable for values of different types."""
    kinds = set()
    for message, path in ((answer, source), (request, target)):
        field = needed_field(message, path)
        if field.is_repeated or is_message(field):
            raise NotApplicable(f"{'.'.join(path)} is not a single value")
        kinds.add(field.type)
    if len(kinds) > 1:
        raise NotApplicable(f"{'.'.join(source)} and {'.'.join(target)} have different types")
    return body_path(answer, source).original, body_path(request, target).original


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
        )
        found.append((name, reference))
    if not found:
        what = "id" if is_text else each.message
        raise NotApplicable(f"there is no such {what} in a request")
    return found


def kind_of(message: Descriptor) -> str:
    """`render partition` for RenderPartition."""
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", message.name).lower()


def needed_method(served: Mapping[str, Method], name: str) -> Method:
    """Raises NotApplicable for a method that cannot be called."""
    if name not in served:
        raise NotApplicable(f"{name} is not served")
    if served[name].streams:
        raise NotApplicable(f"{name} streams")
    return served[name]


def needed_message(pool: DescriptorPool, name: str) -> Descriptor:
    """Raises NotApplicable without a message of that name."""
    try:
        found: Descriptor = pool.FindMessageTypeByName(name)
    except KeyError:
        raise NotApplicable(f"there is no message {name}") from None
    return found


def with_reference(references: tuple[Reference, ...], another: Reference) -> tuple[Reference, ...]:
    """Add a reference. At a place that has one already, its finders are added."""
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
