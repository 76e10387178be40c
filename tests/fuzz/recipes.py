"""Requests of any size as short recipes, which are made at random and stay readable in a corpus.

A shape is a list of parts that become one text: a text stands for itself, `[shape, times]` for a
shape that is repeated, `{"tag": n, "of": shape}` for a field of a protobuf message. In what is
repeated, `#` stands for how often it has been.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.calls.xml_body import XmlField
from gateway.core.codec.fields import is_map, is_message, message_of
from gateway.core.codec.payload import zstd
from gateway.core.codec.slices import LENGTH, varint
from gateway.core.schema.method import Method
from gateway.features.names.aspect import RequestNames
from gateway.server.http1.heads import TARGET_MAX_BYTES

Shape = list[Any]
MOST_BYTES = 4 * 2**20
"""MAX_BODY_MB."""
LARGE = (1_000, 10_000, 65_000, 65_000, 65_000, 262_000, 262_000, 1_000_000, MOST_BYTES)
"""Bytes that most of a body is made of."""
LIST_WEIGHT = 5
KNOWN_AS = ('"00000000-0000-0000-0000-000000000001"', '"lena-job"', '"demo"', '"nothing"')
BESIDE: tuple[dict[str, Shape], ...] = (
    {"nonsense": ["1"]},
    {"user": ['"lena"']},
    {"job": ['"lena-job"']},
    {"memory": ['"8GB"']},
    {"r.nonsense": ["1"]},
    {"show": ['"demo"']},
)
DEEPEST = 8
MOST_ITEMS = 64
"""Of a batch."""
WAYS = ("json", "json", "json", "json", "form", "query", "xml", "proto", "batch")
CALLERS = ("plain", "see", "only", "both")
CUEBOTS = ("farm", "farm", "absent", "failing")
CODINGS = ("", "", "", "gzip", "zstd")
MEDIA = {
    "json": b"application/json",
    "batch": b"application/json",
    "form": b"application/x-www-form-urlencoded",
    "xml": b"application/xml",
    "proto": b"application/proto",
}
CHARACTERS = (
    *("0", "a", ".", "0001-", "-", "x.", "a.b/", "/", " ", ",", "1,", "=", "&", "<", "%", "é"),
    *("\\n", "\\u0000", "00000000-0000-0000-0000-000000000001"),
)
"""What texts in JSON repeat."""
VALUES = (
    *("[]", "{}", "[[]]", '{"":{}}', '""', '"a"', "1", "0.1", "1e9", "true", "null"),
    *('{"id":""}', '{"id":"#"}', '{"name":"a"}', '{"a":1}'),
)
MARKUP = (
    *("<a>", "<a/>", "<a b='1'/>", "<!-- a -->", "<?a b?>", "<![CDATA[a]]>", "&amp;", "&#65;"),
    *("a", "é", "\n", "<show>demo</show>", "<user>bo</user>"),
    "<layer name='a'><cmd>b</cmd></layer>",
)
"""What a job spec repeats."""
SAFE = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}


@dataclass(frozen=True)
class Recipe:
    path: str
    body: Shape
    way: str = "json"
    """How the body is sent: one of WAYS."""
    who: str = "plain"
    """Which of CALLERS asks; see the rules in `cost.py`."""
    identity: str = "fill"
    cuebot: str = "farm"
    coding: str = ""
    dry_run: bool = False
    with_key: bool = False
    items: int = 1
    """How often the body is in a batch."""

    def text(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def content(self) -> bytes:
        """The body of the request, or its query string; no longer than is allowed."""
        most = TARGET_MAX_BYTES - 200 if self.way == "query" else MOST_BYTES
        content = made(self.body)[:most]
        if self.way == "batch":
            room = most // self.items - 100
            item = b'{"method":%s,"request":%s}' % (json.dumps(self.path).encode(), content[:room])
            content = b"[" + b",".join([item] * self.items) + b"]"
        return content

    def encoded(self) -> bytes:
        content = self.content()
        if self.coding == "gzip":
            return gzip.compress(content, 1)
        return zstd.compress(content) if self.coding == "zstd" else content


def read(text: bytes) -> Recipe:
    """Raises ValueError or TypeError for what is no recipe."""
    found = Recipe(**json.loads(text))
    known = found.way in WAYS and found.who in CALLERS and found.cuebot in CUEBOTS
    if not (known and isinstance(found.path, str) and 0 < found.items <= MOST_ITEMS):
        raise ValueError(found)
    if found.coding not in CODINGS or found.identity not in ("fill", "force", "off"):
        raise ValueError(found)
    return found


def made(shape: Shape) -> bytes:
    """Raises ValueError or TypeError for what is no shape."""
    parts: list[bytes] = []
    for part in shape:
        match part:
            case str():
                parts.append(part.encode(errors="replace"))
            case [list(inner), int(times)]:
                content = made(inner)
                times = min(times, MOST_BYTES // max(len(content), 1) + 1)
                if b"#" in content:
                    parts += (content.replace(b"#", b"%d" % number) for number in range(times))
                else:
                    parts.append(content * times)
            case {"tag": int(tag), "of": list(inner)}:
                content = made(inner)
                parts.append(varint(abs(tag) << 3 | LENGTH) + varint(len(content)) + content)
            case _:
                raise ValueError(part)
    return b"".join(parts)[:MOST_BYTES]


class Cook:
    """Makes recipes at random, for these methods."""

    def __init__(self, methods: Sequence[Method], random: Random) -> None:
        self._methods = methods
        self._xml = [each for each in methods if XmlField in each.aspects]
        self._rich = [each for each in methods if has_lists(each.descriptor.input_type)]
        self._random = random

    def recipe(self) -> Recipe:
        random = self._random
        way = random.choice(WAYS)
        takes_xml = way == "xml" or random.random() < 0.05
        some = random.choice((self._methods, self._rich))
        method = random.choice(self._xml if takes_xml else some)
        if way == "query" and not method.reads_only:
            way = "form"
        return Recipe(
            method.path,
            self._body(method, way),
            way,
            random.choice(CALLERS),
            random.choice(("fill", "force", "off")),
            random.choice(CUEBOTS),
            random.choice(CODINGS) if way != "query" else "",
            dry_run=way != "proto" and random.random() < 0.2,
            with_key=way == "json" and not method.reads_only and random.random() < 0.1,
            items=random.choice((1, 4, 16, MOST_ITEMS)) if way == "batch" else 1,
        )

    def _body(self, method: Method, way: str) -> Shape:
        kind, size = method.descriptor.input_type, self._size()
        if way == "proto":
            return self._message(kind, size, 0)
        if way == "xml":
            return self._xml_text(max(size, self._size()))
        if way in ("form", "query"):
            return self._form(method, size)
        return self._object(method, kind, size, 0)

    def _size(self) -> int:
        return int(self._random.choice(LARGE) * self._random.uniform(0.5, 1.0))

    def _one(self, *makers: Callable[[], Shape]) -> Shape:
        return self._random.choice(makers)()

    # JSON

    def _object(self, method: Method, kind: Descriptor, size: int, depth: int) -> Shape:
        """An object of the type, of which one value or key is large."""
        fields, random = list(kind.fields), self._random
        if not fields or random.random() < 0.15:
            return ["{", *self._odd_members(kind, size), "}"]
        large = random.choices(fields, [LIST_WEIGHT if each.is_repeated else 1 for each in fields])[
            0
        ]
        value = self._value(method, large, size, depth)
        members: dict[str, Shape] = {}
        if random.random() < 0.8:  # so that the call is made
            members |= self._known_by(kind) if depth else self._needed(method)
        members[large.json_name] = value
        if depth == 0 and random.random() < 0.25:  # what is moved, or makes an error
            members |= random.choice(BESIDE)
        some = ([json.dumps(self._name(kind, name)), ":", *each] for name, each in members.items())
        return ["{", *joined(some), "}"]

    def _needed(self, method: Method) -> dict[str, Shape]:
        """Members for the objects that a request is about, by id or by name."""
        return {
            each.place.json[0]: [self._random.choice(KNOWN_AS)]
            for each in RequestNames.of(method).references
            if len(each.place.json) == 1 and not each.listed
        }

    def _known_by(self, kind: Descriptor) -> dict[str, Shape]:
        name = next((each for each in ("id", "name") if each in kind.fields_by_name), None)
        return {} if name is None else {name: [self._random.choice(KNOWN_AS)]}

    def _name(self, kind: Descriptor, name: str) -> str:
        """Now and then the original name."""
        original: str = next((each.name for each in kind.fields if each.json_name == name), name)
        return self._random.choice((name, name, original))

    def _value(self, method: Method, field: FieldDescriptor, size: int, depth: int) -> Shape:
        random = self._random
        if random.random() < 0.1:
            return self._any_value(size)
        if is_map(field):
            return ["{", *self._odd_members(message_of(field), size), "}"]
        if not is_message(field):
            if field.is_repeated:
                return self._list(self._scalar(field, random.choice((1, 1, 4, 30))), size)
            return self._scalar(field, size)
        inner = message_of(field)
        if field.is_repeated:
            if random.random() < 0.6:
                few = ["{}"] if random.random() < 0.3 else self._small(inner)
                return self._list(few, size)
            return ["[", *self._object(method, inner, size, depth + 1), "]"]
        if depth >= DEEPEST:
            return ["{}"]
        return self._object(method, inner, size, depth + 1)

    def _small(self, kind: Descriptor) -> Shape:
        fields = [each for each in kind.fields if not each.is_repeated and not is_message(each)]
        some = self._random.sample(fields, min(len(fields), self._random.randint(0, 3)))
        return ["{", *joined([f'"{each.name}":', *self._scalar(each, 3)] for each in some), "}"]

    def _list(self, item: Shape, size: int) -> Shape:
        times = max(size // max(len(made(item)) + 1, 1), 1)
        return ["[", [[*item, ","], times], *item, "]"]

    def _scalar(self, field: FieldDescriptor, size: int) -> Shape:
        """A value of this type, or nearly so: a text of so many characters, or digits."""
        random = self._random
        if field.type == field.TYPE_BOOL:
            return [random.choice(("true", "false", '"true"'))]
        if field.type in SAFE or random.random() < 0.1:
            return ['"', *self._characters(size), '"']
        if field.enum_type is not None:
            return [json.dumps(random.choice(field.enum_type.values).name)]
        return self._one(
            lambda: ["1"],
            lambda: ["1" + "0" * random.randint(0, 30)],
            lambda: ['"', [["1"], size], '"'],
            lambda: ['"0.', [["0"], size], '1"'],
            lambda: [[["1"], size]],
            lambda: ["1e", [["0"], size], "1"],
        )

    def _characters(self, size: int) -> Shape:
        random = self._random
        if random.random() < 0.15:
            return [
                part.replace('"', "'") if isinstance(part, str) else part
                for part in self._xml_text(size)
            ]
        text = random.choice(CHARACTERS)
        times = max(size // len(text), 1)
        end = random.choice(("", "", "-comp", ".", "1"))
        return [[[text], times], end]

    def _any_value(self, size: int) -> Shape:
        text = self._random.choice(VALUES)
        return self._one(
            lambda: self._list([text], size),
            lambda: ["{", *self._odd_members(None, size), "}"],
            lambda: [[["["], min(size, 1000)], [["]"], min(size, 1000)]],
            lambda: [[['{"a":'], min(size, 1000)], "1", [["}"], min(size, 1000)]],
            lambda: [[["["], size]],
            lambda: ["[", [["[[[[[[]]]]]],"], size // 13], "1]"],
            lambda: [[[" "], size], "1"],
        )

    def _odd_members(self, kind: Descriptor | None, size: int) -> Shape:
        random = self._random
        names = [each.json_name for each in kind.fields] if kind is not None else []
        name = random.choice(names or ["a"])
        value = random.choice(("1", "[]", "{}", '"a"', "null"))
        member = random.choice(
            (f'"{name}":{value},', f'"#":{value},', f'"{name}#":{value},', f'"{name}.#":{value},')
        )
        return self._one(
            lambda: [[[member], size // (len(member) + 3) + 1], '"z":1'],
            lambda: [f'"{name}', [["."], size], f'":{value}'],
            lambda: [f'"{name}.', [["a."], size // 2], f'a":{value}'],
            lambda: ['"', [[random.choice("a.0_é[@")], size], f'":{value}'],
            lambda: [f'"{name}":', *self._any_value(size)],
        )

    # Others

    def _form(self, method: Method, size: int) -> Shape:
        random = self._random
        name = random.choice([*method.decoders.paths(method.descriptor.input_type), "a"])
        return self._one(
            lambda: [[[f"{name}=#&"], size // (len(name) + 4) + 1], f"{name}=1"],
            lambda: [f"{name}=", *self._raw(size)],
            lambda: [name, [["."], size], "=1"],
            lambda: [f"{name}.", [["a."], size // 2], "a=1"],
            lambda: [f"{name}=", [["%41"], size // 3]],
            lambda: [f"{name}=", "{", *self._odd_members(None, size), "}"],
            lambda: [[["&"], size], f"{name}=1"],
            lambda: [[[f"{name}#.a.b.c=1&"], size // (len(name) + 12) + 1], "a=1"],
        )

    def _raw(self, size: int) -> Shape:
        return [[[self._random.choice(("0", "a", ".", "a,", "[", "+", "é"))], size]]

    def _xml_text(self, size: int) -> Shape:
        random = self._random
        part, spec = random.choice(MARKUP), ["<spec><user>lena</user><show>demo</show>"]
        return self._one(
            lambda: [*spec, [[part], size // len(part) + 1], "</spec>"],
            lambda: [[["<a>"], size // 7], [["</a>"], size // 7]],
            lambda: [*spec, [["<a>"], size // 7], [["</a>"], size // 7], "</spec>"],
            lambda: [*spec, "<a ", [["b#='1' "], size // 9], "/></spec>"],
            lambda: [*spec, "<", [["a"], size], "/></spec>"],
            lambda: ["<!DOCTYPE a [", [["<!ENTITY a# 'b'>"], size // 20], "]>", *spec, "</spec>"],
            lambda: ["<spec><user>", [["a"], size], "</user></spec>"],
            lambda: ["<spec xmlns:a='b'>", [["<a:user>a</a:user>"], size // 18], "</spec>"],
            lambda: [[["<"], size]],
        )

    def _message(self, kind: Descriptor, size: int, depth: int) -> Shape:
        """A protobuf message with one large field."""
        random = self._random
        fields = list(kind.fields)
        tag = random.choice([*(each.number for each in fields), random.randint(1, 500)])
        field = kind.fields_by_number.get(tag)
        if field is not None and is_message(field) and depth < DEEPEST:
            inner = message_of(field)
            if random.random() < 0.5:
                return [{"tag": tag, "of": self._message(inner, size, depth + 1)}]
            few = self._message(inner, random.choice((0, 2, 20)), depth + 1)
            return [[[{"tag": tag, "of": few}], size // (len(made(few)) + 3) + 1]]
        text = random.choice(("a", "\0", "0", "."))
        return self._one(
            lambda: [{"tag": tag, "of": [[[text], size]]}],
            lambda: [[[{"tag": tag, "of": [text]}], size // 4 + 1]],
            lambda: [[[{"tag": tag, "of": []}], size // 3 + 1]],
        )


def has_lists(kind: Descriptor, depth: int = 2) -> bool:
    """Whether a request takes lists, which is where most can be sent."""
    return any(
        each.is_repeated or (depth and is_message(each) and has_lists(message_of(each), depth - 1))
        for each in kind.fields
    )


def joined(members: Iterable[Shape]) -> Shape:
    parts: Shape = []
    for member in members:
        parts += [",", *member] if parts else member
    return parts
