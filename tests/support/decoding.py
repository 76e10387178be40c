"""Decoding JSON into messages of test schemas, and the refusals that come of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor

from gateway.core.codec.body import parse
from gateway.core.codec.decode import Decoded, Decoders
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from tests.support.protos import TestSchema, trial

STRICT = UnknownFieldPolicy.EVERYTHING


def decoder(
    decoders: Decoders, descriptor: Descriptor
) -> Callable[[bytes, UnknownFieldPolicy], Decoded]:
    """From a body's bytes to those of a message of this type."""
    decode_value = decoders.value_decoder(descriptor)
    return lambda body, policy: decode_value(parse(body), policy)


def decoded(schema: TestSchema, name: str, body: Any, policy: UnknownFieldPolicy = STRICT) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    decode = decoder(schema.decoders, schema.message_type(name))
    return schema.message_class(name).FromString(decode(data, policy).payload)


def refusal(name: str, body: Any, policy: UnknownFieldPolicy = STRICT) -> str:
    """The message of the 400 for a body of this type in the test schema."""
    with pytest.raises(GatewayError) as caught:
        decoded(trial(), name, body, policy)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.status == 400
    return caught.value.message
