"""What calls are about, and what answers show, by the profile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.calls.plan import add_planner
from gateway.core.codec.fields import is_message, message_of
from gateway.core.profile.draft import Draft
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
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.method import FieldPath, Method
from gateway.core.schema.selection import chosen
from gateway.features.object_rights.aspect import (
    About,
    Argument,
    Asked,
    ByName,
    FoundBy,
    LiesIn,
    NamedRows,
    Objects,
    RowFacts,
    Spec,
    Subject,
)
from gateway.features.object_rights.planner import HolderPlanner
from gateway.features.object_rights.profile import About as AboutEntry
from gateway.features.object_rights.profile import Asking, NamesOf, ObjectTables

NOBODY_SAYS = "nothing in its request has a show or a user"
TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def compile_objects(draft: Draft) -> None:
    """Adds `Objects` and a planner to each method, and `ByName` to the catalog."""
    tables, served, unused = draft.tables(ObjectTables), draft.native, draft.unused
    abouts = Abouts(tables, served, draft.pool, unused).all()
    shown = shown_types(tables, draft.pool, abouts, unused)
    confined = dict(narrowed(tables, served, unused))
    pages: dict[str, tuple[FieldPath, ...]] = {}
    for name, paths in tables.pages.items():
        with entry(f"pages.{name}", unused):
            request = needed_method(served, name).descriptor.input_type
            pages[name] = tuple(proto_path(request, path) for path in paths)
    listed: dict[str, NamedRows] = {}
    for name, listing in tables.names.items():
        with entry(f"names.{name}", unused):
            listed[name] = named_rows(needed_method(served, name), listing, served)
    for name, each in served.items():
        if each.reads_only:
            found = Objects(
                subjects=read_about(each, tables, abouts),
                shown=shown,
                narrowed=confined.get(name, ()),
                pages=pages.get(name, ()),
                named_rows=listed.get(name),
            )
        else:
            found = judged(each, tables, abouts)
        draft.add(name, found)
        if found.arguments:
            add_planner(draft, name, HolderPlanner(found.arguments))
    by_fact = {
        fact: about
        for about in abouts.values()
        if about.named is not None
        for fact, path in about.facts
        if [path] == [source for source, _, _ in about.named.sends]
    }
    draft.whole[ByName] = ByName(by_fact)


@dataclass(frozen=True, slots=True)
class Abouts:
    tables: ObjectTables
    served: Mapping[str, Method]
    pool: DescriptorPool
    unused: list[UnusedEntry]

    def all(self) -> dict[str, About]:
        """By message. An entry uses those before it only, so that there are no circles."""
        found: dict[str, About] = {}
        for name, each in self.tables.about.items():
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


def judged(method: Method, tables: ObjectTables, abouts: Mapping[str, About]) -> Objects:
    """The subjects of a change, or why it cannot be judged.

    A text or an object that the profile does not know could be what is changed.
    """
    subjects: list[Subject] = []
    for field in method.descriptor.input_type.fields:
        globs = tables.subjects.values.get(field.json_name, ())
        is_value = chosen((method.path[1:],), globs)
        if not is_value and (is_message(field) or field.type in TEXTS):
            found = subject_in(field, method, tables, abouts)
            if found is None:
                reason = f"it is not known whose {field.json_name!r} in its request is"
                return Objects(not_judged=reason)
            subjects.append(found)
        subjects += subjects_inside(field, tables, abouts)
    if not subjects:
        return Objects(not_judged=NOBODY_SAYS)
    return Objects(subjects=tuple(with_arguments(each, method) for each in subjects))


def read_about(
    method: Method, tables: ObjectTables, abouts: Mapping[str, About]
) -> tuple[Subject, ...]:
    """The objects in the request of a read. What else is there only chooses among rows."""
    subjects = []
    for field in method.descriptor.input_type.fields:
        found = None
        if is_message(field) or field.type in TEXTS:
            found = subject_in(field, method, tables, abouts)
        if found is not None and not found.about.confined_to:
            subjects.append(with_arguments(found, method))
    return tuple(subjects)


def shown_types(
    tables: ObjectTables,
    pool: DescriptorPool,
    abouts: Mapping[str, About],
    unused: list[UnusedEntry],
) -> dict[str, RowFacts]:
    found = {name: shown_of(about, name) for name, about in abouts.items()}
    for name, each in tables.shown.items():
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
    tables: ObjectTables, served: Mapping[str, Method], unused: list[UnusedEntry]
) -> Iterator[tuple[str, tuple[tuple[str, FieldPath], ...]]]:
    for name, fields in tables.narrowed.items():
        with entry(f"narrowed.{name}", unused):
            request = needed_method(served, name).descriptor.input_type
            found = []
            for fact, path in fields.items():
                one = needed_field(request, split(path))
                if not one.is_repeated or one.type != FieldDescriptor.TYPE_STRING:
                    raise NotApplicable(f"{path} is no list of texts")
                found.append((fact, proto_path(request, path)))
            yield name, tuple(found)


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
    field: FieldDescriptor, method: Method, tables: ObjectTables, abouts: Mapping[str, About]
) -> Subject | None:
    given, name = tables.subjects, field.json_name
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
    field: FieldDescriptor, tables: ObjectTables, abouts: Mapping[str, About]
) -> Iterator[Subject]:
    """Texts in an object that stand for another one."""
    message = message_of(field) if is_message(field) and not field.is_repeated else None
    inside = tables.subjects.inside.get(message.full_name, {}) if message is not None else {}
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
