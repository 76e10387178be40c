"""The details of a failed call, from the google.rpc.Status in its trailers."""

from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, duration_pb2, struct_pb2
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec.encode import details_to_json
from gateway.core.errors import Code, Details, GatewayError
from tests.support.protos import examples, parsed


def status(*details: Any) -> bytes:
    message = status_pb2.Status(code=5, message="x")
    for detail in details:
        if isinstance(detail, any_pb2.Any):
            message.details.append(detail)
        else:
            message.details.add().Pack(detail)
    data: bytes = message.SerializeToString()
    return data


def answered(serialized: bytes) -> Any:
    error = GatewayError(Code.NOT_FOUND, "x", details=Details(details_to_json(serialized)))
    return parsed(error.body()).get("details", [])


def test_a_known_type_is_protojson_beside_its_type() -> None:
    info = error_details_pb2.ErrorInfo(reason="GONE", domain="farm", metadata={"job": "x"})
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1))
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="name", description="empty")
    rpc = "type.googleapis.com/google.rpc"
    first, second, third = answered(status(info, retry, bad))
    assert first.pop("metadata") == {"job": "x"}
    assert first == {"@type": f"{rpc}.ErrorInfo", "reason": "GONE", "domain": "farm"}
    assert second == {"@type": f"{rpc}.RetryInfo", "retryDelay": "1s"}
    assert third["fieldViolations"][0]["field"] == "name"


def test_a_well_known_type_has_its_json_under_value_and_an_unknown_one_its_bytes() -> None:
    stranger = any_pb2.Any(type_url="type.googleapis.com/farm.Fire", value=b"\xfb\xff")
    assert answered(status(duration_pb2.Duration(seconds=2), stranger)) == [
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "2s"},
        {"@type": "type.googleapis.com/farm.Fire", "value": "+/8="},
    ]


GARBAGE = {
    "nothing": b"",
    "no details": status(),
    "no message": b"\xff\xff",
    "truncated": status(duration_pb2.Duration(seconds=2))[:-1],
    "text": b"not found",
    "broken content": status(
        any_pb2.Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\x0f")
    ),
    "time out of range": status(duration_pb2.Duration(seconds=2**60)),
    "NaN": status(struct_pb2.Value(number_value=float("nan"))),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_no_reason_to_lose_the_error_itself(data: bytes) -> None:
    assert details_to_json(data) == []


def test_broken_text_in_a_detail_does_not_break_the_answer() -> None:
    type_url = "type.googleapis.com/google.protobuf.FileDescriptorProto"
    assert descriptor_pb2.FileDescriptorProto.DESCRIPTOR is not None
    answered(status(any_pb2.Any(type_url=type_url, value=b"\x0a\x01\xff")))


@pytest.mark.parametrize("levels", [50, 150, 300, 2000])
def test_details_nested_without_end_do_not_break_the_answer(levels: int) -> None:
    detail = any_pb2.Any()
    for _ in range(levels):
        outer = any_pb2.Any()
        outer.Pack(detail)
        detail = outer
    answered(status(detail))


@given(
    data=st.one_of(
        st.binary(max_size=40),
        st.tuples(
            st.sampled_from(
                ["ErrorInfo", "BadRequest", "QuotaFailure", "Help", "LocalizedMessage", "Nothing"]
            ),
            st.binary(max_size=20),
        ).map(
            lambda pair: status(
                any_pb2.Any(type_url=f"type.googleapis.com/google.rpc.{pair[0]}", value=pair[1])
            )
        ),
    )
)
@examples(200)
@pytest.mark.slow
def test_any_bytes_are_details_that_can_go_out_or_none(data: bytes) -> None:
    assert isinstance(answered(data), list)
