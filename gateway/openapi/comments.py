"""The comments of proto files, by what they are about."""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.schema.declarations import FIELDS, VALUES, declarations


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
