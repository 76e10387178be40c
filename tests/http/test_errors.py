"""Errors: grpc-gateway's mapping of codes, and the one JSON shape."""

import json

import pytest

from gateway.errors import Code, GatewayError
from gateway.http.error_answer import error_answer

MAPPING = [
    # https://github.com/grpc-ecosystem/grpc-gateway/blob/main/runtime/errors.go and
    # https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
    (0, "OK", 200),
    (1, "CANCELLED", 499),
    (2, "UNKNOWN", 500),
    (3, "INVALID_ARGUMENT", 400),
    (4, "DEADLINE_EXCEEDED", 504),
    (5, "NOT_FOUND", 404),
    (6, "ALREADY_EXISTS", 409),
    (7, "PERMISSION_DENIED", 403),
    (8, "RESOURCE_EXHAUSTED", 429),
    (9, "FAILED_PRECONDITION", 400),
    (10, "ABORTED", 409),
    (11, "OUT_OF_RANGE", 400),
    (12, "UNIMPLEMENTED", 501),
    (13, "INTERNAL", 500),
    (14, "UNAVAILABLE", 503),
    (15, "DATA_LOSS", 500),
    (16, "UNAUTHENTICATED", 401),
]


@pytest.mark.parametrize(("number", "name", "status"), MAPPING, ids=[row[1] for row in MAPPING])
def test_codes_are_mapped_as_grpc_gateway_does(number: int, name: str, status: int) -> None:
    code = Code(number)
    assert code.name == name
    error = GatewayError(code, "text")
    assert error.status == status
    assert json.loads(error.body()) == {"error": name, "code": number, "message": "text"}


def test_the_mapping_is_whole() -> None:
    """There are exactly these 17 codes."""
    assert list(Code) == [row[0] for row in MAPPING]


def test_the_keys_are_in_the_documented_order() -> None:
    body = GatewayError(Code.NOT_FOUND, "no such job").body()
    assert body == b'{"error":"NOT_FOUND","code":5,"message":"no such job"}'


def test_details_are_there_only_when_given() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "X"}, "more"]
    shown = json.loads(GatewayError(Code.INTERNAL, "x", details=details).body())
    assert (list(shown), shown["details"]) == (["error", "code", "message", "details"], details)
    assert "details" not in json.loads(GatewayError(Code.INTERNAL, "x", details=[]).body())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.UNIMPLEMENTED, 405),
        (Code.RESOURCE_EXHAUSTED, 413),
        (Code.RESOURCE_EXHAUSTED, 431),
        (Code.INVALID_ARGUMENT, 415),
        (Code.DEADLINE_EXCEEDED, 408),
    ],
)
def test_http_may_know_a_better_status(code: Code, status: int) -> None:
    error = GatewayError(code, "x", status=status)
    assert error.status == status
    assert json.loads(error.body())["code"] == int(code)


@pytest.mark.parametrize(
    "message",
    ["", "two\nlines", 'a "quoted" one', "léna 日本 🎬", "\x00\x1f\x7f", "<script>", "a" * 100_000],
    ids=["empty", "lines", "quotes", "unicode", "control", "markup", "long"],
)
def test_any_message_is_valid_json(message: str) -> None:
    assert json.loads(GatewayError(Code.INTERNAL, message).body())["message"] == message


def test_headers_go_with_the_error() -> None:
    assert dict(GatewayError(Code.INTERNAL, "x").headers) == {}
    error = GatewayError(Code.UNAVAILABLE, "x", headers={"Retry-After": "1"})
    assert dict(error.headers) == {"Retry-After": "1"}


def test_names_of_headers_are_in_lower_case_on_the_wire() -> None:
    error = GatewayError(Code.UNAUTHENTICATED, "no", headers={"WWW-Authenticate": "Bearer"})
    headers, _ = error_answer(error)
    assert [name for name, _ in headers] == [
        b"content-type",
        b"content-length",
        b"www-authenticate",
    ]


def test_an_error_tells_its_message() -> None:
    assert str(GatewayError(Code.NOT_FOUND, "no such job")) == "no such job"
