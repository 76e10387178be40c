"""The names in requests, by the profile. What does not fit a schema is NotApplicable."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.failures import Mention, Wording
from gateway.core.calls.plan import NO_PLANNERS, Planners, add_planner
from gateway.core.calls.steps import LookUp, Steps, Unique
from gateway.core.codec.fields import field_called, is_message, message_of
from gateway.core.profile.draft import Draft
from gateway.core.profile.schema_paths import (
    NotApplicable,
    body_path,
    copied,
    entry,
    field_at,
    kind_of,
    list_at,
    needed_field,
    needed_message,
    needed_method,
    needed_path,
    proto_path,
    row_search,
    split,
)
from gateway.core.schema.method import Method
from gateway.core.schema.selection import chosen
from gateway.features.names.aspect import (
    Filter,
    Finder,
    Listing,
    Near,
    Reference,
    RequestNames,
    Sent,
    Source,
)
from gateway.features.names.naming import with_namesakes
from gateway.features.names.planner import NamePlanner
from gateway.features.names.profile import FilterEntry, Named, NameTables, NearEntry
from gateway.features.names.profile import Listing as ListingEntry

PART = re.compile(r"\{(\w+)")
"""A field in the template of a name."""
ID = "id"
Arguments = Mapping[str, Mapping[str, Method]]
"""Methods, by name, by a field of their requests in either spelling."""


def compile_names(draft: Draft) -> None:
    """Adds `RequestNames`, `Wording` and a planner to each method."""
    tables, native = draft.tables(NameTables), draft.native
    near, filters = dict[str, Near](), defaultdict[str, tuple[Filter, ...]](tuple)
    for name, each in tables.near.items():
        with entry(f"near.{name}", draft.unused):
            near[name] = near_of(needed_method(native, name), each, native)
    for filtered in tables.filters:
        with entry(f"filters.{filtered.kind}", draft.unused):
            listed = names_for(filtered, native)
            for name, method in native.items():
                filters[name] += filters_of(method, filtered, listed)
    things = frozenset(field for each in tables.named for field in each.fields)
    resolver = References(draft, near)
    resolver.resolve(tables.named)
    for name in native:
        found = RequestNames(
            references=resolver.references[name],
            namesakes=resolver.namesakes.get(name),
            near=near.get(name),
            filters=filters[name],
            things=things,
        )
        draft.add(name, found)
        draft.add(name, wording_of(found))
        if found.references:
            add_planner(draft, name, NamePlanner(found.references))


def wording_of(names: RequestNames) -> Wording:
    listing = names.namesakes
    return Wording(
        mentions=tuple(
            Mention(each.kind, each.place.original, each.listed, each.is_text, each.by_name)
            for each in names.references
        ),
        things=names.things,
        sought=None if names.near is None else names.near.sought,
        tell_apart=None if listing is None else partial(with_namesakes, listing),
        explains_empty=bool(names.filters),
    )


def with_names(method: Method, names: RequestNames) -> Method:
    """The method as a look-up calls it, with these names alone."""
    references = names.references
    planners = Planners((NamePlanner(references),)) if references else NO_PLANNERS
    return method.with_aspect(names).with_aspect(wording_of(names)).with_aspect(planners)


class References:
    """References by method, and lists of namesakes by the method that finds one of them.

    A look-up uses the entries before its own only, so that there are no circles.
    """

    def __init__(self, draft: Draft, near: Mapping[str, Near]) -> None:
        self.references = defaultdict[str, tuple[Reference, ...]](tuple)
        self.namesakes: dict[str, Listing] = {}
        self._draft = draft
        self._near = near

    def resolve(self, entries: Iterable[Named]) -> None:
        methods: Arguments | None = None
        for each in entries:
            methods = methods or by_argument(self._draft.native)
            for path in (*each.fields, *each.ids):
                with entry(f"named.{each.message}.{path}", self._draft.unused):
                    by = self._finder(each) if each.by else None
                    for name, reference in references_at(path, each, methods, by):
                        self.references[name] = with_reference(self.references[name], reference)

    def _finder(self, each: Named) -> Callable[[Descriptor, Descriptor, bool], Finder]:
        """A factory of finders, which use the references so far."""
        assert each.by is not None
        native, adapted = self._draft.native, self._draft.methods
        call, listing, name = needed_method(native, each.by.call), None, each.by.call
        steps = Steps.of(adapted[name]) if name in adapted else Steps()
        if each.list is not None:
            rows = needed_method(native, each.list.call)
            rows = with_names(rows, RequestNames(references=self.references[each.list.call]))
            listing = listing_of(each.list, rows, call.descriptor.input_type, steps.before)
        if listing is not None and not listing.says:
            self.namesakes[name] = listing
        own = RequestNames(
            references=self.references[name],
            namesakes=self.namesakes.get(name),
            near=self._near.get(name),
        )
        call = with_names(call.with_aspect(steps), own)
        return partial(finder, each, call, listing)


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
    documented = {str(step.given) for step in Steps.of(call).before}
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


def near_of(method: Method, each: NearEntry, methods: Mapping[str, Method]) -> Near:
    listing, asked = needed_method(methods, each.call), method.descriptor.input_type
    request, answer = listing.descriptor.input_type, listing.descriptor.output_type
    rows = list_at(answer, each.rows) if each.rows is not None else ()
    parts = {part: needed_field(asked, (part,)).name for part in PART.findall(each.name)}
    beside = None
    if each.list is not None:
        beside = listing_of(each.list, needed_method(methods, each.list.call), asked, ())
    near = Near(
        kind=each.kind,
        name=each.name,
        parts=tuple(parts.items()),
        within=None if each.in_ is None else (each.in_, needed_field(asked, (each.in_,)).name),
        method=listing,
        copies=tuple(
            (proto_path(asked, source), needed_path(request, target))
            for target, source in each.with_.items()
        ),
        constants=tuple(
            (needed_path(request, target), content) for target, content in each.set.items()
        ),
        rows=rows,
        names=proto_path(message_of(rows[-1]) if rows else answer, each.names),
        part=None if each.part is None else needed_path(request, each.part),
        only=each.only,
        listing=beside,
    )
    try:
        near.name_in(GetMessageClass(asked)())
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"{each.name}: {error}") from None
    return near


def names_for(each: FilterEntry, methods: Mapping[str, Method]) -> Near:
    """The list of all names. Raises NotApplicable."""
    listing = needed_method(methods, each.call)
    rows = list_at(listing.descriptor.output_type, each.rows)
    return Near(
        kind=each.kind,
        name="",
        parts=(),
        within=None,
        method=listing,
        copies=(),
        constants=(),
        rows=rows,
        names=proto_path(message_of(rows[-1]), each.names),
        part=None,
    )


def filters_of(method: Method, each: FilterEntry, near: Near) -> tuple[Filter, ...]:
    """Those in the criteria of a read's request."""
    found = []
    for criteria in method.descriptor.input_type.fields if method.reads_only else ():
        if not is_message(criteria) or criteria.is_repeated:
            continue
        name = each.fields.get(message_of(criteria).full_name)
        field = None if name is None else field_called(message_of(criteria), name)
        if field is not None and field.is_repeated and field.type == FieldDescriptor.TYPE_STRING:
            place = f"{criteria.json_name}.{field.json_name}"
            found.append(Filter(place, (criteria.name, field.name), near))
    return tuple(found)
