"""The details of a failed call, from the google.rpc.Status in its trailers."""

from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, duration_pb2, struct_pb2
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.encode import details_to_json
from gateway.errors import Code, GatewayError
from tests.support.protos import examples, parsed


def status(*details: Any) -> bytes:
    """A serialized Status with these messages for details."""
    message = status_pb2.Status(code=5, message="x")
    for detail in details:
        if isinstance(detail, any_pb2.Any):
            message.details.append(detail)
        else:
            message.details.add().Pack(detail)
    data: bytes = message.SerializeToString()
    return data


def answered(serialized: bytes) -> Any:
    """The details as a client gets them."""
    error = GatewayError(Code.NOT_FOUND, "x", details=details_to_json(serialized))
    return parsed(error.body()).get("details", [])


def test_known_type() -> None:
    """The usual detail types go out as protojson beside their type."""
    info = error_details_pb2.ErrorInfo(reason="GONE", domain="farm", metadata={"job": "x"})
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1))
    assert answered(status(info, retry)) == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "GONE",
            "domain": "farm",
            "metadata": {"job": "x"},
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"},
    ]


def test_lists_in_a_detail() -> None:
    """They are whole."""
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="name", description="empty")
    (found,) = answered(status(bad))
    assert found["fieldViolations"][0]["field"] == "name"


def test_other_types() -> None:
    """A well-known type has its JSON under `value`; of an unknown one, name and bytes go out."""
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
def test_garbage(data: bytes) -> None:
    """What cannot be read, or is not there, is no reason to lose the error itself."""
    assert details_to_json(data) == []


def test_string_that_is_not_utf8() -> None:
    """A proto2 detail with broken text does not break the answer."""
    type_url = "type.googleapis.com/google.protobuf.FileDescriptorProto"
    assert descriptor_pb2.FileDescriptorProto.DESCRIPTOR is not None
    answered(status(any_pb2.Any(type_url=type_url, value=b"\x0a\x01\xff")))


@pytest.mark.parametrize("levels", [50, 150, 300, 2000])
def test_deep_details(levels: int) -> None:
    """Details that are nested without end do not break the answer."""
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
def test_any_bytes_at_all(data: bytes) -> None:
    """Whatever the bytes are, there are details that can go out, or none."""
    assert isinstance(answered(data), list)
