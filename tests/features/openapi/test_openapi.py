"""The OpenAPI document says what the gateway does: paths, bodies, answers, errors."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodOptions
from hypothesis import given
from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.core.calls.plan import plan
from gateway.core.codec.fields import is_map
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import ProtoDirectory
from gateway.core.errors import GatewayError
from gateway.core.pipeline.header_names import together
from gateway.core.schema.description import Schema, services_of
from gateway.core.schema.selection import Selection
from gateway.feature import Feature
from gateway.features import FEATURES
from gateway.features.catalog import build_catalog
from gateway.features.openapi import document as openapi
from gateway.features.openapi.document import as_json, as_yaml
from gateway.features.openapi.parts import ERROR, Json, Parts, part_of
from tests.features.openapi.documents import (
    PARTS,
    build_document,
    components_of,
    document,
    document_of,
    operations,
    validator,
)
from tests.support import protos
from tests.support.needs import needs
from tests.support.opencue import NO_ID, catalog
from tests.support.protos import TestSchema, examples, messages, opencue, trial, trial_types
from tests.support.two_versions import OLD, STREAM

DOCS = Path(__file__).parents[3] / "docs"
HTTP = (DOCS / "http.md").read_text(encoding="utf-8")
COMPONENTS = PARTS.text["components"]
PAGES = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
OPENCUE_TYPES = (
    *("job.Job", "job.Layer", "job.JobGetJobsResponse", "job.JobGetJobsRequest", "host.Host"),
    *("host.Proc", "show.Show", "filter.Action", "report.HostReport"),
)


@pytest.mark.slow
@pytest.mark.parametrize("found", [document(), document_of(OLD.schema)], ids=["opencue", "small"])
def test_it_is_openapi(found: Json) -> None:
    assert list(OpenAPIV31SpecValidator(orjson.loads(as_json(found))).iter_errors()) == []


def test_every_method_is_there() -> None:
    listed: dict[str, str] = {}
    for path, operation in operations(document()):
        for each in (path, *operation.get("x-aliases", ())):
            assert each not in listed
            listed[each] = path
            assert each == path or f"`{each}`" in operation["description"]
    assert listed == {path: method.path for path, method in catalog().routes.items()}


def ids_of(found: Json) -> dict[str, str]:
    """By id: the HTTP method and the path. No two operations have the same id."""
    ids = [
        (operation["operationId"], f"{verb} {path}")
        for path, item in found["paths"].items()
        for verb, operation in item.items()
    ]
    assert len(ids) == len(dict(ids))
    return dict(ids)


def test_operation_ids_are_interfaces_and_methods() -> None:
    ids = ids_of(document())
    assert ids["JobInterface_GetJobs"] == "post /job.JobInterface/GetJobs"
    assert ids["JobInterface_GetJobs_get"] == "get /job.JobInterface/GetJobs"
    for method in catalog().methods:
        assert ids[f"{method.descriptor.containing_service.name}_{method.descriptor.name}"]


def test_operation_ids_that_would_be_equal_have_more_in_front() -> None:
    file = FileDescriptorProto(name="e.proto", syntax="proto3")
    file.message_type.add(name="E")
    files = [file]
    for package, service, methods in (
        ("night", "Shift", ("Get", "Pause")),
        ("day", "Shift", ("Get", "Stop", "Stop_get")),
        ("", "day_Shift", ("Get",)),
    ):
        files.append(FileDescriptorProto(name=f"{package}.proto", package=package))
        files[-1].dependency.append("e.proto")
        added = files[-1].service.add(name=service)
        for name in methods:
            method = added.method.add(name=name, input_type=".E", output_type=".E")
            method.options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS  # they have a GET
    schema = Schema(files=(*files,), services=services_of(files), origin="test", confirmed=True)
    ids = {target: id_ for id_, target in ids_of(document_of(schema)).items()}
    assert ids["post /night.Shift/Pause"] == "Shift_Pause"
    assert ids["post /night.Shift/Get"] == "night_Shift_Get"
    assert ids["post /day.Shift/Get"] == "/day.Shift/Get/"
    few = build_document(
        build_catalog(schema, Selection()), closed=True, allowed={"/night.Shift/Get"}
    )
    assert "night_Shift_Get" in ids_of(few), "ids do not depend on rights"


def types_in(value: Any, schemas: Json) -> set[str]:
    """The names of all schemas that a part of the document leads to."""
    found: set[str] = set()
    wanted = [value]
    while wanted:
        text = orjson.dumps(wanted.pop()).decode()
        for name in set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', text)) - found:
            found.add(name)
            wanted.append(schemas[name])
    return found


def test_each_message_has_one_schema_for_each_direction() -> None:
    """Enums have one for both."""
    schemas = document()["components"]["schemas"]
    messages = {name for name, schema in schemas.items() if "anyOf" not in schema}
    asked: set[str] = set()
    answered: set[str] = set()
    for _, operation in operations(document()):
        asked |= types_in(operation["requestBody"], schemas) & messages
        answered |= types_in(operation["responses"]["200"], schemas) & messages
    for name in ("job.Job", "show.Show", "host.HostSeq"):
        assert name in answered
        assert f"{name}-Input" in asked
    assert not asked & answered
    assert {name.removesuffix("-Input") for name in asked if name.endswith("-Input")} == {
        name for name in asked | answered if f"{name}-Input" in schemas
    }
    ours = {name for name in messages if name.startswith("gateway-")}
    assert asked | answered | ours == messages
    assert "job.JobPauseRequest" in asked
    assert "job.JobGetJobsResponse" in answered


@needs("views")
def test_a_200_is_json_alone() -> None:
    """Text of other types would be a part of every answer's type in clients."""
    for path, item in document()["paths"].items():
        for operation in item.values() if path != "/logs/{job}/{frame}" else ():
            assert list(operation["responses"]["200"]["content"]) == ["application/json"]
    about = document()["components"]["parameters"]["_format"]["description"]
    assert "application/x-ndjson" in about
    assert "text/csv" in about


def test_numbers_that_json_does_not_have_are_told() -> None:
    cores = document()["components"]["schemas"]["job.Job"]["properties"]["minCores"]
    assert (cores["type"], cores["format"]) == ("number", "float")
    for text in ('"NaN"', '"Infinity"', '"-Infinity"'):
        assert text in document()["info"]["description"]


def test_lists_have_items() -> None:
    def lists(value: Any) -> Iterator[Json]:
        if isinstance(value, dict):
            if value.get("type") in ("array", ["array", "null"]):
                yield value
            for each in value.values():
                yield from lists(each)

    found = list(lists(orjson.loads(as_json(document()))))
    assert len(found) > 100
    assert all(each["items"] for each in found)


@needs("batch", "health", "logs")
def test_each_interface_has_a_tag() -> None:
    used = Counter(operation["tags"][0] for _, operation in operations(document()))
    assert [*used, "health", "batch", "logs"] == [tag["name"] for tag in document()["tags"]]


@needs("dry_run")
def test_every_reference_leads_somewhere() -> None:
    text = as_json(document()).decode()
    wanted = set(re.findall(r'"\$ref":"#/components/(\w+)/([^"]+)"', text))
    kinds = document()["components"].items()
    there = {(kind, name) for kind, named in kinds for name in named if kind != "securitySchemes"}
    assert wanted - there == set()
    assert there - wanted == {("schemas", "gateway-DryRun")}


def test_it_is_the_same_every_time() -> None:
    again = build_document(catalog(), closed=True)
    assert as_json(again) == as_json(document())


@pytest.mark.slow
def test_yaml_says_the_same() -> None:
    text = as_yaml(document())
    assert yaml.load(text, Loader=yaml.CSafeLoader) == orjson.loads(as_json(document()))
    assert not re.search(rb"[&*]id\d", text)


def test_streams_are_not_promised() -> None:
    assert STREAM not in document_of(OLD.schema)["paths"]


def test_an_assumed_schema_is_called_that() -> None:
    """Without its source, which may be a path on the gateway's machine."""
    assert "Cuebot has not confirmed" in document()["info"]["description"]
    assert catalog().schema.origin not in document()["info"]["description"]
    assert "Cuebot has not confirmed" not in document_of(OLD.schema)["info"]["description"]


@needs("at_most_once", "tokens")
def test_every_status_is_there() -> None:
    table = {int(status) for status in re.findall(r"^\| (\d{3}) \|", HTTP, re.MULTILINE)}
    assert set(PARTS.errors) == table - {405, 414, 417, 505}
    for _, operation in operations(document()):
        assert set(operation["responses"]) == {"200", *map(str, PARTS.errors)}


@pytest.mark.parametrize("name", [*COMPONENTS["headers"], *COMPONENTS["parameters"]])
def test_every_header_is_documented(name: str) -> None:
    assert name in PAGES or name == "WWW-Authenticate"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_documented_header_is_declared(feature: type[Feature]) -> None:
    """By the feature that documents it, for pages of other origins."""
    own = part_of(feature).get("components", {}) if feature.openapi else {}
    told = {name for name, each in own.get("parameters", {}).items() if each["in"] == "header"}
    assert told <= {*feature.headers.read}
    assert own.get("headers", {}).keys() <= {*feature.headers.answered}


def test_the_headers_of_all_gateways_are_declared() -> None:
    common, declared = Parts(()).text["components"], together(())
    assert common["parameters"].keys() <= {*declared.read}
    assert common["headers"].keys() <= {*declared.answered}


@needs("batch")
def test_a_document_has_parts_of_its_features_alone() -> None:
    """What they refer to of others is left out."""
    (batch,) = (each for each in FEATURES if each.name == "batch")
    few = openapi.build_document(catalog(), Parts([batch]), closed=True)
    batch = few["paths"]["/batch"]["post"]
    assert [each.get("name") or each["$ref"] for each in batch["parameters"]] == [
        *("stopOnError", "#/components/parameters/Grpc-Timeout"),
        "#/components/parameters/X-Request-ID",
    ]
    assert {"401", "422"} & few["components"]["responses"].keys() == set()
    assert "X-Dry-Run" not in batch["responses"]["200"]["headers"]
    assert few["tags"][-1] == {"name": "batch"}
    assert (few["security"], "/healthz" in few["paths"]) == ([], False)
    OpenAPIV31SpecValidator(few).validate()


@needs("views", "conditional")
def test_reads_can_be_had_by_get() -> None:
    """The parameters are fields of the request."""
    from gateway.features.views.paths import find_path

    for method in catalog().methods:
        item = document()["paths"][method.path]
        assert ("get" in item) == method.reads_only
        if not method.reads_only:
            continue
        names = [each["name"] for each in item["get"]["parameters"] if "name" in each]
        assert len(names) == len(set(names))
        for name in names:
            find_path(method.descriptor.input_type, name)
        assert "requestBody" not in item["get"]
        assert {"304", *item["post"]["responses"]} == set(item["get"]["responses"])
    jobs = document()["paths"]["/job.JobInterface/GetJobs"]["get"]
    frames = document()["paths"]["/job.JobInterface/GetFrames"]["get"]["parameters"]
    of_job = {each["name"] for each in frames if each.get("name", "").startswith("job.")}
    assert of_job == {"job.id", "job.name"}, "it is looked up"
    shown = {each["$ref"].rpartition("/")[2] for each in jobs["parameters"] if "$ref" in each}
    assert shown >= {"_fields", "_where", "If-None-Match", "Prefer"}


@pytest.mark.parametrize("service", sorted({method.service for method in catalog().methods}))
def test_examples_are_valid_requests(service: str) -> None:
    """The decoder takes them, with nothing ignored, and they fit their schemas."""
    components = document()["components"]["schemas"]
    for method in catalog().methods:
        if method.service == service:
            body = document()["paths"][method.path]["post"]["requestBody"]
            content = body["content"]["application/json"]
            filled = orjson.dumps(content["example"])
            for placeholder in (b"<groupId>", b"<layerIds>"):  # whose names are not unique
                filled = filled.replace(placeholder, NO_ID.encode())
            assert plan(method, filled, UnknownFieldPolicy.EVERYTHING).ignored == ()
            validator(content["schema"], components).validate(content["example"])


def example(path: str) -> Any:
    content = document()["paths"][path]["post"]["requestBody"]["content"]
    return content["application/json"]["example"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/show.ShowInterface/GetShows", {}),
        ("/job.JobInterface/Pause", {"job": {"id": "<job id>"}}),
        ("/show.ShowInterface/FindShow", {"name": "<name>"}),
        ("/layer.LayerInterface/SetMinMemory", {"layer": {"id": "<layer id>"}, "memory": "1"}),
        (
            "/facility.AllocationInterface/ReparentHosts",
            {"allocation": {"id": "<allocation id>"}, "hosts": {"hosts": [{"id": "<host id>"}]}},
        ),
    ],
)
def test_examples_say_what_to_choose(path: str, body: object) -> None:
    assert example(catalog().routes[path].path) == body


def test_criteria_leave_everything_open() -> None:
    criteria = example("/job.JobInterface/GetFrames")["req"]
    assert {name: value for name, value in criteria.items() if value} == {"limit": 100, "page": 1}


VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 7, 2**31 - 1, 2**31, 2**53, 0.5, 1e30, -1e300),
    *("", "0", "7", "-7", "+7", "007", "1_0", "9223372036854775807", "18446744073709551615"),
    *("NaN", "Infinity", "-Infinity", "nan", "aGk=", "%%%", "true", "2026-01-31T12:00:00Z", "1.5s"),
    *([], [1], ["a"], ["7"], [None], {}, {"a": 1}, {"1": "a"}, {"true": "a"}, [[]], [{}]),
)


SPECIAL_NUMBERS = ("NaN", "Infinity", "-Infinity")
FORMATS = ("out of range", "@type", "expected base64", "RFC 3339", "name or number")
"""How the decoder speaks of what has the right type and is no int32, base64 and so on."""


def problem_with(descriptor: Descriptor, body: Json) -> str:
    try:
        trial().decoders.value_decoder(descriptor)(body, UnknownFieldPolicy.EVERYTHING)
    except GatewayError as error:
        return error.message
    return ""


@pytest.mark.parametrize("name", trial_types())
def test_what_the_schema_allows_is_taken(name: str) -> None:
    """By the decoder, unless the value has the wrong format, which a validator does not check."""
    components = components_of(trial())
    descriptor = trial().message_type(name)
    fits = validator(components.request(descriptor), components.schemas)
    needed = {field.json_name for field in descriptor.fields if field.is_required}
    for field in descriptor.fields:
        for value in VALUES:
            body = {field.json_name: value}
            if needed - set(body) or not fits.is_valid(body):
                continue
            problem = problem_with(descriptor, body)
            assert not problem or any(words in problem for words in FORMATS), body


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("an_int64", [5, "5", "-5", None], ["x", "", True, 0.5, [], {}]),
        ("a_uint64", [5, "5", None], [-5, "-5"]),
        ("an_int32", [5, None], ["x", True, 0.5]),
        ("a_uint32", [5], [-5]),
        ("a_float", [5, 0.5, None], ["x", True]),
        ("a_string", ["x", None], [5, True]),
        ("a_bool", [True, None], [1, "true"]),
        ("a_bytes", ["aGk=", None], [5]),
    ],
)
def test_forms_of_scalars(field: str, allowed: list[object], refused: list[object]) -> None:
    descriptor = trial().message_type("trial.Scalars")
    found = {each.name: each.json_name for each in descriptor.fields}
    components = components_of(trial())
    fits = validator(components.request(descriptor), components.schemas)
    for value in allowed:
        assert fits.is_valid({found[field]: value}), value
    for value in refused:
        assert not fits.is_valid({found[field]: value}), value


def with_special_numbers(found: Draft202012Validator) -> Draft202012Validator:
    """A validator for which, as the document says, a number may also be `"NaN"` and the like."""
    checker = Draft202012Validator.TYPE_CHECKER
    special = checker.redefine(
        "number",
        lambda _, value: checker.is_type(value, "number") or value in SPECIAL_NUMBERS,
    )
    kind: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, type_checker=special
    )
    return kind(found.schema)


def check_answers(schema: TestSchema, name: str, number: int) -> None:
    components = components_of(schema)
    descriptor = schema.message_type(name)
    answer = components.response(descriptor)
    echo = components.request(descriptor)
    fits, may_be_sent = (
        with_special_numbers(validator(each, components.schemas)) for each in (answer, echo)
    )
    encode = schema.encoders.encoder(descriptor)

    @given(message=messages(schema, name))
    @examples(number)
    def check(message: Any) -> None:
        value = orjson.loads(b"".join(encode(message.SerializePartialToString())))
        fits.validate(value)
        may_be_sent.validate(value)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("name", protos.own_types())
def test_answers_fit_their_schemas(name: str) -> None:
    check_answers(trial(), name, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPENCUE_TYPES)
def test_answers_of_opencue_fit_their_schemas(name: str) -> None:
    check_answers(opencue(), name, 5)


def test_what_is_there_is_required() -> None:
    job = document()["components"]["schemas"]["job.Job"]
    fields = catalog().methods[0].encoders.pool.FindMessageTypeByName("job.Job").fields
    assert set(job["required"]) == {each.json_name for each in fields if not each.containing_oneof}


def test_members_of_a_oneof_exclude_each_other() -> None:
    components = components_of(trial())
    descriptor = trial().message_type("trial.OneOfs")
    oneof = next(each for each in descriptor.oneofs if len(each.fields) > 1)
    scalars = [each for each in oneof.fields if each.message_type is None and not is_map(each)]
    names = [each.json_name for each in scalars[:2]]
    fits = validator(components.request(descriptor), components.schemas)
    values: dict[str, object] = {}
    for name in names:
        values[name] = next(value for value in VALUES[1:] if fits.is_valid({name: value}))
    assert not fits.is_valid(values)
    assert fits.is_valid({names[0]: values[names[0]], names[1]: None})


def test_an_enum_has_names_and_numbers() -> None:
    state = document()["components"]["schemas"]["job.FrameState"]
    names, numbers = state["anyOf"]
    assert "RUNNING" in names["enum"]
    assert numbers == {"type": "integer", "format": "int32"}
    assert "`RUNNING` = 2" in state["description"]


@needs("reference")
def test_other_names_of_the_profile_are_there() -> None:
    host = document()["components"]["schemas"]["host.Host"]
    assert host["properties"]["totalCores"]["type"] == host["properties"]["cores"]["type"]
    assert "totalCores" in host["required"]
    for path, name in (
        ("/job.GroupInterface/SetMinCores", "`cores` for `minCores`"),
        ("/show.ShowInterface/CreateShow", "`defaultMinCores`"),
        ("/job.LayerInterface/FindLayer", "`job.id`"),
    ):
        assert name in document()["paths"][path]["post"]["description"]


@needs("views")
def test_numbers_in_answers_have_their_units() -> None:
    found = document()["components"]["schemas"]
    units = {
        name: schema.get("x-unit") for name, schema in found["host.Host"]["properties"].items()
    }
    assert (units["idleMemory"], units["bootTime"], units["cores"]) == ("kB", "time", None)
    assert found["job.JobStats"]["properties"]["avgFrameSec"]["x-unit"] == "seconds"
    assert "x-unit" not in str(found["host.Host-Input"])


@needs("views")
def test_columns_are_those_that_a_token_may_have() -> None:
    path = "/host.ProcInterface/GetProcs"
    columns = document()["paths"][path]["post"]["x-columns"]
    assert columns["runtime"] == {
        "type": ["integer", "null"],
        "description": "seconds since dispatchTime",
        "x-unit": "seconds",
    }
    assert columns["user"]["type"] == ["string", "null"]
    alone = build_document(catalog(), closed=True, allowed={path})["paths"][path]["post"]
    assert [*alone["x-columns"]] == ["memoryUsed", "runtime"]


def test_follow_ups_that_would_be_denied_are_not_promised() -> None:
    path = "/show.ShowInterface/CreateShow"
    few = build_document(catalog(), closed=True, allowed={path})
    assert [*few["paths"]] == [path, *PARTS.text["paths"]]
    assert "defaultMinCores" not in few["paths"][path]["post"].get("description", "")


@needs("names")
def test_what_finds_an_object_without_an_id_is_told() -> None:
    for path, what, finder, by in (
        ("job.JobInterface/Pause", "job", "job.JobInterface/FindJob", "`name`"),
        (
            *("department.DepartmentInterface/GetTasks", "department"),
            *("show.ShowInterface/GetDepartment", "`dept` or `name` and `show`"),
        ),
    ):
        told = f"`{what}` may have no `id` if `/{finder}` finds it by {by}."
        assert told in document()["paths"][f"/{path}"]["post"]["description"]
    killed = document()["paths"]["/host.ProcInterface/Kill"]["post"]["description"]
    assert "may have no" not in killed


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param(
            "/job.JobInterface/EatFrames",
            "`req` has to be there, and `{}` stands for all.",
            marks=needs("reference"),
        ),
        pytest.param(
            "/facility.AllocationInterface/Create",
            "`tag` may not be empty.",
            marks=needs("reference"),
        ),
        pytest.param(
            "/job.JobInterface/LaunchSpec",
            "The body may also be the XML of `spec`.",
            marks=needs("identity"),
        ),
        pytest.param(
            "/facility.FacilityInterface/GetAllocations",
            "`facility` may be a name.",
            marks=needs("names"),
        ),
    ],
)
def test_what_bodies_may_be_is_described(path: str, told: str) -> None:
    assert told in document()["paths"][path]["post"]["description"]


@needs("object_rights")
def test_what_rights_may_need_is_told() -> None:
    for path, what, sent in (
        ("job.FrameInterface/Kill", "frame", "`job`"),
        ("job.FrameInterface/CreateDependencyOnJob", "frame", "`frame.job`"),
        ("comment.CommentInterface/Save", "comment", "`job` or `host`"),
        ("filter.ActionInterface/Delete", "action", "`filter` and `show`"),
    ):
        told = f"If rights depend on whose `{what}` is, send {sent} as well."
        assert told in document()["paths"][f"/{path}"]["post"]["description"]
    killed = document()["paths"]["/job.JobInterface/Kill"]["post"]["description"]
    assert "If rights depend" not in killed


@needs("reference")
def test_refusals_of_the_profile_are_told() -> None:
    told = document()["paths"]["/limit.LimitInterface/Create"]["post"]["description"]
    assert told == "The answer is 409 if `/limit.LimitInterface/Find` finds one of that `name`."


@pytest.mark.parametrize("closed", [True, False])
def test_arguments_are_closed_unless_everything_is_ignored(closed: bool) -> None:
    """As the decoder does it; echoed objects may have more fields."""
    schemas = build_document(catalog(), closed=closed)["components"]["schemas"]
    assert ("additionalProperties" in schemas["job.JobPauseRequest"]) is closed
    assert ("additionalProperties" in schemas["job.JobSearchCriteria"]) is closed
    assert "additionalProperties" not in schemas["job.Job-Input"]


COMMENTED = """
syntax = "proto3";
package barn;

// Cores that belong together.
message Pool {
  // What people call it.
  string name = 1;
  int32 size = 2;  // in cores
  string old = 3 [deprecated = true];
}
enum Mood {
  FINE = 0;
  // Somebody should look.
  BAD = 1;
}
message Ask { Mood mood = 1; string gone = 2 [deprecated = true]; }
/* Where pools are
 * to be had. */
service BarnInterface {
  // Finds a pool. It has
  // to be there.
  rpc FindPool(Ask) returns (Pool);
  rpc Bare(Ask) returns (Pool) { option deprecated = true; }
}
"""


def test_comments_of_the_protos_are_shown(tmp_path: Path) -> None:
    (tmp_path / "barn.proto").write_text(COMMENTED, encoding="utf-8")
    found = document_of(ProtoDirectory(tmp_path).read())
    schemas = found["components"]["schemas"]
    pool = schemas["barn.Pool"]
    assert pool["description"] == "Cores that belong together."
    assert pool["properties"]["name"]["description"] == "What people call it."
    assert pool["properties"]["size"]["description"] == "in cores"
    assert pool["properties"]["old"]["deprecated"] is True
    assert schemas["barn.Mood"]["description"] == "- `FINE` = 0\n- `BAD` = 1: Somebody should look."
    assert found["tags"][0]["description"] == "Where pools are\nto be had."
    method = found["paths"]["/barn.BarnInterface/FindPool"]["post"]
    assert method["summary"] == "Finds a pool"
    assert method["description"] == "Finds a pool. It has\nto be there."
    bare = found["paths"]["/barn.BarnInterface/Bare"]["post"]
    assert bare["deprecated"] is True
    assert bare["requestBody"]["content"]["application/json"]["example"] == {"mood": "FINE"}
    assert "summary" not in bare


def test_names_of_ours_are_no_messages() -> None:
    """A message without a package cannot replace the error's schema."""
    file = FileDescriptorProto(name="e.proto", syntax="proto3")
    file.message_type.add(name="Error")
    service = file.service.add(name="E")
    service.method.add(name="Get", input_type=".Error", output_type=".Error")
    schema = Schema(files=(file,), services=services_of((file,)), origin="test", confirmed=True)
    schemas = document_of(schema)["components"]["schemas"]
    assert {"Error", "Error-Input", ERROR} <= set(schemas)
