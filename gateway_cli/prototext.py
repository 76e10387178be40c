"""Declarations as proto text.

Extensions, and groups and defaults of proto2, are left out: OpenCue has none.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import Edition
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.fields import json_name
from gateway.core.schema.description import (
    ENUMS,
    FIELDS,
    METHODS,
    NESTED,
    ONEOFS,
    VALUES,
    Declaration,
)

Place = tuple[int, ...]

LAST_FIELD = 2**29 - 1
LAST_VALUE = 2**31 - 1
NAMED = (Field.TYPE_MESSAGE, Field.TYPE_GROUP, Field.TYPE_ENUM)
INTERNAL = ("map_entry", "uninterpreted_option")
"""Options that only protoc sets."""


def proto_text(declaration: Declaration, pool: DescriptorPool, *, numbers: bool = True) -> str:
    """The declaration, with its comments if the source kept them, and with `numbers` of fields.

    In proto3 the text compiles into the same descriptor again, unless a type hides another of its
    name. The order of fields and nested types among each other is lost. `pool` must know the
    options that the schema's files define.
    """
    page = Page(declaration.file, pool, numbers=numbers)
    lines = getattr(page, declaration.kind)
    return "\n".join(lines(declaration.proto, declaration.name, declaration.path))


def syntax_of(file: Any) -> str:
    """`proto2`, `proto3` or `edition 2023`."""
    if file.syntax == "editions":
        return f"edition {Edition.Name(file.edition).removeprefix('EDITION_')}"
    return file.syntax or "proto2"


class Page:
    """The lines of one file's declarations, with a method for each kind."""

    def __init__(self, file: Any, pool: DescriptorPool, *, numbers: bool) -> None:
        self._numbers = numbers
        self._syntax = file.syntax or "proto2"
        self._pool = pool
        self._comments = {tuple(place.path): place for place in file.source_code_info.location}

    def message(self, message: Any, name: str, path: Place) -> list[str]:
        return self._block(f"message {message.name}", path, self._body(message, name, path))

    def enum(self, enum: Any, name: str, path: Place) -> list[str]:
        body = self._options(enum)
        for number, value in enumerate(enum.value):
            line = f"{value.name} = {value.number}{self._brackets(value)};"
            body += self._commented([line], (*path, VALUES, number))
        ranges = [span(each.start, each.end, LAST_VALUE) for each in enum.reserved_range]
        body += self._reserved(ranges, enum.reserved_name)
        return self._block(f"enum {enum.name}", path, body)

    def service(self, service: Any, name: str, path: Place) -> list[str]:
        body = self._options(service)
        for number, method in enumerate(service.method):
            body += self.method(method, f"{name}.{method.name}", (*path, METHODS, number))
        return self._block(f"service {service.name}", path, body)

    def method(self, method: Any, name: str, path: Place) -> list[str]:
        scope = name.rpartition(".")[0]
        taken = "stream " * method.client_streaming + short_name(method.input_type, scope)
        given = "stream " * method.server_streaming + short_name(method.output_type, scope)
        line = f"rpc {method.name}({taken}) returns ({given})"
        if options := self._options(method):
            return self._block(line, path, options)
        return self._commented([f"{line};"], path)

    def _body(self, message: Any, name: str, path: Place) -> list[str]:
        body = self._options(message)
        nested = {f".{name}.{each.name}": each for each in message.nested_type}
        for number, enum in enumerate(message.enum_type):
            body += [*self.enum(enum, f"{name}.{enum.name}", (*path, ENUMS, number)), ""]
        for number, (full_name, each) in enumerate(nested.items()):
            if not each.options.map_entry:
                body += [*self.message(each, full_name[1:], (*path, NESTED, number)), ""]
        body += self._fields(message, name, nested, path)
        ranges = [span(each.start, each.end - 1, LAST_FIELD) for each in message.reserved_range]
        body += self._reserved(ranges, message.reserved_name)
        return body

    def _fields(
        self, message: Any, name: str, nested: Mapping[str, Any], path: Place
    ) -> Iterator[str]:
        printed = set()
        for number, field in enumerate(message.field):
            if not field.HasField("oneof_index") or field.proto3_optional:
                yield from self._field(field, name, nested, (*path, FIELDS, number))
            elif field.oneof_index not in printed:
                printed.add(field.oneof_index)
                yield from self._oneof(message, field.oneof_index, name, nested, path)

    def _oneof(
        self, message: Any, index: int, name: str, nested: Mapping[str, Any], path: Place
    ) -> list[str]:
        oneof = message.oneof_decl[index]
        lines = self._options(oneof)
        for number, field in enumerate(message.field):
            if field.HasField("oneof_index") and field.oneof_index == index:
                lines += self._field(field, name, nested, (*path, FIELDS, number))
        return self._block(f"oneof {oneof.name}", (*path, ONEOFS, index), lines)

    def _field(self, field: Any, scope: str, nested: Mapping[str, Any], path: Place) -> list[str]:
        declared = nested.get(field.type_name)
        if declared is not None and declared.options.map_entry:
            key, value = declared.field
            types = f"{self._type_of(key, scope)}, {self._type_of(value, scope)}"
            start = f"map<{types}> {field.name}"
        else:
            start = f"{self._label(field)}{self._type_of(field, scope)} {field.name}"
        number = f" = {field.number}" if self._numbers else ""
        own_name = field.json_name not in ("", json_name(field.name))
        brackets = self._brackets(field, *[f"json_name = {quoted(field.json_name)}"] * own_name)
        return self._commented([f"{start}{number}{brackets};"], path)

    def _label(self, field: Any) -> str:
        if field.label == Field.LABEL_REPEATED:
            return "repeated "
        if self._syntax == "proto2" and not field.HasField("oneof_index"):
            return "required " if field.label == Field.LABEL_REQUIRED else "optional "
        return "optional " if field.proto3_optional else ""

    def _type_of(self, field: Any, scope: str) -> str:
        if field.type in NAMED:
            return short_name(field.type_name, scope)
        return Field.Type.Name(field.type).removeprefix("TYPE_").lower()

    def _reserved(self, ranges: list[str], names: Iterable[str]) -> Iterator[str]:
        if ranges:
            yield f"reserved {', '.join(ranges)};"
        if words := list(map(quoted, names)):
            yield f"reserved {', '.join(words)};"

    def _options(self, proto: Any) -> list[str]:
        return [f"option {text};" for text in option_texts(proto.options, self._pool)]

    def _brackets(self, proto: Any, *first: str) -> str:
        texts = [*first, *option_texts(proto.options, self._pool)]
        return f" [{', '.join(texts)}]" if texts else ""

    def _block(self, start: str, path: Place, body: list[str]) -> list[str]:
        while body and not body[-1]:
            body.pop()
        whole = [f"{start} {{", *indented(body), "}"] if body else [f"{start} {{}}"]
        return self._commented(whole, path)

    def _commented(self, lines: list[str], path: Place) -> list[str]:
        """The lines below their comment; a trailing comment of one line stays at the end."""
        place = self._comments.get(path)
        if place is None:
            return lines
        above, behind = comment(place.leading_comments), comment(place.trailing_comments)
        if len(behind) == 1:
            lines[0] += f"  {behind[0]}"
        else:
            above += behind
        return above + lines


def short_name(type_name: str, scope: str) -> str:
    """The name of a type (`.job.Job`) without the scopes that it has in common with `scope`."""
    name = type_name.removeprefix(".")
    while scope and not name.startswith(f"{scope}."):
        scope = scope.rpartition(".")[0]
    return name.removeprefix(f"{scope}.")


def span(first: int, last: int, most: int) -> str:
    """`4`, `4 to 7` or `4 to max`."""
    if last >= most:
        return f"{first} to max"
    return str(first) if first == last else f"{first} to {last}"


def quoted(text: str) -> str:
    """A string literal; protobuf understands JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)


def comment(text: str) -> list[str]:
    return [f"//{line}".rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


def indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else line for line in lines)


def option_texts(options: Any, pool: DescriptorPool) -> list[str]:
    """A text (`deprecated = true`) for each option that is set."""
    if not options.ByteSize():
        return []
    known = GetMessageClass(pool.FindMessageTypeByName(options.DESCRIPTOR.full_name))
    return list(assignments(known.FromString(options.SerializeToString())))


def assignments(options: Any) -> Iterator[str]:
    for field, value in options.ListFields():
        if field.name in INTERNAL and not field.is_extension:
            continue
        name = f"({field.full_name})" if field.is_extension else field.name
        for each in value if field.is_repeated else [value]:
            text = StringIO()
            text_format.PrintFieldValue(field, each, text, as_utf8=True, as_one_line=True)
            yield f"{name} = {text.getvalue().strip()}"
