"""What calls are about, and what answers show, by the profile."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.fields import field_called, is_message, message_of
from gateway.core.profile.profile import About as AboutEntry
from gateway.core.profile.profile import (
    Asking,
    FilterEntry,
    NamesOf,
    NearEntry,
    ObstacleEntry,
    Profile,
)
from gateway.core.profile.references import listing_of
from gateway.core.profile.schema_paths import (
    NotApplicable,
    body_path,
    entry,
    field_at,
    kind_of,
    list_at,
    needed_field,
    needed_message,
    needed_method,
    needed_path,
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.method import (
    About,
    Argument,
    Asked,
    ErrorSigns,
    FieldPath,
    Filter,
    FoundBy,
    LiesIn,
    Method,
    NamedRows,
    Near,
    Obstacle,
    RowFacts,
    Sign,
    Spec,
    Subject,
)
from gateway.core.schema.selection import chosen

NOBODY_SAYS = "nothing in its request has a show or a user"
PART = re.compile(r"\{(\w+)")
"""A field in the template of a name."""
TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def with_subjects(
    profile: Profile,
    served: Mapping[str, Method],
    pool: DescriptorPool,
    unused: list[UnusedEntry],
) -> tuple[dict[str, Method], dict[str, About]]:
    """The methods (by `service/Method`), with what they are about and what they show.

    Also objects that a fact is the name of, by that fact.
    """
    abouts = Objects(profile, served, pool, unused).all()
    shown = shown_types(profile, pool, abouts, unused)
    confined = dict(narrowed(profile, served, unused))
    pages: dict[str, tuple[FieldPath, ...]] = {}
    for name, paths in profile.pages.items():
        with entry(f"pages.{name}", unused):
            request = needed_method(served, name).descriptor.input_type
            pages[name] = tuple(proto_path(request, path) for path in paths)
    found = {}
    for name, each in served.items():
        if each.reads_only:
            found[name] = replace(
                read_about(each, profile, abouts),
                shown=shown,
                narrowed=confined.get(name, ()),
                pages=pages.get(name, ()),
            )
        else:
            found[name] = judged(each, profile, abouts)
    for name, listing in profile.names.items():
        with entry(f"names.{name}", unused):
            method = needed_method(found, name)
            found[name] = replace(method, named_rows=named_rows(method, listing, found))
    for name, each_obstacle in profile.obstacles.items():
        with entry(f"obstacles.{name}", unused):
            method = needed_method(found, name)
            signs = replace(
                method.signs or ErrorSigns(), obstacle=obstacle_of(each_obstacle, method, found)
            )
            found[name] = replace(method, signs=signs)
    for name, each_near in profile.near.items():
        with entry(f"near.{name}", unused):
            method = needed_method(found, name)
            found[name] = replace(method, near=near_of(method, each_near, found))
    for filtered in profile.filters:
        with entry(f"filters.{filtered.kind}", unused):
            near = names_for(filtered, found)
            for name, method in found.items():
                if more := filters_of(method, filtered, near):
                    found[name] = replace(method, filters=(*method.filters, *more))
    by_fact = {
        fact: about
        for about in abouts.values()
        if about.named is not None
        for fact, path in about.facts
        if [path] == [source for source, _, _ in about.named.sends]
    }
    return found, by_fact


@dataclass(frozen=True, slots=True)
class Objects:
    profile: Profile
    served: Mapping[str, Method]
    pool: DescriptorPool
    unused: list[UnusedEntry]

    def all(self) -> dict[str, About]:
        """By message. An entry uses those before it only, so that there are no circles."""
        found: dict[str, About] = {}
        for name, each in self.profile.about.items():
            with entry(f"about.{name}", self.unused):
                found[name] = self._about(needed_message(self.pool, name), each, found)
        return found

    def _about(self, message: Descriptor, each: AboutEntry, found: Mapping[str, About]) -> About:
        asked, named, namesakes = (
            None if asking is None else self._asked(asking, message)
            for asking in (each.by, each.by_name, each.namesakes)
        )
        shown = self._shown(each, message)
        return About(
            kind=kind_of(message),
            facts=tuple((fact, proto_path(shown, path)) for fact, path in each.facts.items()),
            changing=frozenset(each.changing),
            asked=asked,
            named=named,
            namesakes=namesakes,
            owners=tuple(
                (proto_path(shown, path), needed(found, owner))
                for owner, path in each.belongs_to.items()
            ),
            named_owners=tuple(
                (proto_path(shown, path), needed(found, owner))
                for owner, paths in each.belongs_to_named.items()
                for path in paths
            ),
            found_by=tuple(self._finders(each, found)),
            lies_in=tuple(
                LiesIn(one.argument, needed(found, one.in_), self._asked(one, message, one.held))
                for one in each.lies_in
            ),
            confined_to=tuple(
                (proto_path(message, path), needed(found, owner))
                for owner, path in each.confined_to.items()
            ),
            shown=shown.full_name,
        )

    def _asked(self, asking: Asking, message: Descriptor, held: str = "") -> Asked:
        method = self._read(asking)
        request, answer = method.descriptor.input_type, method.descriptor.output_type
        shown = shown_by(asking, answer)
        sends = []
        for target, source in asking.send.items():
            place = proto_path(request, target.removesuffix("[]"))
            sends.append((proto_path(message, source), place, target.endswith("[]")))
        return Asked(
            method,
            sends=tuple(sends),
            constants=proto_values(request, asking.set),
            take=proto_path(answer, asking.take) if asking.take else (),
            rows=list_at(answer, asking.rows) if asking.rows else (),
            same=tuple(
                (proto_path(shown, at), tuple(proto_path(message, path) for path in paths))
                for at, paths in asking.where.items()
            ),
            held=proto_path(request, held) if held else (),
        )

    def _shown(self, each: AboutEntry, message: Descriptor) -> Descriptor:
        """The type of what is shown, which is the same in all ways to ask."""
        askings = [each.by, each.by_name, each.namesakes, *each.lies_in]
        types = {
            shown_by(asking, self._read(asking).descriptor.output_type).full_name: asking
            for asking in askings
            if asking is not None
        }
        if len(types) > 1:
            raise NotApplicable(f"there are several types: {', '.join(types)}")
        return needed_message(self.pool, *types) if types else message

    def _read(self, asking: Asking) -> Method:
        method = needed_method(self.served, asking.call)
        if not method.reads_only:
            raise NotApplicable(f"{asking.call} changes something")
        return method

    def _finders(self, each: AboutEntry, found: Mapping[str, About]) -> Iterator[FoundBy]:
        for call, path in each.found_by.items():
            method = needed_method(self.served, call)
            place = proto_path(method.descriptor.input_type, path)
            yield FoundBy(method.path, needed(found, each.named or ""), place)


def shown_by(asking: Asking, answer: Descriptor) -> Descriptor:
    """The type of the object in an answer, or of the rows of a list."""
    if asking.rows is not None:
        return message_of(list_at(answer, asking.rows)[-1])
    taken = needed_field(answer, split(asking.take or ""))
    if not is_message(taken) or taken.is_repeated:
        raise NotApplicable(f"{asking.take} is no object")
    return message_of(taken)


def needed(abouts: Mapping[str, About], name: str) -> About:
    if name not in abouts:
        raise NotApplicable(f"{name} is not above it in the profile")
    return abouts[name]


def judged(method: Method, profile: Profile, abouts: Mapping[str, About]) -> Method:
    """The change with its subjects, or why it cannot be judged.

    A text or an object that the profile does not know could be what is changed.
    """
    subjects: list[Subject] = []
    for field in method.descriptor.input_type.fields:
        globs = profile.subjects.values.get(field.json_name, ())
        is_value = chosen((method.path[1:],), globs)
        if not is_value and (is_message(field) or field.type in TEXTS):
            found = subject_in(field, method, profile, abouts)
            if found is None:
                reason = f"it is not known whose {field.json_name!r} in its request is"
                return replace(method, not_judged=reason)
            subjects.append(found)
        subjects += subjects_inside(field, profile, abouts)
    if not subjects:
        return replace(method, not_judged=NOBODY_SAYS)
    return replace(method, subjects=tuple(with_arguments(each, method) for each in subjects))


def read_about(method: Method, profile: Profile, abouts: Mapping[str, About]) -> Method:
    """The read with the objects in its request. What else is there only chooses among rows."""
    subjects = []
    for field in method.descriptor.input_type.fields:
        found = None
        if is_message(field) or field.type in TEXTS:
            found = subject_in(field, method, profile, abouts)
        if found is not None and not found.about.confined_to:
            subjects.append(with_arguments(found, method))
    return replace(method, subjects=tuple(subjects))


def shown_types(
    profile: Profile,
    pool: DescriptorPool,
    abouts: Mapping[str, About],
    unused: list[UnusedEntry],
) -> dict[str, RowFacts]:
    found = {name: shown_of(about, name) for name, about in abouts.items()}
    for name, each in profile.shown.items():
        with entry(f"shown.{name}", unused):
            message = needed_message(pool, name)
            facts: dict[str, FieldPath] = {
                fact: proto_path(message, path) for fact, path in each.facts.items()
            }
            fields = {field.json_name: field.name for field in message.fields}
            ids = tuple(
                (fields[ids], fields.get(objects, ""))
                for ids, objects in each.ids.items()
                if ids in fields and not is_message(needed_field(message, (ids,)))
            )
            hidden = tuple(needed_field(message, (field,)).name for field in each.hides)
            named = tuple(
                (proto_path(message, path), needed(abouts, other))
                for other, paths in each.names.items()
                for path in paths
            )
            found[name] = RowFacts(
                facts, is_container=each.contains, ids=ids, hidden=hidden, named=named
            )
    return found


def shown_of(about: About, name: str) -> RowFacts:
    """What an object says of itself: as much as when Cuebot is asked, unless that is another's."""
    facts: dict[str, FieldPath] = {}
    if about.shown == name:
        facts = dict(about.facts)
    owner_id, owner = about.owners[0] if len(about.owners) == 1 else ((), None)
    return RowFacts(facts, owner, owner_id)


def narrowed(
    profile: Profile, served: Mapping[str, Method], unused: list[UnusedEntry]
) -> Iterator[tuple[str, tuple[tuple[str, FieldPath], ...]]]:
    for name, fields in profile.narrowed.items():
        with entry(f"narrowed.{name}", unused):
            request = needed_method(served, name).descriptor.input_type
            found = []
            for fact, path in fields.items():
                one = needed_field(request, split(path))
                if not one.is_repeated or one.type != FieldDescriptor.TYPE_STRING:
                    raise NotApplicable(f"{path} is no list of texts")
                found.append((fact, proto_path(request, path)))
            yield name, tuple(found)


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


def obstacle_of(each: ObstacleEntry, method: Method, methods: Mapping[str, Method]) -> Obstacle:
    reading, asked = needed_method(methods, each.call), method.descriptor.input_type
    request, answer = reading.descriptor.input_type, reading.descriptor.output_type
    try:
        for says in (each.says, each.says_one or "", each.otherwise):
            says.format(subject="", found="")
    except (LookupError, ValueError) as error:
        raise NotApplicable(f"no such field in a sentence: {error}") from None
    return Obstacle(
        Sign(each.begins),
        each.says,
        each.says_one or "",
        each.otherwise,
        reading,
        tuple(
            (proto_path(asked, source), proto_path(request, target))
            for target, source in each.with_.items()
        ),
        list_at(answer, each.rows) if each.rows is not None else (),
        proto_path(answer, each.take) if each.take is not None else (),
        each.unless,
    )


def named_rows(method: Method, each: NamesOf, methods: Mapping[str, Method]) -> NamedRows:
    listing = needed_method(methods, each.call)
    request, asked = listing.descriptor.input_type, method.descriptor.input_type
    rows = list_at(listing.descriptor.output_type, each.rows)
    return NamedRows(
        listing,
        copies=tuple(
            (proto_path(asked, source), proto_path(request, target))
            for target, source in each.with_.items()
        ),
        constants=proto_values(request, each.set),
        rows=rows,
        name=proto_path(message_of(rows[-1]), each.name),
        put=needed_field(method.descriptor.output_type, (each.put,)).name,
    )


def subject_in(
    field: FieldDescriptor, method: Method, profile: Profile, abouts: Mapping[str, About]
) -> Subject | None:
    given, name = profile.subjects, field.json_name
    if chosen((method.path[1:],), given.unknown.get(name, ())):
        return None
    if is_message(field):
        other = named_for(given.objects, method, name)
        place, about = object_in(field, abouts) if other is None else ((field.name,), other)
        found = abouts.get(about)
        return None if found is None else Subject(place, name, found)
    if field.type != FieldDescriptor.TYPE_STRING:
        return None
    for each in given.specs:
        if each.field == name and chosen((method.path[1:],), (each.methods,)):
            named = tuple((element, abouts.get(it)) for it, element in each.names.items())
            known = tuple((element, about) for element, about in named if about is not None)
            if len(known) < len(named):
                return None
            facts = tuple(each.facts.items())
            return Subject((field.name,), name, About(name), True, spec=Spec(facts, known))
    by_name = named_for(given.names, method, name)
    found = abouts.get(by_name or given.ids.get(name, ""))
    return None if found is None else Subject((field.name,), name, found, True, by_name is not None)


def subjects_inside(
    field: FieldDescriptor, profile: Profile, abouts: Mapping[str, About]
) -> Iterator[Subject]:
    """Texts in an object that stand for another one."""
    message = message_of(field) if is_message(field) and not field.is_repeated else None
    inside = profile.subjects.inside.get(message.full_name, {}) if message is not None else {}
    for name, stands_for in inside.items():
        text = field_at(message_of(field), (name,))
        if text is not None and stands_for in abouts:
            place, shown = (field.name, text.name), f"{field.json_name}.{text.json_name}"
            yield Subject(place, shown, abouts[stands_for], True, optional=True)


def named_for(entries: Mapping[str, Mapping[str, str]], method: Method, name: str) -> str | None:
    """The message of the first entry for a method that has the field."""
    for glob, messages in entries.items():
        if name in messages and chosen((method.path[1:],), (glob,)):
            return messages[name]
    return None


def object_in(field: FieldDescriptor, abouts: Mapping[str, About]) -> tuple[tuple[str, ...], str]:
    """The place of the objects in a field: it has them, or a message with nothing but a list."""
    message = message_of(field)
    if message.full_name not in abouts and len(message.fields) == 1 and not field.is_repeated:
        (inner,) = message.fields
        if inner.is_repeated and is_message(inner):
            return (field.name, inner.name), message_of(inner).full_name
    return (field.name,), message.full_name


def with_arguments(subject: Subject, method: Method) -> Subject:
    """The subject with the places of all names that say what its objects lie in.

    They are in the object, or beside it, unless the method has a field there that means something
    else.
    """
    request = method.descriptor.input_type
    field = needed_field(request, subject.place[:1])
    found = {}
    for name in dict.fromkeys(arguments_of(subject.about)):
        places = []
        if is_message(field) and not field.is_repeated and len(subject.place) == 1:
            native = field_at(message_of(field), (name,)) is not None
            places.append(Argument(body_path(request, (field.name, name)), native))
        if field_at(request, (name,)) is None:
            places.append(Argument(body_path(request, (name,)), native=False))
        found[name] = tuple(places)
    return replace(subject, arguments=found)


def arguments_of(about: About) -> Iterator[str]:
    for lying in about.lies_in:
        yield lying.argument
        yield from arguments_of(lying.holder)
    for _, owner in about.owners:
        yield from arguments_of(owner)
