"""What is told when the schema has changed."""

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from gateway.compat.build import build_catalog
from gateway.schema.catalog import LOGGED_CHANGES, Catalog, changes_between
from gateway.schema.description import Schema, services_of
from gateway.schema.selection import Selection
from tests.support.opencue import opencue
from tests.support.two_versions import NEW, OLD, SERVICE

INT32, STRING = FieldDescriptorProto.TYPE_INT32, FieldDescriptorProto.TYPE_STRING
ENUM, MESSAGE = FieldDescriptorProto.TYPE_ENUM, FieldDescriptorProto.TYPE_MESSAGE


def catalog_of(*files: FileDescriptorProto, exclude: tuple[str, ...] = ()) -> Catalog:
    schema = Schema(files=files, services=services_of(files), origin="test", confirmed=True)
    return build_catalog(schema, Selection(exclude=exclude))


def a_file() -> FileDescriptorProto:
    """Two services, of which one has a type to itself; a message in a message; a loop."""
    file = FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
    for name in ("Request", "Answer", "Inner", "Apart", "Nobodys"):
        file.message_type.add(name=name)
    add_field(file, "Answer", "inner", MESSAGE, ".a.Inner")
    add_field(file, "Inner", "back", MESSAGE, ".a.Answer")
    for service, answer in (("S", "Answer"), ("T", "Apart")):
        file.service.add(name=service).method.add(
            name="Get", input_type=".a.Request", output_type=f".a.{answer}"
        )
    return file


def add_field(
    file: FileDescriptorProto,
    message: str,
    name: str,
    kind: FieldDescriptorProto.Type.ValueType,
    type_name: str = "",
    *,
    many: bool = False,
) -> FieldDescriptorProto:
    (owner,) = (each for each in file.message_type if each.name == message)
    label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    number = 1 + len(owner.field)
    field = owner.field.add(name=name, number=number, type=kind, label=label)
    if type_name:
        field.type_name = type_name
    return field


def added_with(field: str, kind: FieldDescriptorProto.Type.ValueType, **more: object) -> object:
    """What is told when a message inside an answer gets the field."""
    file = a_file()
    file.enum_type.add(name="Colour").value.add(name="RED", number=0)
    add_field(file, "Inner", field, kind, **more)  # type: ignore[arg-type]
    return changes_between(catalog_of(a_file()), catalog_of(file))["fields_added"]


def test_nothing_changes() -> None:
    """The same schema again has no changes, and nothing is told of it."""
    assert changes_between(catalog_of(a_file()), catalog_of(a_file())) == {}


def test_methods_and_fields_by_version() -> None:
    """Each kind of change is told under a name of its own, with full names of what it is."""
    assert changes_between(catalog_of(OLD.file), catalog_of(NEW.file)) == {
        "methods_added": [f"/{SERVICE}/GetOnlyNew"],
        "methods_removed": [f"/{SERVICE}/GetOnlyOld"],
        "fields_added": ["trial.Word.only_new string", "trial.Words.new_words repeated trial.Word"],
        "fields_removed": [
            "trial.Word.only_old string",
            "trial.Words.old_words repeated trial.Word",
        ],
    }


def test_fields_are_written_as_a_proto_has_them() -> None:
    """Numbers, lists, enums and messages, in messages at any depth."""
    assert added_with("count", INT32) == ["a.Inner.count int32"]
    assert added_with("tags", STRING, many=True) == ["a.Inner.tags repeated string"]
    assert added_with("colour", ENUM, type_name=".a.Colour") == ["a.Inner.colour a.Colour"]
    assert added_with("up", MESSAGE, type_name=".a.Answer") == ["a.Inner.up a.Answer"]


def test_another_type_is_another_field() -> None:
    """A field that changes its type is told as removed and added."""
    before, after = a_file(), a_file()
    add_field(before, "Inner", "count", INT32)
    add_field(after, "Inner", "count", STRING)
    assert changes_between(catalog_of(before), catalog_of(after)) == {
        "fields_added": ["a.Inner.count string"],
        "fields_removed": ["a.Inner.count int32"],
    }


def test_what_is_not_served_does_not_count() -> None:
    """Types that no served method uses, and methods that are withheld, are nobody's business."""
    after = a_file()
    add_field(after, "Nobodys", "count", INT32)
    assert changes_between(catalog_of(a_file()), catalog_of(after)) == {}
    add_field(after, "Apart", "count", INT32)
    after.service[1].method.add(name="Put", input_type=".a.Request", output_type=".a.Apart")
    hidden = {"exclude": ("a.T",)}
    assert changes_between(catalog_of(a_file(), **hidden), catalog_of(after, **hidden)) == {}


def test_a_long_list_is_cut() -> None:
    """The log names the first of many, and says that there are more."""
    summary = changes_between(catalog_of(a_file()), catalog_of(*opencue().files))
    for kind in ("methods_added", "fields_added"):
        assert len(summary[kind]) == LOGGED_CHANGES + 1
        assert summary[kind][-1] == "…"
        assert summary[kind][:-1] == sorted(summary[kind][:-1])
    assert summary["methods_removed"] == ["/a.S/Get", "/a.T/Get"]
