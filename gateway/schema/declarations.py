"""What a schema's files declare, and the comments about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["message", "enum", "service", "method"]

MESSAGES_OF_FILE, ENUMS_OF_FILE, SERVICES_OF_FILE = 4, 5, 6
FIELDS, NESTED, ENUMS, EXTENSIONS, ONEOFS = 2, 3, 4, 6, 8
VALUES = METHODS = 2
"""Field numbers in descriptor.proto, of which the paths of source_code_info are made."""


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """One thing that a file declares."""

    kind: Kind
    name: str
    """In full, with dots: `job.JobInterface.GetJobs`."""
    file: Any
    """The FileDescriptorProto that it stands in."""
    proto: Any
    """Its own DescriptorProto, EnumDescriptorProto and so on."""
    path: tuple[int, ...]
    """Where in the file, as source_code_info says it."""


def declarations(files: Iterable[Any]) -> Iterator[Declaration]:
    """Every message, enum, service and method of these files, nested ones included."""
    for file in files:
        scope = f"{file.package}." if file.package else ""
        for number, enum in enumerate(file.enum_type):
            yield Declaration("enum", scope + enum.name, file, enum, (ENUMS_OF_FILE, number))
        for number, message in enumerate(file.message_type):
            yield from of_message(file, message, scope, (MESSAGES_OF_FILE, number))
        for number, service in enumerate(file.service):
            place = (SERVICES_OF_FILE, number)
            name = scope + service.name
            yield Declaration("service", name, file, service, place)
            for index, method in enumerate(service.method):
                path = (*place, METHODS, index)
                yield Declaration("method", f"{name}.{method.name}", file, method, path)


def of_message(file: Any, message: Any, scope: str, path: tuple[int, ...]) -> Iterator[Declaration]:
    """The message and what is declared in it. The types behind maps do not count."""
    if message.options.map_entry:
        return
    name = scope + message.name
    yield Declaration("message", name, file, message, path)
    for number, enum in enumerate(message.enum_type):
        yield Declaration("enum", f"{name}.{enum.name}", file, enum, (*path, ENUMS, number))
    for number, nested in enumerate(message.nested_type):
        yield from of_message(file, nested, f"{name}.", (*path, NESTED, number))


def comments_of(files: Iterable[Any]) -> dict[str, str]:
    """Full name to comment, for what has one: `job.Job`, `job.Job.name`, `job.JobInterface.Kill`.

    A value of an enum is named like a field. Empty unless the source has kept comments.
    """
    found: dict[str, str] = {}
    for file in files:
        places = {tuple(place.path): place for place in file.source_code_info.location}
        if not places:
            continue
        for name, path in commentable(file):
            if (place := places.get(path)) is not None and (text := text_of(place)):
                found[name] = text
    return found


def commentable(file: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The full name and the path of every declaration, and of their fields and values."""
    for each in declarations((file,)):
        yield each.name, each.path
        if each.kind == "message":
            for number, field in enumerate(each.proto.field):
                yield f"{each.name}.{field.name}", (*each.path, FIELDS, number)
        elif each.kind == "enum":
            for number, value in enumerate(each.proto.value):
                yield f"{each.name}.{value.name}", (*each.path, VALUES, number)


def text_of(place: Any) -> str:
    """What stands above a declaration and behind it, without the margin."""
    texts = (place.leading_comments, place.trailing_comments)
    return "\n\n".join(text for text in map(without_margin, texts) if text)


def without_margin(text: str) -> str:
    """A comment's lines without the space (or star) that they begin with."""
    lines = (line.strip().removeprefix("*").removeprefix(" ").rstrip() for line in text.split("\n"))
    return "\n".join(lines).strip()
