"""JSON bodies: a message or a 400. What is taken means the same to json_format."""

import json

from google.protobuf import json_format

from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from tests.support.decoding import decoded
from tests.support.protos import METHOD_NAMES, TestSchema, canonical, opencue, trial, trial_types

NAMES = [(trial(), name) for name in trial_types() if name not in METHOD_NAMES]
NAMES += [(opencue(), "job.JobGetJobsRequest"), (opencue(), "job.Job")]
REFUSALS = (json_format.ParseError, AttributeError, TypeError, ValueError, KeyError, RecursionError)
"""What json_format raises for what it does not take."""


def one_input(data: bytes) -> None:
    """The first two bytes choose the type and what becomes of unknown fields."""
    if len(data) < 2:
        return
    schema, name = NAMES[data[0] % len(NAMES)]
    reject, body = list(UnknownFieldPolicy)[data[1] % len(UnknownFieldPolicy)], data[2:]
    try:
        found = decoded(schema, name, body, reject)
    except GatewayError as error:
        assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017 - success is fine too
        return
    expected = by_json_format(schema, name, body)
    if expected is not None:
        assert canonical(schema, found) == expected, (name, body)
    elif reject is UnknownFieldPolicy.EVERYTHING:
        assert not body.strip(), "json_format does not take it"  # nothing is an empty message


def by_json_format(schema: TestSchema, name: str, body: bytes) -> bytes | None:
    """The message that json_format makes of the body, as bytes; None when it takes no such body."""
    message = schema.message_class(name)()
    try:
        json_format.ParseDict(json.loads(body), message, descriptor_pool=schema.pool)
        return canonical(schema, message)
    except REFUSALS:
        return None
