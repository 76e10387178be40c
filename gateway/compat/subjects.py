"""What changes are about, by the profile: the subjects of each method."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.fields import is_message, message_of
from gateway.compat.profile import About as AboutEntry
from gateway.compat.profile import Asking, Profile
from gateway.compat.references import (
    NotApplicable,
    body_path,
    kind_of,
    needed_field,
    needed_message,
    needed_method,
    needed_path,
    split,
)
from gateway.compat.resolve import entry
from gateway.schema.catalog import UnusedEntry
from gateway.schema.method import About, Asked, Method, Subject
from gateway.schema.selection import chosen

NOBODY_SAYS = "nothing in its request has a show or a user"


def with_subjects(
    profile: Profile,
    served: Mapping[str, Method],
    pool: DescriptorPool,
    unused: list[UnusedEntry],
) -> dict[str, Method]:
    """The methods (by `service/Method`), with the subjects of those that change something."""
    abouts = dict(objects(profile, served, pool, unused))
    return {
        name: each if each.reads_only else judged(each, profile, abouts)
        for name, each in served.items()
    }


def objects(
    profile: Profile,
    served: Mapping[str, Method],
    pool: DescriptorPool,
    unused: list[UnusedEntry],
) -> Iterator[tuple[str, About]]:
    """By message type. An entry uses the entries before it only, so that there are no circles."""
    found: dict[str, About] = {}
    by_name: dict[str, About] = {}
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
