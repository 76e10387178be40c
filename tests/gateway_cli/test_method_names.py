"""Methods by the names that people write."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.compat.build import build_catalog
from gateway.schema.catalog import Catalog
from gateway.schema.description import Schema
from gateway.schema.selection import Selection
from gateway_cli.client.invalid import InvalidCall
from gateway_cli.client.method_names import find_method
from gateway_cli.commands.completion import spellings
from tests.support.opencue import opencue


def catalog_of(*methods: str) -> Catalog:
    """A catalog of these methods, such as `one.TwinInterface/Get`, each with a file of its own."""
    files, services = [], []
    for name in methods:
        service, _, method = name.partition("/")
        package, _, last = service.partition(".")
        file = FileDescriptorProto(name=f"{service}.proto", package=package, syntax="proto3")
        kind = f"{last}Nothing"
        file.message_type.add(name=kind)
        kind = f".{package}.{kind}"
        file.service.add(name=last).method.add(name=method, input_type=kind, output_type=kind)
        files.append(file)
        services.append(service)
    schema = Schema(files=tuple(files), services=tuple(services), origin="test", confirmed=True)
    return build_catalog(schema, Selection())


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("T/Ok", "/a.T/Ok"),
        ("T/Other", "/b.TInterface/Other"),
        ("TInterface/Other", "/b.TInterface/Other"),
    ],
)
def test_a_short_name_is_first_taken_as_it_is_written(written: str, path: str) -> None:
    """Only then is Interface added to it."""
    catalog = catalog_of("a.T/Ok", "b.TInterface/Other")
    assert find_method(written, catalog).path == path


def test_every_spelling_of_completion_can_be_called() -> None:
    """This holds for all of OpenCue, even services that are not named Interface."""
    selection = Selection(include=("*", "rqd.RunningFrame"))
    catalog = build_catalog(opencue(), selection)
    names = [name for style in spellings(catalog) for name in style]
    assert {"RunningFrame/Kill", "Job/GetJobs", "JobInterface/GetJobs"} <= set(names)
    natives = {name: find_method(name, catalog).path for name in names}
    assert set(natives.values()) == {method.path for method in catalog.methods}


def test_a_short_name_of_two_is_refused() -> None:
    """The error has the full names, each of which works."""
    catalog = catalog_of("one.TwinInterface/Get", "two.TwinInterface/Get")
    assert find_method("two.TwinInterface/Get", catalog).path == "/two.TwinInterface/Get"
    with pytest.raises(InvalidCall, match=r"one\.TwinInterface or two\.TwinInterface"):
        find_method("Twin/Get", catalog)
