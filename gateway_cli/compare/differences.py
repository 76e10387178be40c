"""The differences between two replies to one request, field by field.

The order of keys and white space do not count, but `"5"` and `5` are different. Each difference
has a kind, a fixed word for tables and scripts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.instead import Instead
from gateway.core.codec.fields import enum_of, is_enum, is_map, is_message, map_fields, message_of
from gateway.core.errors import Code
from gateway.core.profile.profile import Profile
from gateway.core.schema.method import Method

Documented = Mapping[str, Mapping[str, object]]
"""Names that only this gateway sends, by full name of their message."""
ITEMS_COMPARED = 500
"""Items of each list that are compared; lengths always are."""
INTEGERS = {Field.CPPTYPE_INT32, Field.CPPTYPE_INT64, Field.CPPTYPE_UINT32, Field.CPPTYPE_UINT64}
FORMS = {
    **dict.fromkeys(INTEGERS, "integer-form"),
    **dict.fromkeys((Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE), "float-form"),
    Field.CPPTYPE_ENUM: "enum-form",
}
"""The kinds of differences between two spellings of one value."""
WELL_KNOWN = "google.protobuf."
ABSENT = object()
GATEWAY_TIMEOUT = 504
UNROUTED = "Not Found"
"""The message of grpc-gateway for an unknown path; Cuebot's is longer."""
GO_ERROR = frozenset({"code", "message", "details"})
OWN_ERROR = frozenset({"error", "code", "message"})


@dataclass(frozen=True, slots=True)
class Reply:
    status: int | None
    """The HTTP status; None without a reply."""
    body: bytes = b""
    problem: str = ""
    """The reason why there is no reply."""
    timed_out: bool = False

    @property
    def late(self) -> bool:
        """Whether the call took too long for the client or the gateway."""
        return self.timed_out or self.status == GATEWAY_TIMEOUT

    @property
    def object(self) -> dict[str, object] | None:
        """The JSON, if it is an object."""
        try:
            value = orjson.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    @property
    def text(self) -> str:
        """The code and message of an error, or the beginning of other content."""
        shape = self.object or {}
        if isinstance(message := shape.get("message"), str):
            code = shape.get("code")
            name = Code(code).name if isinstance(code, int) and code in set(Code) else str(code)
            return f"{name}: {message}"
        return self.body[:200].decode(errors="replace").strip()

    @property
    def summary(self) -> str:
        """The status and, unless it is 200, the text."""
        return "200" if self.status == 200 else f"{self.status} {self.text}".strip()


@dataclass(slots=True)
class Difference:
    kind: str
    path: str
    """`jobs.jobs[3].name`; empty for the whole answer."""
    here: Any
    there: Any
    """The values at that place, or None."""
    expected: bool = False
    """Whether the difference is intended."""


def documented_in(profile: Profile) -> Documented:
    """Those of the feature `reference`; none without it."""
    names: Documented = getattr(profile, "answers", {})
    return names


def compare(
    method: Method, here: Reply, there: Reply, documented: Documented
) -> Iterator[Difference]:
    if here.status is None or there.status is None:
        ours, theirs = here.problem or here.status, there.problem or there.status
        yield Difference("no-answer", "", ours, theirs)
    elif here.status != there.status:
        said = (there.object or {}).get("message")
        kind = "status"
        if there.status == 404 and said == UNROUTED:
            kind = "unserved"
        elif there.status == 500 and explains(method, here, said):
            kind = "explained"
        yield Difference(kind, "", here.summary, there.summary, expected=kind != "status")
    elif here.object is None or there.object is None:
        if here.body != there.body:
            yield Difference("not-json", "", here.text, there.text)
    elif here.status == 200:
        yield from differences(method.descriptor.output_type, here.object, there.object, documented)
    else:
        yield from compare_errors(here.object, there.object)


def explains(method: Method, here: Reply, said: object) -> bool:
    """Whether this gateway turns Cuebot's error into a 404 or 409 that has it, or an answer."""
    if here.status == 200:
        return Instead in method.aspects
    own = cuebots_text(here.object or {})
    return here.status in (404, 409) and isinstance(said, str) and said in str(own)


def cuebots_text(error: dict[str, object]) -> object:
    """Cuebot's own text, which stands beside a plainer message."""
    return error.get("cuebot", error.get("message"))


def compare_errors(here: dict[str, object], there: dict[str, object]) -> Iterator[Difference]:
    """The differences between two errors of one HTTP status; two known shapes are expected."""
    for key in ("code", "message"):
        own, other = (
            cuebots_text(each) if key == "message" else each.get(key) for each in (here, there)
        )
        if own != other:
            yield Difference(key, key, own, other)
    optional = {"details", "cuebot"}
    ours, theirs = here.keys() - optional, there.keys()
    if ours != theirs - optional:
        expected = ours == OWN_ERROR and theirs == GO_ERROR
        yield Difference("error-shape", "", sorted(here), sorted(there), expected=expected)
    if (here.get("details") or []) != (there.get("details") or []):
        yield Difference("details", "details", here.get("details"), there.get("details"))


def differences(
    descriptor: Descriptor, here: object, there: object, documented: Documented
) -> Iterator[Difference]:
    """The differences between two successful answers that are JSON of this message."""
    if exact(here) != exact(there):
        yield from Comparing(documented).messages(descriptor, here, there, "")


def exact(value: object) -> bytes:
    """Equal bytes for identical values only: 1, 1.0, "1" and true all differ."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Comparing:
    documented: Documented

    def messages(
        self, descriptor: Descriptor, here: object, there: object, path: str
    ) -> Iterator[Difference]:
        special = descriptor.full_name.startswith(WELL_KNOWN)
        if special or not isinstance(here, dict) or not isinstance(there, dict):
            yield from plain(here, there, path)
            return
        left_here, left_there = dict(here), dict(there)
        for field in descriptor.fields:
            place = f"{path}.{field.json_name}".lstrip(".")
            mine, named_here = taken(field, left_here)
            other, named_there = taken(field, left_there)
            if mine is not ABSENT and other is not ABSENT and named_here != named_there:
                yield Difference("name", place, named_here, named_there)
            yield from self._field(field, mine, other, place)
        aliases = self.documented.get(descriptor.full_name, {})
        for name in left_here | left_there:
            place = f"{path}.{name}".lstrip(".")
            mine, other = left_here.get(name, ABSENT), left_there.get(name, ABSENT)
            if other is ABSENT and name in aliases:
                yield Difference("documented", place, mine, None, expected=True)
            else:
                yield from plain(mine, other, place)

    def _field(self, field: Field, here: object, there: object, path: str) -> Iterator[Difference]:
        if here is ABSENT and there is ABSENT:
            return
        if here is ABSENT or there is ABSENT:
            only, kind = (there, "only-there") if here is ABSENT else (here, "only-here")
            if only is None:
                kind = "null"
            elif is_default(field, only):
                kind = "default"
            ours, theirs = (None if each is ABSENT else each for each in (here, there))
            yield Difference(kind, path, ours, theirs)
        elif here is None or there is None:
            if here is not there:
                other = there if here is None else here
                kind = "null" if is_default(field, other) else "value"
                yield Difference(kind, path, here, there)
        elif is_map(field) and isinstance(here, dict) and isinstance(there, dict):
            yield from self._maps(field, here, there, path)
        elif field.is_repeated and isinstance(here, list) and isinstance(there, list):
            yield from self._lists(field, here, there, path)
        else:
            yield from self._single(field, here, there, path)

    def _maps(
        self, field: Field, here: dict[str, Any], there: dict[str, Any], path: str
    ) -> Iterator[Difference]:
        for key in here | there:
            mine, other = here.get(key, ABSENT), there.get(key, ABSENT)
            if mine is ABSENT or other is ABSENT:
                yield from plain(mine, other, f"{path}.{key}")
            else:
                yield from self._single(map_fields(field)[1], mine, other, f"{path}.{key}")

    def _lists(
        self, field: Field, here: list[Any], there: list[Any], path: str
    ) -> Iterator[Difference]:
        if len(here) != len(there):
            yield Difference("length", path, len(here), len(there))
            return
        ours, theirs = (
            list(map(exact, here[:ITEMS_COMPARED])),
            list(map(exact, there[:ITEMS_COMPARED])),
        )
        if ours != theirs and sorted(ours) == sorted(theirs):
            yield Difference("order", path, here[0], there[0])  # as an example
            return
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            if mine != other:
                yield from self._single(field, here[number], there[number], f"{path}[{number}]")

    def _single(self, field: Field, here: object, there: object, path: str) -> Iterator[Difference]:
        if is_message(field):
            yield from self.messages(message_of(field), here, there, path)
        elif exact(here) != exact(there):
            yield Difference(scalar_kind(field, here, there), path, here, there)


def taken(field: Field, left: dict[str, Any]) -> tuple[object, str]:
    """Take the field out of an object; its value and the name that it had."""
    for name in (field.json_name, field.name):
        if name in left:
            return left.pop(name), name
    return ABSENT, ""


def is_default(field: Field, value: object) -> bool:
    """Whether this is the value of an unset field."""
    if is_enum(field) and not field.is_repeated:
        zero = enum_of(field).values_by_number.get(0)
        return value == 0 or (zero is not None and value == zero.name)
    return value in (0, "", "0", [], {}) and not (value == "0" and field.cpp_type not in INTEGERS)


def scalar_kind(field: Field, here: object, there: object) -> str:
    form = "base64-form" if field.type == Field.TYPE_BYTES else FORMS.get(field.cpp_type)
    if form and parsed(field, here) == parsed(field, there) is not None:
        return form
    return plain_kind(here, there)


def parsed(field: Field, value: object) -> bytes | None:
    """A message with only this value, as protobuf parses it; None if it cannot."""
    if value is None:  # would be an unset field
        return None
    assert field.containing_type is not None
    message = GetMessageClass(field.containing_type)()
    try:
        ParseDict({field.name: [value] if field.is_repeated else value}, message)
    except ParseError:
        return None
    return message.SerializeToString(deterministic=True)


def plain(here: object, there: object, path: str) -> Iterator[Difference]:
    """The difference between two values, of which one may be ABSENT."""
    if here is ABSENT:
        yield Difference("only-there", path, None, there)
    elif there is ABSENT:
        yield Difference("only-here", path, here, None)
    elif exact(here) != exact(there):
        yield Difference(plain_kind(here, there), path, here, there)


def plain_kind(here: object, there: object) -> str:
    """`value` if both have the same JSON type (numbers have one), else `type`."""
    ours, theirs = (float if type(value) is int else type(value) for value in (here, there))
    return "value" if ours is theirs else "type"
