"""How reads are watched, by the profile."""

from google.protobuf.descriptor import Descriptor

from gateway.core.profile.draft import Draft
from gateway.core.profile.schema_paths import (
    NotApplicable,
    copied,
    entry,
    needed_field,
    needed_method,
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.method import Method
from gateway.features.watch.aspect import GoesOn, Stays, Watching
from gateway.features.watch.profile import Watched, WatchTables


def compile_watching(draft: Draft) -> None:
    """Adds `Watching` to the methods that are not watched as they are."""
    methods = draft.methods
    for name, each in draft.tables(WatchTables).watched.items():
        with entry(f"watched.{name}", draft.unused):
            method = needed_method(methods, name)
            if each.never is not None:
                found = Watching(never=each.never)
            elif each.call is None:
                found = Watching(stays=stays(method, each))
            else:
                found = Watching(goes_on=goes_on(method, needed_method(methods, each.call), each))
            draft.add(name, found)


def goes_on(method: Method, other: Method, each: Watched) -> GoesOn:
    """Raises NotApplicable unless the other method's answers are read the same way."""
    answer, same = (each.descriptor.output_type for each in (method, other))
    if not (method.reads_only and other.reads_only) or shape(answer) != shape(same):
        raise NotApplicable(f"{other.path} does not answer the same")
    request = other.descriptor.input_type
    paths = tuple(
        copied(answer, split(source), request, split(target))
        for target, source in each.send.items()
    )
    return GoesOn(other, paths, paths[0][1] if other is method else None)


def shape(message: Descriptor) -> list[tuple[object, ...]]:
    return [
        (each.name, each.number, each.type, each.message_type, each.is_repeated)
        for each in message.fields
    ]


def stays(method: Method, each: Watched) -> Stays:
    """Raises NotApplicable."""
    request = method.descriptor.input_type
    named_by = tuple(proto_path(request, path) for path in each.if_any)
    if not all(needed_field(request, path).is_repeated for path in named_by):
        raise NotApplicable(f"{' or '.join(each.if_any)} is no list")
    return Stays(named_by, proto_values(request, each.set))
