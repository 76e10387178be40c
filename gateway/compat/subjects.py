"""What calls are about, and what answers show, by the profile."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.fields import is_message, message_of
from gateway.compat.profile import About as AboutEntry
from gateway.compat.profile import Asking, NamesOf, Profile
from gateway.compat.references import (
    NotApplicable,
    body_path,
    kind_of,
    list_at,
    needed_field,
    needed_message,
    needed_method,
    needed_path,
    split,
)
from gateway.compat.resolve import entry
from gateway.schema.catalog import UnusedEntry
from gateway.schema.method import (
    About,
    Asked,
    FieldPath,
    Method,
    NamedRows,
    Shown,
    Subject,
)
from gateway.schema.selection import chosen

NOBODY_SAYS = "nothing in its request has a show or a user"


def with_subjects(
    profile: Profile,
    served: Mapping[str, Method],
    pool: DescriptorPool,
    unused: list[UnusedEntry],
) -> dict[str, Method]:
    """The methods (by `service/Method`), with what they are about and what they show."""
    by_name: dict[str, About] = {}
    abouts = dict(objects(profile, served, pool, unused, by_name))
    shown = shown_types(profile, pool, abouts, unused)
    confined = dict(narrowed(profile, served, unused))
    found = {
        name: read_of(each, profile, abouts, by_name, shown, confined.get(name, ()))
        if each.reads_only
        else judged(each, profile, abouts)
        for name, each in served.items()
    }
    for name, entry_ in profile.names.items():
        with entry(f"names.{name}", unused):
            method = needed_method(found, name)
            found[name] = replace(method, named_rows=named_rows(method, entry_, found))
    return found


def read_of(
    method: Method,
    profile: Profile,
    abouts: Mapping[str, About],
    by_name: Mapping[str, About],
    shown: Mapping[str, Shown],
    confined: tuple[tuple[str, FieldPath], ...],
) -> Method:
    """The read with the objects in its request. What else is there only chooses among rows."""
    subjects: list[Subject] = []
    for field in method.descriptor.input_type.fields:
        if is_message(field):
            place, about = object_in(field, abouts)
        else:
            place, name = (field.name,), field.json_name
            about = abouts.get(profile.subjects.ids.get(name, ""))
            for message, fields in profile.subjects.names.items():
                if chosen((method.path[1:],), fields.get(name, ())):
                    about = by_name.get(message)
        if about is not None:
            subjects.append(Subject(place, field.json_name, not is_message(field), about))
    return replace(method, subjects=tuple(subjects), shown=shown, narrowed=confined)


def shown_types(
    profile: Profile,
    pool: DescriptorPool,
    abouts: Mapping[str, About],
    unused: list[UnusedEntry],
) -> dict[str, Shown]:
    found = {name: shown_of(about, name) for name, about in abouts.items()}
    for name, each in profile.shown.items():
        with entry(f"shown.{name}", unused):
            message = needed_message(pool, name)
            facts: dict[str, FieldPath] = {
                fact: needed_path(message, path).original for fact, path in each.facts.items()
            }
            fields = {field.json_name: field.name for field in message.fields}
            ids = tuple(
                (fields[ids], fields.get(objects, ""))
                for ids, objects in each.ids.items()
                if ids in fields and not is_message(needed_field(message, (ids,)))
            )
            found[name] = Shown(facts, is_container=each.contains, ids=ids)
    return found


def shown_of(about: About, name: str) -> Shown:
    """What an object says of itself: as much as when Cuebot is asked, unless that is another's."""
    facts: dict[str, FieldPath] = {}
    if about.asked_by is not None and about.owner is None:
        answer = about.asked_by.method.descriptor.output_type
        for taken in about.asked_by.take:
            answer = message_of(answer.fields_by_name[taken])
        facts = dict(about.facts) if answer.full_name == name else {}
    return Shown(facts, about.owner, about.owner_id)


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
                found.append((fact, needed_path(request, path).original))
            yield name, tuple(found)


def named_rows(method: Method, each: NamesOf, methods: Mapping[str, Method]) -> NamedRows:
    listing = needed_method(methods, each.call)
    request, asked = listing.descriptor.input_type, method.descriptor.input_type
    copies = tuple(
        (needed_path(asked, source).original, needed_path(request, target).original)
        for target, source in each.with_.items()
    )
    constants = tuple(
        (needed_path(request, target).original, content) for target, content in each.set.items()
    )
    rows = list_at(listing.descriptor.output_type, each.rows)
    name = needed_path(message_of(rows[-1]), each.name).original
    put = needed_field(method.descriptor.output_type, (each.put,)).name
    return NamedRows(listing, copies, constants, rows, name, put)


def objects(
    profile: Profile,
    served: Mapping[str, Method],
    pool: DescriptorPool,
    unused: list[UnusedEntry],
    by_name: dict[str, About],
) -> Iterator[tuple[str, About]]:
    """By message type. An entry uses the entries before it only, so that there are no circles.

    `by_name` is filled in with how an object is asked for by its name.
    """
    found: dict[str, About] = {}
    for name, each in profile.about.items():
        with entry(f"about.{name}", unused):
            message = needed_message(pool, name)
            about = About(kind_of(message), None, (), frozenset(each.changing))
            if each.by_name is not None:
                # A later object may have the same name.
                named = replace(about, changing=frozenset(each.facts))
                by_name[name] = about_by(each.by_name, named, each, message, served)
            if each.by is not None:
                about = about_by(each.by, about, each, message, served)
                for owner, path in each.belongs_to.items():
                    owner_id = needed_path(shown_by(each.by, served), path).original
                    about = replace(about, owner=needed(found, owner), owner_id=owner_id)
            about = replace(about, found_by=tuple(finders(each, served, by_name)))
            if each.by is not None or each.found_by:
                found[name] = about
                yield name, about


def finders(
    each: AboutEntry, served: Mapping[str, Method], by_name: Mapping[str, About]
) -> Iterator[tuple[str, tuple[str, ...], About]]:
    for call, path in each.found_by.items():
        method = needed_method(served, call)
        place = needed_path(method.descriptor.input_type, path).original
        yield method.path, place, needed(by_name, each.named or "")


def about_by(
    asking: Asking,
    about: About,
    each: AboutEntry,
    message: Descriptor,
    served: Mapping[str, Method],
) -> About:
    method, shown = needed_method(served, asking.call), shown_by(asking, served)
    request, answer = method.descriptor.input_type, method.descriptor.output_type
    sends = tuple(
        (needed_path(message, source).original, needed_path(request, target).original)
        for target, source in asking.send.items()
    )
    asked_by = Asked(method, sends, body_path(answer, split(asking.take)).original)
    facts = tuple((fact, needed_path(shown, path).original) for fact, path in each.facts.items())
    return replace(about, asked_by=asked_by, facts=facts)


def shown_by(asking: Asking, served: Mapping[str, Method]) -> Descriptor:
    """The type of the object in the answer."""
    method = needed_method(served, asking.call)
    if not method.reads_only:
        raise NotApplicable(f"{asking.call} changes something")
    taken = needed_field(method.descriptor.output_type, split(asking.take))
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
        if chosen((method.path[1:],), globs):
            continue
        if is_message(field):
            place, about = object_in(field, abouts)
        elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            place = (field.name,)
            is_text = field.type == FieldDescriptor.TYPE_STRING
            message = profile.subjects.ids.get(field.json_name) if is_text else None
            about = abouts.get(message or "")
        else:  # numbers
            continue
        if about is None:
            reason = f"it is not known whose {field.json_name!r} in its request is"
            return replace(method, not_judged=reason)
        subjects.append(Subject(place, field.json_name, not is_message(field), about))
    if not subjects:
        return replace(method, not_judged=NOBODY_SAYS)
    return replace(method, subjects=tuple(subjects))


def object_in(
    field: FieldDescriptor, abouts: Mapping[str, About]
) -> tuple[tuple[str, ...], About | None]:
    """The place of the objects in a field: it has them, or a message with nothing but a list."""
    message = message_of(field)
    if message.full_name not in abouts and len(message.fields) == 1 and not field.is_repeated:
        (inner,) = message.fields
        if inner.is_repeated and is_message(inner):
            return (field.name, inner.name), abouts.get(message_of(inner).full_name)
    return (field.name,), abouts.get(message.full_name)
