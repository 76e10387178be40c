"""`describe` and `routes` with nothing but a gateway, by its OpenAPI document."""

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from cuebot_simulator.server import SimulatedCuebot
from gateway.core.codec.fields import INT32, INT64, UINT32, UINT64, is_map, reachable
from gateway.core.schema.description import declarations
from gateway.features.openapi.document import as_json
from gateway_cli.client.declarations import files_of
from gateway_cli.commands.describe import description, source_of_document
from gateway_client.openapi_document import read_document
from tests.features.openapi.documents import document
from tests.gateway_cli.calls import FarmGateway
from tests.support.commands import run_beside
from tests.support.needs import needs
from tests.support.opencue import catalog
from tests.support.servers import SECRET, token

pytestmark = [pytest.mark.anyio, needs("openapi")]

GET_FRAME = "/job.FrameInterface/GetFrame"
URL = "http://gateway/openapi.json"


@pytest.fixture(scope="module")
def files() -> list[FileDescriptorProto]:
    """What is made of the document of OpenCue's schema."""
    return files_of(read_document(as_json(document()), URL))


ONE = {
    **dict.fromkeys(INT32, FieldDescriptor.TYPE_INT32),
    **dict.fromkeys(UINT32, FieldDescriptor.TYPE_UINT32),
    **dict.fromkeys(INT64, FieldDescriptor.TYPE_INT64),
    **dict.fromkeys(UINT64, FieldDescriptor.TYPE_UINT64),
}
"""JSON does not tell how integers are put on the wire."""


def fields_of_type(descriptor: Descriptor) -> dict[str, tuple[bool, int, str]]:
    """Whether each field is a list, its type and the name of that, by JSON name."""
    found = {}
    for field in descriptor.fields:
        named = field.message_type or field.enum_type
        name = "" if named is None or is_map(field) else named.full_name
        found[field.json_name] = (field.is_repeated, ONE.get(field.type, field.type), name)
    return found


def test_messages_are_those_of_the_schema(files: list[FileDescriptorProto]) -> None:
    made = {each.name: each.proto for each in declarations(files) if each.kind == "message"}
    roots = [
        each
        for method in catalog().methods
        for each in (method.descriptor.input_type, method.descriptor.output_type)
    ]
    aliases = catalog().methods[0].encoders.aliases
    types = reachable(roots)
    assert len(types) > 300
    for name, descriptor in types.items():
        if descriptor.GetOptions().map_entry:
            continue
        found = {
            field.name: (
                field.label == FieldDescriptorProto.LABEL_REPEATED,
                field.type,
                "" if field.type_name.endswith("Entry") else field.type_name.removeprefix("."),
            )
            for field in made[name].field
            if field.name not in aliases.get(name, {})
        }
        assert found == fields_of_type(descriptor), name


def test_enums_and_methods_are_those_of_the_schema(files: list[FileDescriptorProto]) -> None:
    made = {(each.kind, each.name): each.proto for each in declarations(files)}
    state = made["enum", "job.JobState"]
    assert {value.name: value.number for value in state.value} == {
        "PENDING": 0, "FINISHED": 1, "STARTUP": 2, "SHUTDOWN": 3, "POSTED": 4,
    }  # fmt: skip
    for method in catalog().methods:
        proto = made["method", method.path[1:].replace("/", ".")]
        assert proto.input_type == f".{method.descriptor.input_type.full_name}"
        assert proto.output_type == f".{method.descriptor.output_type.full_name}"


def test_nested_types_and_comments() -> None:
    source = source_of_document(read_document(FOREIGN, URL))
    assert (
        description("Outer", source)
        == f"""\
// From {URL}: names as in JSON, no field numbers.

// message trial.Outer
// What is around.
message Outer {{
  // One of two.
  enum Kind {{
    // The first.
    A = 0;
    B = 7;
  }}

  message Inner {{
    google.protobuf.Timestamp at;
  }}

  Kind kind;
  // Some of them.
  repeated Inner inners;
  map<string, int64> sizes;
  google.protobuf.Struct more;
  bytes data;
}}"""
    )


FOREIGN = b"""{"info": {"version": "1"}, "paths": {}, "components": {"schemas": {
  "gateway-Error": {"type": "object"},
  "trial.Outer": {"type": "object", "description": "What is around.", "properties": {
    "kind": {"$ref": "#/components/schemas/trial.Outer.Kind"},
    "inners": {"type": "array", "items": {"$ref": "#/components/schemas/trial.Outer.Inner-Input"},
               "description": "Some of them."},
    "sizes": {"type": "object", "additionalProperties": {"type": "string", "format": "int64"}},
    "more": {"type": ["object", "null"], "additionalProperties": true},
    "data": {"type": ["string", "null"], "format": "byte", "contentEncoding": "base64"}}},
  "trial.Outer.Inner-Input": {"type": "object", "properties": {
    "at": {"type": ["string", "null"], "format": "date-time",
           "examples": ["2026-01-31T12:00:00Z"]}}},
  "trial.Outer.Kind": {"description": "One of two.\\n\\n- `A` = 0: The first.\\n- `B` = 7",
    "anyOf": [{"type": "string", "enum": ["A", "B"]}, {"type": "integer"}]}}}}"""


@pytest.mark.slow
async def test_describe_asks_the_gateway(farm_gateway: FarmGateway) -> None:
    url = (await farm_gateway()).url
    environ = {"GATEWAY_URL": url, "TOKEN": token(), "CUEBOT_ENDPOINT": "127.0.0.1:1"}
    ran = await run_beside("describe", "frame.FrameInterface/GetFrame", **environ)
    assert (ran.status, ran.err) == (0, "")
    assert f"{GET_FRAME}, also /frame.FrameInterface/GetFrame\n// Find a frame by its" in ran.text
    assert "\n// message job.FrameGetFrameRequest\nmessage FrameGetFrameRequest {" in ran.text
    ran = await run_beside("describe", "GetFram", **environ)
    assert (ran.status, ran.text) == (1, "")
    assert f"named 'GetFram' in {url}/openapi.json; did you mean GetFrame or GetFrames?" in ran.err
    ran = await run_beside("describe", "pause", "job", **environ)
    assert "with these words:\n  /job.JobInterface/Pause  " in ran.err
    ran = await run_beside("describe", "JobState", "--direct", **environ)
    assert (ran.status, ran.text) == (1, "")
    assert "127.0.0.1:1" in ran.err


@pytest.mark.slow
async def test_routes_asks_the_gateway(
    simulated_cuebot: SimulatedCuebot, farm_gateway: FarmGateway
) -> None:
    endpoint = simulated_cuebot.endpoint
    url = (await farm_gateway()).url
    straight = await run_beside("routes", CUEBOT_ENDPOINT=endpoint)
    served = await run_beside("routes", "--url", url, "--sub", "lena", JWT_SECRET=SECRET)
    assert (served.status, served.text) == (0, straight.text)
    assert served.err == (
        f"cuebot-gateway: from {url}/openapi.json, which has what the token may call\n"
    )
    straight = await run_beside("routes", "job/getjob", "--json", CUEBOT_ENDPOINT=endpoint)
    served = await run_beside("routes", "job/getjob", "--json", GATEWAY_URL=url, TOKEN=token())
    assert (served.json, served.err) == (straight.json, "")
    ran = await run_beside("routes", "pasue", "--native", GATEWAY_URL=url, TOKEN=token())
    assert ran.text.splitlines()[1].startswith("/job.JobInterface/Pause ")
    ran = await run_beside("routes", "gtjbs", GATEWAY_URL=url, TOKEN=token())
    assert (ran.status, ran.text) == (1, "")
    assert "openapi.json matches 'gtjbs'; did you mean GetJobs?" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("command", [("routes",), ("describe", "JobState")])
async def test_what_a_gateway_does_not_tell(
    farm_gateway: FarmGateway, command: tuple[str, ...]
) -> None:
    url = (await farm_gateway(docs="off")).url
    ran = await run_beside(*command, GATEWAY_URL=url, TOKEN=token())
    assert (ran.status, ran.text) == (1, "")
    assert "has no /openapi.json: DOCS is off there" in ran.err
    assert "--direct" in ran.err
    url = (await farm_gateway()).url
    ran = await run_beside(*command, GATEWAY_URL=url, TOKEN=token(seconds=-5))
    assert (ran.status, "the token has expired" in ran.err) == (1, True)
    ran = await run_beside(*command, GATEWAY_URL=url)
    assert (ran.status, "set TOKEN, or JWT_SECRET" in ran.err) == (2, True)
    ran = await run_beside(*command, GATEWAY_URL="http://127.0.0.1:1", TOKEN=token())
    assert (ran.status, "cannot be reached; is it running?" in ran.err) == (1, True)
