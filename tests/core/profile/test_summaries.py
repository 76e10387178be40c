"""What methods do, in a line each, and what fields mean: by the profile, or by their comments."""

from collections import Counter
from pathlib import Path

import pytest

from gateway.core.discovery.files import ProtoDirectory
from gateway.core.profile.profile import Summaries
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog, load_profile
from tests.features.openapi.documents import build_document
from tests.support.needs import needs
from tests.support.opencue import opencue

pytestmark = needs("openapi")

LINE_MAX_CHARS = 100
PROTO = """\
syntax = "proto3";
package farm;

message Pool {
  // How it is called.
  string pool_name = 1;
  int32 size = 2;
}

service PoolInterface {
  // Finds a pool. Others are not found.
  rpc Find(Pool) returns (Pool);
  // Empties a pool.
  rpc Drain(Pool) returns (Pool);
  rpc Fill(Pool) returns (Pool);
}
"""


@pytest.fixture
def farm(tmp_path: Path) -> Schema:
    """A schema with comments that is not OpenCue's."""
    (tmp_path / "farm.proto").write_text(PROTO, encoding="utf-8")
    return ProtoDirectory(tmp_path).read()


def catalog_of(schema: Schema, *, exclude: tuple[str, ...] = (), **tables: object) -> Catalog:
    profile = Profile(summaries=Summaries.model_validate(tables))
    return build_catalog(schema, Selection(exclude=exclude), profile)


OPENCUE = build_catalog(opencue(), Selection(), load_profile("opencue"))
LINES = load_profile("opencue").summaries.methods


@needs("reference")
def test_every_method_of_opencue_has_a_line() -> None:
    served = {method.path[1:] for method in OPENCUE.methods}
    assert len(served) >= 293
    assert served == {f"{service}/{name}" for service, lines in LINES.items() for name in lines}
    assert OPENCUE.idle.summaries == ()


@pytest.mark.parametrize("service", LINES)
def test_a_line_is_short_and_says_what_the_method_does(service: str) -> None:
    for name, line in LINES[service].items():
        assert len(line) <= LINE_MAX_CHARS, name
        assert line[0].isupper(), name
        assert line.isprintable(), name
        assert not line.endswith("."), name
    assert max(Counter(LINES[service].values()).values()) == 1


def test_every_field_that_is_explained_is_in_the_document() -> None:
    schemas = build_document(OPENCUE, closed=True)["components"]["schemas"]
    for message, fields in load_profile("opencue").summaries.fields.items():
        for name, text in fields.items():
            for schema in {message, f"{message}-Input"} & schemas.keys():
                assert schemas[schema]["properties"][name]["description"].startswith(text)


def test_without_a_line_the_comment_is_taken(farm: Schema) -> None:
    lines = {"farm.PoolInterface": {"Drain": "Let a pool run dry"}}
    catalog = catalog_of(farm, methods=lines)
    found = {method.descriptor.name: method.summary for method in catalog.methods}
    assert found == {"Find": "Finds a pool", "Drain": "Let a pool run dry", "Fill": ""}
    paths = build_document(catalog, closed=True)["paths"]
    drain = paths["/farm.PoolInterface/Drain"]["post"]
    assert drain["summary"] == "Let a pool run dry"
    assert drain["description"].startswith("Empties a pool.\n")
    assert "summary" not in paths["/farm.PoolInterface/Fill"]["post"]


def test_reads_have_their_line_on_get_as_well() -> None:
    jobs = build_document(OPENCUE, closed=True)["paths"]["/job.JobInterface/GetJobs"]
    assert jobs["get"]["summary"] == jobs["post"]["summary"] == LINES["job.JobInterface"]["GetJobs"]


@pytest.mark.parametrize("name", ["poolName", "pool_name"])
def test_a_field_is_explained_before_its_comment(farm: Schema, name: str) -> None:
    catalog = catalog_of(farm, fields={"farm.Pool": {name: "Not the pool's id."}})
    properties = build_document(catalog, closed=True)["components"]["schemas"]["farm.Pool"]
    text = properties["properties"]["poolName"]["description"]
    assert text == "Not the pool's id.\n\nHow it is called."


def test_entries_for_what_is_not_there_are_told(farm: Schema) -> None:
    """Those for methods that are withheld are no mistakes."""
    withheld = ("farm.PoolInterface/Drain",)
    lines = {"farm.PoolInterface": {"Drain": "x", "Flood": "x"}, "farm.Other": {"Find": "x"}}
    fields = {"farm.Pool": {"size": "x", "depth": "x"}, "farm.Sea": {"size": "x"}}
    catalog = catalog_of(farm, exclude=withheld, methods=lines, fields=fields)
    told = ("farm.PoolInterface/Flood", "farm.Other/Find", "farm.Pool.depth", "farm.Sea.size")
    assert catalog.idle.summaries == told
