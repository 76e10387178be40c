"""What the codec tests share: the two schemas, random messages, and the oracle.

The oracle is `google.protobuf.json_format` plus the rule for unset fields that have presence
(fact 7 of the design). `tests/schema` is compiled once per process, by the protoc that
grpcio-tools bring along.
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import copysign
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway.core.codec.decode import Decoders
from gateway.core.codec.encode import Encoders
from gateway.core.discovery.files import read_package
from gateway.core.schema.description import build_pool

SCHEMA = Path(__file__).parent / "schema"
FACTOR = int(os.environ.get("CODEC_EXAMPLES", "1"))
"""How many times the usual number of examples to try; beyond 1, other ones on every run."""

GOOGLE, VALUE = "google.protobuf.", "google.protobuf.Value"
TEXT_TYPES = {"Timestamp", "Duration", "FieldMask"}
SPECIAL = {*TEXT_TYPES, "Value", "ListValue", "Struct", "Any"}
NUMBERS = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32")
WRAPPERS = {f"{scalar}Value" for scalar in (*NUMBERS, "Bool", "String", "Bytes")}
PACKED = (
    *("trial.Leaf", "trial.Scalars", "trial.OneOfs", "trial.Tree", "trial.two.Groups"),
    *("trial.editions.Delimited", "google.protobuf.Int64Value", "google.protobuf.Timestamp"),
    *("google.protobuf.Struct", "google.protobuf.Any"),
)
"""The types that a random Any holds."""
METHOD_NAMES = ("trial.MethodNames", "trial.HasMethodNames")
"""Types that json_format cannot handle, so that it is no oracle for them."""

Draw = Callable[[st.SearchStrategy[Any]], Any]


def examples(number: int) -> settings:
    """Settings of a property test: the same examples each time, a quarter in profile `fast`."""
    return settings(
        max_examples=max(1, number * FACTOR * settings().max_examples // 100),
        derandomize=FACTOR == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class AllButArguments(Container[str]):
    """As if every type occurred in answers, but those that are named as arguments."""

    def __contains__(self, name: object) -> bool:
        return not str(name).endswith(("Request", "Criteria"))


class TestSchema:
    __test__ = False

    def __init__(self, sources: Iterable[FileDescriptorProto]) -> None:
        self.files = tuple(sources)
        self.pool, self.broken = build_pool(self.files)
        self.encoders = Encoders(self.pool)
        self.decoders = Decoders(self.pool, AllButArguments())

    def message_type(self, name: str) -> Descriptor:
        return self.pool.FindMessageTypeByName(name)

    def message_class(self, name: str) -> Any:
        return GetMessageClass(self.message_type(name))

    def types_of(self, file: str) -> list[Descriptor]:
        """Every message type that a file declares, nested ones included, without map entries."""
        declared = self.pool.FindFileByName(file).message_types_by_name.values()
        return [found for descriptor in declared for found in with_nested(descriptor)]


def with_nested(descriptor: Descriptor) -> Iterator[Descriptor]:
    if not descriptor.GetOptions().map_entry:
        yield descriptor
        for nested in descriptor.nested_types:
            yield from with_nested(nested)


@cache
def opencue() -> TestSchema:
    return TestSchema(read_package("opencue_proto").files)


@cache
def trial() -> TestSchema:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "schema.binpb"
        arguments = [
            "protoc",
            f"--proto_path={SCHEMA}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            "--include_imports",
            f"--descriptor_set_out={output}",
            *sorted(str(path) for path in SCHEMA.glob("*.proto")),
        ]
        assert protoc.main(arguments) == 0
        return TestSchema(FileDescriptorSet.FromString(output.read_bytes()).file)


def trial_types() -> list[str]:
    """The full names of the types in tests/schema that json_format can be an oracle for."""
    paths = sorted(SCHEMA.glob("*.proto"))
    types = (each for path in paths for each in trial().types_of(path.name))
    return [each.full_name for each in types if each.full_name not in METHOD_NAMES]


def well_known_types() -> list[str]:
    service = trial().pool.FindServiceByName("trial.wellknown.WellKnown")
    return [method.input_type.full_name for method in service.methods]


def own_types() -> list[str]:
    return [*trial_types(), *well_known_types()]


AT_ONCE = 8
"""Types whose messages are drawn together: eight properties would take three times as long."""


def every_type() -> list[Any]:
    """Parameters of a test: a schema, names of its types in groups, and how many examples to try
    of each group.
    """
    files = {file.name: opencue().types_of(file.name) for file in opencue().files}
    slow, thorough = pytest.mark.slow, pytest.mark.thorough
    return [
        *(
            pytest.param(opencue(), groups(found), 6, marks=slow, id=name)
            for name, found in files.items()
        ),
        *(pytest.param(trial(), [[name]], 30, marks=thorough, id=name) for name in trial_types()),
        *(pytest.param(trial(), [[name]], 30, id=name) for name in well_known_types()),
    ]


def groups(types: list[Descriptor]) -> list[list[str]]:
    names = [each.full_name for each in types]
    return [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]


TEXTS = st.one_of(
    st.text(max_size=6), st.sampled_from(["", "NaN", "null", '"\\/\b\f\n\r\t\x00', "é𝄞\u2028"])
)
DATA = st.binary(max_size=7)
BOOLS = st.booleans()


def whole_numbers(low: int, high: int) -> st.SearchStrategy[int]:
    edges = (low, low + 1, 0, 1, 2**53, 2**53 + 1, high - 1, high)
    return st.integers(low, high) | st.sampled_from([each for each in edges if low <= each <= high])


INT32, UINT32 = whole_numbers(-(2**31), 2**31 - 1), whole_numbers(0, 2**32 - 1)
INT64, UINT64 = whole_numbers(-(2**63), 2**63 - 1), whole_numbers(0, 2**64 - 1)
SPECIAL_NUMBERS = (4.0, -0.0, math.nan, math.inf, -math.inf)
DOUBLES = st.one_of(
    st.floats(allow_nan=False),
    st.integers(-(2**40), 2**40).map(float),
    st.sampled_from((*SPECIAL_NUMBERS, 0.1, 1e21, 1e16, 2.0**53, 5e-324, 1.7976931348623157e308)),
)
LARGEST_FLOAT = 3.4028234663852886e38
FLOATS = st.one_of(
    st.floats(width=32, allow_nan=False),
    st.integers(-(2**24), 2**24).map(float),
    st.sampled_from(
        (*SPECIAL_NUMBERS, 1.401298464324817e-45, LARGEST_FLOAT, -LARGEST_FLOAT, 16777216.0)
    ),
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)

SCALARS: Mapping[int, st.SearchStrategy[Any]] = {
    Field.TYPE_DOUBLE: DOUBLES,
    Field.TYPE_FLOAT: FLOATS,
    Field.TYPE_BOOL: BOOLS,
    Field.TYPE_STRING: TEXTS,
    Field.TYPE_BYTES: DATA,
    **{
        getattr(Field, f"TYPE_{name}"): numbers
        for names, numbers in (
            *(("INT64 SINT64 SFIXED64", INT64), ("UINT64 FIXED64", UINT64)),
            *(("INT32 SINT32 SFIXED32", INT32), ("UINT32 FIXED32", UINT32)),
        )
        for name in names.split()
    },
}
SEVERAL = st.integers(0, 2)
NANOS = st.integers(0, 999_999_999) | st.sampled_from([0, 1, 1000, 120_000_000])
FIRST, LAST = -62135596800, 253402300799
TIMESTAMPS = st.tuples(st.integers(FIRST, LAST) | st.sampled_from([0, -1, FIRST, LAST]), NANOS)
DURATIONS = st.tuples(
    st.integers(0, 315_576_000_000) | st.sampled_from([0, 1]), NANOS, st.sampled_from([1, -1])
)
MASKS = st.lists(st.sampled_from(["name", "show_stats", "a.b_c", "foo2", "x"]), max_size=3)


@cache
def scalars(type_: int, enum: Any) -> st.SearchStrategy[Any]:
    if enum is None:
        return SCALARS[type_]
    known = st.sampled_from(sorted({value.number for value in enum.values}))
    if enum.is_closed or enum.full_name == "google.protobuf.NullValue":
        return known
    return st.one_of(known, INT32)


@cache
def masks(number: int) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 2**number - 1), st.just(2**number - 1), st.just(0))


@st.composite
def messages(draw: Draw, schema: TestSchema, name: str, depth: int = 2) -> Any:
    """Any message of a type; messages inside it are at most `depth` deep."""
    message = schema.message_class(name)()
    fill(draw, schema, message, depth)
    # Read back, since looking at an extension is enough to have it listed.
    return type(message).FromString(message.SerializePartialToString())


def each_of(schema: TestSchema, names: list[str], depth: int = 2) -> st.SearchStrategy[Any]:
    """A message of each of these types."""
    return st.tuples(*(messages(schema, name, depth) for name in names))


def fill(draw: Draw, schema: TestSchema, message: Any, depth: int) -> None:
    descriptor = message.DESCRIPTOR
    name = descriptor.full_name.removeprefix(GOOGLE)
    if name in SPECIAL and descriptor.full_name.startswith(GOOGLE):
        fill_special(draw, schema, message, depth, name)
        return
    fields = list(descriptor.fields)
    if descriptor.is_extendable:
        fields += sorted(schema.pool.FindAllExtensions(descriptor), key=lambda field: field.number)
    chosen = draw(masks(len(fields))) if fields else 0
    for index, field in enumerate(fields):
        if chosen >> index & 1 or field.is_required:
            fill_field(draw, schema, message, field, depth)


def fill_field(draw: Draw, schema: TestSchema, message: Any, field: Field, depth: int) -> None:
    if field.message_type is None:
        values = scalars(field.type, field.enum_type)
        value = draw(st.lists(values, max_size=3) if field.is_repeated else values)
        if field.is_repeated:
            part(message, field).extend(value)
        elif field.is_extension:
            message.Extensions[field] = value
        else:
            setattr(message, field.name, value)
    elif is_map(field):
        fill_map(draw, schema, part(message, field), field, depth)
    elif depth > 0 and field.is_repeated:
        for _ in range(draw(SEVERAL)):
            fill(draw, schema, part(message, field).add(), depth - 1)
    elif depth > 0:
        part(message, field).SetInParent()
        fill(draw, schema, part(message, field), depth - 1)


def fill_map(draw: Draw, schema: TestSchema, entries: Any, field: Field, depth: int) -> None:
    key_field, value_field = map_fields(field)
    for _ in range(draw(SEVERAL)):
        key = draw(scalars(key_field.type, None))
        if value_field.message_type is None:
            entries[key] = draw(scalars(value_field.type, value_field.enum_type))
        elif depth > 0:
            fill(draw, schema, entries[key], depth - 1)


def part(message: Any, field: Field) -> Any:
    return message.Extensions[field] if field.is_extension else getattr(message, field.name)


def map_fields(field: Field) -> tuple[Field, Field]:
    assert field.message_type is not None
    key, value = field.message_type.fields
    return key, value


def is_map(field: Field) -> bool:
    message = field.message_type
    return bool(message is not None and field.is_repeated and message.GetOptions().map_entry)


def fill_special(draw: Draw, schema: TestSchema, message: Any, depth: int, name: str) -> None:
    match name:
        case "Timestamp":
            message.seconds, message.nanos = draw(TIMESTAMPS)
        case "Duration":
            seconds, nanos, sign = draw(DURATIONS)
            message.seconds, message.nanos = sign * seconds, sign * (nanos if seconds < 3e11 else 0)
        case "FieldMask":
            message.paths.extend(draw(MASKS))
        case "Value":
            fill_value(draw, schema, message, depth)
        case "ListValue":
            for _ in range(draw(SEVERAL)):
                fill_value(draw, schema, message.values.add(), depth - 1)
        case "Struct":
            for _ in range(draw(SEVERAL)):
                fill_value(draw, schema, message.fields[draw(TEXTS)], depth - 1)
        case "Any" if depth > 0 and (packed := draw(st.sampled_from(("", *PACKED)))):
            content = schema.message_class(packed)()
            fill(draw, schema, content, depth - 1)
            message.type_url = "type.googleapis.com/" + packed
            message.value = content.SerializeToString(deterministic=True)


def fill_value(draw: Draw, schema: TestSchema, message: Any, depth: int) -> None:
    match draw(st.integers(0, 5 if depth > 0 else 3)):
        case 0:
            message.null_value = 0
        case 1:
            message.number_value = draw(FINITE)
        case 2:
            message.string_value = draw(TEXTS)
        case 3:
            message.bool_value = draw(BOOLS)
        case kind:
            content = message.struct_value if kind == 4 else message.list_value
            content.SetInParent()
            fill(draw, schema, content, depth - 1)


def oracle(schema: TestSchema, message: Any) -> Any:
    """The JSON value of a message, by json_format and fact 7, keys in the order of declaration."""
    printed = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=schema.pool
    )
    return plain(complete(schema, message, printed))


def complete(schema: TestSchema, message: Any, printed: Any) -> Any:
    descriptor = message.DESCRIPTOR
    if descriptor.full_name.startswith(GOOGLE):
        name = descriptor.full_name.removeprefix(GOOGLE)
        if name in TEXT_TYPES or name in WRAPPERS:
            return printed
        if name in ("Struct", "Value", "ListValue"):
            return in_order(printed)
        if name == "Any":
            return complete_any(schema, message, printed)
    whole: dict[str, Any] = {}
    for field in descriptor.fields:
        key = field.json_name
        if key in printed:
            whole[key] = complete_field(schema, field, getattr(message, field.name), printed[key])
        elif field.has_presence and field.containing_oneof is None:
            whole[key] = None
    for field, content in message.ListFields():
        if field.is_extension:
            key = f"[{field.full_name}]"
            whole[key] = complete_field(schema, field, content, printed[key])
    return whole


def complete_field(schema: TestSchema, field: Field, content: Any, printed: Any) -> Any:
    if is_map(field):
        value_field = map_fields(field)[1]
        keys = {key_text(key): key for key in sorted(content)}
        if value_field.message_type is None:
            return {text: printed[text] for text in keys}
        return {text: complete(schema, content[key], printed[text]) for text, key in keys.items()}
    if field.message_type is None:
        return printed
    if field.is_repeated:
        return [complete(schema, item, text) for item, text in zip(content, printed, strict=True)]
    return complete(schema, content, printed)


def complete_any(schema: TestSchema, message: Any, printed: dict[str, Any]) -> Any:
    if not printed:
        return {}
    content = schema.message_class(message.type_url.rpartition("/")[2]).FromString(message.value)
    full_name = content.DESCRIPTOR.full_name
    if full_name.startswith(GOOGLE) and full_name.removeprefix(GOOGLE) in SPECIAL | WRAPPERS:
        return {"@type": message.type_url, "value": complete(schema, content, printed["value"])}
    return {"@type": message.type_url, **complete(schema, content, printed)}


def key_text(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """The value with integral floats as integers (but -0): JSON knows no difference."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and (value or copysign(1, value) > 0):
        return int(value)
    return value


def parsed(text: bytes) -> Any:
    """The JSON value of a text, which must be strict JSON without a key twice in an object."""

    def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"a key twice in {pairs}"
        return dict(pairs)

    def refuse_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return plain(
        json.loads(
            text,
            object_pairs_hook=without_twins,
            parse_constant=refuse_constant,
            parse_int=lambda digits: -0.0 if digits == "-0" else int(digits),
        )
    )


def exact(value: Any) -> str:
    """A text that two JSON values share only with the same types and order of keys."""
    return json.dumps(value, ensure_ascii=False)


def canonical(schema: TestSchema, message: Any) -> bytes:
    """Bytes that two messages share only when they are equal, with NaN equal to itself."""
    copy = type(message)()
    copy.CopyFrom(message)
    sort_packed(schema, copy)
    data: bytes = copy.SerializePartialToString(deterministic=True)
    return data


def sort_packed(schema: TestSchema, message: Any) -> None:
    if message.DESCRIPTOR.full_name == "google.protobuf.Any":
        if message.type_url:
            name = message.type_url.rpartition("/")[2]
            message.value = canonical(schema, schema.message_class(name).FromString(message.value))
        return
    for field, content in message.ListFields():
        if field.message_type is None:
            continue
        if is_map(field):
            if map_fields(field)[1].message_type is not None:
                for key in content:
                    sort_packed(schema, content[key])
        elif field.is_repeated:
            for item in content:
                sort_packed(schema, item)
        else:
            sort_packed(schema, content)


def respelled(schema: TestSchema, message: Any, value: Any, random: Random) -> Any:
    """The oracle's JSON for a message, written in one of the other ways that are accepted."""
    descriptor = message.DESCRIPTOR
    if descriptor.full_name.startswith(GOOGLE):
        name = descriptor.full_name.removeprefix(GOOGLE)
        if name in WRAPPERS:
            return respelled_scalar(descriptor.fields_by_name["value"], value, random)
        return value
    json_names = {field.json_name for field in descriptor.fields}
    result: dict[str, Any] = {}
    for field in descriptor.fields:
        if field.json_name not in value:
            continue
        content = value[field.json_name]
        if content is None and field.has_presence and not message.HasField(field.name):
            # A null Value is a value, so that only leaving it out says "not set".
            message_type = field.message_type
            if random.random() < 0.5 or (message_type and message_type.full_name == VALUE):
                continue
        elif is_map(field):
            content = respelled_map(schema, field, getattr(message, field.name), content, random)
        else:
            held = getattr(message, field.name)
            if not field.is_repeated:
                held, content = [held], [content]
            if field.message_type is None:
                content = [respelled_scalar(field, each, random) for each in content]
            else:
                pairs = zip(held, content, strict=True)
                content = [respelled(schema, *pair, random) for pair in pairs]
            content = content if field.is_repeated else content[0]
        taken = field.name != field.json_name and field.name in json_names
        result[field.json_name if taken else random.choice((field.json_name, field.name))] = content
    extensions = {key: content for key, content in value.items() if key.startswith("[")}
    keys = list(result)
    random.shuffle(keys)
    return {key: result[key] for key in keys} | extensions


def respelled_map(
    schema: TestSchema, field: Field, held: Any, value: dict[str, Any], random: Random
) -> Any:
    value_field = map_fields(field)[1]
    if value_field.message_type is None:
        return {key: respelled_scalar(value_field, item, random) for key, item in value.items()}
    keys = {key_text(key): key for key in held}
    return {text: respelled(schema, held[keys[text]], item, random) for text, item in value.items()}


def respelled_scalar(field: Field, value: Any, random: Random) -> Any:
    if field.enum_type is not None:
        if value is None or isinstance(value, int):
            return random.choice((value, str(value))) if value is not None else None
        number = field.enum_type.values_by_name[value].number
        return random.choice((value, number, str(number)))
    if field.type == field.TYPE_BYTES:
        other = value.replace("+", "-").replace("/", "_")
        return random.choice((value, value.rstrip("="), other, other.rstrip("=")))
    if field.type == field.TYPE_STRING or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return random.choice((value, int(value)))
    if isinstance(value, int) and abs(value) < 10**6:
        return random.choice((value, str(value), float(value), f"{value}.0", f"{value}e0"))
    if isinstance(value, int | float):
        return random.choice((value, json.dumps(value)))
    return value


STRAYS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 1e3, 2**31, 2**63, 2**64, -(2**63), 1e300, 10**30),
    *("", "x", "1", "-1", "1.5", "1e3", "NaN", "Infinity", "true", "null", "AAAA", "RED", "FIRST"),
    *("2026-01-01T00:00:00Z", "1.5s", "a,b", "1e99999999999999999999", "é", "\x00"),
    *([], {}, [None], [1, "2"], {"": 1}, {"value": 1}, {"name": "x"}, {"@type": "x/trial.Leaf"}),
)


def damaged(value: Any, random: Random) -> Any:
    """The JSON value with one thing in it changed."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        change = random.random()
        if change < 0.7:
            return value | {key: damaged(value[key], random)}
        rest = {name: item for name, item in value.items() if name != key}
        if change < 0.85:
            return rest
        return rest | {random.choice((key + "x", key.upper(), "foo", "")): value[key]}
    if isinstance(value, list) and value and random.random() < 0.8:
        index = random.randrange(len(value))
        return [*value[:index], damaged(value[index], random), *value[index + 1 :]]
    return random.choice(STRAYS)


def file_of_services(
    service: str, names: Sequence[str], free: Sequence[str] = ()
) -> FileDescriptorProto:
    """A file that declares a service with methods of these names; `free` have no side effects."""
    package, _, interface = service.rpartition(".")
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.message_type.add(name="Nothing")
    methods = file.service.add(name=interface).method
    nothing = f".{package}.Nothing"
    for name in (*names, *free):
        methods.add(name=name, input_type=nothing, output_type=nothing)
    for method in methods[len(methods) - len(free) :]:
        method.options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS
    return file


JUNK, CUTS = st.binary(max_size=12), st.integers(0, 60)


def any_messages() -> st.SearchStrategy[Any]:
    """Messages of any type of the test schema."""
    return st.sampled_from(trial_types()).flatmap(lambda name: messages(trial(), name, 1))
