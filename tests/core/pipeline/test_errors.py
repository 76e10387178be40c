"""Errors: grpc-gateway's mapping of codes, and the one JSON shape."""

import json

import pytest

from gateway.core.errors import Code, Details, GatewayError
from gateway.core.pipeline.error_answer import error_answer

# https://github.com/grpc-ecosystem/grpc-gateway/blob/main/runtime/errors.go and
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
MAPPING = [
    *(("OK", 200), ("CANCELLED", 499), ("UNKNOWN", 500), ("INVALID_ARGUMENT", 400)),
    *(("DEADLINE_EXCEEDED", 504), ("NOT_FOUND", 404), ("ALREADY_EXISTS", 409)),
    *(("PERMISSION_DENIED", 403), ("RESOURCE_EXHAUSTED", 429), ("FAILED_PRECONDITION", 400)),
    *(("ABORTED", 409), ("OUT_OF_RANGE", 400), ("UNIMPLEMENTED", 501), ("INTERNAL", 500)),
    *(("UNAVAILABLE", 503), ("DATA_LOSS", 500), ("UNAUTHENTICATED", 401)),
]
"""Names and statuses of the codes from 0 on."""


def test_codes_are_mapped_as_grpc_gateway_does() -> None:
    assert list(Code) == [*range(len(MAPPING))]
    for number, (name, status) in enumerate(MAPPING):
        error = GatewayError(Code(number), "text")
        assert (Code(number).name, error.status, str(error)) == (name, status, "text")
        assert error.body() == b'{"error":"%s","code":%d,"message":"text"}' % (
            name.encode(),
            number,
        )


def test_details_are_there_only_when_given() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "X"}, "more"]
    shown = json.loads(GatewayError(Code.INTERNAL, "x", details=Details(details)).body())
    assert (list(shown), shown["details"]) == (["error", "code", "message", "details"], details)
    assert "details" not in json.loads(GatewayError(Code.INTERNAL, "x").body())


@pytest.mark.parametrize(
    "message",
    ["", "two\nlines", 'a "quoted" one', "léna 日本 🎬", "\x00\x1f\x7f", "<script>", "a" * 100_000],
    ids=["empty", "lines", "quotes", "unicode", "control", "markup", "long"],
)
def test_any_message_is_valid_json(message: str) -> None:
    assert json.loads(GatewayError(Code.INTERNAL, message).body())["message"] == message


def test_names_of_headers_are_in_lower_case_on_the_wire() -> None:
    error = GatewayError(Code.UNAUTHENTICATED, "no", headers={"WWW-Authenticate": "Bearer"})
    names = [name for name, _ in error_answer(error)[0]]
    assert names == [b"content-type", b"content-length", b"www-authenticate"]
