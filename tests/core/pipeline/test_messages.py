"""Requests that are protobuf: planned as the JSON that says the same, or sent as they are."""

from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.calls.messages import check_size, takes_long
from gateway.core.calls.plan import Plan, plan, plan_message, takes_messages
from gateway.core.codec.body import MOST_CONTAINERS
from gateway.core.codec.slices import varint
from gateway.core.codec.unknown_fields import UnknownFieldPolicy as Policy
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.needs import needs
from tests.support.opencue import message_class, opencue
from tests.support.protos import examples, messages, own_types, trial
from tests.support.protos import opencue as schema

CATALOG = build_catalog(opencue(), Selection(), load_profile("opencue"))
METHODS = [method for method in CATALOG.methods if not method.streams]
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]
FIND_SHOW = CATALOG.routes["/show.ShowInterface/FindShow"]
KILL = CATALOG.routes["/job.JobInterface/Kill"]
SET_PRIORITY = CATALOG.routes["/job.JobInterface/SetPriority"]


def outcome(make: Any, *arguments: Any) -> Plan | tuple[Code, str]:
    try:
        made: Plan = make(*arguments)
    except GatewayError as error:
        return error.code, error.message
    return made


# --- the same as JSON -----------------------------------------------------------------------------
@examples(200)
@given(data=st.data())
def test_a_message_is_planned_as_its_json(data: st.DataObject) -> None:
    """All of it: the request, look-ups, follow-ups, defaults, or the error."""
    method = data.draw(st.sampled_from(METHODS))
    message = data.draw(messages(schema(), method.descriptor.input_type.full_name))
    written = orjson.dumps(written_by_client(message))
    for policy in (Policy.NOTHING, Policy.EVERYTHING):
        expected = outcome(plan, method, written, policy)
        assert outcome(plan_message, method, message.SerializeToString(), policy) == expected


@examples(100)
@given(data=st.data())
def test_no_value_is_lost_on_the_way(data: st.DataObject) -> None:
    """Of any type: what is set comes back as it was, and nothing else."""
    name = data.draw(st.sampled_from(own_types()))
    message, kind = data.draw(messages(trial(), name)), trial().message_type(name)
    written = orjson.dumps(trial().encoders.given.to_json(kind)(message))
    read = trial().decoders.value_decoder(kind)
    payload = read(orjson.loads(written), Policy.EVERYTHING).payload
    again = trial().message_class(name).FromString(payload)
    assert written_by_client(again) == written_by_client(message)


def written_by_client(value: Any) -> Any:
    """The JSON of a message, as clients write it. Minus zero is zero, as it is in answers."""
    if isinstance(value, Message):
        value = json_format.MessageToDict(value, descriptor_pool=trial().pool)
    if isinstance(value, dict):
        return {key: written_by_client(each) for key, each in value.items() if not is_minus(each)}
    return [written_by_client(each) for each in value] if isinstance(value, list) else value


def is_minus(value: object) -> bool:
    return value == 0 and str(value) == "-0.0"


# --- unread ---------------------------------------------------------------------------------------
def asked(kind: str, **content: Any) -> bytes:
    payload: bytes = message_class(kind)(**content).SerializeToString()
    return payload


def test_what_nothing_depends_on_goes_as_it_is() -> None:
    """Byte for byte, whatever the order and the number of its fields."""
    method = CATALOG.routes["/facility.AllocationInterface/Find"]
    for message in (b"", b"\x0a\x01a", b"\x0a\x01a\x0a\x01b"):
        found = plan_message(method, message, Policy.EVERYTHING, unread=True)
        assert found == Plan(method, message)
        read = plan_message(method, message, Policy.EVERYTHING)
        assert read == plan(method, as_json(method, message), Policy.EVERYTHING)


def as_json(method: Method, message: bytes) -> bytes:
    name = method.descriptor.input_type.full_name
    return orjson.dumps(json_format.MessageToDict(message_class(name).FromString(message)))


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/job.JobInterface/Kill",
            "/job.JobInterface/SetPriority",
            "/job.JobInterface/AddComment",
        ),
        "/job.LayerInterface/AddLimit",
        pytest.param("/show.ShowInterface/CreateShow", marks=needs("reference")),
    ],
)
def test_what_the_profile_looks_at_never_does(path: str) -> None:
    assert not takes_messages(CATALOG.routes[path])


def test_defaults_and_names_are_those_of_json() -> None:
    sent = message_class("job.JobKillRequest")(job={"name": "a-job"}).SerializeToString()
    found = plan_message(KILL, sent, Policy.EVERYTHING, unread=True)
    assert found == plan(KILL, b'{"job": {"name": "a-job"}}', Policy.EVERYTHING)
    assert found.look_ups


# --- unknown fields -------------------------------------------------------------------------------
STRANGER = b"\xf8\x3f\x01"  # field 1023
FOUND_BY_NAME = asked("show.ShowFindShowRequest", name="x")
JOB = asked("job.Job", id="j")
KILL_OF_A_NEWER_JOB = b"\x0a" + bytes((len(JOB + STRANGER),)) + JOB + STRANGER


@pytest.mark.parametrize("unread", [True, False])
@pytest.mark.parametrize("method", [FIND_SHOW, GET_JOBS], ids=["FindShow", "GetJobs"])
def test_unknown_fields_are_dropped_and_named(method: Method, unread: bool) -> None:
    found = plan_message(method, STRANGER, Policy.NOTHING, unread=unread)
    assert (found.payload, found.ignored[0]) == (plan(method, b"", Policy.NOTHING).payload, "1023")


@pytest.mark.parametrize("policy", [Policy.ARGUMENTS, Policy.EVERYTHING])
@pytest.mark.parametrize("unread", [True, False])
def test_unknown_arguments_are_refused(policy: Policy, unread: bool) -> None:
    with pytest.raises(GatewayError, match="unknown field `1023`") as refusal:
        plan_message(FIND_SHOW, FOUND_BY_NAME + STRANGER, policy, unread=unread)
    assert refusal.value.code is Code.INVALID_ARGUMENT


def test_what_an_echoed_object_has_more_is_ignored() -> None:
    found = plan_message(KILL, KILL_OF_A_NEWER_JOB, Policy.ARGUMENTS)
    assert found == plan(KILL, b'{"job": {"id": "j", "1023": 1}}', Policy.ARGUMENTS)
    assert found.ignored == ("job.1023",)
    with pytest.raises(GatewayError, match="job: unknown field `1023`"):
        plan_message(KILL, KILL_OF_A_NEWER_JOB, Policy.EVERYTHING)


def test_there_is_an_end_to_unknown_fields() -> None:
    tags = [varint(number << 3) for number in range(16, 2000)]
    many = b"".join(tag + b"\x01" for tag in tags)
    with pytest.raises(GatewayError, match="more than 1000 unknown fields"):
        plan_message(FIND_SHOW, many, Policy.NOTHING)


# --- what is no message ---------------------------------------------------------------------------
@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05demo", b"\x0a\x01\xff", b"\x0b"])
@pytest.mark.parametrize("unread", [True, False])
def test_what_is_no_message_is_refused(message: bytes, unread: bool) -> None:
    with pytest.raises(GatewayError, match=r"not a valid show\.ShowFindShowRequest") as refusal:
        plan_message(FIND_SHOW, message, Policy.NOTHING, unread=unread)
    assert refusal.value.code is Code.INVALID_ARGUMENT


def test_a_message_of_many_messages_is_refused() -> None:
    kind = CATALOG.routes["/job.GroupInterface/ReparentJobs"].descriptor.input_type
    inner = b"\x0a\x00" * (MOST_CONTAINERS + 1)
    body = b"\x12" + varint(len(inner)) + inner
    with pytest.raises(GatewayError, match=f"more than {MOST_CONTAINERS} messages"):
        check_size(kind, body)
    check_size(kind, asked("job.GroupReparentJobsRequest", jobs={"jobs": [{"id": "x"}] * 1000}))


def test_a_message_of_many_values_is_refused() -> None:
    with pytest.raises(GatewayError, match="more than 100000 values"):
        check_size(FIND_SHOW.descriptor.input_type, b"\x0a\x00" * 100_001)


QUICK = {
    "a short one": ("/job.GroupInterface/ReparentJobs", b"\x12\x02\x0a\x00" * 2000),
    "a long text": ("/job.JobInterface/LaunchSpec", b"\x0a" + varint(200_000) + b"x" * 200_000),
    "no message": ("/job.JobInterface/LaunchSpec", b"\xff" * 20_000),
}
LONG = {
    "many messages": ("/job.GroupInterface/ReparentJobs", b"\x12\x02\x0a\x00" * 2500),
    "many values": ("/job.JobInterface/GetJobs", b"\x0a" + varint(10_000) + b"\x12\x00" * 5000),
    "many groups": ("/job.JobInterface/LaunchSpec", b"\x0b" * 10_000),
    "many empty runs": ("/job.JobInterface/GetLayers", b"\x0a\x03\xaa\x01\x00" * 2000),
    "groups in groups": ("/job.JobInterface/LaunchSpec", b"\x0b\x10\x00\x0c" * 4000),
    "many bytes": ("/job.JobInterface/LaunchSpec", b"\x0a" + varint(300_000) + b"x" * 300_000),
}


@pytest.mark.parametrize(
    ("path", "message", "expected"),
    [(*case, False) for case in QUICK.values()] + [(*case, True) for case in LONG.values()],
    ids=[*QUICK, *LONG],
)
def test_what_takes_long_is_planned_elsewhere(path: str, message: bytes, expected: bool) -> None:
    assert takes_long(CATALOG.routes[path].descriptor.input_type, message) is expected


def test_each_packed_number_counts() -> None:
    kind = trial().message_type("trial.Repeated")
    packed = kind.fields_by_name["int32s"]
    body = varint(packed.number << 3 | 2) + varint(9000) + bytes(9000)
    assert takes_long(kind, body)
