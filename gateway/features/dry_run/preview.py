"""A dry run's answer: the calls that a request would make."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import orjson

from gateway.core.calls.plan import Plan
from gateway.core.calls.steps import Steps
from gateway.core.codec.encode import Encode
from gateway.core.schema.method import Method


def preview(plan: Plan, *, defaults: bool = False) -> Iterable[bytes]:
    """JSON in pieces about the message that a plan would send.

    `{"dryRun": true, "method": gRPC path, "ignoredFields": […], "requestBytes": size on the wire,
    "request": the message}`. The message is decoded from its bytes: what Cuebot would understand,
    not what the client wrote; with `defaults`, fields that are not set are there, too. `before` and
    `after` have further calls, as far as known.
    """
    method = plan.method
    about: dict[str, object] = {"dryRun": True, "method": method.path}
    if Steps in method.aspects or plan.look_ups:
        about["before"] = [shown(step.method, step.payload, defaults) for step in made_before(plan)]
        about["after"] = [
            *(shown(step.method, payload, defaults) for step, payload in plan.follow_ups),
            *({"method": reading.method.path} for reading in plan.rereadings),
        ]
    about |= {"ignoredFields": plan.ignored, "requestBytes": len(plan.payload)}
    start, end = orjson.dumps(about)[:-1] + b',"request":', b"}"
    message = encoder_for(method, defaults)(plan.payload)
    if isinstance(message, Sequence):
        return (b"".join((start, *message, end)),)
    return chain((start,), message, (end,))


def made_before(plan: Plan) -> Iterator[Plan]:
    for prior in plan.look_ups:
        yield from made_before(prior.plan)
        yield prior.plan


def encoder_for(method: Method, defaults: bool) -> Encode:
    request, encoders = method.descriptor.input_type, method.encoders
    return encoders.encoder(request) if defaults else encoders.encoder_of_given(request)


def shown(method: Method, payload: bytes, defaults: bool) -> dict[str, object]:
    request = encoder_for(method, defaults)(payload)
    return {"method": method.path, "request": orjson.Fragment(b"".join(request))}
