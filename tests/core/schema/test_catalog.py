"""Aliases: the names of OpenCue's reference lead to what Cuebot really serves."""

import re
from itertools import permutations

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from gateway.core.schema.catalog import (
    LOGGED_CHANGES,
    Catalog,
    alias_of,
    changes_between,
    service_aliases,
)
from gateway.core.schema.description import Schema, services_of
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from tests.support.opencue import opencue
from tests.support.two_versions import NEW, OLD, SERVICE


@pytest.mark.parametrize(
    ("service", "alias"),
    [
        ("job.FrameInterface", "frame.FrameInterface"),
        ("job.LayerInterface", "layer.LayerInterface"),
        ("job.GroupInterface", "group.GroupInterface"),
        ("host.OwnerInterface", "owner.OwnerInterface"),
        ("host.ProcInterface", "proc.ProcInterface"),
        ("host.DeedInterface", "deed.DeedInterface"),
        ("facility.AllocationInterface", "allocation.AllocationInterface"),
        ("service.ServiceOverrideInterface", "serviceOverride.ServiceOverrideInterface"),
        ("renders.RenderPartitionInterface", "renderPartition.RenderPartitionInterface"),
        ("report.RqdReportInterface", "rqdReport.RqdReportInterface"),
        ("net.HTTPServerInterface", "httpServer.HTTPServerInterface"),
        ("net.URLInterface", "url.URLInterface"),
        ("net.XInterface", "x.XInterface"),
        ("net.XYInterface", "xy.XYInterface"),
        ("net.ABTestInterface", "abTest.ABTestInterface"),
        ("com.studio.farm.FrameInterface", "frame.FrameInterface"),
        ("FrameInterface", "frame.FrameInterface"),
        ("a.Frame_setInterface", "frame_set.Frame_setInterface"),
        ("a.Frame2Interface", "frame2.Frame2Interface"),
        ("a.InterfaceInterface", "interface.InterfaceInterface"),
        *(
            (service, "")
            for service in (
                *("job.JobInterface", "show.ShowInterface", "rqd.RunningFrame", "job.Interface"),
                *(
                    "grpc.health.v1.Health",
                    "Interface",
                    "job.FrameInterfaceV2",
                    "job.Frameinterface",
                ),
                "",
            )
        ),
    ],
)
def test_the_alias_of_a_service(service: str, alias: str) -> None:
    assert service_aliases([service]) == ({alias: service} if alias else {})


def test_a_name_that_two_could_have_is_nobodys() -> None:
    services = ["a.FrameInterface", "b.FrameInterface", "a.ProcInterface"]
    assert service_aliases(services) == {"proc.ProcInterface": "a.ProcInterface"}


def test_a_native_name_wins() -> None:
    assert service_aliases(["job.FrameInterface", "frame.FrameInterface"]) == {}
    services = ["a.FrameInterface", "b.FrameInterface", "frame.FrameInterface"]
    assert service_aliases(services) == {}


def test_the_order_of_services_does_not_matter() -> None:
    services = ["a.XInterface", "b.XInterface", "a.YInterface", "y.YInterface", "a.ZInterface"]
    for order in permutations(services):
        assert service_aliases(order) == {"z.ZInterface": "a.ZInterface"}


def test_a_service_listed_twice_is_one() -> None:
    """Reflection may list a service under two versions: it is no collision with itself."""
    twice = ["job.FrameInterface"] * 2
    assert service_aliases(twice) == {"frame.FrameInterface": "job.FrameInterface"}


def test_aliases_are_computed_for_any_name() -> None:
    assert alias_of("job.JobInterface") == "job.JobInterface"
    assert alias_of("rqd.RunningFrame") is None


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return build_catalog(opencue(), Selection())


def test_every_method_has_its_own_path_and_that_of_its_alias(catalog: Catalog) -> None:
    names = {service: alias for alias, service in catalog.directory.aliases.items()}
    expected = {method.path: method for method in catalog.methods}
    for method in catalog.methods:
        if alias := names.get(method.service):
            expected[f"/{alias}/{method.path.rpartition('/')[2]}"] = method
    assert catalog.routes == expected
    assert all(re.fullmatch(r"/[A-Za-z.]+/[A-Za-z0-9]+", path) for path in expected)


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


def test_the_same_schema_has_no_changes() -> None:
    assert changes_between(catalog_of(a_file()), catalog_of(a_file())) == {}


def test_each_kind_of_change_has_a_name_of_its_own() -> None:
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
    assert added_with("count", INT32) == ["a.Inner.count int32"]
    assert added_with("tags", STRING, many=True) == ["a.Inner.tags repeated string"]
    assert added_with("colour", ENUM, type_name=".a.Colour") == ["a.Inner.colour a.Colour"]
    assert added_with("up", MESSAGE, type_name=".a.Answer") == ["a.Inner.up a.Answer"]


def test_another_type_is_another_field() -> None:
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
    summary = changes_between(catalog_of(a_file()), catalog_of(*opencue().files))
    for kind in ("methods_added", "fields_added"):
        assert len(summary[kind]) == LOGGED_CHANGES + 1
        assert summary[kind][-1] == "…"
        assert summary[kind][:-1] == sorted(summary[kind][:-1])
    assert summary["methods_removed"] == ["/a.S/Get", "/a.T/Get"]
